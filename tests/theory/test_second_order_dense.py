"""Curvatures and lines against the whole Hessian and its eigenvalues, at points of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from dense_truth import ROUNDING, held_to_the_truth
from hypothesis import given
from hypothesis import strategies as st
from matrices import planted, saddles
from oracles import flat, hessian, objective

from mfact.core import Factors
from mfact.targets.dense import DenseTarget
from mfact.theory.hessian import hessian_product, least_eigenpair, line_minimum
from mfact.theory.lemma_3_2 import certify, certify_spectral, escape

SEEDS = st.integers(0, 10**6)


WEIGHTS = st.sampled_from([0.0, 0.3, 1.0, 2.5])


SIZES = st.sampled_from([0.01, 0.3, 1.0])


NOISES = st.sampled_from([0.0, 1e-8, 1e-5, 1e-3, 1e-2, 0.1])


def anywhere(seed, r, size, shape=(7, 5)):
    rng = np.random.default_rng(seed)
    M, U, V = (rng.standard_normal(s) for s in (shape, (shape[0], r), (shape[1], r)))
    return M, size * U, size * V


@given(SEEDS, st.integers(1, 3), SIZES, WEIGHTS, st.booleans())
def test_at_random_points(seed, r, size, weight, refine):
    M, U, V = anywhere(seed, r, size)
    held_to_the_truth(certify(DenseTarget(M), U, V, weight=weight, refine=refine), M, U, V, weight)


@given(SEEDS, saddles(), WEIGHTS, NOISES, st.booleans())
def test_at_and_near_saddles(seed, case, weight, noise, refine):
    rank, r, subset = case
    M, U, V, *_ = planted(seed, r, rank, subset, noise=noise)
    held_to_the_truth(certify(DenseTarget(M), U, V, weight=weight, refine=refine), M, U, V, weight)


@given(SEEDS, st.integers(1, 3), st.integers(0, 3), WEIGHTS, NOISES)
def test_at_and_near_optima(seed, r, more, weight, noise):
    M, U, V, *_ = planted(seed, r, r + more, list(range(r)), noise=noise)
    held_to_the_truth(certify(DenseTarget(M), U, V, weight=weight), M, U, V, weight)


@given(SEEDS, saddles(), WEIGHTS, NOISES)
def test_in_svd_coordinates(seed, case, weight, noise):
    """X, Y moved within the coordinates alone: the Hessian is that of diag(σ), and zeros out."""
    rank, r, subset = case
    _M, U, V, sigma, Phi, Psi = planted(seed, r, rank, subset)
    rng = np.random.default_rng(seed)
    X, Y = (W + noise * rng.standard_normal(W.shape) for W in (Phi.T @ U, Psi.T @ V))
    found = certify_spectral(X, Y, sigma, unresolved=0.0, weight=weight)
    held_to_the_truth(found, np.diag(sigma), X, Y, weight)


@given(SEEDS, st.integers(1, 3), SIZES, WEIGHTS)
def test_lanczos_finds_the_least_eigenvalue(seed, r, size, weight):
    M, U, V = anywhere(seed, r, size)
    rng = np.random.default_rng(seed)
    start = Factors(rng.standard_normal(U.shape), rng.standard_normal(V.shape))
    theta, residual, direction = least_eigenpair(
        lambda A, B: (M @ B, M.T @ A), U, V, start, weight, 1e-9
    )
    H = hessian(M, U, V, weight)
    assert theta == pytest.approx(np.linalg.eigvalsh(H)[0], abs=1e-10)
    assert residual <= 1e-8  # asked for: 1e-9 in the unit of H
    assert np.linalg.norm(flat(direction)) == pytest.approx(1.0, rel=1e-10)


@given(SEEDS, st.integers(1, 3), SIZES, WEIGHTS)
def test_products_are_those_of_the_whole_hessian(seed, r, size, weight):
    M, U, V = anywhere(seed, r, size)
    rng = np.random.default_rng(seed)
    dU, dV = rng.standard_normal(U.shape), rng.standard_normal(V.shape)
    product = hessian_product(lambda A, B: (M @ B, M.T @ A), U, V, dU, dV, weight)
    H = hessian(M, U, V, weight)
    assert np.allclose(flat(product), H @ flat((dU, dV)), atol=20 * ROUNDING)


@given(SEEDS, saddles(), WEIGHTS, NOISES)
def test_an_escape_ends_at_the_least_value_on_its_line(seed, case, weight, noise):
    """A scan at steps of a hundredth of its length, from three lengths before to three after."""
    rank, r, subset = case
    M, U, V, *_ = planted(seed, r, rank, subset, noise=noise)
    found = certify(DenseTarget(M), U, V, weight=weight)
    dU, dV = found.direction
    s, change = line_minimum(found.line)
    moved = escape(U, V, found)
    assert np.allclose(moved.U, U + s * dU, atol=1e-12)
    assert np.allclose(moved.V, V + s * dV, atol=1e-12)
    before, after = objective(M, U, V, weight), objective(M, *moved, weight)
    assert after - before == pytest.approx(change, abs=1e-12 * (1 + before))
    for part in np.linspace(-3, 3, 601):
        value = objective(M, U + part * s * dU, V + part * s * dV, weight)
        assert value >= after - 1e-12 * (1 + before)
    # To the other side too, and where the escape is short.
    for t in np.linspace(-3, 3, 121):
        assert objective(M, U + t * dU, V + t * dV, weight) >= after - 1e-12 * (1 + before)


@given(SEEDS, saddles(), WEIGHTS)
def test_an_escape_gains_what_its_curvature_promises(seed, case, weight):
    """c₁ = c₃ = 0 at a planted saddle: θ²/(16 c₄)."""
    rank, r, subset = case
    M, U, V, *_ = planted(seed, r, rank, subset)
    found = certify(DenseTarget(M), U, V, weight=weight)
    c1, c2, c3, c4 = found.line
    assert c2 == pytest.approx(found.curvature / 2)
    assert c1 == pytest.approx(0.0, abs=1e-12)
    assert c3 == pytest.approx(0.0, abs=1e-12)
    gained = objective(M, U, V, weight) - objective(M, *escape(U, V, found), weight)
    assert gained == pytest.approx(found.curvature**2 / (16 * c4), rel=1e-9, abs=1e-12)
