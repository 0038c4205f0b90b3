"""Of an array of any number of axes the part that is a matrix: a slice of a stack, or a fold."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from mfact.matrices.arrays.stored import Laid
from mfact.matrices.declared import check_shape as check_declared
from mfact.matrices.parts import check_planar, fixed
from mfact.matrices.spec import Part, split_part
from mfact.matrices.values import check_shape


@dataclass(frozen=True)
class Picked:
    """Which entries of an array are those of a matrix.

    shape: (d1, d2). axes: of the matrix before all but the first are folded to one. lengths: of
    the array of C order that is read, which begins `skipped` bytes behind the first of the whole.
    picks: the index of each of its axes, None for one that is whole. transposed: whether the whole
    ones are `axes` reversed. offset: of its first byte.
    """

    shape: tuple[int, int]
    axes: tuple[int, ...]
    lengths: tuple[int, ...]
    picks: tuple[int | None, ...]
    dtype: np.dtype[Any]
    transposed: bool
    offset: int
    skipped: int

    @property
    def whole(self) -> bool:
        """Whether all that is read is the matrix."""
        return all(pick is None for pick in self.picks)

    @property
    def in_lines(self) -> bool:
        """Whether it lies in one piece, row by row or column by column."""
        return self.whole and len(self.lengths) == 2

    @property
    def order(self) -> str:
        return "F" if self.transposed else "C"

    def within(self, piece: tuple[slice, ...]) -> tuple[slice | int, ...] | None:
        """The index of what is of the matrix in a piece; None where nothing is."""
        if not all(
            pick is None or axis.start <= pick < axis.stop
            for pick, axis in zip(self.picks, piece, strict=True)
        ):
            return None
        return tuple(
            slice(None) if pick is None else pick - axis.start
            for pick, axis in zip(self.picks, piece, strict=True)
        )

    def left(self, piece: tuple[slice, ...]) -> tuple[slice, ...]:
        """The axes of a piece that are the matrix's too."""
        pairs = zip(self.picks, piece, strict=True)
        return tuple(axis for pick, axis in pairs if pick is None)

    def place(self, piece: tuple[slice, ...], index: tuple[Any, ...]) -> tuple[Any, Any]:
        """(row, column) of an index into what a piece has of the matrix."""
        at = [axis.start + i for axis, i in zip(self.left(piece), index, strict=True)]
        row, *rest = at[::-1] if self.transposed else at
        return row, np.ravel_multi_index(rest, self.axes[1:])


def picked(laid: Laid, part: Part | None, points: bool, label: str, typed: str = "") -> Picked:
    """The part that is asked for; points: every entry of the first axis is folded to a row.

    typed: how the array is named, so that brackets can be put behind.

    A slice along the axes that vary slowest is read where it lies; of another one the array is
    read, block by block. Raises DataError for what leaves no matrix.

    >>> stack = Laid((9, 4, 5), np.dtype("f8"), False, 128)
    >>> part = picked(stack, Part((2,)), False, "stack.npy:[2]")
    >>> part.shape, part.offset, part.in_lines
    ((4, 5), 448, True)
    """
    check_declared(laid.shape, laid.dtype.itemsize, label)
    index = fixed(part, laid.shape, label)
    fold = points or (part is not None and part.fold)
    if typed and not fold:
        check_planar(laid.shape, index, False, label, typed)
    picks = index or (None,) * len(laid.shape)
    axes = tuple(n for n, at in zip(laid.shape, picks, strict=True) if at is None)
    shape = check_shape(axes, label, fold)
    lengths, transposed = laid.shape, laid.fortran
    if transposed:
        lengths, picks = lengths[::-1], picks[::-1]
    skipped, size = 0, laid.data_bytes
    while picks and (pick := picks[0]) is not None:
        size //= lengths[0]
        skipped += pick * size
        lengths, picks = lengths[1:], picks[1:]
    if all(pick is None for pick in picks) and (not transposed or len(axes) == 1):
        axes = lengths = shape
        picks, transposed = (None, None), False
    return Picked(
        shape, axes, lengths, picks, laid.dtype, transposed, laid.offset + skipped, skipped
    )


def named_part(dataset: str, names: Collection[str]) -> tuple[str, Part | None] | None:
    """(The one of the names that is meant, the part of it); None where there is none such.

    A literal name wins, with a slash in front or without.

    >>> named_part("/a[0]", ["a", "a[1]"]), named_part("a[1]", ["a", "a[1]"])
    (('a', Part(index=(0,), fold=False, major=None)), ('a[1]', None))
    """
    for name in (dataset, dataset.lstrip("/")):
        if name in names:
            return name, None
    cut, part = split_part(dataset)
    return (
        None
        if part is None
        else next(((name, part) for name in (cut, cut.lstrip("/")) if name in names), None)
    )


def part_name(name: str, dataset: str | None, part: Part | None) -> str:
    """The name of what is read: of an array and, of a part of it, the brackets it was asked by.

    >>> part_name("x", "/x[0]", Part((0,))), part_name("x", "/x", None)
    ('x[0]', 'x')
    """
    return name if part is None or dataset is None else name + dataset[dataset.rindex("[") :]
