"""Slabs of a matrix in chunks whose places in the file are known, packed or not."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from mfact.core import Array
from mfact.matrices.cuts import Stored, cut_across
from mfact.matrices.extents import Extents, read_at
from mfact.matrices.seen import Seen
from mfact.matrices.unpacking import applied, unpacked

PLACE = np.dtype([("offset", "i8"), ("size", "i8"), ("mask", "u4")])
"""Of a chunk in the file; the mask has a bit for each filter that was left out."""

NOWHERE = -1
"""The offset of a chunk that was never written."""


@dataclass(frozen=True, eq=False)
class Table:
    """Where the chunks of a stored array lie.

    chunk: its lengths, also at the border, where a part of it is of the array. places: of all
    chunks, PLACE by row and column of their grid. filters: that they go through, in order.
    missing: what the values of a chunk are that was never written, 0-D.
    """

    chunk: tuple[int, int]
    places: Array
    filters: tuple[int, ...]
    missing: Array


@dataclass(kw_only=True, eq=False)
class Chunked(Extents):
    """An array in chunks, cut across the axis along which whole lines of chunks are smaller.

    Beside its room a reader takes up to three times a chunk while it unpacks one.
    """

    table: Table

    def fill(self, part: Array, slab: int, descriptor: int, spare: Array) -> None:
        table, axis = self.table, self.axis
        step = table.chunk[axis]
        own = slice(self.cuts[slab] // step, -(-self.cuts[slab + 1] // step))
        places = table.places[own] if axis == 0 else table.places[:, own]
        height, width = table.chunk
        grid = product(range(0, part.shape[0], height), range(0, part.shape[1], width))
        for (row, column), place in zip(grid, places.reshape(-1).tolist(), strict=True):
            out = part[row : row + height, column : column + width]
            self._read(place, out, descriptor, spare)

    def _read(self, place: tuple[int, int, int], out: Array, descriptor: int, spare: Array) -> None:
        """The values of one chunk into out, a part of the slab."""
        offset, size, mask = place
        chunk = self.table.chunk
        if offset == NOWHERE:
            out[...] = self.table.missing
            return
        filters = applied(self.table.filters, mask)
        if not filters and out.flags.c_contiguous and out.shape[1] == chunk[1]:
            read_at(descriptor, out, offset, self.label)
            return
        packed = spare[:size]
        read_at(descriptor, packed, offset, self.label)
        size = chunk[0] * chunk[1] * out.itemsize
        raw = unpacked(packed.data, filters, size, out.itemsize, self.label)
        rows, columns = out.shape
        out[...] = np.frombuffer(raw, out.dtype).reshape(chunk)[:rows, :columns]


def chunked(stored: Stored, file: Seen, table: Table, block_bytes: int) -> Chunked:
    """Slabs of whole chunks, of about block_bytes or of one line of chunks."""
    there = table.places[table.places["offset"] != NOWHERE]
    axis = across(stored, table.chunk)
    straight = not table.filters and axis == 0 and table.chunk[1] == stored.shape[1]
    fields = cut_across(
        stored,
        axis,
        table.chunk[axis],
        block_bytes,
        file_bytes=int(there["size"].sum()),
        spare=0 if straight else int(there["size"].max(initial=0)),
    )
    return Chunked(**fields, file=file, table=table)


def across(stored: Stored, chunk: tuple[int, int]) -> int:
    """The axis along which a line of chunks has fewer bytes; the first where both have as many."""
    (rows, columns), (height, width) = stored.shape, chunk
    return int(min(height, rows) * columns > min(width, columns) * rows)
