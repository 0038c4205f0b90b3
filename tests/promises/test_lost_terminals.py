"""Terminals that are lost or stuck, limits of time, and what is ignored: no run ends but well."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import resource
import signal
import termios
import time
from functools import partial

import numpy as np
import pytest
from children import Child, linger, litter, mfact, shell, wait_for
from cut_runs import prepared
from matrices import of_kind

from mfact.engines.direct import DirectEngine
from mfact.host.signals import CAUGHT
from mfact.storage.checkpoints import read_checkpoint
from mfact.storage.runs import read_run
from mfact.targets.door import Held

ASKED = "finishing this block; again to stop at once"


@pytest.fixture
def command(tmp_path):
    return prepared(tmp_path, "direct")


@pytest.fixture
def whole(tmp_path, command):
    """The run file and the page of a run that nothing cuts; they are gone when it is cut."""
    page = mfact(tmp_path, *command).out.read_bytes()
    image = (tmp_path / "run.h5").read_bytes()
    for name in ("run.h5", "c.h5"):
        (tmp_path / name).unlink()
    return image, page


def slowly(began, work):
    """Let each block do some work before, but the first."""
    real = DirectEngine.advance

    def advance(self, state, step_sizes):
        if state.step:
            began.touch()
            work()
        return real(self, state, step_sizes)

    DirectEngine.advance = advance


def at_terminal(theirs, descriptors, began, ignored=()):
    """Make the terminal the child's own, on these descriptors, and its blocks last 0.05 s."""
    os.setsid()
    fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
    for number in descriptors:
        os.dup2(theirs, number)
    os.environ["TERM"] = "xterm"
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
    slowly(began, lambda: time.sleep(0.05))


@pytest.fixture
def terminal():
    """(ours, theirs), closed at the end where the test has not done so."""
    pair = pty.openpty()
    yield pair
    for descriptor in pair:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def hung_up(folder, command, terminal, descriptors, ignored=()):
    """A run that has begun at a terminal, which is gone."""
    ours, theirs = terminal
    began = folder / "began"
    child = Child(folder, *command, before=lambda: (
        os.close(ours), at_terminal(theirs, descriptors, began, ignored)))  # fmt: skip
    wait_for(began)
    os.close(ours)
    return child


@pytest.mark.parametrize("descriptors", [(0, 1, 2), (2,)])
def test_a_terminal_that_hangs_up_ends_the_run_in_good_order(
    tmp_path, command, whole, terminal, descriptors
):
    child = hung_up(tmp_path, command, terminal, descriptors)
    assert child.wait() == -signal.SIGHUP
    assert read_run(tmp_path / "run.h5").outcome.name == "INTERRUPTED"
    assert litter(tmp_path) == []
    page = mfact(tmp_path, "resume", "c.h5", "--reproducible").out.read_bytes()
    assert ((tmp_path / "run.h5").read_bytes(), page) == whole


@pytest.mark.slow
@pytest.mark.parametrize("descriptors", [(0, 1, 2), (2,)])
def test_a_run_outlives_its_terminal_where_hang_ups_are_ignored(
    tmp_path, command, whole, terminal, descriptors
):
    child = hung_up(tmp_path, command, terminal, descriptors, [signal.SIGHUP])
    code = child.wait()
    assert (tmp_path / "run.h5").read_bytes() == whole[0]
    # A page that nobody got is no success.
    assert (code, child.out.read_bytes()) == ((1, b"") if 1 in descriptors else (0, whole[1]))


def test_a_stuck_terminal_does_not_hold_up_the_run(tmp_path, command, whole, terminal):
    theirs = terminal[1]
    began = tmp_path / "began"
    child = Child(tmp_path, *command, before=partial(at_terminal, theirs, (2,), began))
    wait_for(began)
    termios.tcflow(theirs, termios.TCOOFF)  # as by Ctrl-S
    wait_for(tmp_path / "run.h5")
    termios.tcflow(theirs, termios.TCOON)
    assert child.wait() == 0
    assert ((tmp_path / "run.h5").read_bytes(), child.out.read_bytes()) == whole


def test_ctrl_c_at_a_terminal_is_acknowledged_on_a_line_of_its_own(tmp_path, command, terminal):
    ours, theirs = terminal
    began = tmp_path / "began"
    child = Child(tmp_path, *command, before=partial(at_terminal, theirs, (0, 2), began))
    wait_for(began)
    time.sleep(0.3)
    os.write(ours, b"\x03")
    shown, end = b"", time.monotonic() + 20
    os.set_blocking(ours, False)
    while b"wrote" not in shown and time.monotonic() < end:
        with contextlib.suppress(BlockingIOError):
            shown += os.read(ours, 4096)
        time.sleep(0.01)
    assert child.wait() == -signal.SIGINT
    assert f"\r\x1b[Kmfact: SIGINT: {ASKED}\r\n".encode() in shown
    assert b"step " in shown.partition(b"mfact: SIGINT")[0]
    assert "SIGINT" not in child.printed()
    assert read_run(tmp_path / "run.h5").outcome.name == "INTERRUPTED"


@pytest.mark.slow
def test_a_limit_of_processor_time_is_one_signal_however_often_it_comes(tmp_path, command):
    began = tmp_path / "began"

    def busy():
        end = time.process_time() + 2.3
        while time.process_time() < end:
            pass

    def limited():
        resource.setrlimit(resource.RLIMIT_CPU, (1, 60))
        slowly(began, busy)

    child = Child(tmp_path, *command, before=limited)
    assert child.wait() == -signal.SIGXCPU
    assert child.said() == "mfact: SIGXCPU: finishing this block\nwrote run.h5\n"
    assert read_run(tmp_path / "run.h5").outcome.name == "INTERRUPTED"
    read_checkpoint(tmp_path / "c.h5")


@pytest.mark.slow
def test_a_terminal_that_is_lost_twice_is_lost_once(tmp_path, command):
    began = tmp_path / "began"
    child = Child(tmp_path, *command, before=partial(slowly, began, lambda: time.sleep(1.2)))
    wait_for(began)
    for number in (signal.SIGHUP, signal.SIGCONT, signal.SIGHUP):
        child.kill(number)
        time.sleep(0.3)
    assert child.wait() == -signal.SIGHUP
    assert child.said() == "mfact: SIGHUP: finishing this block\nwrote run.h5\n"
    assert read_run(tmp_path / "run.h5").outcome.name == "INTERRUPTED"


@pytest.mark.slow
@pytest.mark.parametrize("number", CAUGHT)
def test_what_was_ignored_on_entry_changes_nothing(tmp_path, command, whole, number):
    began = tmp_path / "began"

    def deaf():
        signal.signal(number, signal.SIG_IGN)
        slowly(began, lambda: time.sleep(0.1))

    child = Child(tmp_path, *command, before=deaf)
    wait_for(began)
    for _ in range(3):
        child.kill(number)
        time.sleep(0.12)
    assert (child.wait(), child.said()) == (0, "wrote run.h5\n")
    assert ((tmp_path / "run.h5").read_bytes(), child.out.read_bytes()) == whole


@pytest.mark.slow
def test_nohup_and_the_background_of_a_script(tmp_path):
    """There nohup(1) has hang-ups ignored, and a shell without job control Ctrl-C."""
    np.save(tmp_path / "M.npy", of_kind("noise", shape=(300, 200)))
    script = """
        nohup mfact solve M.npy -r 9 --seed 1 --engine direct --step-size 1e-6 --tol 0 \\
          --no-optimum --force --schedule constant --max-iter 6000 --exit-zero -q \\
          --checkpoint c.h5 --checkpoint-every 50 -o run.h5 &
        while [ ! -e c.h5 ]; do sleep 0.05; done
        kill -HUP $!
        kill -INT $!
        wait $!"""
    done = shell(tmp_path, script)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert read_run(tmp_path / "run.h5").outcome.name == "ITERATION_LIMIT"


def test_quiet_is_quiet(tmp_path, command):
    began = tmp_path / "began"
    child = Child(tmp_path, *command, "-q", before=partial(slowly, began, lambda: time.sleep(0.2)))
    wait_for(began)
    child.kill(signal.SIGTERM)
    assert (child.wait(), child.said(), child.printed()) == (-signal.SIGTERM, "", "")
    assert read_run(tmp_path / "run.h5").outcome.name == "INTERRUPTED"


@pytest.mark.parametrize("number", CAUGHT)
def test_before_the_first_step_a_signal_ends_the_process_at_once(tmp_path, command, number):
    began = tmp_path / "began"

    def reading(*_, **__):
        began.touch()
        linger()

    child = Child(tmp_path, *command, before=lambda: setattr(Held, "target", reading))
    wait_for(began)
    start = time.monotonic()
    child.kill(number)
    assert (child.wait(), child.said(), child.printed()) == (-number, "", "")
    assert time.monotonic() - start < 10
    assert sorted(path.name for path in tmp_path.iterdir()) == [".err", ".out", "M.npy", "began"]
