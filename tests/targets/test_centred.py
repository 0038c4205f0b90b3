"""A matrix less its means passes its contract, whatever holds the matrix."""

from __future__ import annotations

import itertools
import tracemalloc

import h5py
import numpy as np
import pytest
from centred_by_hand import KINDS, by_hand, means
from contracts.centred_contract import CentredContract
from contracts.holders import Foreign
from scipy.sparse import csc_array, csr_array, random_array
from slabs_in_memory import ArraySlabs, early

from mfact.core import RIGHT
from mfact.errors import StorageError
from mfact.host.threads import ALONE
from mfact.matrices.source import open_matrix
from mfact.targets import pieces, sparse
from mfact.targets.blocks import BlockTarget
from mfact.targets.centred import Centred
from mfact.targets.dense import DenseTarget
from mfact.targets.sparse import SparseTarget


class TestCentredDense(CentredContract):
    def hold(self, A, workers=ALONE):
        return DenseTarget(A, None, workers)


class TestCentredFortran(CentredContract):
    def hold(self, A, workers=ALONE):
        return DenseTarget(np.asfortranarray(A), None, workers)


class TestCentredRowsOfCells(CentredContract):
    """CSR, all cells stored where the mean is none."""

    def hold(self, A, workers=ALONE):
        return SparseTarget(csr_array(A), None, workers)


class TestCentredColumnsOfCells(CentredContract):
    def hold(self, A, workers=ALONE):
        return SparseTarget(csc_array(A), None, workers)


class TestCentredForeign(CentredContract):
    narrow = True

    def hold(self, A, workers=ALONE):
        return Foreign(A)


class InSlabs(CentredContract):
    @pytest.fixture(autouse=True)
    def _small_pieces(self, monkeypatch):
        monkeypatch.setattr(pieces, "PIECE_BYTES", 1 << 17)


class TestCentredSlabsOfRows(InSlabs):
    def hold(self, A, workers=ALONE):
        slabs = ArraySlabs(A, max(1, len(A) // 7))
        return BlockTarget(slabs, str(A.dtype), None, workers)


class TestCentredSlabsOfColumns(InSlabs):
    def hold(self, A, workers=ALONE):
        slabs = ArraySlabs(A, max(1, A.shape[1] // 7), columns=True)
        return BlockTarget(slabs, str(A.dtype), None, workers)


class InFiles(InSlabs):
    numbers = itertools.count()

    @pytest.fixture(autouse=True)
    def _in_a_folder(self, tmp_path):
        self.folder = tmp_path

    def hold(self, A, workers=ALONE):
        path = str(self.folder / f"{next(self.numbers)}.{self.suffix}")
        self.write(path, A)
        slabs = open_matrix(path).slabs(max(1, A.nbytes // 7))
        return BlockTarget(slabs, str(A.dtype), None, workers)


class TestCentredNpy(InFiles):
    suffix = "npy"

    def write(self, path, A):
        np.save(path, A)


class TestCentredChunks(InFiles):
    suffix = "h5"

    def write(self, path, A):
        with h5py.File(path, "w") as file:
            chunks = (max(1, len(A) // 5), max(1, A.shape[1] // 3))
            file.create_dataset("A", data=A, chunks=chunks, compression="gzip")


class Begins(DenseTarget):
    """Its normal() begins with nothing, as one did before it could."""

    def normal(self, U, V):
        return super().normal(U, V)


class TestCentredOfAnOlderKind(CentredContract):
    def hold(self, A, workers=ALONE):
        return Begins(A, None, workers)


def test_a_normal_that_begins_with_nothing_is_not_asked():
    A = np.arange(12.0).reshape(4, 3)
    assert (Centred(DenseTarget(A), "rows").leads, Centred(Begins(A), "rows").leads) == (RIGHT, "")


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(100_000, 5), (5, 100_000)])
@pytest.mark.parametrize("mean", [1e6, -1e6, 0.1])
def test_a_hundred_thousand_large_numbers_have_a_mean_to_their_last_digit(order, shape, mean):
    A = np.asarray(mean + np.random.default_rng(1).standard_normal(shape), order=order)
    unit = np.spacing(np.abs(A).max())
    slabs = BlockTarget(ArraySlabs(A, 1 + shape[0] // 9))
    # What is added up in a dense one are differences from the first, of the size of what varies;
    # means of slabs are added up as they are, and SciPy adds up entries one after another.
    for held, units in ((DenseTarget(A), 8), (slabs, 8), (SparseTarget(csr_array(A)), 40)):
        for kind in KINDS:
            off = Centred(held, kind).mean - means(A, kind).ravel()
            assert np.abs(off).max() <= units * unit


def test_the_look_at_a_matrix_in_slabs_comes_with_the_next_pass():
    A = 1e3 + np.random.default_rng(2).standard_normal((60, 40))
    for columns in (False, True):
        for ask in (
            lambda target: target.products(np.ones((60, 2)), np.ones((40, 1))),
            lambda target: target.residual_norm(np.ones((60, 2)), np.ones((40, 2))),
            lambda target: target.normal(np.ones((60, 2)), np.ones((40, 2))),
        ):
            slabs = ArraySlabs(A, 8, columns=columns)
            target, reading = Centred(BlockTarget(slabs), "columns"), len(slabs.cuts) - 1
            assert target.mean.shape == (40,)
            assert len(slabs.fetched) == reading
            ask(target)
            assert len(slabs.fetched) == 2 * reading
            M = by_hand(A, "columns").astype(float)
            assert target.norm == pytest.approx(np.linalg.norm(M), rel=1e-12)
            assert len(target.sums[0]) == 4
            assert target.offset > 0
            assert len(slabs.fetched) == 2 * reading
        # And by a reading of its own, where it is asked for first.
        slabs = ArraySlabs(A, 8, columns=columns)
        assert Centred(BlockTarget(slabs), "columns").norm == target.norm
        assert len(slabs.fetched) == 2 * reading


@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("readings", [0, 1])
def test_what_an_interrupted_reading_told_is_forgotten(columns, readings):
    """Of the means, and of the look at what they leave."""
    A = 1e3 + np.random.default_rng(3).standard_normal((60, 40))
    slabs = ArraySlabs(A, 8, columns=columns)
    target, ones = Centred(BlockTarget(slabs), "rows"), np.ones((40, 1))
    if readings:
        assert target.mean.shape == (60,)
    for slab in (3, 1):
        slabs.fails = {slab: early(slab)}
        with pytest.raises(StorageError, match=f"M ends in slab {slab}"):
            target.products(np.ones((60, 0)), ones)
    slabs.fails = {}
    whole = Centred(BlockTarget(ArraySlabs(A, 8, columns=columns)), "rows")
    for one, two in zip(
        (*target.products(np.ones((60, 0)), ones), target.mean, target.norm, *target.sums),
        (*whole.products(np.ones((60, 0)), ones), whole.mean, whole.norm, *whole.sums),
        strict=True,
    ):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["csr", "csc"])
def test_a_sparse_matrix_is_not_filled_in(kind, form):
    shape = (20_000, 30_000)  # 5 GB of cells
    rng = np.random.default_rng(4)
    A = random_array(shape, density=1e-4, rng=rng, format=form)
    held, U, V = SparseTarget(A), *(rng.standard_normal((d, 3)) for d in shape)
    tracemalloc.start()
    try:
        target = Centred(held, kind)
        MV, MtU, _ = target.normal(U, V)
        loss = target.residual_norm(U, V)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 60 * 8 * sum(shape)
    column, row = {"mean": (None, None), "columns": (None, 0), "rows": (1, None)}[kind]
    m = A.mean(axis=row if kind == "columns" else column)
    less = m @ V if kind == "columns" else np.full(3, m) * V.sum(0) if kind == "mean" else None
    truth = A @ V - (np.outer(m, V.sum(0)) if kind == "rows" else less)
    np.testing.assert_allclose(MV, truth, rtol=0, atol=1e-12 * np.abs(truth).max())
    whole = np.sum(A.data**2) - target.offset**2
    assert target.norm**2 == pytest.approx(whole, rel=1e-12)
    size = np.vdot(U.T @ U, V.T @ V) - 2 * np.vdot(U, MV) + whole
    assert loss**2 == pytest.approx(size, rel=1e-10)
    assert np.abs(MtU).max() > 0


def test_a_residual_of_a_sparse_matrix_is_not_formed_for_the_size_of_its_term(monkeypatch):
    """a is of ones and b of small means: apart they are not of the size of what they make."""
    A = random_array((3000, 2000), density=1e-3, rng=np.random.default_rng(5), format="csr")
    target = Centred(SparseTarget(A), "columns")
    U, V = (np.sqrt(10) * np.linalg.qr(np.random.default_rng(6).standard_normal((d, 2)))[0]
            for d in A.shape)  # fmt: skip
    monkeypatch.setattr(sparse, "on_cells", None)
    truth = np.linalg.norm(U @ V.T - by_hand(A.toarray(), "columns").astype(float))
    assert target.residual_norm(U, V) == pytest.approx(truth, rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("density", [0.02, 0.5, 1.0])
@pytest.mark.parametrize("level", [1.0, 285.0])
def test_the_norm_of_a_sparse_matrix_less_its_means_loses_no_digit(kind, density, level):
    rng = np.random.default_rng(3)
    A = (rng.random((90, 70)) < density) * (rng.standard_normal((90, 70)) + level)
    A[4], A[:, 2] = 0, 0
    truth = np.sqrt(np.sum(by_hand(A, kind) ** 2))
    assert abs(Centred(SparseTarget(csr_array(A)), kind).norm - truth) <= 1e-15 * truth
