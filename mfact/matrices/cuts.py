"""How a matrix in a file is cut into slabs: what all that are read in parts have in common."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from mfact.core import Array, Kind

_ALIGNED = 64


@dataclass(frozen=True)
class Stored:
    """A matrix as it lies in a file: an array of two axes in C order, M or Mᵀ.

    shape: of the array. transposed: whether it is Mᵀ, as where M is in Fortran order.
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    transposed: bool
    label: str

    def line_bytes(self, axis: int) -> int:
        """Of one line where the array is cut across an axis: of a row for 0, a column for 1."""
        return self.shape[1 - axis] * self.dtype.itemsize


@dataclass(kw_only=True, eq=False)
class Cut:
    """The part of Slabs that is the same for every file, and the arrays that its slabs are.

    transposed: as in Stored. The part of the array that a slab is lies in C order; what is given
    is its transpose where the array is Mᵀ.
    """

    shape: tuple[int, int]
    columns: bool
    cuts: tuple[int, ...]
    stored: Kind
    file_bytes: int
    room: int
    label: str
    transposed: bool

    @property
    def axis(self) -> int:
        """That the stored array is cut across."""
        return int(self.columns != self.transposed)

    def place(self, slab: int, index: tuple[int, ...]) -> tuple[int, int]:
        """(row, column) in M of an index into what fetch() gives for a slab."""
        row, column = index
        first = self.cuts[slab]
        return (row, first + column) if self.columns else (first + row, column)

    def part(self, slab: int, room: Array) -> Array:
        """The first bytes of room as the part of the stored array that a slab is."""
        lines = self.cuts[slab + 1] - self.cuts[slab]
        rows, columns = (self.shape[0], lines) if self.columns else (lines, self.shape[1])
        shape = (columns, rows) if self.transposed else (rows, columns)
        return room[: rows * columns * self.stored.itemsize].view(self.stored).reshape(shape)

    def given(self, part: Array) -> Array:
        """The slab of M that a part of the stored array is."""
        return part.T if self.transposed else part


def cut_across(
    stored: Stored, axis: int, unit: int, block_bytes: int, *, file_bytes: int, spare: int = 0
) -> dict[str, Any]:
    """The fields of Cut, for slabs of whole units of lines along an axis of the stored array.

    Slabs are as even as units allow, each of at most block_bytes or of one unit. spare: bytes that
    are needed beside a slab to fetch it.
    """
    line = stored.line_bytes(axis)
    lines = stored.shape[axis]
    cuts = even_cuts(lines, unit, max(1, block_bytes // (min(unit, lines) * line)))
    longest = max(end - start for start, end in pairwise(cuts))
    return {
        "shape": stored.shape[::-1] if stored.transposed else stored.shape,
        "columns": (axis == 1) != stored.transposed,
        "cuts": cuts,
        "stored": stored.dtype,
        "file_bytes": file_bytes,
        "room": (aligned(longest * line) if spare else longest * line) + spare,
        "label": stored.label,
        "transposed": stored.transposed,
    }


def even_cuts(lines: int, unit: int, most: int) -> tuple[int, ...]:
    """0 … lines in as few parts of at most `most` units as there can be, as even as they go.

    >>> even_cuts(100, 8, 5), even_cuts(3, 8, 1)
    ((0, 32, 64, 100), (0, 3))
    """
    units = -(-lines // unit)
    parts = -(-units // most)
    return tuple(min(lines, units * part // parts * unit) for part in range(parts + 1))


def aligned(size: int) -> int:
    """Bytes up to where something else can begin, whatever its kind."""
    return -(-size // _ALIGNED) * _ALIGNED
