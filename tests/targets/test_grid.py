"""The grid that a sparse matrix is held in: its cuts, its blocks, what it takes of memory."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from mfact.errors import DataError
from mfact.host.threads import ALONE, Workers
from mfact.targets import grid
from mfact.targets.grid import Grid
from mfact.targets.sparse import SparseTarget


@pytest.fixture(autouse=True, scope="module")
def _small_blocks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid, "SHARE_ENTRIES", 10)
        patch.setattr(grid, "SLICE_BYTES", 800)
        patch.setattr(grid, "MOST_BANDS", 9)
        yield


def heavy(rng, shape, count, dtype=np.float64):
    """Integers, zeros and several in one place among them; few lines hold most, in no order."""
    lines = [rng.permutation(d)[(d * rng.random(count) ** 3).astype(np.int64)] for d in shape]
    values = rng.integers(-9, 10, count).astype(dtype)
    return scipy.sparse.coo_array((values, tuple(lines)), shape=shape)


def one_line(shape, side):
    """All entries in one row, or one column."""
    M = np.zeros(shape)
    M[(7 % shape[0], slice(None)) if side == 0 else (slice(None), 5 % shape[1])] = 2.0
    return M


SHAPES = [(1, 900), (900, 1), (3, 400), (400, 3), (60, 50), (1, 1)]
ODD = {
    **{f"one row {shape}": one_line(shape, 0) for shape in SHAPES},
    **{f"one column {shape}": one_line(shape, 1) for shape in SHAPES},
    **{f"zero {shape}": np.zeros(shape) for shape in SHAPES},
    "first rows empty": np.vstack([np.zeros((80, 30)), np.eye(30)]),
    "last columns empty": np.hstack([np.ones((30, 8)), np.zeros((30, 80))]),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_matrices(name):
    M = ODD[name]
    check(scipy.sparse.csr_array(M), M, np.random.default_rng(0))


@given(
    shape=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    density=st.floats(0, 2),
    form=st.sampled_from(["csr", "csc", "coo"]),
    dtype=st.sampled_from(["f4", "f8"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_matrix_in_any_form(shape, density, form, dtype, seed):
    rng = np.random.default_rng(seed)
    M = heavy(rng, shape, int(density * shape[0] * shape[1]), dtype).asformat(form)
    check(M, M.toarray(), rng)


def check(M, dense, rng):
    """Blocks that are M, cut where no line is lost; products of it, the same for all workers."""
    kept, found = M.copy(), []
    U, V = (rng.standard_normal((length, 3)).astype(M.dtype) for length in M.shape)
    for count in (1, 2, 4):
        with Workers(count) as workers:
            target = SparseTarget(M, None, workers)
            again = target.normal(U, V)[2]
            found.append(
                [
                    *target.products(U, V),
                    again,
                    target.norm,
                    *target.sums,
                    target.residual_norm(U, V),
                ]
            )
    for other in found[1:]:
        assert all(map(np.array_equal, found[0], other))
    assert (kept != M).nnz == 0
    whole = np.full(M.shape, np.nan, M.dtype)
    for rows, columns, block in target.grid:
        assert block.indices.dtype == block.indptr.dtype == np.int32
        assert block.has_canonical_format
        assert np.isnan(whole[rows, columns]).all()
        whole[rows, columns] = block.toarray()
    assert np.array_equal(whole, dense)  # sums of integers are exact
    eps = float(np.finfo(M.dtype).eps)
    for product, left, right in zip(found[0], (dense, dense.T), (V, U), strict=False):
        left, right = left.astype(float), right.astype(float)
        bound = (left.shape[1] + 2) * eps * (np.abs(left) @ np.abs(right))
        assert (np.abs(product - left @ right) <= bound).all()


@pytest.mark.parametrize(
    ("shape", "entries", "bands"),
    [
        ((100_000, 100_000), 10**7, (6, 8)),  # slices of 2 MB; rows that reuse them
        ((10_000, 10_000), 10**7, (62, 4)),  # one slice, cut for the workers
        ((10**7, 50), 10**8, (64, 1)),  # a row is too short to be cut
        ((50, 10**7), 10**8, (4, 64)),
        ((10**6, 10**6), 5 * 10**6, (4, 2)),  # few entries a row, so few pointers
        ((10**6, 10**6), 1000, (1, 1)),
        ((300, 200), 6000, (1, 1)),
    ],
)
def test_bands(shape, entries, bands):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid, "SHARE_ENTRIES", 1 << 18)
        patch.setattr(grid, "SLICE_BYTES", 1 << 21)
        patch.setattr(grid, "MOST_BANDS", 64)
        assert grid._bands(shape, entries, 8) == bands


@pytest.mark.parametrize("form", ["csr", "csc"])
def test_entries_are_counted_some_at_a_time(form, monkeypatch):
    monkeypatch.setattr(grid, "COUNTED", 7)
    M = heavy(np.random.default_rng(5), (9, 14), 60).asformat(form)
    there = M.copy()
    there.data[:] = 1
    for found, axis in zip(grid._counts(M), (1, 0), strict=True):
        assert np.array_equal(found, there.sum(axis))


def test_bands_share_entries_and_lines():
    counts = np.zeros(1000, np.int64)
    counts[300:310] = 10_000
    counts += 10
    cuts = grid._cuts(counts, 8)
    assert np.array_equal(np.concatenate([np.arange(1000)[cut] for cut in cuts]), np.arange(1000))
    # At most twice an even share of either, and one line more.
    assert max(int(counts[cut].sum()) for cut in cuts) <= counts.sum() / 4 + counts.max()
    assert max(cut.stop - cut.start for cut in cuts) <= 1000 / 4 + 1


@pytest.mark.parametrize(("dtype", "index"), [("f8", "i4"), ("f8", "i8"), ("f4", "i4")])
@pytest.mark.parametrize("form", ["csr", "csc"])
def test_what_is_held_is_the_entries(form, dtype, index):
    """Value and small index of each, and a few pointers; while it is made, a block more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid, "SHARE_ENTRIES", 1 << 12)
        patch.setattr(grid, "SLICE_BYTES", 1 << 16)
        rng = np.random.default_rng(2)
        M = heavy(rng, (3000, 2500), 500_000, dtype).asformat(form)
        M.indices, M.indptr = M.indices.astype(index), M.indptr.astype(index)
        entry = M.dtype.itemsize + 4
        tracemalloc.start()
        try:
            made = SparseTarget(M).grid
            now, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    blocks = len(made.rows) * len(made.columns)
    assert blocks > 30
    assert now <= 1.3 * entry * M.nnz
    largest = max(block.nnz for _, _, block in made)
    assert peak - now <= 4 * largest * (entry + 8) + 5e5


@pytest.mark.parametrize("form", ["csr", "csc"])
def test_a_sum_of_duplicates_that_is_no_number_is_refused(form):
    kind = {"csr": scipy.sparse.csr_array, "csc": scipy.sparse.csc_array}[form]
    parts = kind(([1e308, 1e308, 1.0], [2, 2, 0], [0, 2, 3, 3]), shape=(3, 3))
    assert np.isfinite(parts.data).all()
    with pytest.raises(DataError, match="not finite"):
        Grid(parts, ALONE)
