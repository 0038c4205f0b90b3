"""The gap and the verdict of a certificate against the SVD of M, near what they must tell apart."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from matrices import orthonormal, planted, saddles
from oracles import hessian
from recorded import told
from svd_truth import ROUNDING, known, true_gap

from mfact.problems.optimum import shift
from mfact.targets.dense import DenseTarget
from mfact.theory import lemma_3_2 as certificates
from mfact.theory.lemma_3_2 import certify, certify_spectral, lemma_3_2

SEEDS = st.integers(0, 10**6)


WEIGHTS = st.sampled_from([0.0, 0.3, 1.0])


NOISES = st.sampled_from([0.0, 1e-8, 1e-5, 1e-3, 1e-2, 0.1, 1.0])


def points(seed, kind, noise, r=2, more=2):
    """M and factors: at random, from a saddle or from the optimum, moved by noise."""
    if kind == "random":
        rng = np.random.default_rng(seed)
        M, U, V = (rng.standard_normal(s) for s in ((9, 7), (9, r), (7, r)))
        return M, noise * U, noise * V
    subset = list(range(r)) if kind == "optimum" else [*range(r - 1), r]
    M, U, V, *_ = planted(seed, r, r + more, subset, noise=noise)
    return M, U, V


KINDS = st.sampled_from(["random", "optimum", "saddle"])


def ends(M, U, V, weight, off, rng):
    """Both ends of the interval of the gap, widened by rounding; off: of the singular values told.

    None: none is told. The unit is that of what is told, σ_r² ± 2σ_r off.
    """
    values, r, told = np.linalg.svd(M, compute_uv=False), U.shape[1], {}
    if off is not None:
        told = known(values[: r + 1] + off * rng.uniform(-1, 1, r + 1), off, M, r)
    found = certify(DenseTarget(M), U, V, weight=weight, **told)
    if math.isnan(found.gap):  # the factors' spaces do not hold the leading values
        assert (off, found.gap_error) == (None, math.inf)
        return -math.inf, math.inf
    room = (ROUNDING + 2.1 * (off or 0.0) / values[r - 1]) * (1 + abs(found.gap))
    if off == 1e-14:
        assert found.gap_error <= 10 * ROUNDING * (1 + abs(found.gap))
    return found.gap - found.gap_error - room, found.gap + found.gap_error + room


@pytest.mark.parametrize("off", [None, 1e-14, 1e-6, 1e-2])
@given(SEEDS, KINDS, NOISES, st.integers(1, 4), st.integers(1, 3), WEIGHTS)
def test_the_true_gap_is_no_larger_than_what_is_said(off, seed, kind, noise, r, more, weight):
    M, U, V = points(seed, kind, noise, r, more)
    high = ends(M, U, V, weight, off, np.random.default_rng(seed))[1]
    assert true_gap(M, U, V) <= high
    if kind == "optimum" and noise <= 1e-3:
        # The spaces hold the leading values, at least 0.05 above the others (see planted).
        assert math.isfinite(high)


@pytest.mark.parametrize("off", [None, 1e-14, 1e-6, 1e-2])
@given(SEEDS, KINDS, NOISES, st.integers(1, 4), st.integers(1, 3), WEIGHTS)
def test_the_true_gap_is_no_smaller_than_what_is_said(off, seed, kind, noise, r, more, weight):
    M, U, V = points(seed, kind, noise, r, more)
    assert true_gap(M, U, V) >= ends(M, U, V, weight, off, np.random.default_rng(seed))[0]


@given(SEEDS, st.integers(1, 4), st.integers(0, 3), WEIGHTS)
def test_without_singular_values_an_optimum_is_known_to_the_square_of_its_distance(
    seed, r, more, weight
):
    for noise in (1e-3, 1e-5, 1e-7):
        M, U, V = points(seed, "optimum", noise, r, more)
        found = certify(DenseTarget(M), U, V, weight=weight)
        # ‖∇f‖² over what tells the leading values from the others, squared: at least 0.05 here
        # (see planted), and the 63 entries of the noise.
        assert found.gap + found.gap_error <= 63 * 100 * (noise / 0.05) ** 2 + ROUNDING


@given(SEEDS, KINDS, NOISES, st.integers(1, 3), WEIGHTS, st.floats(-12, 0))
def test_no_optimum_is_claimed_above_the_tolerance(seed, kind, noise, r, weight, log_tol):
    M, U, V = points(seed, kind, noise, r)
    gap, tol = true_gap(M, U, V), 10**log_tol
    values = np.linalg.svd(M, compute_uv=False)
    for seen in ({}, known(values[: r + 1], 1e-14, M, r)):
        found = certify(DenseTarget(M), U, V, weight=weight, **seen, tol=tol)
        assert found.kind in ("global optimum", "strict saddle", "inconclusive")
        if found.kind == "global optimum":
            assert gap <= tol + ROUNDING
        elif seen and kind == "optimum" and noise <= 1e-3:
            assert gap >= tol - 2 * ROUNDING * (1 + gap) - found.gap_error


@given(SEEDS, st.integers(1, 3), WEIGHTS, st.sampled_from([1e-5, 1e-4, 1e-3]))
def test_the_tolerance_decides_at_the_gap_itself(seed, r, weight, noise):
    M, U, V = points(seed, "optimum", noise, r)
    values, gap = np.linalg.svd(M, compute_uv=False), true_gap(M, U, V)
    told = known(values[: r + 1], 1e-16, M, r)
    room = 0.01 + 2 * ROUNDING / gap
    above, below = (
        certify(DenseTarget(M), U, V, weight=weight, **told, tol=part * gap).kind
        for part in (1 + room, 1 - room)
    )
    assert above == "global optimum"
    assert below != "global optimum"


@given(SEEDS, KINDS, NOISES, st.integers(1, 3), WEIGHTS, st.booleans())
def test_a_strict_saddle_is_one(seed, kind, noise, r, weight, refine):
    """Its gradient is small, a direction goes down, and the optimum is away."""
    M, U, V = points(seed, kind, noise, r)
    found = certify(DenseTarget(M), U, V, weight=weight, refine=refine)
    if found.kind != "strict saddle":
        return
    values = np.linalg.eigvalsh(hessian(M, U, V, weight))
    assert values[0] <= found.curvature + 1e-12 < 0
    assert found.gradient_norm <= 1e-4 * np.linalg.norm(M, 2) ** 1.5
    assert found.curvature**2 >= found.gradient_norm * found.scale**0.5
    assert true_gap(M, U, V) > 1e-8 - ROUNDING
    assert kind != "optimum" or noise > 1e-3


@given(SEEDS, saddles(), WEIGHTS, st.sampled_from([1e-9, 1e-7, 1e-6]))
def test_a_gradient_counts_as_small_up_to_its_tolerance(seed, case, weight, noise):
    rank, r, subset = case
    M, U, V, *_ = planted(seed, r, rank, subset, noise=noise)
    found = certify(DenseTarget(M), U, V, weight=weight)
    assume(found.curvature**2 > 2 * found.gradient_norm * found.scale**0.5)
    for part, kind in ((1.01, "strict saddle"), (0.99, "inconclusive")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(certificates, "STATIONARY", part * found.relative_gradient)
            again = certify(DenseTarget(M), U, V, weight=weight)
        assert again.kind == kind, again.reason
        assert ("not stationary" in again.reason) == (part < 1)


@pytest.mark.parametrize(("part", "kind"), [(0.98, "strict saddle"), (1.02, "inconclusive")])
@pytest.mark.parametrize("apart", [1e-2, 1e-3, 1e-4])
def test_a_gradient_that_may_turn_the_curvature_leaves_it_open(apart, part, kind, monkeypatch):
    """diag(1, ½, ½ − apart) with the last one fitted in place of the second: θ = −apart.

    The first is fitted up to s: ‖∇f‖ ≈ 2√2 s, and the verdict turns at ‖∇f‖ = θ²/√σ₁ = apart².
    """
    sigma = np.array([1.0, 0.5, 0.5 - apart])
    X = np.zeros((3, 2))
    s = part * apart**2 / np.sqrt(8)
    X[0, 0], X[2, 1] = 1.0 + s, np.sqrt(sigma[2])
    monkeypatch.setattr(certificates, "STATIONARY", 1.0)
    found = certify_spectral(X, X, sigma, unresolved=0.0)
    assert found.curvature == pytest.approx(-apart, rel=1e-6)
    assert found.gradient_norm == pytest.approx(part * apart**2, rel=5e-3)
    assert found.kind == kind
    assert ("not negative enough" in found.reason) == (kind == "inconclusive")


@given(SEEDS, st.integers(1, 5), st.floats(1e-6, 2.0), st.floats(0.0, 3.0))
def test_coupling_moves_no_singular_value_farther_than_said(seed, r, c, distance):
    """M = [[A, B], [C, E]] with ‖B‖, ‖C‖ ≤ c and σ_r(A) ≥ ‖E‖ + distance."""
    rng = np.random.default_rng(seed)

    def of_norm(norm, *shape):
        block = rng.standard_normal(shape)
        return block * (norm / np.linalg.norm(block, 2))

    E = of_norm(0.5, 4, 3)
    P, Q = (orthonormal(rng, r, r) for _ in range(2))
    values = np.sort(0.5 + distance + rng.exponential(0.3, r))[::-1]
    values[-1] = 0.5 + distance
    M = np.block([[P * values @ Q.T, of_norm(c, r, 3)], [of_norm(c, 4, r), E]])
    moved = np.linalg.svd(M, compute_uv=False)[:r] - values
    bound = shift(c, distance)
    assert moved.max() <= bound + 1e-12
    assert bound <= c * (1 + 1e-15)
    # What it is: the larger root of x² + ηx = c².
    assert bound**2 + distance * bound == pytest.approx(c**2, rel=1e-9)
    assert shift(0.0, distance) == 0
    assert shift(c, -1.0) == pytest.approx(c)


def at_a_saddle(**changes):
    X = np.zeros((3, 2))
    X[1, 1] = 2**0.5
    saddle = certify_spectral(X, X, np.array([3.0, 2.0, 0.0]), unresolved=0.0)
    return dataclasses.replace(saddle, **changes)


@pytest.mark.parametrize("eps", [0.0, 0.5])
@pytest.mark.parametrize(("part", "expected"), [(0.99, "holds"), (1.01, "violated")])
def test_lemma_3_2_allows_a_residual_of_eps_and_of_what_a_gradient_may_leave(eps, part, expected):
    allowed = eps + 1e-8 * np.sqrt(13)
    point = at_a_saddle(
        imbalance=eps, loss=0.5 * (part * allowed) ** 2, kind="inconclusive",
        relative_gradient=0.0,
    )  # fmt: skip
    claim = lemma_3_2(point, told(rank=2, numerical_rank=2))
    assert claim.verdict == expected
    assert claim.numbers["eps"] == eps
    assert claim.numbers["residual"] == pytest.approx(part * allowed)


@pytest.mark.parametrize(
    ("relative", "kind", "expected"),
    [
        (0.99e-4, "strict saddle", "holds"),
        (1.01e-4, "strict saddle", "hypotheses not met"),
        (0.99e-12, "inconclusive", "violated"),
        (1.01e-12, "inconclusive", "inconclusive"),
    ],
)
def test_lemma_3_2_is_about_stationary_points(relative, kind, expected):
    point = at_a_saddle(relative_gradient=relative, kind=kind)
    facts = told(rank=2, numerical_rank=2)
    assert lemma_3_2(point, facts).verdict == expected
    penalized = dataclasses.replace(point, weight=0.1)
    assert lemma_3_2(penalized, facts).verdict == "hypotheses not met"
    for rank_of_M in (1, 3, None):
        other = told(facts, numerical_rank=rank_of_M)
        assert lemma_3_2(point, other).verdict == "hypotheses not met"
