"""mfact commands in children of this process, which saves them the start, and can be signalled."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py  # noqa: F401 -- loaded here once, and not by each child
import scipy.integrate  # noqa: F401
import threadpoolctl  # noqa: F401

import mfact.cli.resume
import mfact.cli.solve
import mfact.matrices.source
import mfact.report.machine
import mfact.report.run_page
import mfact.run.solve
import mfact.storage.factors
import mfact.storage.runs
from mfact.cli.main import GARBAGE, run
from mfact.host.signals import CAUGHT

ROOT = Path(__file__).parents[2]


class Child:
    """A fork in `folder` that runs `mfact ARGS`; before: done in the child first."""

    def __init__(
        self, folder: Path, *args: object, before: Callable[[], object] = lambda: None
    ) -> None:
        self.out, self.err = folder / ".out", folder / ".err"
        self.pid = os.fork()
        if self.pid:
            return
        code = 70
        try:
            os.chdir(folder)
            for number, path in ((1, self.out), (2, self.err)):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            sys.stdout, sys.stderr = (open(n, "w", closefd=False) for n in (1, 2))  # noqa: SIM115 -- for the life of the child
            for number in CAUGHT:
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for name in [name for name in os.environ if name.startswith("MFACT_")]:
                del os.environ[name]
            gc.set_threshold(GARBAGE)  # as main() has it
            before()
            code = run([str(arg) for arg in args])
        finally:
            os._exit(code)

    def kill(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self) -> int:
        """As subprocess has it: the exit code, or minus the signal it died by."""
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)

    def said(self) -> str:
        return self.err.read_text()

    def printed(self) -> str:
        return self.out.read_text()


def mfact(folder: Path, *args: object, before: Callable[[], object] = lambda: None) -> Child:
    """The child after it has ended with exit code 0."""
    child = Child(folder, *args, before=before)
    code = child.wait()
    assert code == 0, (code, child.said())
    return child


def environment(folder: Path) -> dict[str, str]:
    """Variables with which `mfact` is this one, as a program in the folder."""
    program = folder / "bin" / "mfact"
    if not program.exists():
        program.parent.mkdir()
        program.write_text(
            f"#!{sys.executable}\nfrom mfact.cli.main import main\nmain()\n", encoding="utf-8"
        )
        program.chmod(0o755)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("MFACT_")}
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return clean | {"PATH": path, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}


def shell(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """A script of sh in which `mfact` is this one."""
    return subprocess.run(
        ["/bin/sh", "-c", script], cwd=folder, env=environment(folder), capture_output=True,
        text=True, timeout=120, check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def wait_for(path: Path, seconds: float = 30.0) -> None:
    """Until the file is there."""
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"no {path}"
        time.sleep(0.005)


def linger(seconds: float = 60.0) -> None:
    """Do nothing, in pieces: a signal that comes just before a sleep begins does not cut it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.02)


def litter(folder: Path) -> list[str]:
    """Temporaries of writers."""
    return [entry.name for entry in folder.iterdir() if entry.name.startswith(".mfact-")]
