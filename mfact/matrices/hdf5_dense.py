"""A dense 2-D HDF5 dataset, read chunk by chunk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
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

Tile = tuple[slice, slice]

_MATLAB_NUMBERS = re.compile(r"double|single|logical|u?int(8|16|32|64)")


@dataclass(frozen=True)
class Layout:
    """How a dataset lies in its file.

    shape: as stored. chunks: None when contiguous. transposed: MATLAB writes Mᵀ.
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    chunks: tuple[int, int] | None
    transposed: bool

    @property
    def matrix_shape(self) -> tuple[int, int]:
        return self.shape[::-1] if self.transposed else self.shape

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
        transposed = self.layout.transposed
        order = "F" if transposed else "C"
        out = new_matrix(self.layout.matrix_shape, dtype, order, self.label)
        stored = out.T if transposed else out
        chunk = prod(self.layout.chunks or (1, 1)) * self.layout.dtype.itemsize
        done = 0
        for tile, block in apart(self._tiles, self.label, max(BLOCK_BYTES, chunk)):
            store(block, stored[tile], partial(_in_tile, tile, transposed), self.label)
            done += block.size
            told(done / out.size)
        return out

    def _tiles(self) -> Iterator[Piece]:
        """The dataset tile by tile, checked to be what it was when it was looked at."""
        import h5py

        shape, step = self.layout.shape, self.layout.chunks or (1, self.layout.shape[1])
        with hdf5.open_file(self.file, self.label) as file:
            found = hdf5.resolve(hdf5.root(file), self.dataset, self.follow_links, self.label)
            if inspect_dense(found, self.follow_links, self.label) != self.layout:
                raise changed(self.label)
            dataset = h5py.Dataset(found)
            for tile in tiles(shape, step, self.layout.dtype.itemsize):
                yield Piece(tile, dataset[tile])


def inspect_dense(dataset: Any, follow_links: bool, label: str) -> Layout:
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
    shape = check_shape(dataset.shape, label)
    hdf5.check_filters(dataset, label)
    properties = dataset.get_create_plist()
    chunks = properties.get_chunk() if properties.get_layout() == h5d.CHUNKED else None
    if chunks is not None:
        check_fits(chunks[0] * chunks[1] * dataset.dtype.itemsize, label)
    return Layout(shape, dataset.dtype, chunks, matlab is not None)


def tiles(shape: tuple[int, int], step: tuple[int, int], itemsize: int) -> Iterator[Tile]:
    """Cut a matrix into tiles of whole steps (chunks), each of about BLOCK_BYTES or one step.

    Each chunk lies in one tile, so it is decompressed once, whatever the chunk cache holds.

    >>> list(tiles((3, 4), (2, 4), 8))
    [(slice(0, 3, None), slice(0, 4, None))]
    """
    room = BLOCK_BYTES // itemsize
    rows, columns = min(step[0], shape[0]), min(step[1], shape[1])
    if rows * shape[1] <= room:
        columns = shape[1]
        rows *= max(1, room // (rows * columns))
    else:
        columns *= max(1, room // (rows * columns))
    for top in range(0, shape[0], rows):
        for left in range(0, shape[1], columns):
            yield (
                slice(top, min(shape[0], top + rows)),
                slice(left, min(shape[1], left + columns)),
            )


def _in_tile(tile: Tile, transposed: bool, index: tuple[int, ...]) -> tuple[int, int]:
    row, column = tile[0].start + index[0], tile[1].start + index[1]
    return (column, row) if transposed else (row, column)
