"""M in shards on workers: the contract of targets, and the bits of who reads its file alone."""

from __future__ import annotations

import itertools

import h5py
import numpy as np
import pytest
from cluster_by_hand import Client, looking_often, target_of
from contracts.centred_contract import CentredContract
from contracts.target_contract import TargetContract
from hypothesis import given
from hypothesis import strategies as st

from mfact.host.threads import ALONE
from mfact.matrices.source import open_matrix
from mfact.targets import pieces
from mfact.targets.blocks import BlockTarget
from mfact.targets.centred import Centred

SLABS = 40
"""About so many of each matrix: 20 shards, whose sums are a tree of three levels."""


@pytest.fixture(autouse=True)
def _at_once():
    with looking_often():
        yield


class OnWorkers:
    numbers = itertools.count()

    @pytest.fixture(autouse=True)
    def _in_a_folder(self, tmp_path, monkeypatch):
        self.folder = tmp_path
        monkeypatch.setattr(pieces, "PIECE_BYTES", 1 << 17)

    def make(self, M, workers=ALONE):
        path = self.folder / f"{next(self.numbers)}.npy"
        np.save(path, M)
        # The count of the contract is here that of threads of one worker, and there are others.
        client = Client([workers.count, 1, 1] if workers.count > 1 else [1])
        return target_of(path, client, block_bytes=max(1, M.nbytes // SLABS), dtype=str(M.dtype))


class TestRows(OnWorkers, TargetContract):
    pass


@pytest.mark.slow
class TestColumns(OnWorkers, TargetContract):
    def make(self, M, workers=ALONE):
        return super().make(np.asfortranarray(M), workers)


@pytest.mark.slow
class TestCentredOnWorkers(OnWorkers, CentredContract):
    def hold(self, A, workers=ALONE):
        return self.make(A, workers)


def _hdf5(path, M, **how):
    with h5py.File(path, "w") as file:
        file.create_dataset("M", data=M, **how)


def _scaled(path, M):
    with h5py.File(path, "w") as file:
        stored = file.create_dataset("M", data=np.round(100 * M).astype("i2"))
        stored.attrs["scale_factor"], stored.attrs["add_offset"] = 0.01, 1.5


FILES = {
    "C.npy": lambda path, M: np.save(path, M),
    "F.npy": lambda path, M: np.save(path, np.asfortranarray(M)),
    "float32.npy": lambda path, M: np.save(path, M.astype("f4")),
    "integers.npy": lambda path, M: np.save(path, np.round(9 * M).astype("i2")),
    "contiguous.h5": _hdf5,
    "tiles.h5": lambda path, M: _hdf5(path, M, chunks=(4, 5)),
    "gzip.h5": lambda path, M: _hdf5(path, M, chunks=(3, 7), compression="gzip", shuffle=True),
    "columns.h5": lambda path, M: _hdf5(path, M, chunks=(len(M), 2)),
    "scaled.nc.h5": _scaled,
}


QUICK = ("C.npy", "F.npy", "float32.npy", "gzip.h5")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in QUICK else [pytest.mark.slow]) for n in FILES]
)
def test_no_bit_depends_on_who_holds_what(name, tmp_path):
    """Nor differs from those of one who reads the file in each pass."""
    path, numbers = tmp_path / name, itertools.count()

    @given(
        shape=st.tuples(st.integers(8, 90), st.integers(8, 40)),
        cut=st.integers(1, 50),
        threads=st.lists(st.integers(1, 3), min_size=1, max_size=5),
        center=st.sampled_from(["none", "columns"]),
        transpose=st.booleans(),
        seed=st.integers(0, 2**32 - 1),
    )
    def check(shape, cut, threads, center, transpose, seed):
        rng = np.random.default_rng(seed)
        file = path.with_name(f"{next(numbers)}{path.name}")
        FILES[name](file, rng.standard_normal(shape))
        source = open_matrix(str(file), transpose=transpose)
        block_bytes = max(1, source.file_bytes // cut)
        alone = BlockTarget(source.slabs(block_bytes))
        client = Client(threads, seed)
        shared = target_of(file, client, block_bytes=block_bytes, transpose=transpose)
        U, V = (rng.standard_normal((d, 2)) for d in source.shape)
        if center != "none":
            alone, shared = Centred(alone, center), Centred(shared, center)
        for one, other in zip(asked(alone, U, V), asked(shared, U, V), strict=True):
            np.testing.assert_array_equal(one, other)

    check()


def asked(target, U, V):
    """All that can be asked of a target."""
    found = [*target.normal(U, V), target.norm, *target.sums, target.residual_norm(U, V)]
    found += [*target.products(U[:, :0], V), *target.normal(U, V[:, :1])]
    rows = np.vstack(list(target.slices(7)))
    return [*found, rows, *(target.means() if hasattr(target, "means") else ())]
