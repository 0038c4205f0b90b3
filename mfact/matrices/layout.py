"""How an array of any number of axes lies in its file, and what of it is a matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import numpy as np

from mfact.core import Array, Names
from mfact.matrices.decoding import Decoding
from mfact.matrices.elements import Elements

Tile = tuple[slice, ...]


@dataclass(frozen=True)
class Layout:
    """The array that is read of a dataset, and how it lies in the file.

    shape: as stored, of the axes of the dataset that are not fixed, and then of those that each
    element has. chunks: along these, None when contiguous. transposed: the writer lists lengths
    reversed, as MATLAB. fixed: for a slice the index of each axis, None of a whole one; else ().
    decoding: of the numbers that are read. unpacked: bytes that are unpacked for one that is read.
    notes: on all this.
    """

    shape: tuple[int, ...]
    elements: Elements
    chunks: tuple[int, ...] | None
    transposed: bool
    fixed: tuple[int | None, ...] = ()
    decoding: Decoding | None = None
    unpacked: int = 1
    notes: tuple[str, ...] = ()

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the numbers as they are read, before they are decoded."""
        return self.elements.dtype

    @property
    def stored_dtype(self) -> str:
        return self.elements.stored

    @property
    def plain(self) -> bool:
        """Whether the array is that of the dataset, each element a number."""
        return self.elements.plain and not self.fixed

    @property
    def axes(self) -> tuple[int, ...]:
        """Which of `shape` those of the array in the order of its writer are."""
        own = self.fixed[len(self.fixed) - len(self.elements.inner) :] if self.fixed else ()
        inner = own.count(None) if self.fixed else len(self.elements.inner)
        outer = range(len(self.shape) - inner)
        return (
            *(reversed(outer) if self.transposed else outer),
            *range(len(outer), len(self.shape)),
        )

    @property
    def turned(self) -> bool:
        """Whether what is stored is Mᵀ."""
        return self.axes == (1, 0)

    @property
    def array_shape(self) -> tuple[int, ...]:
        return tuple(self.shape[axis] for axis in self.axes)

    @property
    def matrix_shape(self) -> tuple[int, int]:
        """With all lengths but the first as one."""
        return self.array_shape[0], prod(self.array_shape[1:])

    @property
    def order(self) -> str:
        if self.chunks is None:
            return "F" if self.transposed else "C"
        return f"chunked {tuple(self.chunks[axis] for axis in self.axes)}"

    @property
    def naming(self) -> Callable[[], Names] | None:
        """Of columns that are the fields of records."""
        if not self.elements.columns or self.fixed or len(self.shape) != 2:
            return None
        return partial(Names, None, self.elements.fields)

    def as_stored(self, array: Array) -> Array:
        """An array in the order of its writer with its axes as in the file."""
        return array.transpose(np.argsort(self.axes))

    def place(self, tile: Tile, index: tuple[Any, ...]) -> tuple[Any, Any]:
        """(row, column) of an index into a tile."""
        at = [part.start + i for part, i in zip(tile, index, strict=True)]
        row, *rest = (at[axis] for axis in self.axes)
        column = 0
        for length, i in zip(self.array_shape[1:], rest, strict=True):
            column = column * length + i
        return row, column

    def where(self, tile: Tile) -> tuple[slice | int, ...]:
        """The index of a tile along all axes of the dataset and of its elements."""
        if not self.fixed:
            return tile
        whole = iter(tile)
        return tuple(next(whole) if index is None else index for index in self.fixed)
