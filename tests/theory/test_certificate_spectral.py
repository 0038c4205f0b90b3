"""Certificates in singular coordinates: as of the whole matrix, with more digits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import planted, saddles
from oracles import exact_gap, hessian, objective

from mfact.core import Factors
from mfact.targets.dense import DenseTarget
from mfact.theory.lemma_3_2 import certify, certify_spectral, escape

WEIGHTS = st.sampled_from([0.0, 0.3, 1.0])
SEEDS = st.integers(0, 10**6)


def test_a_near_tie_needs_a_small_gradient():
    # σ₂ and σ₃ differ by 1e-5: fitting the wrong one costs a gap of 3e-6, with curvature −1e-5.
    sigma = np.array([2.0, 1.00001, 1.0])
    X = np.zeros((3, 2))
    X[0, 0], X[2, 1] = 2**0.5, 1.0
    found = certify_spectral(X, X, sigma, unresolved=0.0)
    assert found.kind == "strict saddle"
    assert found.curvature == pytest.approx(-1e-5, rel=1e-6)
    X[0, 0] += 1e-6
    found = certify_spectral(X, X, sigma, unresolved=0.0)
    assert found.kind == "inconclusive"
    assert "not negative enough" in found.reason


@given(SEEDS, saddles(), WEIGHTS)
def test_spectral_coordinates_say_the_same(seed, case, weight):
    rank, r, subset = case
    M, U, V, sigma, Phi, Psi = planted(seed, r, rank, subset, noise=0.0)
    whole = certify(DenseTarget(M), U, V, weight=weight)
    X, Y = Phi.T @ U, Psi.T @ V
    small = certify_spectral(X, Y, sigma, unresolved=0.0, weight=weight)
    assert small.kind == whole.kind == "strict saddle"
    assert small.curvature == pytest.approx(whole.curvature, abs=1e-12)
    assert small.gradient_norm == pytest.approx(whole.gradient_norm, abs=1e-12)
    assert small.gap == pytest.approx(exact_gap(M, U, V), rel=1e-12, abs=1e-13)
    dX, dY = small.direction
    moved = escape(U, V, replace(small, direction=Factors(Phi @ dX, Psi @ dY)))
    assert objective(M, *moved, weight) == pytest.approx(
        objective(M, *escape(U, V, whole), weight), rel=1e-9, abs=1e-12
    )


@given(SEEDS, st.integers(1, 3))
def test_the_spectral_gap_keeps_digits_that_subtraction_loses(seed, r):
    _M, U, V, sigma, Phi, Psi = planted(seed, r, 6, list(range(r)), noise=1e-9)
    X, Y = Phi.T @ U, Psi.T @ V
    found = certify_spectral(X, Y, sigma, unresolved=0.0)
    wide = X.astype(np.longdouble) @ Y.T.astype(np.longdouble) - np.diag(
        sigma.astype(np.longdouble)
    )
    exact = (np.sum(wide**2) - np.sum(sigma[r:].astype(np.longdouble) ** 2)) / sigma[r - 1] ** 2
    assert 0 < exact < 1e-15
    # sigma carries rounding of M's construction into X, Y only; longdouble keeps 1e-19.
    unit = np.sum(sigma**2) / sigma[r - 1] ** 2
    assert found.gap == pytest.approx(float(exact), rel=1e-2, abs=3e-19 * unit)
    assert found.kind == "global optimum"


def test_what_is_unresolved_widens_the_bounds():
    sigma = np.array([3.0, 2.0, 1.0])
    X = np.diag(sigma**0.5)[:, :2]
    sure = certify_spectral(X, X, sigma, unresolved=0.5)
    assert (sure.kind, sure.gap_error) == ("global optimum", 0.0)
    unsure = certify_spectral(X, X, sigma, unresolved=2.5, norm=4.0)
    # M might have a singular value of 2.5 outside, instead of the 2.0 that was fitted.
    assert unsure.gap_error == pytest.approx((2.5**2 - 2.0**2) / 2.0**2)
    assert unsure.kind == "inconclusive"
    assert unsure.curvature_floor == pytest.approx(2.0 - 2.5)
    coupled = certify_spectral(X, X, sigma, unresolved=0.5, coupling=1e-3)
    assert 0 < coupled.gap_error < 1e-5
    assert coupled.curvature_floor == pytest.approx(-1e-3, rel=1e-6)


@given(SEEDS, st.floats(1e-4, 0.3))
def test_the_coupled_bound_covers_the_true_gap(seed, size):
    # M = [[diag σ, B], [C, E]] in given bases; the certificate sees σ, ‖E‖₂ and max(‖B‖, ‖C‖).
    rng = np.random.default_rng(seed)
    sigma = np.array([3.0, 2.0, 1.5])
    M = np.zeros((8, 7))
    M[:3, :3] = np.diag(sigma)
    M[3:, 3:] = rng.standard_normal((5, 4))
    M[3:, 3:] *= 0.9 / np.linalg.norm(M[3:, 3:], 2)
    M[:3, 3:], M[3:, :3] = size * rng.standard_normal((3, 4)), size * rng.standard_normal((5, 3))
    coupling = max(np.linalg.norm(M[:3, 3:], 2), np.linalg.norm(M[3:, :3], 2))
    X = np.diag(sigma**0.5)[:, :2]
    norm = np.linalg.norm(M)
    found = certify_spectral(X, X, sigma, unresolved=0.9, coupling=coupling, norm=norm)
    U, V = np.zeros((8, 2)), np.zeros((7, 2))
    U[:3], V[:3] = X, X
    values = np.linalg.svd(M, compute_uv=False)
    # In the unit of the certificate, which sees σ₂ = 2: M's own is what may be off.
    exact = (objective(M, U, V, 0.0) - 0.5 * np.sum(values[2:] ** 2)) / (0.5 * sigma[1] ** 2)
    assert found.gap - 1e-14 <= exact <= found.gap + found.gap_error + 1e-14
    lowest = np.linalg.eigvalsh(hessian(M, U, V, 0.0))[0]
    assert found.curvature_floor <= lowest + 1e-12


def test_more_columns_than_rank():
    sigma = np.array([2.0, 1.0])
    X = np.zeros((2, 4))
    X[0, 0] = 2**0.5
    found = certify_spectral(X, X, sigma, unresolved=0.0)
    assert (found.kind, found.curvature) == ("strict saddle", pytest.approx(-1.0))
    X[1, 1] = 1.0
    assert certify_spectral(X, X, sigma, unresolved=0.0).kind == "global optimum"
