"""The BLAS loop of small steps, and the differences it carries, against their formulas."""

from __future__ import annotations

import numpy as np
import pytest
from oracles import gradient, plain_loop

from mfact.engines.kernel import SmallSteps


def setting(seed, weight, dense, dtype=np.float64, rank=3, size=7, length=12):
    rng = np.random.default_rng(seed)
    steps = SmallSteps(rank, size, length, np.dtype(dtype), weight)
    steps.Z[0] = 0.3 * rng.standard_normal((2, rank, size))
    sigma = np.sort(rng.uniform(0.1, 2, size))[::-1].astype(dtype)
    B = np.asfortranarray(rng.standard_normal((size, size)).astype(dtype)) if dense else None
    eta = rng.uniform(0.01, 0.1, length).tolist()
    return steps, B, (None if dense else sigma), eta


@pytest.mark.parametrize("weight", [0.0, 1.0, 0.7])
@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_points_gradients_and_grams(weight, dense, dtype):
    steps, B, sigma, eta = setting(0, weight, dense, dtype)
    M = (B if dense else np.diag(sigma)).astype(float)
    steps.run(B, sigma, eta)
    points = plain_loop(
        M, steps.Z[0, 0].T.astype(float), steps.Z[0, 1].T.astype(float), eta, weight
    )
    close = 1e-13 if dtype is np.float64 else 1e-5
    for t, (X, Y) in enumerate(points):
        assert np.allclose(steps.Z[t, 0], X.T, atol=close)
        assert np.allclose(steps.Z[t, 1], Y.T, atol=close)
        if t == len(eta):
            break
        assert np.allclose(steps.grams[t, 0], X.T @ X, atol=close)
        assert np.allclose(steps.grams[t, 1], Y.T @ Y, atol=close)
        # P holds minus the gradients.
        G_X, G_Y = gradient(M, X, Y, weight)
        assert np.allclose(steps.P[t, 0], -G_X.T, atol=10 * close)
        assert np.allclose(steps.P[t, 1], -G_Y.T, atol=10 * close)


@pytest.mark.parametrize("weight", [0.0, 1.0])
@pytest.mark.parametrize("dense", [True, False])
def test_differences_follow_the_linearized_step(weight, dense):
    """Two runs a small h apart differ by h d, up to h² (central differences)."""
    steps, B, sigma, eta = setting(1, weight, dense)
    start = steps.Z[0].copy()
    direction = np.random.default_rng(2).standard_normal(start.shape)
    steps.run(B, sigma, eta)
    moves = [(t, step, 0.0) for t, step in enumerate(eta)]
    d = steps.differences(B, sigma, moves, direction)
    assert len(d) == len(eta) + 1
    h, ends = 1e-5, []
    for sign in (1, -1):
        other = setting(1, weight, dense)[0]
        other.Z[0] = start + sign * h * direction
        other.run(B, sigma, eta)
        ends.append(other.Z.copy())
    numeric = (ends[0] - ends[1]) / (2 * h)
    # h² × third derivatives of order 1, and rounding 1e-16/h.
    assert np.allclose(d, numeric, atol=1e-8)


@pytest.mark.parametrize("dense", [True, False])
def test_steps_may_be_taken_in_parts(dense):
    whole, B, sigma, eta = setting(5, 1.0, dense)
    parts = setting(5, 1.0, dense)[0]
    whole.run(B, sigma, eta)
    for first, end in ((0, 1), (1, 8), (8, len(eta))):
        parts.run(B, sigma, eta[first:end], first)
    for name in ("Z", "P", "grams", "squares"):
        assert np.array_equal(getattr(parts, name), getattr(whole, name)), name
    assert np.allclose(whole.squares, whole.P @ whole.P.swapaxes(-1, -2), rtol=1e-13, atol=1e-16)


def test_another_matrix_of_the_same_size_is_another():
    steps, B, _, eta = setting(6, 0.0, True)
    alone = setting(6, 0.0, True)[0]
    steps.run(B, None, eta)
    steps.run(2 * B, None, eta)
    alone.run(2 * B, None, eta)
    assert np.array_equal(steps.Z, alone.Z)


def test_differences_add_what_is_fresh_at_each_step():
    steps, B, sigma, eta = setting(3, 0.0, True)
    steps.run(B, sigma, eta)
    zero = np.zeros_like(steps.Z[0])
    d = steps.differences(B, sigma, [(0, eta[0], 2.0), (1, eta[1], 0.0)], zero)
    assert np.linalg.norm(d[0]) == 0
    assert np.linalg.norm(d[1]) == pytest.approx(2.0)
    alone = steps.differences(B, sigma, [(1, eta[1], 0.0)], d[1])
    assert np.array_equal(alone[1], d[2])


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_padding_stays_zero(weight):
    """A basis with fewer columns on one side is padded, and no step may leave the bases."""
    steps, B, _, eta = setting(4, weight, True)
    B[5:, :] = 0
    steps.Z[0, 0, :, 5:] = 0
    steps.run(B, None, eta)
    assert not steps.Z[:, 0, :, 5:].any()
