"""Sparse matrices in HDF5 groups: AnnData, 10x Genomics, and MATLAB's sparse variables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mfact.core import Array
from mfact.errors import DataError
from mfact.matrices import hdf5
from mfact.matrices.apart import Piece, apart
from mfact.matrices.seen import Seen, changed
from mfact.matrices.sparse import Compressed, assemble
from mfact.matrices.values import (
    BLOCK_BYTES,
    Told,
    check_fits,
    check_kind,
    check_shape,
    refuse_memory,
    silent,
)


@dataclass(frozen=True)
class Group:
    """Where the three arrays of a compressed matrix stand in a group.

    family: "h5ad", "10x" or "matlab". names, lengths: of the values, indices
    and pointers.
    """

    family: str
    major: str
    shape: tuple[int, int]
    names: tuple[str, str, str]
    lengths: tuple[int, ...]
    dtype: np.dtype[Any]


@dataclass(frozen=True)
class SparseReader:
    """A sparse group by its path in a file that has been looked at; the file is opened anew."""

    file: Seen
    dataset: str
    group: Group
    follow_links: bool
    label: str

    @property
    def entries(self) -> int:
        return self.group.lengths[0]

    def read(self, dtype: np.dtype[Any], told: Told = silent, *, occupied: bool = False) -> Any:
        """The csr_array of the group, in dtype."""
        kinds = (dtype, np.dtype(np.int64), np.dtype(np.int64))
        sizes = list(zip(self.group.lengths, kinds, strict=True))
        check_fits(sum(n * kind.itemsize for n, kind in sizes) + BLOCK_BYTES, self.label)
        try:
            data, indices, indptr = (np.empty(n, kind) for n, kind in sizes)
        except (MemoryError, ValueError):
            refuse_memory(self.label)
        vectors = dict(zip(self.group.names, (data, indices, indptr), strict=True))
        done = 0
        with np.errstate(over="ignore", invalid="ignore"):
            for (name, start), block in apart(
                self._pieces, self.label, 8 * max(self.group.lengths)
            ):
                vectors[name][start : start + len(block)] = block
                done += len(block)
                told(done / sum(self.group.lengths))
        parts = Compressed(self.group.major, self.group.shape, data, indices, indptr)
        return assemble(parts, self.label, occupied=occupied)

    def _pieces(self) -> Iterator[Piece]:
        with hdf5.open_file(self.file, self.label) as file:
            root = hdf5.root(file)
            for name, length in zip(self.group.names, self.group.lengths, strict=True):
                member = _member(root, self.dataset, name, self.follow_links, self.label)
                if member.shape != (length,):
                    raise changed(self.label)
                for start, block in _vector_blocks(member, self.label):
                    yield Piece((name, start), block)


def is_sparse(group: Any) -> bool:
    """Whether a group identifier is laid out as one of the sparse kinds known here."""
    names = set(group)
    if {b"data", b"ir", b"jc"} <= names:
        return hdf5.attribute(group, "MATLAB_sparse") is not None
    if not {b"data", b"indices", b"indptr"} <= names:
        return False
    return b"shape" in names or _anndata_format(group) is not None


def inspect_sparse(root: Any, path: str, group: Any, follow_links: bool, label: str) -> Group:
    """Look at a sparse group; DataError for what cannot be a matrix. No entry is read."""
    if hdf5.attribute(group, "MATLAB_sparse") is not None:
        family, major, names = "matlab", "CSC", ("data", "ir", "jc")
    elif (form := _anndata_format(group)) is not None:
        family, names = "h5ad", ("data", "indices", "indptr")
        major = {"csr": "CSR", "csc": "CSC"}.get(form, form)
    else:
        family, major, names = "10x", "CSC", ("data", "indices", "indptr")
    if major not in ("CSR", "CSC"):
        raise DataError(f"{label} is a sparse matrix of the unknown form {major}", "use CSR")
    members = [_member(root, path, name, follow_links, label) for name in names]
    check_kind(members[0].dtype, label)
    for member in members[1:]:
        if member.dtype.kind not in "iu" or member.dtype.itemsize > 8:
            raise DataError(f"{label} has indices that are not integers", "write it again")
    if family == "matlab":
        declared = (hdf5.attribute(group, "MATLAB_sparse"), members[2].shape[0] - 1)
    elif family == "h5ad":
        shape = hdf5.attribute(group, "shape")
        declared = hdf5.attribute(group, "h5sparse_shape") if shape is None else shape
    else:
        stored = _member(root, path, "shape", follow_links, label)
        if stored.shape != (2,) or stored.dtype.kind not in "iu":
            raise DataError(f"{label} does not say its shape", "write it again")
        declared = tuple(next(_vector_blocks(stored, label))[1])
    shape = check_shape(_pair(declared, label), label)
    lengths = tuple(int(member.shape[0]) for member in members)
    return Group(family, major, shape, names, lengths, members[0].dtype)


def _anndata_format(group: Any) -> str | None:
    encoding = hdf5.attribute(group, "encoding-type")
    if encoding is not None and str(encoding).endswith("_matrix"):
        return str(encoding).removesuffix("_matrix")
    old = hdf5.attribute(group, "h5sparse_format")
    return None if old is None else str(old)


def _pair(declared: Any, label: str) -> tuple[int, ...]:
    try:
        lengths = tuple(int(length) for length in declared)
    except (TypeError, ValueError, OverflowError):
        lengths = (-1,)
    if len(lengths) != 2 or min(lengths) < 0:
        raise DataError(f"{label} does not say its shape", "write it again")
    return lengths


def _member(root: Any, path: str, name: str, follow_links: bool, label: str) -> Any:
    from h5py import h5d

    member = hdf5.resolve(root, f"{path}/{name}", follow_links, label)
    if not isinstance(member, h5d.DatasetID):
        raise DataError(
            f"{label} is a broken sparse matrix: {name} is no dataset", "write it again"
        )
    hdf5.check_own_data(member, follow_links, label)
    if len(member.shape) != 1:
        raise DataError(f"{label} is a broken sparse matrix: {name} is not 1-D", "write it again")
    # Of a length that costs nothing to state, and all to read.
    if member.shape[0] and not follow_links and member.get_storage_size() == 0:
        raise DataError(f"{label} has {name} that were never written", "write it again")
    hdf5.check_filters(member, label)
    return member


def _vector_blocks(dataset: Any, label: str) -> Iterator[tuple[int, Array]]:
    import h5py

    stored = h5py.Dataset(dataset)
    chunk = stored.chunks[0] if stored.chunks else 1
    check_fits(chunk * stored.dtype.itemsize + BLOCK_BYTES, label)
    step = max(1, BLOCK_BYTES // stored.dtype.itemsize // chunk) * chunk
    for start in range(0, stored.shape[0], step):
        yield start, stored[start : start + step]
