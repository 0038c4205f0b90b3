"""Sparse matrices in groups of a Zarr store, as AnnData keeps them: CSR or CSC, by its mark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mfact.core import Kind
from mfact.errors import DataError
from mfact.matrices import by_hand
from mfact.matrices.apart import Piece
from mfact.matrices.gathered import Group, read_gathered
from mfact.matrices.seen import Seen, changed
from mfact.matrices.values import BLOCK_BYTES, Told, check_fits, check_kind, silent
from mfact.matrices.zarr.keys import Keys
from mfact.matrices.zarr.stores import Store, is_array

_FORMS = {"csr_matrix": "CSR", "csc_matrix": "CSC"}
_NAMES = ("data", "indices", "indptr")


@dataclass(frozen=True)
class CompressedReader:
    """A sparse group by its path in a store that has been looked at; the store is opened anew."""

    store: Store
    path: str
    file: Seen | Keys
    group: Group
    label: str

    @property
    def entries(self) -> int:
        return self.group.entries

    def read(self, dtype: Kind, told: Told = silent, *, occupied: bool = False) -> Any:
        """The csr_array of the group, in dtype."""
        with self.file.opened(self.label):
            return read_gathered(
                self.group, self._pieces, dtype, told, self.label, occupied=occupied
            )

    def _pieces(self) -> Iterator[Piece]:
        with self.store.opened(self.label) as root:
            group = root[self.path] if self.path else root
            if inspect_sparse(group, self.label) != self.group:
                raise changed(self.label)
            for name in _NAMES:
                array = group[name]
                chunk = array.chunks[0]
                check_fits(chunk * array.dtype.itemsize + BLOCK_BYTES, self.label)
                step = max(1, BLOCK_BYTES // array.dtype.itemsize // chunk) * chunk
                for start in range(0, array.shape[0], step):
                    yield Piece((name, start), array[start : start + step])


def is_sparse(node: Any) -> bool:
    """Whether a node is a group that AnnData marks as a sparse matrix."""
    return not is_array(node) and node.attrs.get("encoding-type") in _FORMS


def inspect_sparse(group: Any, label: str) -> Group:
    """Look at a sparse group; DataError for what cannot be a matrix. No entry is read."""
    arrays = [_member(group, name, label) for name in _NAMES]
    kinds = [np.dtype(array.dtype) for array in arrays]
    check_kind(kinds[0], label)
    if any(kind.kind not in "iu" or kind.itemsize > 8 for kind in kinds[1:]):
        raise DataError(f"{label} has indices that are not integers", "write it again")
    shapes = tuple(tuple(array.shape) for array in arrays)
    if any(len(lengths) != 1 for lengths in shapes):
        raise DataError(f"{label} is a broken sparse matrix: not all is 1-D", "write it again")
    if (declared := group.attrs.get("shape")) is None:
        raise by_hand.no_shape(label)
    form = _FORMS[group.attrs["encoding-type"]]
    return Group("zarr", form, by_hand.pair(declared, label), _NAMES, shapes, kinds[0])


def _member(group: Any, name: str, label: str) -> Any:
    if name in group and is_array(group[name]):
        return group[name]
    raise DataError(f"{label} is a broken sparse matrix: {name} is no array", "write it again")
