"""Both engines give the iterates of the plain loop, at every step."""

from __future__ import annotations

import numpy as np
import pytest
from driving import distances, drive
from hypothesis import given
from made import direct_engine, reduced_engine
from matrices import gaussian, matrix
from oracles import exact_loop, plain_loop
from random_runs import random_runs

from mfact.core import Factors
from mfact.krylov.basis import Basis
from mfact.targets.dense import DenseTarget


def sizes(points):
    return np.array([np.hypot(np.linalg.norm(U), np.linalg.norm(V)) or 1.0 for U, V in points])


def relative(points, others):
    off = zip(points, others, strict=True)
    gaps = [np.hypot(np.linalg.norm(U - A), np.linalg.norm(V - B)) for (U, V), (A, B) in off]
    return np.array(gaps) / sizes(others)


def bounds(states, points):
    """The reported bound on the distance, relative like distances()."""
    return np.array([s.distance.bound for s in states]) / sizes(points)


@given(run=random_runs())
def test_direct_engine_equals_the_plain_loop(run):
    engine = direct_engine(DenseTarget(run.M), run.weight)
    states, _ = drive(engine, engine.start(run.start), run.steps)
    points = plain_loop(run.M, *run.start, run.steps, run.weight)
    # The Gram form rounds otherwise than R does. Where the run amplifies rounding (slow modes
    # still tiny when the fast ones have arrived), the plain loop loses as much against the truth.
    lost = relative(points, exact_loop(run.M, *run.start, run.steps, run.weight))
    assert np.all(distances(engine, states, points) < 1e-12 + 10 * lost)


@given(run=random_runs())
def test_reduced_engine_equals_the_plain_loop(run):
    engine = reduced_engine(DenseTarget(run.M), run.rank, run.weight)
    states, _ = drive(engine, engine.start(run.start), run.steps)
    points = plain_loop(run.M, *run.start, run.steps, run.weight)
    off = distances(engine, states, points)
    assert off.max() < 1e-11
    assert (off <= bounds(states, points)).all()


@given(run=random_runs(starts=("planted",)))
def test_bound_covers_the_distance_where_rounding_decides_where_to_go(run):
    """From the last singular pairs alone, rounding is all that leads to the first ones."""
    target = DenseTarget(run.M)
    basis = Basis.begin(*run.start, target.norm).probed(run.rank)
    for _ in range(6):
        basis = basis if basis.exhausted else basis.extend(target)
    engine = reduced_engine(target, run.rank, run.weight)
    states, _ = drive(engine, engine.reach.start_in(basis, run.start), run.steps)
    # Against extended precision: the plain loop in float64 is as far from it as this run.
    points = exact_loop(run.M, *run.start, run.steps, run.weight)
    assert (distances(engine, states, points) <= bounds(states, points)).all()


def test_a_saddle_left_by_rounding_alone_shows_in_the_bound():
    """The bound must grow with the true distance, which here reaches the size of the factors."""
    M, phi, psi = matrix(np.random.default_rng(1), (25, 20), 2.0 ** -np.arange(9))
    start = Factors(0.3 * phi[:, 1:2], 0.3 * psi[:, 1:2])
    target = DenseTarget(M)
    basis = Basis.begin(*start, target.norm).probed(1)
    for _ in range(6):
        basis = basis.extend(target)
    engine = reduced_engine(target, 1)
    steps = np.full(400, 0.5)
    states, _ = drive(engine, engine.reach.start_in(basis, start), steps)
    points = exact_loop(M, *start, steps)
    bound = bounds(states, points)
    assert bound[0] < 1e-12
    assert bound[-1] == np.inf  # larger than what a linear law can bound
    assert (distances(engine, states, points) <= bound).all()


@pytest.mark.parametrize("kind", ["direct", "reduced"])
@pytest.mark.parametrize("weight", [0.0, 1.0])
@pytest.mark.parametrize("shape", [(40, 30), (6, 50), (1, 9)])
def test_float32_to_its_own_rounding(kind, weight, shape):
    rng = np.random.default_rng(5)
    rank = min(3, *shape)
    M = rng.standard_normal(shape).astype(np.float32)
    start = Factors(*(x.astype(np.float32) for x in gaussian(rng, shape, rank, 0.1)))
    steps = np.full(300, 0.3 / np.linalg.norm(M, 2))
    target = DenseTarget(M)
    engine = direct_engine(target, weight)
    if kind == "reduced":
        engine = reduced_engine(target, rank, weight)
    states, _ = drive(engine, engine.start(start), steps)
    assert states[-1].coordinates.leave(states[-1].point).U.dtype == np.float32
    points = plain_loop(*(x.astype(float) for x in (M, *start)), steps, weight)
    off = distances(engine, states, points)
    # eps of float32 is 1.2e-7; a few hundred of it over growth and 300 steps.
    assert off.max() < 5e-5
    if kind == "reduced":
        assert (off <= bounds(states, points)).all()


def test_zero_matrix_stays_in_the_plain_iterates():
    rng = np.random.default_rng(0)
    M, start = np.zeros((6, 5)), gaussian(rng, (6, 5), 2, 0.5)
    steps = np.full(50, 0.3)
    points = plain_loop(M, *start, steps)
    for engine in (direct_engine(DenseTarget(M)), reduced_engine(DenseTarget(M), 2)):
        states, rows = drive(engine, engine.start(start), steps)
        assert distances(engine, states, points).max() < 1e-13
        truth = [0.5 * np.linalg.norm(U @ V.T) ** 2 for U, V in points[:-1]]
        assert rows["loss"] == pytest.approx(truth, rel=1e-10)


def test_zero_start_stays_at_zero():
    M = np.random.default_rng(0).standard_normal((6, 5))
    start = Factors(np.zeros((6, 2)), np.zeros((5, 2)))
    for engine in (direct_engine(DenseTarget(M), 1.0), reduced_engine(DenseTarget(M), 2, 1.0)):
        states, rows = drive(engine, engine.start(start), np.full(20, 0.1))
        assert not np.any(states[-1].coordinates.leave(states[-1].point).U)
        assert rows["loss"] == pytest.approx(0.5 * np.linalg.norm(M) ** 2, rel=1e-14)
