"""Batched starts against plain loops on whole matrices."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import orthonormal
from oracles import Scalars, plain_loop, scalar_iterates
from scipy.stats import ks_2samp

from mfact.methods.choice import METHODS, PLAIN
from mfact.settings import SweepSettings
from mfact.studies.batches import RankOne, Stacks, descend, draw
from mfact.studies.sweep import sweep


def plain_batch(U, V, values):
    return Stacks(U, V, values, METHODS[PLAIN])


def in_singular_vectors(Phi, A):
    """ΦᵀA above a triangle with the Gram matrix of the rest."""
    head = Phi.T @ A
    return np.vstack([head, np.linalg.qr(A - Phi @ head, mode="r")])


def some_matrix(rng, d1, d2, k):
    Phi, Psi = (orthonormal(rng, d, k) for d in (d1, d2))
    values = np.sort(rng.uniform(0.3, 2.0, k))[::-1]
    return (Phi * values) @ Psi.T, Phi, values, Psi


def test_four_scalars_are_the_run_on_whole_vectors():
    rng = np.random.default_rng(0)
    M, Phi, values, Psi = some_matrix(rng, 40, 25, 1)
    u, v = 0.02 * rng.standard_normal((40, 1)), 0.02 * rng.standard_normal((25, 1))
    A, B = in_singular_vectors(Phi, u), in_singular_vectors(Psi, v)
    start = Scalars(A[0, 0], abs(A[1, 0]), B[0, 0], abs(B[1, 0]))
    eta, sigma = 0.3 / values[0], values[0]
    pairs = zip(plain_loop(M, u, v, [eta] * 200), scalar_iterates(start, sigma, eta), strict=False)
    for (u, v), now in pairs:
        a, b = Phi[:, 0] @ u[:, 0], Psi[:, 0] @ v[:, 0]
        # Rounding of the inner products of vectors of norm about 1.
        assert (now.a, now.b) == pytest.approx((a, b), abs=1e-14, rel=1e-11)
        assert (now.p, now.q) == pytest.approx(
            (np.linalg.norm(u - a * Phi), np.linalg.norm(v - b * Psi)), abs=1e-14, rel=1e-11
        )
        residual = np.linalg.norm(u @ v.T - M)
        assert math.sqrt(now.residual_squared(sigma)) == pytest.approx(residual, abs=1e-14)


def test_rank_one_batch_is_the_four_scalar_recursion():
    settings = SweepSettings(seeds=40, c_step=0.25, tol=1e-8)
    sigma = 3.7
    runs = sweep(np.array([sigma]), (300, 200), settings)
    rng = np.random.default_rng(settings.seed)
    U, V = (runs.start_scale * A for A in draw(rng, 40, (300, 200), 1, 1))
    for i in range(settings.seeds):
        start = Scalars(U[i, 0, 0], U[i, 1, 0], V[i, 0, 0], V[i, 1, 0])
        hits, ratios = [], []
        for t, now in enumerate(scalar_iterates(start, sigma, runs.chosen["step_size"])):
            ratios.append(abs(now.a) / abs(now.b))
            relative = math.sqrt(now.residual_squared(sigma)) / sigma
            while len(hits) < len(settings.tolerances) and (
                relative <= settings.tolerances[len(hits)]
            ):
                hits.append(t)
            if len(hits) == len(settings.tolerances):
                break
        assert runs.hits[:, i].tolist() == hits
        found = [runs.low[i], runs.high[i], runs.last[i]]
        # A ratio near its smallest is a difference of two terms 10⁴ times as large.
        assert found == pytest.approx([min(ratios), max(ratios), ratios[-1]], rel=1e-10)


@given(
    seed=st.integers(0, 10**6),
    d1=st.integers(1, 9),
    d2=st.integers(1, 9),
    r=st.integers(1, 4),
    k=st.integers(1, 9),
    one=st.booleans(),
)
def test_batches_follow_plain_loops(seed, d1, d2, r, k, one):
    """Any shape, rank of M below, at and above r, and complements with fewer than r rows."""
    rng = np.random.default_rng(seed)
    k, r = min(k, d1, d2), 1 if one else min(r, d1, d2)
    M, Phi, values, Psi = some_matrix(rng, d1, d2, k)
    starts = [
        (0.2 * rng.standard_normal((d1, r)), 0.2 * rng.standard_normal((d2, r))) for _ in range(3)
    ]
    U = np.array([in_singular_vectors(Phi, U) for U, _ in starts])
    V = np.array([in_singular_vectors(Psi, V) for _, V in starts])
    batch = RankOne(U, V, values) if one else plain_batch(U, V, values)
    eta, h = 0.2 / values[0], min(r, k)
    tail = np.sum(values[r:] ** 2)
    for points in zip(*(plain_loop(M, *start, [eta] * 60) for start in starts), strict=True):
        excess, ratio = batch.measure()
        for i, (U, V) in enumerate(points):
            direct = np.linalg.norm(U @ V.T - M) ** 2 - tail
            # The direct form subtracts ‖M‖² ≤ 36 from ‖R‖²; steps add rounding.
            assert excess[i] == pytest.approx(direct, abs=2e-12)
            norms = np.linalg.norm(Phi[:, :h].T @ U), np.linalg.norm(Psi[:, :h].T @ V)
            assert ratio[i] * norms[1] == pytest.approx(norms[0], abs=1e-11, rel=1e-9)
        batch.step(eta)


@pytest.mark.parametrize("r", [1, 3])
def test_excess_is_accurate_far_below_the_tail(r):
    """At 1e-9 from the optimum the excess of 1e-18 is right, though the tail is of order 1."""
    rng = np.random.default_rng(3)
    values = np.array([2.0, 1.5, 1.2, 0.9, 0.7])
    root = np.zeros((5, r))
    root[:r] = np.diag(np.sqrt(values[:r]))
    U, V = root + 1e-9 * rng.standard_normal((5, r)), root + 1e-9 * rng.standard_normal((5, r))
    batch = (RankOne if r == 1 else plain_batch)(U[None], V[None], values)
    long = np.longdouble
    R = U.astype(long) @ V.astype(long).T - np.diag(values.astype(long))
    direct = np.sum(R * R) - np.sum(values[r:].astype(long) ** 2)
    # Rounding of the entries of UVᵀ − Σ_r, 1e-16 of 1e-9, twice over.
    assert batch.measure().excess[0] == pytest.approx(float(direct), rel=1e-5)


def test_rank_one_and_stacked_agree():
    rng = np.random.default_rng(5)
    values = np.array([1.0, 0.4, 0.1])
    U, V = (0.05 * A for A in draw(rng, 50, (30, 20), 3, 1))
    bounds = np.array([1e-2, 1e-8])
    one, stacked = (
        descend(kind(U, V, values), 50, 0.1, bounds, 2000) for kind in (RankOne, plain_batch)
    )
    assert (one.hits >= 0).all()
    np.testing.assert_array_equal(one.hits, stacked.hits)
    np.testing.assert_allclose(one.last, stacked.last, rtol=1e-10)


def test_a_run_does_not_depend_on_its_neighbours():
    """Each start alone gives bit for bit what it gives in the batch."""
    rng = np.random.default_rng(6)
    values = np.array([1.0, 0.7])
    for kind, r in ((RankOne, 1), (plain_batch, 2)):
        U, V = (0.1 * A for A in draw(rng, 7, (12, 9), 2, r))
        bounds = np.array([1e-10])
        whole = descend(kind(U, V, values), 7, 0.2, bounds, 3000)
        for i in range(7):
            alone = descend(kind(U[i : i + 1], V[i : i + 1], values), 1, 0.2, bounds, 3000)
            for a, b in zip(whole, alone, strict=True):
                np.testing.assert_array_equal(a[..., i], b[..., 0])


def test_drawn_starts_have_the_distribution_of_real_ones():
    """Moments of a Wishart matrix: E W = nI, E det W = n(n−1)(n−2)."""
    n, r, count = 6, 3, 40_000
    U, V = draw(np.random.default_rng(7), count, (n + 2, 3), 2, r)
    assert U.shape == (count, 2 + 3, r)
    assert V.shape == (count, 2 + 1, r)
    rest = U[:, 2:]
    W = np.swapaxes(rest, 1, 2) @ rest
    # Four standard errors: an entry of W has a standard deviation of at most √(2n).
    assert np.abs(W.mean(axis=0) - n * np.eye(r)).max() < 4 * math.sqrt(2 * n / count)
    dets = np.linalg.det(W)
    expected = n * (n - 1) * (n - 2)
    assert abs(dets.mean() - expected) < 4 * dets.std() / math.sqrt(count)
    # With one degree of freedom the rest of V is a row of gaussians up to its sign.
    last = V[:, 2]
    assert (last[:, 0] >= 0).all()
    assert abs(np.mean(last[:, 0] ** 2) - 1) < 4 * math.sqrt(2 / count)
    assert abs(np.mean(last[:, 1] * last[:, 2])) < 4 / math.sqrt(count)


@pytest.mark.slow
@pytest.mark.parametrize("r", [1, 2])
def test_drawn_and_real_starts_take_the_same_steps(r):
    """Iterations from starts drawn in singular vectors and from real d-dimensional ones."""
    rng = np.random.default_rng(8)
    d1, d2, count = 15, 8, 400
    _, Phi, values, Psi = some_matrix(rng, d1, d2, 3)
    settings = SweepSettings(rank=r, seeds=count, tol=1e-3)
    drawn = sweep(values, (d1, d2), settings)
    G, H = (drawn.start_scale * rng.standard_normal((count, d, r)) for d in (d1, d2))
    U = np.array([in_singular_vectors(Phi, A) for A in G])
    V = np.array([in_singular_vectors(Psi, A) for A in H])
    batch = RankOne(U, V, values) if r == 1 else plain_batch(U, V, values)
    bounds = (values[min(r, 3) - 1] * np.array(settings.tolerances)) ** 2
    real = descend(batch, count, drawn.chosen["step_size"], bounds, 10_000)
    for a, b in ((drawn.hits[-1], real.hits[-1]), (drawn.low, real.low), (drawn.last, real.last)):
        assert ks_2samp(a, b).pvalue > 1e-3
