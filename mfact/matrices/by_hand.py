"""Sparse matrices kept by hand: what a few arrays and a shape mean together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mfact.core import Array
from mfact.errors import DataError
from mfact.matrices.indices import SAVE
from mfact.matrices.sparse import Compressed, assemble, coordinates
from mfact.words import by

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SHAPES = ("shape", "dims", "Dim", "dense_shape")
"""What writers call the lengths of a matrix."""

_VALUES = ("data", "values", "value", "vals", "val")
_COMPRESSED = (("indices", "indptr"),)
_COORDINATES = (
    *((row, column) for row in ("row", "rows") for column in ("col", "cols", "column", "columns")),
    ("coords",),
    ("indices",),
)
_R = ("x", ("i", "p"))


@dataclass(frozen=True)
class Kept:
    """The names of the arrays that a sparse matrix is kept in.

    places: of (indices, pointers) where compressed; else of (rows, columns), or of one array that
    holds both, 2×nnz or nnz×2. in_r: whether they are the slots of R's dgCMatrix, which is CSC.
    """

    values: str
    places: tuple[str, ...]
    compressed: bool
    in_r: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return (self.values, *self.places)

    @property
    def dimensions(self) -> list[int]:
        """Of each array."""
        return [1, *([1, 1] if len(self.places) == 2 else [2])]


def kept(names: Collection[str]) -> Kept | None:
    """What arrays of such names could keep, compressed before coordinates; None for none.

    >>> kept({"data", "row", "col", "shape"}).places
    ('row', 'col')
    """
    if {"x", "i", "p"} <= set(names):
        return Kept(*_R, compressed=True, in_r=True)
    values = next((name for name in _VALUES if name in names), None)
    if values is None:
        return None
    for places in (*_COMPRESSED, *_COORDINATES):
        if set(places) <= set(names):
            return Kept(values, places, places in _COMPRESSED)
    return None


def is_meant(found: Kept, shapes: Sequence[tuple[int, ...]], shape_is_there: bool) -> bool:
    """Whether arrays of such names and shapes are a sparse matrix, and not only called so: pointers
    are of nothing else, coordinates are as many as values, and R's slots have a shape beside."""
    values, *places = shapes
    if found.in_r:
        return shape_is_there and all(len(lengths) == 1 for lengths in shapes)
    if found.compressed:
        return True
    if len(places) == 1:
        return len(values) == 1 and len(places[0]) == 2 and values[0] in places[0]
    return len(values) == 1 and places == [values, values]


def pair(declared: Any, label: str) -> tuple[int, int]:
    """(d1, d2) of declared lengths, floats that are whole among them; DataError for others."""
    try:
        lengths = tuple(int(length) for length in declared)
        whole = all(a == b for a, b in zip(lengths, declared, strict=True))
    except (TypeError, ValueError, OverflowError):
        lengths, whole = (), False
    if not lengths or not whole or min(lengths) < 0:
        raise DataError(f"{label} does not say its shape", SAVE)
    if len(lengths) != 2:
        raise DataError(
            f"{label} is a sparse array of {len(lengths)} dimensions, {by(lengths)}",
            "reshape it to a matrix first",
        )
    if 0 in lengths:
        raise DataError(f"{label} is empty, of shape {by(lengths)}", "pass a matrix with entries")
    return lengths[0], lengths[1]


def no_shape(label: str) -> DataError:
    """For arrays of a sparse matrix beside which no shape stands."""
    return DataError(
        f"{label} keeps a sparse matrix without its shape, which its indices do not tell", SAVE
    )


def major_of(
    shape: tuple[int, int], pointers: int, label: str, asked: str | None, *, typed: str,
    mark: str = "",
) -> tuple[str, tuple[str, ...]]:  # fmt: skip
    """("CSR" or "CSC", notes) of so many pointers, one more than there are rows, or columns.

    asked: of the two, for a square matrix, whose pointers tell nothing. typed: what brackets that
    ask stand behind. mark: says that they are of
    columns there, "" where nothing does. Raises DataError where neither fits, or both.
    """
    d1, d2 = shape
    fitting = [form for form, lines in (("CSR", d1), ("CSC", d2)) if pointers == lines + 1]
    if not fitting:
        needed = f"{d1 + 1} or {d2 + 1}" if d1 != d2 else f"{d1 + 1}"
        raise DataError(
            f"{label} has {pointers} pointers and needs {needed} for its shape {d1}×{d2}", SAVE
        )
    if asked is not None:
        require_major(fitting, asked, f"its {pointers} pointers", label)
        return asked, ()
    if len(fitting) == 1:
        return fitting[0], (f"{label}: read as {fitting[0]}, by its {pointers} pointers",)
    if mark:
        return "CSC", (f"{label}: square, and read as CSC for its {mark}, as R keeps it",)
    if d1 == 1:
        return "CSR", ()
    raise DataError(
        f"{label} is square, so its pointers may be of rows or of columns",
        f"name it as {typed}[csr] or {typed}[csc]",
    )


def require_major(known: Collection[str], asked: str | None, why: str, label: str) -> None:
    """Raise DataError where a form is asked for that a matrix is not of."""
    if asked is not None and asked not in known:
        raise DataError(f"{label} is {next(iter(known))}, by {why}, not {asked}", "leave [ ] out")


def matrix(
    form: str, shape: tuple[int, int], arrays: Sequence[Array], label: str, *, occupied: bool
) -> csr_array:
    """The csr_array of values and places as they were kept. Raises what assemble() does."""
    values, *places = arrays
    if form != "COO":
        parts = Compressed(form, shape, values, *places)
        return assemble(parts, label, occupied=occupied)
    rows, columns = places if len(places) > 1 else _rows_and_columns(places[0], values.size, label)
    return coordinates(values, rows, columns, shape, label, occupied=occupied)


def _rows_and_columns(both: Array, entries: int, label: str) -> tuple[Array, Array]:
    """Of coordinates 2×nnz or nnz×2; two entries have either."""
    across, down = both.shape == (2, entries), both.shape == (entries, 2)
    if across and down and not np.array_equal(both, both.T):
        raise DataError(
            f"{label} has two entries, so its coordinates may be of rows or of entries", SAVE
        )
    if not across and not down:
        raise DataError(
            f"{label} has coordinates of shape {by(both.shape)} for {entries} values", SAVE
        )
    rows, columns = both if across else both.T
    return rows, columns
