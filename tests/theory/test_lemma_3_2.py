"""Certificates against the dense Hessian, the SVD, and saddles planted on purpose."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import planted, saddles
from oracles import exact_gap, hessian, objective, optimum, truth
from recorded import told

from mfact.targets.dense import DenseTarget
from mfact.theory.lemma_3_2 import certify, certify_spectral, escape, lemma_3_2

WEIGHTS = st.sampled_from([0.0, 0.3, 1.0])
SEEDS = st.integers(0, 10**6)


@given(SEEDS, saddles(), WEIGHTS)
def test_planted_saddles_are_found_with_their_exact_curvature(seed, case, weight):
    rank, r, subset = case
    M, U, V, sigma, *_ = planted(seed, r, rank, subset)
    found = certify(DenseTarget(M), U, V, weight=weight, optimum=optimum(M, r))
    assert found.kind == "strict saddle", found.reason
    values = np.linalg.eigvalsh(hessian(M, U, V, weight))
    assert found.curvature == pytest.approx(values[0], abs=1e-12)
    assert found.curvature_floor <= values[0] + 1e-12
    # All is known in closed form here: −σ_out, plus the smallest σ that was fitted with r full.
    out = max(sigma[i] for i in range(rank) if i not in subset)
    fitted = min(sigma[subset]) if len(subset) == r else 0.0
    assert found.curvature == pytest.approx(fitted - out, abs=1e-9)
    assert abs(found.gap - exact_gap(M, U, V)) <= found.gap_error + 1e-13
    # No saddle has a smaller gap than this one says, and the first of them has just that.
    k, values, _ = truth(M, r)
    after = values[k] if k < rank else 0.0
    assert found.saddle == pytest.approx(1 - (after / values[k - 1]) ** 2, abs=1e-12)
    assert found.gap >= found.saddle - 1e-12


@given(SEEDS, saddles(), WEIGHTS)
def test_escape_goes_down_to_the_end_of_the_line(seed, case, weight):
    rank, r, subset = case
    M, U, V, *_ = planted(seed, r, rank, subset)
    found = certify(DenseTarget(M), U, V, weight=weight)
    U1, V1 = escape(U, V, found)
    before, after = objective(M, U, V, weight), objective(M, U1, V1, weight)
    assert after < before - found.curvature**2 / 20 * min(1, 1 / (1 + weight))
    dU, dV = found.direction
    length = np.linalg.norm(U1 - U) / np.linalg.norm(dU)
    for s in np.linspace(-3 * length, 3 * length, 61):
        assert objective(M, U + s * dU, V + s * dV, weight) >= after - 1e-12 * (1 + before)


@given(SEEDS, st.integers(1, 4), st.integers(0, 3), WEIGHTS)
def test_optima_are_certified_by_svd_or_without(seed, r, more, weight):
    M, U, V, *_ = planted(seed, r, r + more, list(range(r)), noise=1e-7)
    exact = exact_gap(M, U, V)
    for best in (None, optimum(M, r)):
        found = certify(DenseTarget(M), U, V, weight=weight, optimum=best)
        assert found.kind == "global optimum", found.reason
        assert abs(found.gap - exact) <= found.gap_error + 1e-14
        # Gradients of 1e-7 over a σ_k of 0.2 or more, squared.
        assert found.gap + found.gap_error < 1e-9
        assert found.curvature_floor > -1e-4  # cut and coupling at gradients of 1e-7
    values = np.linalg.eigvalsh(hessian(M, U, V, weight))
    assert found.curvature <= values[0] + 1e-5
    assert found.curvature_floor <= values[0] + 1e-12


@given(SEEDS, saddles(), WEIGHTS, st.sampled_from([1e-9, 1e-6]))
def test_points_near_a_saddle_are_still_told(seed, case, weight, noise):
    rank, r, subset = case
    M, U, V, *_ = planted(seed, r, rank, subset, noise=noise)
    found = certify(DenseTarget(M), U, V, weight=weight)
    assert found.kind == "strict saddle", found.reason
    values = np.linalg.eigvalsh(hessian(M, U, V, weight))
    assert values[0] - 1e-5 <= found.curvature <= values[0] + found.curvature_residual + 1e-5
    assert found.curvature_floor <= values[0] + 1e-5


@pytest.mark.parametrize("weight", [0.0, 1.0])
@pytest.mark.parametrize("std", [0.0, 1e-12, 1e-6])
def test_zero_and_tiny_factors_are_at_the_saddle_of_the_origin(weight, std):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        M = rng.standard_normal((9, 7))
        U, V = std * rng.standard_normal((9, 3)), std * rng.standard_normal((7, 3))
        found = certify(DenseTarget(M), U, V, weight=weight)
        assert found.kind == "strict saddle"
        # A start of size 1e-6 moves the curvature −σ₁ by its square and, with it, the vectors.
        assert found.curvature == pytest.approx(-np.linalg.norm(M, 2), abs=1e-9)


def test_a_point_on_the_way_is_inconclusive():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        M, U, V = rng.standard_normal((9, 7)), rng.standard_normal((9, 2)), np.ones((7, 2))
        found = certify(DenseTarget(M), U, V)
        assert found.kind == "inconclusive"
        assert "not stationary" in found.reason


@pytest.mark.parametrize("weight", [0.0, 1.0])
@pytest.mark.parametrize("size", [0.3, 1.0])
def test_away_from_stationary_points_lanczos_finds_the_least_eigenvalue(weight, size):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        M, U, V = (rng.standard_normal(s) for s in ((9, 7), (9, 2), (7, 2)))
        found = certify(DenseTarget(M), size * U, size * V, weight=weight, refine=True)
        values = np.linalg.eigvalsh(hessian(M, size * U, size * V, weight))
        assert found.curvature == pytest.approx(values[0], rel=1e-2)
        near = np.abs(values - found.curvature).min()
        assert near <= found.curvature_residual + 1e-12
        assert found.curvature_floor <= values[0] + 1e-12


@pytest.mark.parametrize("weight", [0.0, 1.0])
@pytest.mark.parametrize("subset", [[], [0, 2, 3], [1, 2, 3], [0, 1], [0, 1, 2]])
def test_lanczos_on_larger_matrices_agrees_with_the_spectrum(weight, subset):
    M, U, V, sigma, Phi, Psi = planted(5, 3, 6, subset, shape=(400, 300))
    rng = np.random.default_rng(6)
    noise = 0.02 * rng.standard_normal(M.shape) / 20
    off = noise - Phi @ (Phi.T @ noise)
    M = M + off - (off @ Psi) @ Psi.T
    found = certify(DenseTarget(M), U, V, weight=weight, accuracy=1e-8)
    out = max([sigma[i] for i in range(6) if i not in subset])
    fitted = min(sigma[subset]) if len(subset) == 3 else 0.0
    if subset == [0, 1, 2]:
        assert found.kind == "global optimum", found.reason
        assert found.curvature == pytest.approx(0.0, abs=1e-12)
    else:
        assert found.kind == "strict saddle"
        assert found.curvature == pytest.approx(fitted - out, abs=1e-9)
        assert found.curvature_residual < 1e-7
        rough = certify(DenseTarget(M), U, V, weight=weight)
        assert rough.passes < found.passes
        assert rough.kind == "strict saddle"


def test_float32_is_judged_with_its_own_rounding():
    M, U, V, *_ = planted(7, 2, 4, [0, 1])
    found = certify(DenseTarget(M.astype(np.float32)), U, V, tol=1e-5)
    assert found.kind == "global optimum"
    M, U, V, *_ = planted(7, 2, 4, [1, 2])
    assert certify(DenseTarget(M.astype(np.float32)), U, V).kind == "strict saddle"


def test_an_exactly_empty_column_does_not_pass_for_the_optimum_of_a_lower_rank():
    M = np.diag([3.0, 2.0, 1.0])
    U = np.zeros((3, 2))
    U[0, 0] = 3**0.5
    for best in (None, optimum(M, 2)):
        found = certify(DenseTarget(M), U, U, optimum=best)
        assert found.kind == "strict saddle"
    assert found.gap == pytest.approx(1.0)


def test_the_zero_matrix():
    zero = np.zeros((4, 2))
    found = certify(DenseTarget(np.zeros((4, 4))), zero, zero)
    assert (found.kind, found.gap) == ("global optimum", 0.0)
    assert certify(DenseTarget(np.zeros((4, 4))), zero + 1, zero + 1).kind == "inconclusive"


def test_the_lemma_with_its_numbers():
    sigma = np.array([3.0, 2.0])
    X = np.diag(sigma**0.5)
    best = certify_spectral(X, X, sigma, unresolved=0.0)
    claim = lemma_3_2(best, told(rank=2, numerical_rank=2))
    assert (claim.verdict, claim.detail[:8]) == ("holds", "within ε")
    X[0, 0] = 0
    saddle = certify_spectral(X, X, sigma, unresolved=0.0)
    claim = lemma_3_2(saddle, told(rank=2, numerical_rank=2))
    assert claim.verdict == "holds"
    assert "a strict saddle" in claim.detail
    assert claim.numbers["residual"] == pytest.approx(3.0)
    for rank_of_M, words in ((3, "numerical rank 3"), (None, "not known")):
        claim = lemma_3_2(saddle, told(rank=2, numerical_rank=rank_of_M))
        assert claim.verdict == "hypotheses not met"
        assert words in claim.detail
    X[0, 0] = 1.0
    claim = lemma_3_2(certify_spectral(X, X, sigma, unresolved=0.0), told(rank=2, numerical_rank=2))
    assert "not stationary" in claim.detail


@given(SEEDS, saddles())
def test_unbalanced_saddles_are_strict_too(seed, case):
    rank, r, subset = case
    M, U, V, *_ = planted(seed, r, rank, subset)
    rng = np.random.default_rng(seed)
    T = np.eye(r) + 0.4 * rng.standard_normal((r, r)) / r
    U, V = U @ T, V @ np.linalg.inv(T).T  # the same UVᵀ, another D: still stationary for (1)
    found = certify(DenseTarget(M), U, V)
    assert found.kind == "strict saddle", found.reason
    values = np.linalg.eigvalsh(hessian(M, U, V, 0.0))
    assert found.curvature == pytest.approx(values[0], abs=1e-12)
