"""Sparse matrices in HDF5 groups: AnnData, 10x Genomics, MATLAB's, and those kept by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mfact.errors import DataError, MfactError
from mfact.matrices import by_hand
from mfact.matrices.apart import Piece
from mfact.matrices.choice import Candidate
from mfact.matrices.gathered import Group, read_gathered
from mfact.matrices.hdf5 import objects, vectors
from mfact.matrices.hdf5.marks import is_sparse, marks_of, shape_of
from mfact.matrices.seen import Seen, changed
from mfact.matrices.values import Told, check_kind, silent

__all__ = ["SparseReader", "candidate", "inspect_sparse", "is_sparse"]


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
        return self.group.entries

    def read(self, dtype: np.dtype[Any], told: Told = silent, *, occupied: bool = False) -> Any:
        """The csr_array of the group, in dtype."""
        return read_gathered(self.group, self._pieces, dtype, told, self.label, occupied=occupied)

    def _pieces(self) -> Iterator[Piece]:
        with objects.open_file(self.file, self.label) as file:
            root = objects.root(file)
            for name, shape in zip(self.group.names, self.group.shapes, strict=True):
                member = vectors.member(root, self.dataset, name, self.follow_links, self.label)
                if member.shape != shape:
                    raise changed(self.label)
                for start, block in vectors.blocks(member, self.label):
                    yield Piece((name, start), block)


def candidate(root: Any, path: str, group: Any) -> Candidate:
    """What a sparse group is to the choice among the things in a file."""
    try:
        member = partial(vectors.member, root, path, follow_links=False, label="it")
        shape = shape_of(root, group, marks_of(group, "it").family, member, "it")
    except MfactError as error:
        return Candidate(path, (), f"sparse, but {error.sentence}", False)
    return Candidate(path, shape, "sparse", True)


def inspect_sparse(
    root: Any, path: str, group: Any, follow_links: bool, label: str, *, major: str | None = None
) -> Group:
    """Look at a sparse group; DataError for what cannot be a matrix. No entry is read.

    major: "CSR" or "CSC", as a square one that does not tell is asked for.
    """
    member = partial(vectors.member, root, path, follow_links=follow_links, label=label)
    marks = marks_of(group, label)
    arrays = [member(name) for name in marks.kept.names]
    check_kind(arrays[0].dtype, label)
    for array in arrays[1:]:
        if array.dtype.kind not in "iu" or array.dtype.itemsize > 8:
            raise DataError(f"{label} has indices that are not integers", "write it again")
    shapes = tuple(array.shape for array in arrays)
    if [len(lengths) for lengths in shapes] != marks.kept.dimensions:
        raise DataError(f"{label} is a broken sparse matrix: not all is 1-D", "write it again")
    shape = shape_of(root, group, marks.family, member, label)
    form, notes = marks.form, tuple[str, ...]()
    if form:
        by_hand.require_major([form], major, marks.why, label)
    else:
        form, notes = by_hand.major_of(
            shape, shapes[2][0], label, major, typed=label, mark=marks.mark
        )
    return Group(marks.family, form, shape, marks.kept.names, shapes, arrays[0].dtype, notes)
