"""A matrix that stays in its file: the contract of targets, on slabs of arrays and of files."""

from __future__ import annotations

import itertools

import h5py
import numpy as np
import pytest
from contracts.target_contract import TargetContract
from slabs_in_memory import ArraySlabs

from mfact.host.threads import ALONE, Workers
from mfact.matrices.source import open_matrix
from mfact.targets import pieces
from mfact.targets.blocks import BlockTarget
from mfact.targets.dense import DenseTarget

SLABS = 7
"""About so many of each matrix."""


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch):
    """Several of each slab of the larger matrices."""
    monkeypatch.setattr(pieces, "PIECE_BYTES", 1 << 17)


class TestRowsOfAnArray(TargetContract):
    def make(self, M, workers=ALONE):
        lines = max(1, len(M) // SLABS)
        return BlockTarget(ArraySlabs(M, lines), str(M.dtype), None, workers)


class TestColumnsOfAnArray(TargetContract):
    def make(self, M, workers=ALONE):
        lines = max(1, M.shape[1] // SLABS)
        return BlockTarget(ArraySlabs(M, lines, columns=True), str(M.dtype), None, workers)


class OfAFile:
    """write: a matrix into a file, whose name is returned."""

    numbers = itertools.count()

    @pytest.fixture(autouse=True)
    def _in_a_folder(self, tmp_path):
        self.folder = tmp_path

    def make(self, M, workers=ALONE):
        path = str(self.folder / f"{next(self.numbers)}.{self.suffix}")
        self.write(path, M)
        slabs = open_matrix(path).slabs(max(1, M.nbytes // SLABS))
        return BlockTarget(slabs, str(M.dtype), None, workers)


class TestNpy(OfAFile, TargetContract):
    suffix = "npy"

    def write(self, path, M):
        np.save(path, np.ascontiguousarray(M))


class TestFortranOrderedNpy(OfAFile, TargetContract):
    suffix = "npy"

    def write(self, path, M):
        np.save(path, np.asfortranarray(M))


class Hdf5(OfAFile):
    suffix = "h5"
    how: dict[str, object] = {}  # noqa: RUF012 -- of each class its own

    def write(self, path, M):
        how = dict(self.how)
        if "chunks" in how:
            how["chunks"] = tuple(map(min, how["chunks"], M.shape))
        with h5py.File(path, "w") as file:
            file.create_dataset("M", data=M, **how)


@pytest.mark.slow
class TestContiguous(Hdf5, TargetContract):
    how = {}  # noqa: RUF012


@pytest.mark.slow
class TestChunksOfColumns(Hdf5, TargetContract):
    how = {"chunks": (1 << 20, 11)}  # noqa: RUF012


@pytest.mark.slow
class TestPackedTiles(Hdf5, TargetContract):
    how = {"chunks": (40, 300), "compression": "gzip", "shuffle": True}  # noqa: RUF012


KINDS = ["f8", ">f8", "f4", "f2", "i8", "i2", "u1", "?"]


@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", KINDS)
def test_numbers_of_every_kind_are_those_of_the_arithmetic(kind, dtype, columns):
    rng = np.random.default_rng(1)
    M = rng.integers(0, 2 if kind == "?" else 90, (60, 45)).astype(kind)
    U, V = (rng.standard_normal((d, 3)).astype(dtype) for d in M.shape)
    target = BlockTarget(ArraySlabs(M, 8, columns=columns), dtype)
    truth = DenseTarget(M.astype(dtype))
    # Sums of at most 60 terms in another order.
    close = {"rtol": 60 * np.finfo(dtype).eps, "atol": 60 * 90 * np.finfo(dtype).eps * 10}
    for one, other in zip(target.products(U, V), truth.products(U, V), strict=True):
        assert one.dtype == dtype
        np.testing.assert_allclose(one, other, **close)
    assert target.norm == pytest.approx(truth.norm, rel=1e-6)
    assert target.nonzeros == np.count_nonzero(M)
    np.testing.assert_array_equal(np.vstack([*target.slices(7)]), M.astype(dtype))


@pytest.mark.parametrize("columns", [False, True])
def test_no_bit_depends_on_who_reads_and_works_how_far_ahead(columns):
    rng = np.random.default_rng(2)
    M = rng.standard_normal((130, 90)).astype("f4")
    U, V = rng.standard_normal((130, 3)), rng.standard_normal((90, 3))
    found = []
    for count, readers, depth in itertools.product((1, 2, 4), (1, 2, 3), (1, 2, 5)):
        with Workers(count) as workers:
            slabs = ArraySlabs(M, 9, columns=columns)
            target = BlockTarget(slabs, "float64", 0, workers, readers=readers, depth=depth)
            found.append((*target.normal(U, V), *target.products(U, V), *target.sums,
                          target.norm, target.residual_norm(U, V)))  # fmt: skip
        # Norm and sums came with the first of the three readings, whatever it was for.
        assert len(slabs.fetched) == 3 * (len(slabs.cuts) - 1)
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("shape", [(70, 40), (40, 70), (40, 300)])
@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("height", [1, 6, 33, 200])
def test_slices_are_of_the_longer_side_whichever_way_the_slabs_lie(shape, columns, height):
    M = np.random.default_rng(4).standard_normal(shape)
    tall = M if shape[0] >= shape[1] else M.T
    for depth in (1, 2, 20):
        slabs = ArraySlabs(M, 4, columns=columns)
        found = list(BlockTarget(slabs, depth=depth).slices(height))
        assert [len(rows) for rows in found[:-1]] == [height] * (len(found) - 1)
        assert all(rows.flags.c_contiguous for rows in found)
        np.testing.assert_array_equal(np.vstack(found), tall)
    # With all of M in the buffers one reading gives them.
    assert len(slabs.fetched) == len(slabs.cuts) - 1
