"""The cases that make a Krylov basis hard: clustered noise, adversarial starts, little memory."""

from __future__ import annotations

import os

import numpy as np
import pytest
from driving import distances, drive
from made import reduced_engine
from matrices import gaussian, matrix
from oracles import exact_loop, plain_loop

from mfact.core import Factors, Outcome
from mfact.krylov.basis import Basis
from mfact.run.solve import solve
from mfact.targets.dense import DenseTarget

STEPS = 20_000 if os.environ.get("MFACT_LONG") else 1500
"""MFACT_LONG=1 runs the whole length; the plain loop then takes half a minute."""


def sizes(points):
    return np.array([np.hypot(np.linalg.norm(U), np.linalg.norm(V)) for U, V in points])


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.5, 5.0])
def test_noise_in_which_the_signal_drowns(noise):
    """σ₅/σ₆ ≈ 1.01 at noise 5: each pass over M separates the two by a percent."""
    rng = np.random.default_rng(0)
    M, _, _ = matrix(rng, (600, 500), np.linspace(2, 1, 5))
    M = 0.2 * M + noise * rng.standard_normal(M.shape) / np.sqrt(M.size)
    start = gaussian(rng, M.shape, 5, 0.01)
    steps = np.full(STEPS, 0.5 / np.linalg.norm(M, 2))
    target = DenseTarget(M)
    engine = reduced_engine(target, 5)
    states, rows = drive(engine, engine.start(start), steps)
    points = plain_loop(M, *start, steps)
    off = distances(engine, states, points)
    bound = np.array([s.distance.bound for s in states]) / sizes(points)
    assert np.all((off <= 1e-11) | (off <= bound))
    assert off.max() < 1e-8
    # The price: far fewer passes than steps.
    assert states[-1].coordinates.basis.passes < 90
    assert np.all(rows["audit"] <= 1e-12 * sizes(points)[:-1].max() ** 2)


@pytest.mark.parametrize("weight", [1e-8, 1e-12])
def test_start_orthogonal_to_the_leading_vectors(weight):
    """The leading directions begin at `weight`; what the run finds of them must not be noise."""
    rng, r = np.random.default_rng(1), 3
    sigma = np.r_[3.0, 2.5, 2.0, np.linspace(1.5, 0.1, 60)]
    M, phi, psi = matrix(rng, (120, 90), sigma)
    U, V = gaussian(rng, M.shape, r, 0.02)
    U -= (1 - weight) * phi[:, :r] @ (phi[:, :r].T @ U)
    V -= (1 - weight) * psi[:, :r] @ (psi[:, :r].T @ V)
    steps = np.full(500, 0.5 / 3)
    target = DenseTarget(M)
    basis = Basis.begin(U, V, target.norm).probed(r)
    for _ in range(5):
        basis = basis.extend(target)
    engine = reduced_engine(target, r)
    states, _ = drive(engine, engine.reach.start_in(basis, Factors(U, V)), steps)
    points = exact_loop(M, U, V, steps)
    off = distances(engine, states, points)
    bound = np.array([s.distance.bound for s in states]) / sizes(points)
    assert np.all((off <= 1e-11) | (off <= bound))
    # Rounding of 1e-16 against a weight of 1e-8 leaves eight digits, of 1e-12 four: the bound
    # must not be so wide that it says nothing.
    assert bound[100] < 1e-4 * 1e-8 / weight


def test_memory_limit_goes_on_directly_and_stays_exact():
    rng, r = np.random.default_rng(2), 2
    M, start = rng.standard_normal((80, 60)), gaussian(rng, (80, 60), 2, 0.01)
    target = DenseTarget(M)
    limit = (80 + 60) * 8 * 20
    engine = reduced_engine(target, r, 0.0, 1e-10, limit)
    steps = np.full(400, 0.5 / np.linalg.norm(M, 2))
    state, states = engine.start(start), []
    while state.step < 400:
        segment = engine.advance(state, steps[state.step :])
        states += [segment.state_at(i) for i in range(len(segment.rows["step"]))]
        if state.coordinates.size is not None:
            sides = (state.coordinates.basis.left, state.coordinates.basis.right)
            # Storage grows by halves.
            assert sum(side.store.nbytes for side in sides) <= 2 * limit
        state = segment.state
    assert state.coordinates.size is None
    assert state.coordinates.optimum is None  # twenty columns do not show it to the tolerance
    points = plain_loop(M, *start, steps)
    assert distances(engine, [*states, state], points).max() < 1e-11


def test_sharpening_stops_at_the_memory_limit():
    """Looking for the optimum must not take the memory that was refused to the steps."""
    rng, r = np.random.default_rng(3), 2
    M = rng.standard_normal((80, 60))
    target = DenseTarget(M)
    limit = (80 + 60) * 8 * 16
    engine = reduced_engine(target, r, 0.0, 1e-10, limit)
    state = engine.sharpened(engine.start(gaussian(rng, M.shape, r, 0.01)), 1e-12)
    assert state.coordinates.size is None or state.coordinates.basis.size <= 16


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_zeros_of_one_side(weight):
    """V = 0: U moves only after V has, and L, Q have different widths all the time."""
    rng, r = np.random.default_rng(4), 3
    M, _, _ = matrix(rng, (40, 30), np.linspace(2, 0.5, 12))
    U, V = gaussian(rng, M.shape, r, 0.1)
    start = Factors(U, np.zeros_like(V))
    steps = np.full(300, 0.4 / 2)
    engine = reduced_engine(DenseTarget(M), r, weight)
    states, _ = drive(engine, engine.start(start), steps)
    assert distances(engine, states, plain_loop(M, *start, steps, weight)).max() < 1e-11


def test_the_optimum_goes_along_when_the_bases_know_it():
    rng, r = np.random.default_rng(4), 2
    M = rng.standard_normal((80, 2)) @ rng.standard_normal((2, 60))
    M += 1e-3 * rng.standard_normal(M.shape)
    engine = reduced_engine(DenseTarget(M), r, 0.0, 1e-6, (80 + 60) * 8 * 8)
    steps = np.full(400, 0.5 / np.linalg.norm(M, 2))
    state = engine.reach.start(gaussian(rng, M.shape, r, 0.01), drawn=True)
    while state.step < 400:
        state = engine.advance(state, steps[state.step :]).state
    assert state.coordinates.size is None
    sigma = np.linalg.svd(M, compute_uv=False)
    found = state.coordinates.optimum
    over = found.floor - 0.5 * np.sum(sigma[r:] ** 2)
    rounding = 1e-13 * np.sum(sigma**2)
    assert -rounding < over <= found.error + rounding
    assert (np.abs(np.array(found.values) - sigma[: r + 1]) <= found.errors).all()


@pytest.mark.parametrize("step_size", [0.03, 0.1, 10.0, 1e9])
@pytest.mark.parametrize("rank", [1, 4])
def test_steps_that_leave_the_floats_at_once_are_told_as_divergence(step_size, rank):
    rng = np.random.default_rng(1)
    M = (rng.standard_normal((60, 6)) * [9, 7, 5, 3, 2, 1]) @ rng.standard_normal((6, 40))
    M += 0.05 * rng.standard_normal(M.shape)
    run = solve(M, rank=rank, schedule="constant", step_size=step_size, seed=1)
    assert run.outcome is Outcome.DIVERGED
