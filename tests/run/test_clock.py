"""`seconds` of a run are of solving alone, `wall_seconds` of all of it; time by hand."""

import time

import numpy as np
import pytest

from mfact.core import Outcome
from mfact.host.timer import Timer
from mfact.report.labels import SUMMARY, timeless
from mfact.run import checkpoint as resuming
from mfact.run.solve import resume, solve
from mfact.targets.dense import DenseTarget

rng = np.random.default_rng(1)
M = rng.standard_normal((14, 2)) @ rng.standard_normal((2, 11))
M += 0.05 * rng.standard_normal(M.shape)

# A run of plain steps by each engine, and one that is fast-forwarded.
STAGES = {
    "direct": {"schedule": "constant", "engine": "direct", "checkpoint_every": "10"},
    "reduced": {"schedule": "constant", "engine": "reduced", "checkpoint_every": "10"},
    "fast-forward": {"schedule": "power", "checkpoint_every": "300"},
}


class Hands:
    """The time, which stands still unless somebody takes some."""

    time = 0.0

    def __call__(self):
        return self.time


class Leisurely:
    """An observer that takes three seconds over each block."""

    def __init__(self, hands):
        self.hands, self.taken, self.plain = hands, 0.0, 0.0

    def start(self, facts):
        self.facts = facts

    def segment(self, rows):
        self.hands.time += 3.0
        self.taken += 3.0
        if rows["step"][-1] < 1024:
            self.plain = self.hands.time

    def stop(self, result): ...


class SlowTarget(DenseTarget):
    """A pass takes a second."""

    def __init__(self, matrix, hands):
        super().__init__(matrix)
        self.hands = hands

    def products(self, U, V):
        self.hands.time += 1.0
        return super().products(U, V)

    def normal(self, U, V):
        self.hands.time += 1.0
        return super().normal(U, V)


class SlowArray:
    """An array that takes a while to be read."""

    shape = M.shape

    def __init__(self, read):
        self.wait = read

    def __array__(self, dtype=None, copy=None):
        self.wait()
        return M


@pytest.mark.parametrize("stage", STAGES)
def test_whoever_looks_or_writes_does_not_make_the_solver_slower(tmp_path, monkeypatch, stage):
    hands, written = Hands(), []
    real = resuming.write_checkpoint

    def write(*args):
        hands.time += 5.0
        written.append(args)
        real(*args)

    monkeypatch.setattr(resuming, "write_checkpoint", write)
    observer = Leisurely(hands)
    result = solve(M, rank=2, seed=1, checkpoint=str(tmp_path / "c"), observers=[observer],
                   timer=Timer(now=hands), **STAGES[stage])  # fmt: skip
    assert result.outcome is Outcome.GLOBAL_OPTIMUM
    assert ("plain_steps" in result.summary) == (stage == "fast-forward")
    assert observer.taken > 0
    assert len(written) > (3 if stage == "fast-forward" else 0)
    assert result.summary["seconds"] == 0.0
    assert result.summary["wall_seconds"] == observer.taken + 5.0 * len(written)


@pytest.mark.parametrize("stage", STAGES)
def test_passes_are_solving_in_every_stage(stage):
    hands = Hands()
    observer = Leisurely(hands)
    options = {**STAGES[stage], "delta": 0.2, "tol": 1e-4, "ff_tol": 1e-12, "start_scale": 1e-4}
    shape = (200, 150) if stage == "fast-forward" else (60, 50)
    noise = np.random.default_rng(1).standard_normal(shape)
    result = solve(SlowTarget(noise, hands), rank=2, seed=1, observers=[observer], force=True,
                   timer=Timer(now=hands), max_iter=10**8, **options)  # fmt: skip
    summary = result.summary
    assert result.outcome is Outcome.GLOBAL_OPTIMUM
    # Only the certificate of the end point is left: it is no part of reaching it.
    assert 0 <= summary["wall_seconds"] - observer.taken - summary["seconds"] < summary["seconds"]
    if stage == "fast-forward":  # bases grow there too, after the last of the plain steps
        assert summary["seconds"] > observer.plain - (observer.taken - 3.0)


@pytest.mark.parametrize("stage", STAGES)
def test_a_time_limit_counts_reading_and_the_result_is_there(stage):
    hands = Hands()

    def read():
        hands.time += 10.0

    options = STAGES[stage] | {"checkpoint_every": None}
    result = solve(SlowArray(read), rank=2, seed=1, max_time=9.0, timer=Timer(now=hands),
                   force=True, **options)  # fmt: skip
    assert result.outcome is Outcome.TIME_LIMIT
    assert result.summary["iterations"] == 0
    assert np.isfinite(result.U).all()
    assert (result.summary["seconds"], result.summary["wall_seconds"]) == (0.0, 10.0)
    in_time = solve(SlowArray(read), rank=2, seed=1, max_time=11.0, timer=Timer(10.0, hands),
                    force=True, **options)  # fmt: skip
    assert in_time.outcome is Outcome.GLOBAL_OPTIMUM


def test_a_time_limit_in_flight_is_on_all_of_the_time(tmp_path, monkeypatch):
    hands = Hands()
    real = resuming.write_checkpoint

    def write(*args):
        hands.time += 5.0
        real(*args)

    monkeypatch.setattr(resuming, "write_checkpoint", write)
    result = solve(M, rank=2, seed=1, schedule="power", delta=0.2, checkpoint=str(tmp_path / "c"),
                   checkpoint_every="1500", max_time=4.0, timer=Timer(now=hands))  # fmt: skip
    assert result.outcome is Outcome.TIME_LIMIT
    assert result.summary["iterations"] > 1500
    # It ends at the record after the first checkpoint, and keeps that one as well.
    assert (result.summary["seconds"], result.summary["wall_seconds"]) == (0.0, 10.0)


def test_time_is_counted_from_the_call_of_solve():
    result = solve(SlowArray(lambda: time.sleep(0.2)), rank=2, seed=1, schedule="constant",
                   max_time=0.2, force=True)  # fmt: skip
    assert result.outcome is Outcome.TIME_LIMIT
    assert result.summary["iterations"] == 0


@pytest.mark.parametrize("stage", STAGES)
def test_a_resumed_run_adds_its_parts(tmp_path, stage):
    path, hands = str(tmp_path / "c"), Hands()
    options = {**STAGES[stage], "rank": 2, "seed": 1, "checkpoint": path, "force": True}
    limit = 2000 if stage == "fast-forward" else 10
    part = solve(SlowTarget(M, hands), observers=[Leisurely(hands)], timer=Timer(now=hands),
                 max_iter=limit, **options)  # fmt: skip
    assert part.outcome is Outcome.ITERATION_LIMIT
    kept = resuming.read(path).document
    assert kept["wall_seconds"] > kept["seconds"] > 0
    # In no time, by a clock that stands still.
    whole = resume(path, M, max_iter=10**7, timer=Timer(now=Hands()))
    assert whole.outcome is Outcome.GLOBAL_OPTIMUM
    assert whole.summary["seconds"] == kept["seconds"]
    assert whole.summary["wall_seconds"] == kept["wall_seconds"]


def test_a_new_time_limit_is_on_all_parts_together(tmp_path):
    path, hands = str(tmp_path / "c"), Hands()

    def read():
        hands.time += 10.0

    options = {"rank": 2, "seed": 1, "schedule": "constant", "checkpoint": path, "force": True}
    solve(SlowArray(read), max_time=5.0, timer=Timer(now=hands), **options)
    assert resuming.read(path).document["wall_seconds"] == 10.0
    # The second part has read for 10 s as well before it takes a step.
    late = resume(path, SlowArray(read), max_time=19.0, timer=Timer(now=hands))
    assert late.outcome is Outcome.TIME_LIMIT
    assert late.summary["iterations"] == 0
    assert late.summary["wall_seconds"] == 20.0
    again = resume(path, SlowArray(read), max_time=31.0, timer=Timer(now=hands))
    assert again.outcome is Outcome.GLOBAL_OPTIMUM


def test_observers_are_told_how_much_of_the_time_is_spent():
    hands = Hands()
    observer = Leisurely(hands)
    solve(M, rank=2, seed=1, schedule="constant", observers=[observer], timer=Timer(-7.0, hands))
    assert observer.facts.wall_seconds == 7.0


def test_both_times_have_a_name_and_are_left_out_where_no_clock_is_wanted():
    result = solve(M, rank=2, seed=1, schedule="constant")
    assert 0 < result.summary["seconds"] < result.summary["wall_seconds"]
    assert {"seconds", "wall_seconds"} <= SUMMARY.keys()
    assert not {"seconds", "wall_seconds"} & timeless(result.summary).keys()
    repeatable = solve(M, rank=2, seed=1, schedule="constant", reproducible=True)
    assert not {"seconds", "wall_seconds"} & repeatable.summary.keys()
