"""SIGKILL at each storage call and at random moments: the old file or the complete new one.

MFACT_KILLS: how many random kills (6 unless set).
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from call_faults import CALLS, calls_of
from run_samples import NEW, OLD, content

from mfact.storage.checkpoints import read_checkpoint, write_checkpoint
from mfact.storage.images import same_bits
from mfact.storage.runs import write_run

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("MFACT_KILLS", "6"))


def in_a_child(work: Callable[[], object]) -> int:
    """The process id of a fork that does the work and ends with status 0."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return child


def was_killed(child: int) -> bool:
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def kill_at(place: Any, name: str, index: int, when: str) -> None:
    """From now on the index-th call of place.name kills this process, before or after it acts."""
    real = getattr(place, name)
    count = [0]

    def call(*args: Any, **kwargs: Any) -> Any:
        count[0] += 1
        if count[0] != index + 1:
            return real(*args, **kwargs)
        if when == "half":
            real(args[0], args[1][: len(args[1]) // 2])
        elif when == "after":
            real(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("alive after SIGKILL")

    setattr(place, name, call)


@pytest.mark.parametrize(("place", "name"), CALLS, ids=lambda part: str(part).split("'")[-1])
def test_a_kill_at_each_call(tmp_path: Path, place: Any, name: str) -> None:
    path = tmp_path / "run.h5"
    write_run(path, OLD)
    moments = ["before", "after", *(["half"] if name == "write" else [])]
    for index in range(calls_of(place, name, path)):
        for moment in moments:
            write_run(path, OLD)
            assert [entry.name for entry in tmp_path.iterdir()] == ["run.h5"]

            def work(index: int = index, moment: str = moment) -> None:
                kill_at(place, name, index, moment)
                write_run(path, NEW)

            assert was_killed(in_a_child(work))
            found = content(path)
            if name == "replace":
                assert found == (1.0 if moment == "before" else 2.0)
            else:
                assert found in (1.0, 2.0)


def state(number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the number-th checkpoint holds; half a megabyte, so that a kill meets the write."""
    rng = np.random.default_rng(number)
    arrays = {"U": rng.standard_normal((300, 200)), "memory/velocity": rng.standard_normal(7)}
    return arrays, {"step": number, "random": rng.bit_generator.state["state"]["state"]}


def test_kills_at_random_moments_of_a_writer_that_never_rests(tmp_path: Path) -> None:
    """Each file found is some checkpoint in full, and none older than the last one reported."""
    path = tmp_path / "run.checkpoint"
    moments = random.Random(2018)
    arrays, document = state(0)
    write_checkpoint(path, arrays, document)
    started = 0
    leftovers = 0
    for _ in range(KILLS):
        reports, report = os.pipe()

        def work(first: int = started + 1, report: int = report) -> None:
            number = first
            while True:
                write_checkpoint(path, *state(number))
                os.write(report, number.to_bytes(8, "little"))
                number += 1

        child = in_a_child(work)
        os.close(report)
        reported = int.from_bytes(os.read(reports, 8), "little")  # it is at work
        time.sleep(moments.uniform(0.0, 0.03))
        os.kill(child, signal.SIGKILL)
        assert was_killed(child)
        while number := os.read(reports, 8):
            reported = int.from_bytes(number, "little")
        os.close(reports)

        arrays, document = read_checkpoint(path)
        assert reported <= document["step"] <= reported + 1
        truth, same_document = state(document["step"])
        assert document == same_document
        assert arrays.keys() == truth.keys()
        assert all(same_bits(arrays[name], truth[name]) for name in truth)
        # At most the one temporary of the write that was cut: the next write sweeps it.
        litter = [entry for entry in tmp_path.iterdir() if entry != path]
        assert len(litter) <= 1
        leftovers += len(litter)
        started = document["step"]

    if KILLS >= 200:
        assert leftovers > 0, "no kill met a write: the moments are not random enough"
    write_checkpoint(path, *state(0))
    assert list(tmp_path.iterdir()) == [path]
