"""Standard streams that are closed, full, broken or non-blocking: the right result, or an error."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from itertools import product

import h5py
import numpy as np
import pytest
from children import ROOT, Child, mfact
from matrices import of_kind

from mfact.cli.streams import open_streams

RUN = ["--seed", "1", "--schedule", "constant", "--reproducible"]
CLOSED = b"mfact: standard output is closed: send it to a file, or to /dev/null\n"
FULL = (
    "mfact: cannot write to standard output: No space left on device: send it elsewhere",
    "mfact: standard output: No space left on device",
)


@pytest.fixture
def files(tmp_path):
    """M.npy, the same as M.h5, its run in done.h5, and a checkpoint of one cut at a limit."""
    np.save(tmp_path / "M.npy", of_kind("rank two"))
    with h5py.File(tmp_path / "M.h5", "w") as file:
        file["M"] = of_kind("rank two")
    mfact(tmp_path, "solve", "M.npy", "-r", 2, *RUN, "-o", "done.h5", "-q")
    mfact(tmp_path, "solve", "M.npy", "-r", 2, *RUN, "--max-iter", 9, "--force", "--exit-zero",
          "--checkpoint", "cut.h5", "--no-output", "-q")  # fmt: skip
    return tmp_path


def process(folder, *command, redirected="", **streams):
    """The command as a process of its own, as a shell starts it."""
    streams = streams or {"capture_output": True}
    line = f'exec "$0" -c "from mfact.cli.main import main; main()" "$@" {redirected}'
    env = {k: v for k, v in os.environ.items() if not k.startswith("MFACT_")}
    return subprocess.run(
        ["sh", "-c", line, sys.executable, *command], cwd=folder, check=False, timeout=60,
        env=env | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}, **streams,
    )  # fmt: skip


def onto(path, number):
    """What a child does first to have a stream lead to a device, set up as by main()."""

    def redirect():
        os.dup2(os.open(path, os.O_WRONLY), number)
        open_streams()

    return redirect


def into_no_pipe():
    ours, theirs = os.pipe()
    os.dup2(theirs, 1)
    os.close(ours)
    os.close(theirs)
    open_streams()


VIEWS = {
    "solve": (["M.h5", "-r", "2", *RUN, "-o", "new.h5"],
              ("table", "json", "jsonl", "junit", "github", "markdown", "csv")),
    "resume": (["cut.h5", "--max-iter", "100000", "--reproducible", "-o", "new.h5"],
               ("table", "json", "jsonl", "junit", "github", "markdown", "csv")),
    "show": (["done.h5"], ("table", "json", "jsonl", "junit", "github", "markdown", "csv")),
    "check": (["done.h5", "M.npy"], ("table", "json", "junit", "github", "markdown", "csv")),
    "diff": (["done.h5", "done.h5"], ("table", "json", "junit", "github", "markdown", "csv")),
    "inspect": (["M.h5"], ("table", "json", "markdown", "csv")),
    "sweep": (["M.npy", "--seeds", "20", "--seed", "1"], ("table", "json", "markdown", "csv")),
    "flow": (["M.npy", "-r", "2", "--seed", "1"], ("table", "json", "markdown", "csv")),
    "generate": (["new.npy", "--shape", "6x5", "--rank", "2", "--seed", "1"], ()),
    "completion": (["bash"], ()),
    "help": (["changes"], ()),
}  # fmt: skip
COMMANDS = [
    [name, *args, *(["--format", view] if view else [])]
    for name, (args, views) in VIEWS.items()
    for view in views or ("",)
] + [["--help"], ["solve", "--help"], ["--version"]]


def written(command):
    """The file that the command writes whatever becomes of standard output."""
    return next((name for name in ("new.h5", "new.npy") if name in command), None)


@pytest.mark.slow
def test_a_full_standard_output_is_an_error_in_every_view(files):
    for command in COMMANDS:
        child = Child(files, *command, before=onto("/dev/full", 1))
        assert child.wait() == 1, command
        assert child.said().splitlines()[-1] in FULL, command
        if name := written(command):
            (files / name).unlink()


def test_a_full_standard_error_changes_nothing(files):
    good = mfact(files, *COMMANDS[0]).printed()
    for command, code, page in ((COMMANDS[0], 0, good), (["show", "missing"], 1, ""), ([], 2, "")):
        child = Child(files, *command, before=onto("/dev/full", 2))
        assert (child.wait(), child.printed()) == (code, page)


@pytest.mark.slow
def test_a_reader_that_leaves_is_no_error_of_any_command(files):
    for command in COMMANDS:
        child = Child(files, *command, before=into_no_pipe)
        assert child.wait() == 0, command
        assert "ipe" not in child.said()
        if name := written(command):
            (files / name).unlink()


@pytest.mark.slow
def test_closed_descriptors_are_refused_or_harmless(files):
    """Not one of the files that are opened later gets a descriptor that others write to."""
    for command in (
        ["solve", "M.h5", "-r", "2", *RUN, "-o", "new.h5", "--format", "json"],
        ["inspect", "M.h5"],
        ["generate", "new.npy", "--shape", "6x5", "--rank", "2", "--seed", "1"],
        ["--version"],
    ):
        good = process(files, *command)
        for closed in list(product((False, True), repeat=3))[1:]:
            for name in ("new.h5", "new.npy"):
                (files / name).unlink(missing_ok=True)
            shut = " ".join(f"{number}>&-" for number in range(3) if closed[number])
            done = process(files, *command, redirected=shut)
            said = b"" if closed[2] else CLOSED if closed[1] else good.stderr
            page = b"" if closed[1] else good.stdout
            code = 2 if closed[1] else 0
            assert (done.returncode, done.stdout, done.stderr) == (code, page, said), closed
            if name := written(command):
                assert (files / name).exists() != closed[1]


@pytest.mark.slow
@pytest.mark.parametrize("stderr_too", [False, True])
def test_all_of_a_result_goes_down_a_non_blocking_pipe(files, stderr_too):
    """A pipe holds 64 KiB; the reader begins late and reads little by little."""
    np.save(files / "wide.npy", of_kind("noise", shape=(1500, 900)))
    mfact(files, "solve", "wide.npy", "-r", 2, *RUN, "--max-iter", 9, "--force", "--exit-zero",
          "-q", "-o", "wide.h5")  # fmt: skip
    for command in (["show", "wide.h5", "--format", "json"], ["solve", "--help"]):
        good = process(files, *command).stdout
        ours, theirs = os.pipe()
        os.set_blocking(theirs, False)
        got: list[bytes] = []

        def read(ours=ours, got=got):
            time.sleep(1.0)
            while block := os.read(ours, 5000):
                got.append(block)

        reader = threading.Thread(target=read)
        reader.start()
        stderr = theirs if stderr_too else subprocess.PIPE
        done = process(files, *command, stdout=theirs, stderr=stderr)
        still = os.get_blocking(theirs)
        os.close(theirs)
        reader.join()
        os.close(ours)
        assert (done.returncode, b"".join(got)) == (0, good)
        assert not still  # the flag belongs to whoever else has the pipe
        assert len(good) > (1 << 17 if "json" in command else 1000)
