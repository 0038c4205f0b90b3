"""The Krylov bases: orthonormal, B = LᵀMQ, and leaks that are what lies outside."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.holders import Foreign
from hypothesis import given
from hypothesis import strategies as st
from matrices import gaussian, matrix
from random_runs import random_runs

from mfact.core import LEFT, RIGHT
from mfact.krylov.basis import Basis
from mfact.krylov.spectrum import leaks
from mfact.targets.counted import Counted
from mfact.targets.dense import DenseTarget

SIDES = st.sampled_from((RIGHT, LEFT))


def check(basis, M, tight=1e-13):
    """All that a Basis promises, against M itself; relative to ‖M‖."""
    if basis.leads == LEFT:
        basis, M = basis.flipped(), M.T
    L, Q = basis.left.basis, basis.right.basis
    norm = np.linalg.norm(M) or 1.0
    for side in (basis.left, basis.right):
        assert (
            np.abs(side.whole.T @ side.whole - np.eye(side.whole.shape[1])).max(initial=0) < tight
        )
    assert np.abs(basis.B - L.T @ M @ Q).max(initial=0) < tight * norm
    leak_left, leak_right = leaks(basis)
    assert not leak_left.any()
    assert np.linalg.norm(M @ Q - L @ (L.T @ M @ Q)) < 10 * tight * norm
    outside = M.T @ L - Q @ (Q.T @ M.T @ L)
    wrong = outside - basis.right.next_block @ leak_right[:, : L.shape[1]]
    # U has in L what M gave of V, and the start: of these the leak is known to rounding. Of a
    # column of L by itself it is not where M gave little of it.
    assert np.linalg.norm(wrong @ basis.B) < 10 * tight * norm**2


@given(
    run=random_runs(starts=("gaussian", "unbalanced", "rank-deficient", "planted"), steps=1),
    leads=SIDES,
)
def test_every_extension_keeps_the_promises(run, leads):
    target = Counted(DenseTarget(np.asarray(run.M, order="C" if leads == RIGHT else "F")))
    basis = Basis.begin(*run.start, target.norm, leads=leads)
    for n in range(1, 70):
        if basis.exhausted:
            break
        basis = basis.extend(target)
        assert basis.degrees == 2 * n
        # One row is in both orders: what leads is the right, and the left by two products.
        assert basis.passes == target.passes == (n if leads == target.leads else 2 * n)
        check(basis, run.M)
    else:
        pytest.fail("a space of at most 60 dimensions did not end in 70 passes")
    # The factors lie in the bases, and the bases map into each other.
    for factor, side in zip(run.start, (basis.left, basis.right), strict=True):
        off = factor - side.basis @ (side.basis.T @ factor)
        assert np.linalg.norm(off) <= 1e-14 * np.linalg.norm(factor)


@pytest.mark.parametrize("leads", [RIGHT, LEFT])
def test_a_target_that_has_products_alone_gives_the_same_in_twice_the_passes(leads):
    rng = np.random.default_rng(7)
    M = rng.standard_normal((40, 30))
    start = gaussian(rng, M.shape, 3, 0.1)
    found = []
    for held in (DenseTarget(np.asarray(M, order="C" if leads == RIGHT else "F")), Foreign(M)):
        target = Counted(held)
        basis = Basis.begin(*start, target.norm, leads=leads).extend(target).extend(target)
        assert basis.passes == target.passes
        check(basis, M)
        found.append(basis)
    assert [basis.passes for basis in found] == [2, 4]
    np.testing.assert_allclose(*(np.abs(basis.B) for basis in found), atol=1e-12)


@given(run=random_runs(starts=("gaussian", "unbalanced"), steps=1), leads=SIDES)
def test_two_degrees_a_pass_span_what_one_degree_does(run, leads):
    """After n passes L has U₀, M V₀, MMᵀU₀, … and Q has V₀, MᵀU₀, …: at least as far."""
    U, V = run.start
    target = Counted(DenseTarget(run.M))
    basis = Basis.begin(U, V, target.norm, leads=leads)
    size = float(np.linalg.norm(run.M, 2))
    for _ in range(3):
        basis = basis.extend(target)
    for _ in range(4):
        for factor, side in zip((U, V), (basis.left, basis.right), strict=True):
            off = factor - side.basis @ (side.basis.T @ factor)
            assert np.linalg.norm(off) <= 1e-12 * np.linalg.norm(factor)
        U, V = run.M @ V / size, run.M.T @ U / size


def test_many_extensions_stay_orthonormal():
    """1/σ_r spread over ten decades: where Lanczos without repair loses orthogonality at once."""
    rng = np.random.default_rng(0)
    M, _, _ = matrix(rng, (400, 300), np.geomspace(1, 1e-10, 300))
    basis = Basis.begin(*gaussian(rng, M.shape, 3, 1e-3), float(np.linalg.norm(M)))
    target = DenseTarget(M)
    for _ in range(60):
        if basis.exhausted:
            break
        basis = basis.extend(target)
    assert basis.size > 30
    check(basis, M)
    assert basis.orthogonality() < 1e-14


@pytest.mark.parametrize("rank_of_M", [1, 3, 4])
def test_exact_rank_exhausts_the_space(rank_of_M):
    """[U₀, range of M] is all there is; rounding must not be taken for more."""
    rng = np.random.default_rng(1)
    M, _, _ = matrix(rng, (50, 40), np.linspace(2, 1, rank_of_M))
    basis = Basis.begin(*gaussian(rng, M.shape, 3, 0.1), float(np.linalg.norm(M)))
    while not basis.exhausted:
        basis = basis.extend(DenseTarget(M))
    assert basis.size == rank_of_M + 3
    L, Q = basis.left.basis, basis.right.basis
    assert np.linalg.norm(M - L @ basis.B @ Q.T) < 1e-13


def test_the_whole_space_ends_it_too():
    rng = np.random.default_rng(2)
    M = rng.standard_normal((9, 14))
    basis = Basis.begin(*gaussian(rng, M.shape, 4, 0.1), float(np.linalg.norm(M)))
    while not basis.exhausted:
        basis = basis.extend(DenseTarget(M))
    assert basis.left.known == 9
    # MᵀL spans the 9 dimensions of M's rows; V₀ may add what lies outside of them.
    assert 9 <= basis.right.known <= 13
    check(basis, M)


def test_deflation_of_a_rank_deficient_start():
    rng = np.random.default_rng(3)
    U, V = gaussian(rng, (30, 20), 3, 0.1)
    U[:, 2] = 2 * U[:, 0] - U[:, 1]
    V[:, 1:] = 0
    basis = Basis.begin(U, V, 1.0)
    assert (basis.left.pending, basis.right.pending) == (2, 1)


def test_zero_factors_need_no_column():
    basis = Basis.begin(np.zeros((5, 2)), np.zeros((4, 2)), 1.0)
    assert basis.exhausted
    assert basis.size == 1  # for the small factors, of zeros


def test_older_bases_keep_their_meaning():
    """Extensions share storage; a state of ten passes ago must still read the same."""
    rng = np.random.default_rng(4)
    M = rng.standard_normal((60, 50))
    basis = Basis.begin(*gaussian(rng, M.shape, 2, 0.1), float(np.linalg.norm(M)))
    older = []
    for _ in range(12):
        basis = basis.extend(DenseTarget(M))
        older.append((basis, basis.left.basis.copy(), basis.B.copy()))
    for early, L, B in older:
        assert np.array_equal(early.left.basis, L)
        assert np.array_equal(early.B, B)


@given(seed=st.integers(0, 2**32 - 1), width=st.integers(1, 3), late=st.booleans())
def test_random_columns_find_what_the_start_misses(seed, width, late):
    """From the beginning, or when the recurrence has already gone on for two blocks."""
    rng = np.random.default_rng(seed)
    M, phi, psi = matrix(rng, (30, 25), [5.0, 4.0, 1.0, 0.5])
    norm = float(np.linalg.norm(M))
    alone = Basis.begin(phi[:, 2:3], psi[:, 2:3], norm)
    start = phi[:, 2:3] + 1e-3 * phi[:, 3:4], psi[:, 2:3]
    guided = Basis.begin(*start, norm)
    if late:
        guided = guided.extend(DenseTarget(M)).extend(DenseTarget(M))
        assert not guided.exhausted
    guided = guided.probed(width)
    assert guided.probes == ((width, 4 if late else 0),)
    for _ in range(8):
        alone = alone if alone.exhausted else alone.extend(DenseTarget(M))
        guided = guided if guided.exhausted else guided.extend(DenseTarget(M))
    assert np.linalg.norm(alone.B, 2) == pytest.approx(1.0)
    assert np.linalg.norm(guided.B, 2) == pytest.approx(5.0)
    check(guided, M)
    inside = guided.left.basis @ (guided.left.basis.T @ start[0])
    assert np.linalg.norm(start[0] - inside) < 1e-14


def test_random_columns_lead_on_from_an_exhausted_space():
    rng = np.random.default_rng(5)
    M, phi, psi = matrix(rng, (30, 25), [5.0, 4.0, 1.0])
    basis = Basis.begin(phi[:, 2:3], psi[:, 2:3], float(np.linalg.norm(M)))
    basis = basis.extend(DenseTarget(M))
    assert basis.exhausted
    known = basis.B.copy()
    basis = basis.probed(2)
    assert not basis.exhausted
    for _ in range(6):
        basis = basis if basis.exhausted else basis.extend(DenseTarget(M))
    check(basis, M)
    assert np.array_equal(basis.B[:1, :1], known)
    values = np.linalg.svd(basis.B, compute_uv=False)[:3]
    assert values == pytest.approx([5.0, 4.0, 1.0])


def test_float32_keeps_its_own_promises():
    rng = np.random.default_rng(6)
    M = rng.standard_normal((60, 45)).astype(np.float32)
    start = [x.astype(np.float32) for x in gaussian(rng, M.shape, 3, 0.1)]
    basis = Basis.begin(*start, float(np.linalg.norm(M)))
    while not basis.exhausted:
        basis = basis.extend(DenseTarget(M))
    assert basis.left.store.dtype == np.float32  # what has the size of M
    assert basis.B.dtype == np.float64  # what is small
    check(basis, M, tight=3e-5)  # eps is 1.2e-7; 45 columns of rounding
