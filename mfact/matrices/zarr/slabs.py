"""Slabs of a Zarr array: chunks that are plain numbers are read as files, others by the library."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from mfact.core import Array
from mfact.matrices.chunks import across
from mfact.matrices.cuts import Cut, Stored, aligned, cut_across
from mfact.matrices.decoded import decoded
from mfact.matrices.extents import read_at
from mfact.matrices.readers import ReadersApart
from mfact.matrices.seen import changed, unreadable
from mfact.matrices.slabs import Slabs
from mfact.matrices.unpacking import damaged
from mfact.matrices.zarr.dense import ArrayReader, Chunking
from mfact.matrices.zarr.keys import Grid, Keys

_MOST_FILES = 1 << 20
"""Of more, which are so small that the library is not slower, no table is made."""


def slabs(reader: ArrayReader, block_bytes: int) -> Slabs:
    """A 2-D array in slabs of whole lines of chunks: of those in shards too, which are read alone.

    Raises StorageError for a store that is not the one that was looked at, or a file that is not
    as long as its numbers.
    """
    layout, decoding = reader.layout, reader.layout.decoding
    if decoding is not None:
        block_bytes = block_bytes * layout.dtype.itemsize // decoding.kind.itemsize
    height, width = layout.shape
    stored = Stored((height, width), layout.dtype, False, reader.label)
    with reader.file.opened(reader.label):
        found = _files(reader, stored, block_bytes) or _apart(reader, stored, block_bytes)
    return found if decoding is None else decoded(found, decoding)


def _apart(reader: ArrayReader, stored: Stored, block_bytes: int) -> Slabs:
    """By the library."""
    height, width = reader.layout.chunks or stored.shape
    axis = across(stored, (height, width))
    size = stored.shape[0] * stored.line_bytes(0)
    grid = reader.chunking.grid
    if reader.layout.plain and grid is not None:
        size = sum(size for _, size in _chunks(reader, grid))
    fields = cut_across(stored, axis, (height, width)[axis], block_bytes, file_bytes=size)
    return ReadersApart(**fields, reader=reader)


def _files(reader: ArrayReader, stored: Stored, block_bytes: int) -> ChunkFiles | None:
    """Of chunks that are files of plain numbers; None of others."""
    chunking, keys = reader.chunking, reader.file
    grid, order = chunking.grid, chunking.order
    if not (isinstance(keys, Keys) and reader.layout.plain and grid and order):
        return None
    if grid.count > _MOST_FILES:
        return None
    height, width = chunking.lengths
    whole = height * width * stored.dtype.itemsize
    there = np.zeros(grid.lengths, bool)
    for index, size in _chunks(reader, grid):
        if size != whole:
            raise damaged(stored.label)
        there[index] = True
    axis = across(stored, (height, width))
    straight = order == "C" and axis == 0 and width == stored.shape[1]
    fields = cut_across(
        stored, axis, (height, width)[axis], block_bytes,
        file_bytes=int(there.sum()) * whole, spare=0 if straight else whole,
    )  # fmt: skip
    return ChunkFiles(**fields, keys=keys, chunking=chunking, grid=grid, there=there)


def _chunks(reader: ArrayReader, grid: Grid) -> Iterator[tuple[tuple[int, ...], int]]:
    """(place, bytes) of each chunk or shard that is there."""
    for key, size in reader.store.listed(reader.path, reader.label):
        if (index := grid.index(key)) is not None:
            yield index, size


def absent(reader: ArrayReader) -> str:
    """A note on chunks that are not there; "" where all are, or where it is not known."""
    grid, kind = reader.chunking.grid, reader.layout.dtype
    if grid is None:
        return ""
    missing = grid.count - sum(1 for _ in _chunks(reader, grid))
    if not missing:
        return ""
    fill = np.frombuffer(reader.chunking.fill, kind)[0]
    which = f"{missing} of its {grid.count} chunks are" if grid.count > 1 else "its one chunk is"
    return f"{reader.label}: {which} not in the store, so their entries are the fill value {fill}"


@dataclass(kw_only=True, eq=False)
class ChunkFiles(Cut):
    """An array whose chunks are files of plain numbers, whole at the border too.

    keys, chunking, grid: of the array. there: which chunks were there, by row and column of grid.
    """

    keys: Keys
    chunking: Chunking
    grid: Grid
    there: Array

    @contextmanager
    def opened(self, readers: int) -> Iterator[ChunkFiles]:
        with self.keys.opened(self.label):
            yield self

    def fetch(self, slab: int, room: Array) -> Array:
        part = self.part(slab, room)
        spare = room[aligned(part.nbytes) :]
        height, width = self.chunking.lengths
        first = [0, 0]
        first[self.axis] = self.cuts[slab]
        rows, columns = part.shape
        for row, column in product(range(0, rows, height), range(0, columns, width)):
            index = (first[0] + row) // height, (first[1] + column) // width
            self._read(index, part[row : row + height, column : column + width], spare)
        return self.given(part)

    def _read(self, index: tuple[int, int], out: Array, spare: Array) -> None:
        """The values of one chunk into out, a part of the slab."""
        lengths, rows, columns = self.chunking.lengths, *out.shape
        if not self.there[index]:
            out[...] = np.frombuffer(self.chunking.fill, out.dtype)[0]
            return
        straight = out.flags.c_contiguous and columns == lengths[1] and self.chunking.order == "C"
        whole = out if straight else spare[: prod(lengths) * out.itemsize].view(out.dtype)
        with self._opened(self.grid.key(index)) as descriptor:
            read_at(descriptor, whole, 0, self.label)
        if not straight:
            turned = self.chunking.order == "F"
            chunk = whole.reshape(lengths[::-1]).T if turned else whole.reshape(lengths)
            out[...] = chunk[:rows, :columns]

    @contextmanager
    def _opened(self, key: str) -> Iterator[int]:
        try:
            descriptor = os.open(self.keys.folder / key, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise changed(self.label) from None
        except OSError as error:
            raise unreadable(error, self.label) from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)
