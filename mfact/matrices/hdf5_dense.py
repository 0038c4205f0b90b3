"""A dense HDF5 dataset, 2-D or of points, read chunk by chunk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import prod
from typing import Any

import numpy as np

from mfact.core import Array
from mfact.errors import DataError
from mfact.matrices import hdf5
from mfact.matrices.apart import Piece, apart
from mfact.matrices.seen import Seen, changed
from mfact.matrices.values import (
    BLOCK_BYTES,
    Told,
    check_fits,
    check_kind,
    check_shape,
    new_matrix,
    silent,
    store,
)
from mfact.words import printable

Tile = tuple[slice, ...]

_MATLAB_NUMBERS = re.compile(r"double|single|logical|u?int(8|16|32|64)")


@dataclass(frozen=True)
class Layout:
    """How a dataset lies in its file.

    shape: as stored. chunks: None when contiguous. transposed: MATLAB writes Mᵀ.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...] | None
    transposed: bool

    @property
    def array_shape(self) -> tuple[int, ...]:
        return self.shape[::-1] if self.transposed else self.shape

    @property
    def matrix_shape(self) -> tuple[int, int]:
        """With all lengths but the first as one."""
        return self.array_shape[0], prod(self.array_shape[1:])

    @property
    def order(self) -> str:
        if self.chunks is None:
            return "F" if self.transposed else "C"
        return f"chunked {self.chunks[::-1] if self.transposed else self.chunks}"


@dataclass(frozen=True)
class DenseReader:
    """A dataset by its path in a file that has been looked at; the file is opened anew."""

    file: Seen
    dataset: str
    layout: Layout
    follow_links: bool
    label: str

    def read(self, dtype: np.dtype[Any], told: Told = silent) -> Array:
        """The whole matrix in dtype; of MATLAB's datasets a Fortran-ordered one."""
        layout, transposed = self.layout, self.layout.transposed
        order = "F" if transposed and len(layout.shape) == 2 else "C"
        out = new_matrix(layout.matrix_shape, dtype, order, self.label)
        array = out.reshape(layout.array_shape)  # a view: one or more lengths are as one in out
        stored = array.T if transposed else array
        chunk = prod(layout.chunks or (1,)) * layout.dtype.itemsize
        done = 0
        for tile, block in apart(self._tiles, self.label, max(BLOCK_BYTES, chunk)):
            store(block, stored[tile], partial(_in_tile, tile, layout), self.label)
            done += block.size
            told(done / out.size)
        return out

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """The open h5py.Dataset, checked to be what it was when it was looked at."""
        import h5py

        with hdf5.open_file(self.file, self.label) as file:
            found = hdf5.resolve(hdf5.root(file), self.dataset, self.follow_links, self.label)
            if inspect_dense(found, self.follow_links, self.label, True) != self.layout:
                raise changed(self.label)
            yield h5py.Dataset(found)

    def _tiles(self) -> Iterator[Piece]:
        shape, step = self.layout.shape, self.layout.chunks or (1, *self.layout.shape[1:])
        with self.opened() as dataset:
            for tile in tiles(shape, step, self.layout.dtype.itemsize):
                yield Piece(tile, dataset[tile])


def inspect_dense(dataset: Any, follow_links: bool, label: str, points: bool = False) -> Layout:
    """Look at a dataset identifier and refuse what cannot be a matrix. Nothing is read.

    Raises DataError for kinds and shapes that are not taken and for values in other files,
    MissingPackageError for a compression that cannot be undone here.
    """
    from h5py import h5d

    hdf5.check_own_data(dataset, follow_links, label)
    matlab = hdf5.attribute(dataset, "MATLAB_class")
    if matlab is not None and not _MATLAB_NUMBERS.fullmatch(str(matlab)):
        raise DataError(
            f"{label} is a MATLAB {printable(str(matlab))} array", "save a numeric matrix"
        )
    if matlab is not None and hdf5.attribute(dataset, "MATLAB_empty"):
        raise DataError(f"{label} is an empty MATLAB array", "pass a matrix with entries")
    check_kind(dataset.dtype, label)
    check_shape(dataset.shape, label, points)
    hdf5.check_filters(dataset, label)
    properties = dataset.get_create_plist()
    chunks = properties.get_chunk() if properties.get_layout() == h5d.CHUNKED else None
    if chunks is not None:
        check_fits(prod(chunks) * dataset.dtype.itemsize, label)
    return Layout(dataset.shape, dataset.dtype, chunks, matlab is not None)


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


def _in_tile(tile: Tile, layout: Layout, index: tuple[int, ...]) -> tuple[int, int]:
    place = [part.start + at for part, at in zip(tile, index, strict=True)]
    row, *rest = place[::-1] if layout.transposed else place
    column = 0
    for length, at in zip(layout.array_shape[1:], rest, strict=True):
        column = column * length + at
    return row, column
