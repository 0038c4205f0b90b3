"""A step of a CI job that is cancelled: its shell alone is signalled, and mfact is not the shell.

GitHub sends SIGINT to the shell that runs the script of the step, SIGTERM after 7.5 s, and kills
whatever is left after 2.5 s more; `bash -e FILE` is how it runs one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time

import numpy as np
import pytest
from children import environment
from matrices import of_kind

from mfact.storage.runs import read_run

PATIENCE = 7.5
"""Seconds from the first signal to the second."""

SOLVE = (
    "mfact solve M.npy -r 9 --seed 1 --engine direct --schedule constant --step-size 1e-6"
    " --tol 0 --no-optimum --max-iter 100000000 --force -q --checkpoint c.h5 --checkpoint-every 50"
    " -o run.h5"
)
STEP = f"""
[ ! -e c.h5 ] || exec mfact resume c.h5 -q
exec {SOLVE}
"""


@pytest.fixture
def cancelled(tmp_path):
    """Start a step, and signal its shell once there is a new checkpoint; the process of the shell.

    What is left of it is killed at the end of the test, as at that of a job.
    """
    np.save(tmp_path / "M.npy", of_kind("noise", shape=(300, 200)))
    groups = []

    def call(script):
        (tmp_path / "step.sh").write_text(script)
        began = changed(tmp_path / "c.h5")
        shell = subprocess.Popen(
            ["bash", "-e", "step.sh"], cwd=tmp_path, env=environment(tmp_path),
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip
        groups.append(shell.pid)
        wait_for_change(tmp_path / "c.h5", began)
        shell.send_signal(signal.SIGINT)
        return shell

    yield call
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def changed(path):
    return path.stat().st_mtime_ns if path.exists() else None


def wait_for_change(path, before, seconds=30.0):
    end = time.monotonic() + seconds
    while changed(path) == before:
        assert time.monotonic() < end, f"{path} stays as it was"
        time.sleep(0.005)


def test_with_exec_the_result_is_written_and_the_next_attempt_goes_on(tmp_path, cancelled):
    taken = 0
    for _attempt in range(2):
        assert cancelled(STEP).wait(PATIENCE) == -signal.SIGINT
        result = read_run(tmp_path / "run.h5")
        assert result.outcome.name == "INTERRUPTED"
        assert result.summary["iterations"] > taken
        taken = result.summary["iterations"]


@pytest.mark.slow
def test_exec_in_the_argument_of_bash_serves_too(tmp_path, cancelled):
    assert cancelled(f"exec bash -c 'exec {SOLVE}'").wait(PATIENCE) == -signal.SIGINT
    assert read_run(tmp_path / "run.h5").outcome.name == "INTERRUPTED"


@pytest.mark.slow
def test_without_exec_the_shell_keeps_the_signals_to_itself(tmp_path, cancelled):
    shell = cancelled(SOLVE + "\n")
    for _ in range(2):
        wait_for_change(tmp_path / "c.h5", changed(tmp_path / "c.h5"))
    assert shell.poll() is None
    shell.send_signal(signal.SIGTERM)
    assert shell.wait(PATIENCE) == -signal.SIGTERM
    for _ in range(2):  # mfact knows of nothing
        wait_for_change(tmp_path / "c.h5", changed(tmp_path / "c.h5"))
    assert not (tmp_path / "run.h5").exists()
