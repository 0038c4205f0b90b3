"""Signals and kills at random moments of checkpointing runs: files whole, and the run goes on.

MFACT_SIGNALS, MFACT_KILLS: how many (6 each unless set).
"""

from __future__ import annotations

import os
import random
import signal
import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from children import Child, linger, litter, mfact, shell, wait_for
from cut_runs import RUNS, prepared
from matrices import of_kind

from mfact.cli import results
from mfact.engines.direct import DirectEngine
from mfact.host.signals import CAUGHT
from mfact.storage.checkpoints import read_checkpoint
from mfact.storage.runs import read_run

SIGNALS = int(os.environ.get("MFACT_SIGNALS", "6"))
KILLS = int(os.environ.get("MFACT_KILLS", "6"))


@cache
def uncut(name: str, base: Path) -> tuple[bytes, bytes, float]:
    """The run file and standard output of the whole run, and the seconds it took."""
    folder = base / f"uncut-{name}"
    folder.mkdir()
    command = prepared(folder, name)
    began = time.monotonic()
    child = mfact(folder, *command)
    return (
        (folder / "run.h5").read_bytes(),
        child.out.read_bytes(),
        time.monotonic() - began,
    )


def resumed(folder: Path, *more: object) -> tuple[bytes, bytes]:
    child = mfact(folder, "resume", "c.h5", "--reproducible", *more)
    assert litter(folder) == []
    return (folder / "run.h5").read_bytes(), child.out.read_bytes()


@pytest.mark.slow
def test_random_signals(tmp_path):
    moments = random.Random(1806)
    met = {"before": 0, "within": 0, "after": 0}
    for number in range(SIGNALS):
        name = moments.choice(list(RUNS))
        image, page, seconds = uncut(name, tmp_path)
        folder = tmp_path / f"signal-{number}"
        folder.mkdir()
        child = Child(folder, *prepared(folder, name))
        chosen = moments.choice(CAUGHT)
        time.sleep(moments.uniform(0, 1.1 * seconds))
        child.kill(chosen)
        code = child.wait()
        assert "Traceback" not in child.said()
        if not (folder / "run.h5").exists():  # the run had not begun
            assert code == -chosen
            assert not (folder / "c.h5").exists()
            met["before"] += 1
            continue
        assert litter(folder) == []
        if (folder / "run.h5").read_bytes() == image:
            assert code in (0, -chosen)
            met["after"] += 1
            continue
        assert code == -chosen
        result = read_run(folder / "run.h5")
        assert result.outcome.name == "INTERRUPTED"
        assert resumed(folder) == (image, page)
        met["within"] += 1
    assert met["within"] >= SIGNALS // 10, met
    print(f"signals: {met}")


@pytest.mark.slow
def test_random_kills(tmp_path):
    moments = random.Random(900)
    met = {"no checkpoint": 0, "resumed": 0, "finished": 0, "litter": 0}
    for number in range(KILLS):
        name = moments.choice(list(RUNS))
        image, page, seconds = uncut(name, tmp_path)
        folder = tmp_path / f"kill-{number}"
        folder.mkdir()
        child = Child(folder, *prepared(folder, name))
        time.sleep(moments.uniform(0, 1.1 * seconds))
        child.kill(signal.SIGKILL)
        code = child.wait()
        assert code in (-signal.SIGKILL, 0)
        if (folder / "run.h5").exists():  # absent, or whole
            assert (folder / "run.h5").read_bytes() == image
            met["finished"] += 1
        # At most the temporary of the one write that was cut; the next write removes it.
        left = litter(folder)
        assert len(left) <= 1
        met["litter"] += len(left)
        if not (folder / "c.h5").exists():
            met["no checkpoint"] += 1
            assert mfact(folder, *prepared(folder, name)).out.read_bytes() == page
            assert (folder / "run.h5").read_bytes() == image
        else:
            read_checkpoint(folder / "c.h5")  # whole, by its digest
            met["resumed"] += 1
            assert resumed(folder) == (image, page)
        assert litter(folder) == []
    assert met["resumed"] >= KILLS // 10, met
    print(f"kills: {met}")


@pytest.mark.slow
@pytest.mark.parametrize("number", CAUGHT)
def test_a_signal_ends_a_shell_loop(tmp_path, number):
    """An exit code of 130 would not: the loop would go on with the next matrix."""
    for name in "ab":
        np.save(tmp_path / f"{name}.npy", of_kind("noise", shape=(300, 200)))
    script = f"""
        for name in a b; do
          (
            while [ ! -e $name.c ]; do sleep 0.05; done
            kill -{int(number)} $(cat pid)
          ) &
          # In front: what a shell without job control runs behind ignores SIGINT.
          sh -c 'echo $$ > pid; exec "$@"' - mfact solve $name.npy -r 9 --seed 1 \\
            --schedule constant --engine direct \\
            --step-size 1e-6 --tol 0 --no-optimum --max-iter 100000000 --force -q \\
            --checkpoint $name.c --checkpoint-every 50 -o $name.h5
          code=$?
          echo $name $code
          [ $code -lt 128 ] || exit $code
        done"""
    done = shell(tmp_path, script)
    assert (done.returncode, done.stdout) == (128 + number, f"a {128 + number}\n"), done.stderr
    assert read_run(tmp_path / "a.h5").outcome.name == "INTERRUPTED"


@pytest.mark.slow
@pytest.mark.parametrize("number", ["TERM", "INT"])
def test_timeout_signals_twice_and_still_gets_the_result(tmp_path, number):
    """timeout(1) signals its child, then the group it is in: the child again."""
    np.save(tmp_path / "M.npy", of_kind("noise", shape=(300, 200)))
    script = (
        f"timeout -s {number} 2.5 mfact solve M.npy -r 9 --seed 1 --engine direct --step-size 1e-6"
        " --tol 0 --no-optimum --force --schedule constant --max-iter 100000000 -q -o run.h5"
    )
    assert shell(tmp_path, script).returncode == 124
    assert read_run(tmp_path / "run.h5").outcome.name == "INTERRUPTED"
    assert (tmp_path / "run.h5.checkpoint").exists()


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_stops_at_once_and_harms_no_file(tmp_path, second):
    command = prepared(tmp_path, "direct")
    mfact(tmp_path, *command)
    before = (tmp_path / "run.h5").read_bytes()
    began = tmp_path / "began"

    def sleepy() -> None:
        real = DirectEngine.advance

        def advance(self, state, step_sizes):
            began.touch()
            time.sleep(30 if state.step else 0)
            return real(self, state, step_sizes)

        DirectEngine.advance = advance

    child = Child(tmp_path, *command, before=sleepy)
    wait_for(began)
    child.kill(signal.SIGINT)
    time.sleep(0.3)
    assert child.said() == "mfact: SIGINT: finishing this block; again to stop at once\n"
    start = time.monotonic()
    child.kill(second)
    assert child.wait() == -second
    assert time.monotonic() - start < 5
    assert (tmp_path / "run.h5").read_bytes() == before
    read_checkpoint(tmp_path / "c.h5")
    assert litter(tmp_path) == []


def test_a_signal_while_the_result_is_written_lets_it_be_written(tmp_path):
    import mfact.storage.runs

    command = prepared(tmp_path, "reduced")

    def interrupted() -> None:
        real = mfact.storage.runs.write_run

        def write(*args, **kwargs):
            signal.raise_signal(signal.SIGTERM)
            real(*args, **kwargs)

        mfact.storage.runs.write_run = write

    child = Child(tmp_path, *command, before=interrupted)
    assert child.wait() == -signal.SIGTERM
    assert read_run(tmp_path / "run.h5").outcome.name == "GLOBAL_OPTIMUM"
    assert "reached a global optimum" in child.printed()
    assert child.said() == (
        "mfact: SIGTERM: writing the result; again to stop at once\nwrote run.h5\n"
    )


OTHERS = (
    ["inspect", "M.npy"],
    ["check", "run.h5", "M.npy"],
    ["sweep", "M.npy", "--seeds", 20, "--seed", 1],
    ["flow", "M.npy", "-r", 2, "--seed", 1],
)


@pytest.mark.slow
@pytest.mark.parametrize("number", CAUGHT)
def test_commands_without_a_checkpoint_die_by_the_signal(tmp_path, number):
    mfact(tmp_path, *prepared(tmp_path, "direct"))
    before = {path.name for path in tmp_path.iterdir()} | {"began"}
    began = tmp_path / "began"

    def wait(*_, **__):
        began.touch()
        linger()

    for other in OTHERS:
        began.unlink(missing_ok=True)
        child = Child(tmp_path, *other, before=lambda: setattr(results, "emit", wait))
        wait_for(began)
        child.kill(number)
        assert (child.wait(), child.said(), child.printed()) == (-number, "", ""), other
        assert {path.name for path in tmp_path.iterdir()} == before
