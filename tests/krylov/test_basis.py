"""The Krylov bases: orthonormal, B = LᵀMQ, and leaks that are what lies outside."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import gaussian, matrix
from random_runs import random_runs

from mfact.krylov.basis import Basis
from mfact.krylov.spectrum import leaks
from mfact.targets.dense import DenseTarget


class Counted(DenseTarget):
    """Counts the passes over M."""

    passes = 0

    def products(self, U, V):
        self.passes += 1
        return super().products(U, V)


def check(basis, M, tight=1e-13):
    """All that a Basis promises, against M itself; relative to ‖M‖."""
    L, Q = basis.left.basis, basis.right.basis
    norm = np.linalg.norm(M) or 1.0
    for side in (basis.left, basis.right):
        whole = side.store[:, : side.known + side.pending]
        assert np.abs(whole.T @ whole - np.eye(whole.shape[1])).max(initial=0) < tight
    assert np.abs(basis.B - L.T @ M @ Q).max(initial=0) < tight * norm
    leak_left, leak_right = leaks(basis)
    outside = M @ Q - L @ (L.T @ M @ Q)
    shown = basis.left.next_block @ leak_left[:, : Q.shape[1]]
    assert np.linalg.norm(outside - shown) < 10 * tight * norm
    outside = M.T @ L - Q @ (Q.T @ M.T @ L)
    shown = basis.right.next_block @ leak_right[:, : L.shape[1]]
    assert np.linalg.norm(outside - shown) < 10 * tight * norm


@given(run=random_runs(starts=("gaussian", "unbalanced", "rank-deficient", "planted"), steps=1))
def test_every_extension_keeps_the_promises(run):
    target = Counted(run.M)
    basis = Basis.begin(*run.start, target.norm)
    for n in range(1, 70):
        if basis.exhausted:
            break
        basis = basis.extend(target)
        assert basis.passes == target.passes == n
        check(basis, run.M)
    else:
        pytest.fail("a space of at most 60 dimensions did not end in 70 passes")
    # The factors lie in the bases, and the bases map into each other.
    for factor, side in zip(run.start, (basis.left, basis.right), strict=True):
        off = factor - side.basis @ (side.basis.T @ factor)
        assert np.linalg.norm(off) <= 1e-14 * np.linalg.norm(factor)


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
    assert guided.probes == ((width, 2 if late else 0),)
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
