"""A dense HDF5 dataset, 2-D, of points or a slice of a stack, read chunk by chunk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from math import prod
from typing import Any

import numpy as np

from mfact.core import Array
from mfact.errors import DataError
from mfact.matrices.apart import Piece, apart
from mfact.matrices.hdf5 import objects
from mfact.matrices.hdf5.kinds import elements
from mfact.matrices.hdf5.layout import Layout, Tile
from mfact.matrices.hdf5.members import text
from mfact.matrices.hdf5.packing import packing
from mfact.matrices.missing import Entries
from mfact.matrices.parts import check_planar, fixed
from mfact.matrices.seen import Seen, changed
from mfact.matrices.spec import Part
from mfact.matrices.values import (
    BLOCK_BYTES,
    Told,
    check_fits,
    check_shape,
    new_matrix,
    silent,
)
from mfact.words import printable

_MATLAB_NUMBERS = re.compile(r"double|single|logical|u?int(8|16|32|64)")


@dataclass(frozen=True)
class Meant:
    """What the surroundings of a dataset say of it, which it does not say itself.

    reversed: its writer lists lengths in the other order (Octave, JLD2); MATLAB's datasets say so
    themselves. field: of its records, the one that holds the numbers (a table of pandas). part:
    that was asked for. fills: values that mark an entry as missing in any dataset of such a file
    (netCDF-4).
    """

    reversed: bool = False
    field: str | None = None
    part: Part | None = None
    fills: tuple[Any, ...] = ()


ITSELF = Meant()
"""The dataset says all there is to say."""


@dataclass(frozen=True)
class DenseReader:
    """A dataset by its path in a file that has been looked at; the file is opened anew."""

    file: Seen
    dataset: str
    layout: Layout
    follow_links: bool
    label: str
    meant: Meant = ITSELF

    def read(self, dtype: np.dtype[Any], told: Told = silent) -> Array:
        """The whole matrix in dtype; of MATLAB's datasets a Fortran-ordered one."""
        layout = self.layout
        order = "F" if layout.turned else "C"
        out = new_matrix(layout.matrix_shape, dtype, order, self.label)
        # Views: one or more lengths are as one in out.
        stored = layout.as_stored(out.reshape(layout.array_shape))
        chunk = prod(layout.chunks or (1,)) * layout.dtype.itemsize
        piece = max(BLOCK_BYTES, chunk) * layout.unpacked
        done, entries = 0, Entries(layout.matrix_shape, self.label, layout.decoding)
        for tile, block in apart(self._tiles, self.label, piece):
            entries.store(block, stored[tile], partial(layout.place, tile))
            done += block.size
            told(done / out.size)
        entries.require()
        return out

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """The open h5py.Dataset, checked to be what it was when it was looked at."""
        import h5py

        with objects.open_file(self.file, self.label) as file:
            found = objects.resolve(objects.root(file), self.dataset, self.follow_links, self.label)
            anew = inspect_dense(found, self.follow_links, self.label, True, self.meant)
            if anew != self.layout:
                raise changed(self.label)
            yield h5py.Dataset(found)

    def _tiles(self) -> Iterator[Piece]:
        shape, step = self.layout.shape, self.layout.chunks or (1, *self.layout.shape[1:])
        with self.opened() as dataset:
            for tile in tiles(shape, step, self.layout.dtype.itemsize):
                yield Piece(tile, self.layout.read(dataset, tile))


def inspect_dense(
    dataset: Any, follow_links: bool, label: str, points: bool = False, meant: Meant = ITSELF
) -> Layout:
    """Look at a dataset identifier and refuse what cannot be a matrix. Nothing is read.

    Raises DataError for kinds and shapes that are not taken and for values in other files,
    MissingPackageError for a compression that cannot be undone here.
    """
    objects.check_own_data(dataset, follow_links, label)
    matlab = text(dataset, "MATLAB_class")
    if matlab is not None and not _MATLAB_NUMBERS.fullmatch(matlab):
        raise DataError(f"{label} is a MATLAB {printable(matlab)} array", "save a numeric matrix")
    if matlab is not None and objects.attribute(dataset, "MATLAB_empty"):
        raise DataError(f"{label} is an empty MATLAB array", "pass a matrix with entries")
    if dataset.shape is None:
        raise DataError(f"{label} is a null dataset, without entries", "pass a matrix with entries")
    rank, turn = len(dataset.shape), -1 if matlab is not None or meant.reversed else 1
    found = elements(dataset.get_type(), label, meant.field, rank)
    given = (*dataset.shape[::turn], *found.inner)  # as its writer has it
    index = fixed(meant.part, given, label)
    fold = points or (meant.part is not None and meant.part.fold)
    if not fold:
        check_planar(given, index, turn < 0, label)
    check_shape(_kept(given, index), label, fold)
    objects.check_filters(dataset, label)
    decoding, told = packing(dataset, found, meant.fills, label)
    written = objects.kept_elsewhere(dataset) or dataset.get_storage_size() > 0
    unwritten = "" if written else "nothing was ever written to it, so each entry is its fill value"
    layout = Layout(
        shape=(*dataset.shape, *found.inner),
        elements=found,
        chunks=None,
        transposed=turn < 0,
        decoding=decoding or found.decoding,
        notes=tuple(f"{label}: {note}" for note in (found.note, *told, unwritten) if note),
    )
    return _cut(dataset, layout, (*index[:rank][::turn], *index[rank:]), label)


def _cut(dataset: Any, layout: Layout, index: tuple[int | None, ...], label: str) -> Layout:
    """The layout of a slice, () for the whole, and how the file cuts it into chunks.

    index: of each axis as stored.
    """
    from h5py import h5d

    layout = replace(layout, shape=_kept(layout.shape, index), fixed=index)
    properties = dataset.get_create_plist()
    if properties.get_layout() != h5d.CHUNKED:
        return layout
    chunk = properties.get_chunk()
    size = prod(chunk) * dataset.get_type().get_size()
    check_fits(size, label)
    chunks = _kept((*chunk, *layout.elements.inner), index)
    unpacked = -(-size // (prod(chunks) * layout.dtype.itemsize))
    return replace(layout, chunks=chunks, unpacked=unpacked)


def _kept(lengths: tuple[int, ...], index: tuple[int | None, ...]) -> tuple[int, ...]:
    """Those of the axes that are whole."""
    if not index:
        return lengths
    return tuple(n for n, at in zip(lengths, index, strict=True) if at is None)


def tiles(shape: tuple[int, ...], step: tuple[int, ...], itemsize: int) -> Iterator[Tile]:
    """Cut an array into tiles of whole steps (chunks), each of about BLOCK_BYTES or one step.

    Each chunk lies in one tile, so it is decompressed once, whatever the chunk cache holds.

    >>> list(tiles((3, 4), (2, 4), 8))
    [(slice(0, 3, None), slice(0, 4, None))]
    """
    room = BLOCK_BYTES // itemsize
    size = [min(pair) for pair in zip(step, shape, strict=True)]
    for axis in reversed(range(len(shape))):
        longer = size[axis] * max(1, room // prod(size))
        whole = prod(size) // size[axis] * shape[axis] <= room
        size[axis] = shape[axis] if whole else longer
        if not whole:
            break
    starts = [range(0, length, part) for length, part in zip(shape, size, strict=True)]
    for corner in product(*starts):
        yield tuple(
            slice(start, min(length, start + part))
            for start, length, part in zip(corner, shape, size, strict=True)
        )
