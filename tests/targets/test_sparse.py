import tracemalloc

import numpy as np
import pytest
import scipy.sparse
from contracts.target_contract import TargetContract

from mfact.errors import DataError
from mfact.host.threads import ALONE, Workers
from mfact.targets import grid, sparse
from mfact.targets.door import held
from mfact.targets.sparse import SparseTarget


class TestSparseTarget(TargetContract):
    def make(self, M, workers=ALONE):
        return SparseTarget(scipy.sparse.csr_array(M), None, workers)


class TestSparseTargetInManyBlocks(TargetContract):
    """The same with blocks and tiles so small that every test crosses their borders."""

    @pytest.fixture(autouse=True)
    def _small_blocks(self, monkeypatch):
        monkeypatch.setattr(grid, "SHARE_ENTRIES", 50)
        monkeypatch.setattr(grid, "SLICE_BYTES", 800)
        monkeypatch.setattr(grid, "MOST_BANDS", 9)
        monkeypatch.setattr(grid, "COUNTED", 70)
        monkeypatch.setattr(sparse, "TILE_CELLS", 800)

    def make(self, M, workers=ALONE):
        return SparseTarget(scipy.sparse.csr_array(M), None, workers)


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "dia", "lil", "dok"])
def test_every_sparse_form_is_taken(form):
    M = np.array([[0.0, 2.0, 0.0], [1.0, 0.0, -3.0]])
    target = SparseTarget(scipy.sparse.coo_array(M).asformat(form))
    assert np.array_equal(np.vstack(list(target.slices(1))), M.T)


def test_duplicates_are_added_and_the_argument_is_left_alone():
    M = scipy.sparse.csr_array(([1.0, 2.0, 5.0], [1, 1, 0], [0, 2, 3]), shape=(2, 2))
    target = SparseTarget(M)
    assert (M.nnz, target.nonzeros) == (3, 2)
    assert target.norm == pytest.approx(np.sqrt(9 + 25))
    assert target.residual_norm(np.zeros((2, 1)), np.zeros((2, 1))) == pytest.approx(target.norm)


def test_a_huge_shape_costs_only_its_entries():
    """2e5×5e4 would be 80 GB dense."""
    shape, rng = (200_000, 50_000), np.random.default_rng(0)
    rows, columns = rng.integers(shape[0], size=5000), rng.integers(shape[1], size=5000)
    M = scipy.sparse.coo_array((rng.standard_normal(5000), (rows, columns)), shape=shape)
    target = SparseTarget(M.tocsr())
    u, v = rng.standard_normal((shape[0], 1)), rng.standard_normal((shape[1], 1))
    # ‖uvᵀ − M‖² = ‖u‖²‖v‖² − 2uᵀMv + ‖M‖², with no cancellation here: ‖uvᵀ‖ ≫ ‖M‖.
    truth = (u**2).sum() * (v**2).sum() - 2 * float(np.vdot(u, target.products(u, v)[0]))
    truth = np.sqrt(truth + target.norm**2)
    assert target.residual_norm(u, v) == pytest.approx(truth, rel=1e-13)


def test_a_small_residual_is_formed_without_a_dense_array():
    rng = np.random.default_rng(0)
    U, V = (np.zeros((length, 2)) for length in (4000, 3000))
    U[rng.integers(4000, size=200)] = 1.0
    V[rng.integers(3000, size=200)] = 1.0
    target = SparseTarget(scipy.sparse.csr_array(U) @ scipy.sparse.csr_array(V).T)
    tracemalloc.start()
    try:
        assert target.residual_norm(U, V) == 0.0
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The dense residual is 96 MB; two tiles of 8 MB and indices are allowed.
    assert peak < 32e6


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["f4", "f8", "i8"])
@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
@pytest.mark.parametrize("entries", [100_000, 600_000])
def test_the_forecast_covers_the_peak(entries, form, kind, dtype):
    """Of a conversion too, with the largest indices, in one block and in many."""
    rng = np.random.default_rng(4)
    places = tuple(rng.integers(4000, size=(2, entries)))
    values = rng.integers(1, 9, entries).astype(kind)
    M = scipy.sparse.coo_array((values, places), shape=(4000, 4000)).asformat(form)
    if form != "coo":
        M.indices, M.indptr = M.indices.astype(np.int64), M.indptr.astype(np.int64)
    with Workers(4) as workers:
        tracemalloc.start()
        try:
            target = held(M, dtype).target(workers=workers)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert (len(list(target.held.grid)) > 1) == (entries > 200_000)
    assert peak <= held(M, dtype).needed


@pytest.mark.parametrize("rank", [1, 3, 12])
@pytest.mark.parametrize("share", [0.005, 0.05, 0.2, 2.0])
def test_both_ways_to_the_residual_agree_with_extended_precision(share, rank):
    """Residuals on both sides of the switch between the two formulas."""
    rng = np.random.default_rng(rank)
    U, V = rng.standard_normal((60, rank)), rng.standard_normal((45, rank))
    M = U @ V.T
    M += share * np.linalg.norm(M) / np.sqrt(M.size) * rng.standard_normal(M.shape)
    cells = U.astype(np.longdouble) @ V.T.astype(np.longdouble) - M
    truth = float(np.sqrt((cells**2).sum()))
    target = SparseTarget(scipy.sparse.csr_array(M))
    # A cell of the difference is rounded at the size of UVᵀ, at most 200 times its own.
    assert target.residual_norm(U, V) == pytest.approx(truth, rel=1e-13)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(bad):
    with pytest.raises(DataError, match="not finite"):
        SparseTarget(scipy.sparse.csr_array([[1.0, bad]]))


@pytest.mark.parametrize("dtype", [int, complex, bool])
def test_other_kinds_are_refused(dtype):
    with pytest.raises(DataError, match="convert it to float64"):
        SparseTarget(scipy.sparse.csr_array(np.eye(3, dtype=dtype)))


def test_an_empty_shape_is_refused():
    with pytest.raises(DataError, match="non-empty"):
        SparseTarget(scipy.sparse.csr_array((0, 3)))
