"""Runs on workers of this machine, as a shell starts them: killed, interrupted, and left alone."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import psutil
import pytest
from children import environment
from matrices import of_kind

from mfact.storage.runs import read_run

pytestmark = pytest.mark.slow

KILLS = -(-int(os.environ.get("MFACT_KILLS", "6")) // 10)
PASSES = ["--engine", "direct", "--schedule", "constant", "--step-size", "1e-6", "--tol", "0",
          "--no-optimum", "--max-iter", "900", "--force"]  # fmt: skip
"""A pass a step, for a minute."""
STEPS = ["--schedule", "constant", "--step-size", "1e-9", "--tol", "0", "--max-iter", "100000000",
         "--force"]  # fmt: skip
"""Steps after some passes, for long."""
SMALL = ["--workers", "2", "-r", "3", "--seed", "1", "-q", "-o", "run.h5"]


@pytest.fixture
def run(tmp_path):
    """Begins `mfact solve` as a group of its own, with M of so many rows."""
    begun = []

    def start(*options, rows=300):
        np.save(tmp_path / "M.npy", of_kind("noise", shape=(rows, 200)))
        begun.append(Begun(tmp_path, "-m", "mfact", "solve", "M.npy", *SMALL, *options))
        return begun[-1]

    yield start
    for each in begun:
        each.end()


class Begun:
    def __init__(self, folder, *words):
        self.folder, self.workers = folder, []
        self.process = subprocess.Popen(
            [sys.executable, *words], cwd=folder, env=environment(folder), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)  # fmt: skip

    def with_workers(self, seconds=0.0):
        """Once it has two, and so much later."""
        until = time.monotonic() + 60
        while len(self.workers) < 2:
            assert time.monotonic() < until
            assert self.process.poll() is None, self.process.stderr.read()
            time.sleep(0.05)
            with suppress(psutil.NoSuchProcess):
                mine = psutil.Process(self.process.pid).children(recursive=True)
                self.workers = [each for each in mine if "spawn_main" in " ".join(each.cmdline())]
        time.sleep(seconds)
        return self

    def until(self, path):
        """That is there."""
        until = time.monotonic() + 60
        while not path.exists():
            assert time.monotonic() < until
            assert self.process.poll() is None, self.process.stderr.read()
            time.sleep(0.05)

    def said(self):
        """(exit code, what it said of it), and nothing is left of it."""
        _, words = self.process.communicate(timeout=100)
        psutil.wait_procs(self.workers, timeout=10)
        for each in self.workers:
            with suppress(psutil.NoSuchProcess):
                assert each.status() == psutil.STATUS_ZOMBIE
        return self.process.returncode, words

    def end(self):
        if self.process.poll() is None:  # else its number may be another's
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("options", [PASSES, STEPS], ids=["passes", "steps"])
def test_a_signal_of_the_terminal_ends_a_run_in_good_order(run, options, number, tmp_path):
    begun = run(*options, "--checkpoint", "c.h5", "--checkpoint-every", "0.2s").with_workers()
    begun.until(tmp_path / "c.h5")  # the first steps are done
    os.killpg(begun.process.pid, number)
    code, words = begun.said()
    assert (code, words) == (-number, "")
    assert read_run(tmp_path / "run.h5").outcome.name == "INTERRUPTED"


@pytest.mark.parametrize("seconds", [0.0, 0.5, 4.0])
def test_nothing_is_left_or_said_where_it_is_killed(run, seconds):
    begun = run(*PASSES).with_workers(seconds)
    begun.process.kill()
    assert begun.said() == (-signal.SIGKILL, "")


def test_ctrl_c_before_it_has_begun(run):
    begun = run(*PASSES).with_workers()
    os.killpg(begun.process.pid, signal.SIGINT)
    assert begun.said() == (-signal.SIGINT, "")


def factors(path):
    result = read_run(path)
    return [result.U, result.V], result.outcome


def test_kills_of_workers_at_random_moments_change_no_bit(run, tmp_path):
    options, moments = ["--max-iter", "40", *PASSES[:-3], "--force"], random.Random(900)
    options += ["--checkpoint", "c.h5", "--checkpoint-every", "0.2s"]
    assert run(*options).with_workers().said()[0] == 3
    truth, outcome = factors(tmp_path / "run.h5")
    for _ in range(KILLS):
        (tmp_path / "c.h5").unlink()
        begun = run(*options).with_workers()
        begun.until(tmp_path / "c.h5")  # one that is killed sooner cannot be started
        time.sleep(moments.uniform(0.0, 1.5))
        for victim in begun.workers[: moments.choice([1, 1, 2])]:
            with suppress(psutil.NoSuchProcess):
                victim.kill()
        code, words = begun.said()
        assert code == 3, words
        assert all(line.startswith("mfact: ") for line in words.splitlines()), words
        found, other = factors(tmp_path / "run.h5")
        assert other == outcome
        for one, two in zip(truth, found, strict=True):
            np.testing.assert_array_equal(one, two)


def test_a_script_that_starts_itself_again(tmp_path):
    np.save(tmp_path / "M.npy", of_kind("noise", shape=(300, 200)))
    script = tmp_path / "script.py"
    script.write_text("import mfact\nmfact.solve('M.npy', rank=2, seed=1, workers=2)\n")
    begun = Begun(tmp_path, "script.py")
    code, words = begun.said()
    assert code == 1
    assert words.count("errors.StorageError: 2 workers cannot be started here: Nanny") == 1, words
    assert "bootstrapping" not in words  # as each of those would say that it started
    assert 'in a script, call it under `if __name__ == "__main__":`' in words
    script.write_text(
        "import mfact\nif __name__ == '__main__':\n"
        "    print(mfact.solve('M.npy', rank=2, seed=1, workers=2).outcome)\n"
    )
    begun = Begun(tmp_path, "script.py")
    assert begun.said() == (0, "")


def test_a_file_that_changes_under_a_run(run, tmp_path):
    begun = run(*PASSES, "--checkpoint", "c.h5", "--checkpoint-every", "0.2s").with_workers()
    begun.until(tmp_path / "c.h5")
    np.save(tmp_path / "M.npy", np.zeros((5, 5)))
    code, words = begun.said()
    assert code == 1
    assert "M.npy was changed since it was looked at, or is another there" in words
    assert words.count("\n") <= 2
