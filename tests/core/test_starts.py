"""Starts: their scale, balance and seeds."""

from __future__ import annotations

import numpy as np
import pytest
from matrices import orthonormal

from mfact.core import Factors
from mfact.starts import default_scale, directions, scaled, spectral, theorem_3_1_scale

SHAPE = (4000, 1000)


def test_gaussian_scale_is_a_standard_deviation():
    point = scaled("gaussian", directions("gaussian", SHAPE, 3, 7, "float64"), 0.02, 1.0)
    for factor in point:
        # 3000 entries at least: the spread of a standard deviation is 1/√(2n) = 1.3 %.
        assert factor.std() == pytest.approx(0.02, rel=0.06)
        assert abs(factor.mean()) < 4 * 0.02 / np.sqrt(factor.size)


def test_default_scale_is_theorem_3_2s():
    assert default_scale("gaussian", 4.0, 400) == pytest.approx(0.1 * np.sqrt(4.0 / 400))
    assert default_scale("unbalanced", 4.0, 400) == default_scale("gaussian", 4.0, 400)
    assert default_scale("balanced", 4.0, 400) == pytest.approx(0.2)
    # Units: √M. Twice the matrix, √2 times the start.
    assert default_scale("gaussian", 8.0, 400) == pytest.approx(0.01 * np.sqrt(2))


def test_theorem_3_1_scale_is_the_root_of_its_variance():
    assert theorem_3_1_scale(0.04, 50) ** 2 == pytest.approx(0.04 / 50**2)


@pytest.mark.parametrize("rank", [1, 4])
def test_balanced_has_no_drift_at_all(rank):
    point = scaled("balanced", directions("balanced", (30, 20), rank, 1, "float64"), 0.3, 9.0)
    D = point.U.T @ point.U - point.V.T @ point.V
    assert np.abs(D).max() < 1e-16
    assert np.allclose(point.U.T @ point.U, 0.09 * np.eye(rank))


def test_unbalanced_has_the_ratio_asked_for():
    drawn = directions("gaussian", SHAPE, 5, 3, "float64")
    point = scaled("unbalanced", drawn, 0.1, 100.0)
    before = np.sum(drawn.U**2) / np.sum(drawn.V**2)
    ratio = np.sum(point.U**2) / np.sum(point.V**2)
    assert ratio / before == pytest.approx(100.0)
    # The product, and with it the loss, is that of the ordinary start.
    assert np.allclose(point.U[:5] @ point.V[:5].T, 0.01 * drawn.U[:5] @ drawn.V[:5].T)


def test_spectral_holds_the_leading_pairs_in_balance():
    rng = np.random.default_rng(0)
    phi, psi = (orthonormal(rng, d, 2) for d in (9, 7))
    U, V = spectral(phi, np.array([4.0, 1.0]), psi, 0.1)
    assert np.allclose(U @ V.T, 0.01 * (phi * [4.0, 1.0]) @ psi.T)
    assert np.allclose(U.T @ U, V.T @ V)


@pytest.mark.parametrize("kind", ["gaussian", "balanced"])
def test_seeds_repeat_and_differ(kind):
    one, two, other = (directions(kind, (30, 20), 2, seed, "float64") for seed in (5, 5, 6))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not np.allclose(one.U, other.U)
    narrow = directions(kind, (30, 20), 2, 5, "float32")
    assert narrow.U.dtype == np.float32
    assert np.allclose(narrow.U, one.U, atol=1e-6)


def test_scaling_keeps_float32():
    x = np.ones((3, 1), np.float32)
    assert scaled("gaussian", Factors(x, x), 0.1, 1.0).U.dtype == np.float32
