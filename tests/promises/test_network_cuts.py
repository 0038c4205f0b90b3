"""A network's run that is killed, or ended by a signal, and resumed: the bytes of the uncut one.

MFACT_KILLS: how many (7 unless set, one of each kind of run).
"""

from __future__ import annotations

import os
import random
import signal
import time
from functools import cache
from pathlib import Path

import pytest
from children import Child, litter, mfact
from network_cuts import NAMES, RUNS, prepared

from mfact.host.signals import CAUGHT
from mfact.networks.engine import NetworkEngine
from mfact.storage.checkpoints import read_checkpoint
from mfact.storage.network_runs import read_network_run

CUTS = int(os.environ.get("MFACT_KILLS", "7"))


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch):
    """A checkpoint can be written where a block of steps ends."""
    monkeypatch.setattr("mfact.networks.engine.MOST_STEPS", 32)


@cache
def uncut(name: str, base: Path) -> tuple[bytes, bytes, float]:
    """The run file and standard output of the whole run, and the seconds it took."""
    folder = base / f"uncut-{name}"
    folder.mkdir()
    command = prepared(folder, name)
    began = time.monotonic()
    child = mfact(folder, *command)
    took = time.monotonic() - began
    return (folder / "run.h5").read_bytes(), child.out.read_bytes(), took


def resumed(folder: Path, *more: object) -> tuple[bytes, bytes]:
    child = mfact(folder, "resume", "c.h5", "--reproducible", *more)
    assert litter(folder) == []
    return (folder / "run.h5").read_bytes(), child.out.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kill", "signal"])
def test_at_random_moments(tmp_path, how):
    moments, met = random.Random(900), {"resumed": 0, "whole": 0, "not begun": 0}
    # By a signal each kind is ended once, in the test below.
    for number in range(CUTS if how == "kill" else CUTS // 2):
        name = list(RUNS)[number % len(RUNS)]
        image, page, seconds = uncut(name, tmp_path)
        folder = tmp_path / f"{how}-{number}"
        folder.mkdir()
        child = Child(folder, *prepared(folder, name))
        chosen = signal.SIGKILL if how == "kill" else moments.choice(CAUGHT)
        time.sleep(moments.uniform(0, seconds))
        child.kill(chosen)
        assert child.wait() in (-chosen, 0)
        assert "Traceback" not in child.said()
        there = (folder / "run.h5").exists()
        if there and (folder / "run.h5").read_bytes() == image:
            met["whole"] += 1
        elif (folder / "c.h5").exists():
            # By a signal the run ends in good order, with a result too.
            assert there == (how == "signal")
            if there:
                assert read_network_run(folder / "run.h5").outcome.name == "INTERRUPTED"
            read_checkpoint(folder / "c.h5", "network_checkpoint")
            assert resumed(folder) == (image, page), name
            met["resumed"] += 1
        else:
            assert not there
            met["not begun"] += 1
    assert met["resumed"] >= CUTS // 10, met
    print(f"{how}: {met}")


@pytest.mark.parametrize("name", NAMES)
def test_by_a_signal_in_its_middle(tmp_path, name):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    cut.mkdir()
    page = mfact(whole, *prepared(whole, name)).printed()

    def at_the_middle() -> None:
        real = NetworkEngine.advance
        half = [read_network_run(whole / "run.h5").summary["iterations"] // 2]

        def advance(self, state, steps):
            if half and state.step >= half[0]:
                half.clear()
                signal.raise_signal(signal.SIGTERM)
            return real(self, state, steps)

        NetworkEngine.advance = advance

    child = Child(cut, *prepared(cut, name), before=at_the_middle)
    assert child.wait() == -signal.SIGTERM
    assert "SIGTERM" in child.said()
    part = read_network_run(cut / "run.h5")
    assert (part.outcome.name, part.summary["signal"]) == ("INTERRUPTED", signal.SIGTERM)
    env = "MFACT_THREADS"  # a resumed run keeps its settings all the same
    again = mfact(
        cut, "resume", "c.h5", "--reproducible", before=lambda: os.environ.update({env: "2"})
    )
    assert again.printed() == page
    assert (cut / "run.h5").read_bytes() == (whole / "run.h5").read_bytes()


@pytest.mark.parametrize("name", ["batches", "convolutions"])
def test_equal_runs_are_equal_bytes_and_another_seed_is_none(tmp_path, name):
    images = []
    for folder, more in (("a", []), ("b", []), ("c", ["--seed", 2])):
        (tmp_path / folder).mkdir()
        child = mfact(tmp_path / folder, *prepared(tmp_path / folder, name), *more)
        images.append(((tmp_path / folder / "run.h5").read_bytes(), child.printed()))
    assert images[0] == images[1] != images[2]
