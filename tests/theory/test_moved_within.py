"""Factors that hold singular vectors of M, each too long or too short: where only what happens
within the spaces decides, the misfit, the imbalance, and not the coupling."""

from __future__ import annotations

import math

import numpy as np
import pytest
from dense_truth import held_to_the_truth
from hypothesis import given
from hypothesis import strategies as st
from matrices import orthonormal, planted
from svd_truth import ROUNDING, known, true_gap

from mfact.targets.dense import DenseTarget
from mfact.theory.lemma_3_2 import certify, certify_spectral

SEEDS = st.integers(0, 10**6)
WEIGHTS = st.sampled_from([0.0, 0.4, 2.0])
STRETCH = st.sampled_from([0.0, 1e-3, 0.1, 0.5])


def stretched(seed, r, more, stretch, leading=True):
    """M, and its r leading pairs (or the last ones) times 1 ± stretch, U and V each by itself."""
    rng = np.random.default_rng(seed)
    M, _, _, sigma, Phi, Psi = planted(seed, r, r + more, list(range(r)))
    chosen = slice(0, r) if leading else slice(more, r + more)
    rotation = orthonormal(rng, r, r)
    root = np.sqrt(sigma[chosen])
    U, V = (
        (W[:, chosen] * root * (1 + stretch * rng.uniform(-1, 1, r))) @ rotation for W in (Phi, Psi)
    )
    return M, U, V, np.linalg.svd(M, compute_uv=False)


@given(SEEDS, st.integers(1, 4), st.integers(1, 2), STRETCH, WEIGHTS, st.booleans())
def test_the_second_order(seed, r, more, stretch, weight, leading):
    M, U, V, _ = stretched(seed, r, more, stretch, leading)
    held_to_the_truth(certify(DenseTarget(M), U, V, weight=weight), M, U, V, weight)


@given(SEEDS, st.integers(2, 4), st.sampled_from([0.05, 0.3]))
def test_short_factors_have_negative_curvature_within(seed, r, short):
    """U = V = (1 − s)√Σ: turning two columns against each other goes down, by the misfit."""
    M, U, V, _ = stretched(seed, r, 1, 0.0)
    U, V = (1 - short) * U, (1 - short) * V
    found = certify(DenseTarget(M), U, V)
    held_to_the_truth(found, M, U, V, 0.0)
    # R = −(1 − (1 − s)²)Σ within the spaces, of which σ₁ is the largest.
    misfit = (1 - (1 - short) ** 2) * np.linalg.norm(M, 2)
    assert found.curvature_floor <= -misfit * (1 - 1e-12)


@given(SEEDS, st.integers(1, 4), st.integers(1, 2), STRETCH, WEIGHTS)
def test_the_gap_without_singular_values(seed, r, more, stretch, weight):
    M, U, V, _ = stretched(seed, r, more, stretch)
    found = certify(DenseTarget(M), U, V, weight=weight)
    if math.isnan(found.gap):  # at a large gradient the spaces are cut
        assert stretch >= 0.1
        return
    gap, room = true_gap(M, U, V), ROUNDING * (1 + abs(found.gap))
    assert found.gap - found.gap_error - room <= gap <= found.gap + found.gap_error + room
    # Nothing is coupled: the upper end is the gap itself.
    assert found.gap + found.gap_error == pytest.approx(gap, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("off", [1e-8, 1e-5, 1e-3])
@given(SEEDS, st.integers(1, 4), STRETCH)
def test_the_gap_with_singular_values_that_are_all_off_to_one_side(off, sign, seed, r, stretch):
    """The floor is off by Σσ_i·off + ½r·off², which is all that is owned up to, and rounding."""
    M, U, V, values = stretched(seed, r, 1, stretch)
    told = known(values[: r + 1] + sign * off, off, M, r)
    found = certify(DenseTarget(M), U, V, **told)
    gap = true_gap(M, U, V)
    room = ROUNDING * (1 + gap) + 2.1 * off / values[r - 1] * (gap + abs(found.gap))
    assert found.gap - found.gap_error - room <= gap <= found.gap + found.gap_error + room


def test_a_curvature_of_rounding_is_none():
    """diag(1, 1e-17) with the first value fitted: stationary, and −1e-17 is no direction down."""
    X = np.eye(2)
    X[1, 1] = 0.0
    found = certify_spectral(X, X, np.array([1.0, 1e-17]), unresolved=0.5)
    assert found.gradient_norm == 0
    assert -1e-16 < found.curvature < 0
    assert found.kind == "inconclusive"
    down = certify_spectral(X, X, np.array([1.0, 1e-13]), unresolved=0.5)
    assert down.kind == "strict saddle"
