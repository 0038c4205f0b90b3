"""How a run is cut into blocks does not change a bit of it."""

from __future__ import annotations

import numpy as np
import pytest
from driving import drive
from hypothesis import given
from hypothesis import strategies as st
from made import direct_engine, reduced_engine
from matrices import gaussian
from random_runs import GENERIC, random_runs

from mfact.targets.dense import DenseTarget

COMPARED = ("loss", "gap", "gradient_norm", "imbalance", "ledger", "audit", "leak", "distance")


def engines(M, rank, weight, limit=None):
    target = DenseTarget(M)
    return direct_engine(target, weight), reduced_engine(target, rank, weight, 1e-10, limit)


def assert_same_bits(one, other):
    for a, b in zip(one, other, strict=True):
        assert a.step == b.step
        assert (a.coordinates.size is None) == (b.coordinates.size is None)
        for mine, theirs in (
            (a.point, b.point),
            (a.ledger.start, b.ledger.start),
            (a.ledger.entries, b.ledger.entries),
        ):
            assert all(np.array_equal(x, y) for x, y in zip(mine, theirs, strict=True))
        assert a.ledger.flow_time == b.ledger.flow_time
        for name, value in vars(a.distance).items():
            same = vars(b.distance)[name]
            assert (value is None) == (same is None), name
            assert value is None or np.array_equal(value, same), name


@given(
    run=random_runs(starts=(*GENERIC, "planted"), steps=600),
    kind=st.sampled_from((0, 1)),
    seed=st.integers(0, 2**32 - 1),
)
def test_blocks_of_random_length_give_the_same_bits(run, kind, seed):
    engine = engines(run.M, run.rank, run.weight)[kind]
    again = engines(run.M, run.rank, run.weight)[kind]
    rng = np.random.default_rng(seed)
    whole, rows = drive(engine, engine.start(run.start), run.steps)
    cut, cut_rows = drive(
        again, again.start(run.start), run.steps, lambda t: int(rng.choice([1, 2, 3, 50, 300]))
    )
    assert_same_bits(whole, cut)
    for name in COMPARED:
        assert np.array_equal(rows[name], cut_rows[name], equal_nan=True), name


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_going_on_from_any_state_repeats_the_rest(weight):
    """A state is all that the next step depends on, whatever the engine did before."""
    rng = np.random.default_rng(6)
    M, start = rng.standard_normal((50, 40)), gaussian(rng, (50, 40), 3, 0.02)
    steps = np.full(700, 0.04)
    engine = engines(M, 3, weight)[1]
    whole, _ = drive(engine, engine.start(start), steps)
    for cut in (1, 17, 255, 256, 257, 500):
        fresh = engines(M, 3, weight)[1]
        rest, _ = drive(fresh, whole[cut], steps[cut:])
        assert_same_bits(whole[cut:], rest)


def test_a_run_that_reaches_the_memory_limit_is_cut_as_it_likes():
    rng = np.random.default_rng(7)
    M, start = rng.standard_normal((40, 30)), gaussian(rng, (40, 30), 2, 0.02)
    steps = np.full(300, 0.02)
    limit = 70 * 8 * 12
    runs = []
    for portion in (lambda t: 1024, lambda t: 7):
        engine = engines(M, 2, 0.0, limit)[1]
        runs.append(drive(engine, engine.start(start), steps, portion)[0])
    assert runs[0][-1].coordinates.size is None
    assert_same_bits(*runs)
