"""Entries that are no finite numbers: all of them counted while a matrix is read, then refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from mfact.core import Array
from mfact.errors import DataError
from mfact.matrices.decoding import Decoding

Position = Callable[[tuple[Any, ...]], tuple[Any, Any]]
"""(row, column) in the matrix, from 0, of an index into a block: of one, or of arrays of them. In
one of two dimensions lines are parts of lines of the matrix, in order; rows may be columns of it.
"""

BAND_ENTRIES = 1 << 20
"""Of a matrix in memory that are looked at together, in the cache."""


class Met(NamedTuple):
    """One such entry. value: in the words of its file. why: what marks it as missing, "" where it
    is what it is. over: the kind of number that it overflows, "" where it is finite in none.
    """

    value: str
    row: int
    column: int
    why: str = ""
    over: str = ""


@dataclass(frozen=True)
class Found:
    """What there is to say of entries that are no numbers, in a d1×d2 matrix.

    count: how many. rows, columns: how many of each are hit. firsts: the first in the order of
    rows, and in that of columns; where that overflows a kind of number, all is said. missing: how
    many are marked as such. sparse: whether absent entries count as zeros. doubt: the kind of
    number that infinities among them may just overflow.
    """

    label: str
    shape: tuple[int, int]
    count: int
    rows: int
    columns: int
    firsts: tuple[Met, Met]
    missing: int = 0
    sparse: bool = False
    doubt: str = ""

    def flipped(self) -> Found:
        """The same of the transpose."""
        first, down = (met._replace(row=met.column, column=met.row) for met in self.firsts)
        return replace(
            self, shape=self.shape[::-1], rows=self.columns, columns=self.rows, firsts=(down, first)
        )  # fmt: skip

    def error(self) -> NotFinite:
        """As one line: how many, where, and what to do."""
        first, (d1, d2) = self.firsts[0], self.shape
        where = f"at row {first.row}, column {first.column} (counted from 0)"
        if first.over:
            overflow = f"{self.label} has {first.value} {where}, which overflows {first.over}"
            return NotFinite(overflow, "use float64", self)
        value = f"{first.value} ({first.why})" if first.why else first.value
        held = f"a value that is {self._what()},"
        if self.count > 1:
            held = (
                f"{self.count} values that are {self._what()}, in {self.rows} of {d1} rows and "
                f"{self.columns} of {d2} columns; the first is"
            )
        return NotFinite(f"{self.label} has {held} {value}, {where}", self._way_out(), self)

    def _what(self) -> str:
        if self.missing:
            return "missing" if self.missing == self.count else "missing or not finite"
        return f"not finite in {self.doubt}" if self.doubt else "not finite"

    def _way_out(self) -> str:
        if self.sparse:
            first = "use float64 if they are finite in it, else " if self.doubt else ""
            return f"{first}fill or remove missing values first; entries left out count as zeros"
        (d1, d2), axis = self.shape, 0
        # Of rows and columns those without which less of the matrix is lost.
        if self.columns == d2 or (self.rows < d1 and self.rows * d2 < self.columns * d1):
            axis = 1
        if self.rows == d1 and self.columns == d2:
            return "fill missing values first, for no row and no column is whole"
        kept, lines = (d2 - self.columns, "column") if axis == 0 else (d1 - self.rows, "row")
        keep = f"the {kept} whole {lines}s" if kept > 1 else f"the one whole {lines}"
        whole = f"numpy.isfinite(M).all(axis={axis})"
        part = f", M[:, {whole}]" if axis == 0 else f", M[{whole}]"
        # What is marked as missing is a number to who reads the file by himself.
        return f"fill missing values first, or keep {keep}{'' if self.missing else part}"


class NotFinite(DataError):
    """Entries that are no finite numbers. found: which, None where that was told already."""

    def __init__(self, sentence: str, way_out: str = "", found: Found | None = None) -> None:
        super().__init__(sentence, way_out)
        self.found = found


@contextmanager
def instead(way_out: Callable[[Found], str]) -> Iterator[None]:
    """Another way out, where leaving out rows or columns is none; overflows keep theirs."""
    try:
        yield
    except NotFinite as error:
        if error.found is None or error.found.firsts[0].over:
            raise
        raise NotFinite(error.sentence, way_out(error.found)) from None


@dataclass(eq=False)
class Entries:
    """Takes blocks into a matrix that is being read, and counts the entries that are no numbers.

    shape: (d1, d2). decoding: of the stored numbers, where they are not the entries.
    """

    shape: tuple[int, int]
    label: str
    decoding: Decoding | None = None
    _count: int = field(default=0, init=False)
    _missing: int = field(default=0, init=False)
    _firsts: dict[str, tuple[Met, Met]] = field(default_factory=dict, init=False)  # by Met.over
    _hit: tuple[Array, ...] = field(default=(), init=False)

    def store(self, block: Array, out: Array, position: Position) -> None:
        """Convert block into out, an array of its shape."""
        stored, marked, why = block, None, ""
        if self.decoding is not None:
            (block, marked), why = self.decoding.decode(stored), self.decoding.why
        if out is not block:
            with np.errstate(over="ignore", invalid="ignore"):
                out[...] = block
        if out.dtype.kind != "f" or (block.dtype.kind != "f" and out.dtype.itemsize >= 4):
            return
        finite = np.isfinite(out)
        if finite.all():
            return

        def told(at: tuple[int, ...]) -> tuple[str, str]:
            is_marked = marked is not None and marked[at]
            return (str(stored[at]), why) if is_marked else (str(block[at]), "")

        large = np.isfinite(block)
        self._missing += 0 if marked is None else int(np.count_nonzero(marked))
        self._meet(large & ~finite, position, told, str(out.dtype))
        self._meet(~(large | finite), position, told)

    def require(self) -> None:
        """Raise NotFinite for what was counted, or for a finite value that overflows the kind."""
        if self._firsts:
            rows, columns = [int(np.count_nonzero(hit)) for hit in self._hit] or [0, 0]
            firsts = self._firsts[max(self._firsts)]  # what overflows first: else it may be well
            raise Found(
                self.label, self.shape, self._count, rows, columns, firsts, self._missing
            ).error()

    def _meet(
        self, which: Array, position: Position, told: Callable[[tuple[int, ...]], tuple[str, str]],
        over: str = "",
    ) -> None:  # fmt: skip
        """Some of a block, if any. told: value and why of one."""
        if not which.any():
            return
        index = _telling(which)
        rows, columns = position(index)

        def met(k: int) -> Met:
            value, why = told(tuple(int(places[k]) for places in index))
            return Met(value, int(rows[k]), int(columns[k]), why, over)

        self._firsts[over] = _earlier(self._firsts.get(over), _firsts(rows, columns, met))
        if not over:
            self._count += int(np.count_nonzero(which))
            # Only now, since a column alone may be as long as the matrix has entries.
            self._hit = self._hit or tuple(np.zeros(length, bool) for length in self.shape)
            for hit, lines in zip(self._hit, (rows, columns), strict=True):
                hit[lines] = True


def store(block: Array, out: Array, position: Position, label: str) -> None:
    """Convert a whole matrix into out, of its shape (d1, d2) or one that position knows.

    Raises NotFinite for NaN, infinity, or a value that overflows the kind of out.
    """
    entries = Entries((out.shape[0], out.shape[1]), label)
    axis = int(out.strides[0] < out.strides[1])  # along which memory is cut
    step = max(1, BAND_ENTRIES // out.shape[1 - axis])
    for start in range(0, out.shape[axis], step):
        part = (slice(None),) * axis + (slice(start, start + step),)

        def place(index: tuple[Any, ...], start: int = start) -> tuple[Any, Any]:
            return position(tuple(at + start * (k == axis) for k, at in enumerate(index)))

        view = out[part]
        entries.store(view if block is out else block[part], view, place)
    entries.require()


def of_sparse(
    values: Array, rows: Array, columns: Array, shape: tuple[int, int], label: str
) -> NotFinite:
    """For all entries of a sparse matrix that are no numbers, where they stand."""
    lines = len(np.unique(rows)), len(np.unique(columns))
    # What a reader makes of stored numbers that are too large is an infinity, as some are.
    doubt = "float32" if values.dtype == np.float32 and np.isinf(values).any() else ""
    firsts = _firsts(rows, columns, lambda k: Met(str(values[k]), int(rows[k]), int(columns[k])))
    return Found(label, shape, len(values), *lines, firsts, sparse=True, doubt=doubt).error()


def _telling(wrong: Array) -> tuple[Array, ...]:
    """Where some are that hit all rows and columns that any does, the first ones among them."""
    if wrong.ndim != 2:
        return np.nonzero(wrong)
    down, across = np.flatnonzero(wrong.any(axis=1)), np.flatnonzero(wrong.any(axis=0))
    right, below = wrong[down].argmax(axis=1), wrong[:, across].argmax(axis=0)
    return np.concatenate([down, below]), np.concatenate([right, across])


def _firsts(rows: Array, columns: Array, met: Callable[[int], Met]) -> tuple[Met, Met]:
    """The first by rows and the first by columns; met: the k-th."""
    return met(_least(rows, columns)), met(_least(columns, rows))


def _least(a: Array, b: Array) -> int:
    """Which is first by a, and of those by b."""
    least = np.flatnonzero(a == a.min())
    return int(least[np.argmin(b[least])])


def _earlier(known: tuple[Met, Met] | None, firsts: tuple[Met, Met]) -> tuple[Met, Met]:
    """The same of two blocks."""
    if known is None:
        return firsts
    return (
        min(known[0], firsts[0], key=lambda met: (met.row, met.column)),
        min(known[1], firsts[1], key=lambda met: (met.column, met.row)),
    )
