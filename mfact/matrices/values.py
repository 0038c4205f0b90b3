"""What every reader asks of numbers: a kind that is taken, a shape, finite values, memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any, NoReturn, Protocol

import numpy as np

from mfact.core import Array
from mfact.errors import DataError, MemoryPlanError
from mfact.host.memory import available_bytes
from mfact.matrices.slabs import Slabs
from mfact.words import format_bytes, printable

# Large enough that a read is bound by the disk, small beside any matrix worth the care.
BLOCK_BYTES = 16 << 20

REFUSED_KINDS = {
    "c": ("complex numbers", "factor the real and the imaginary part separately"),
    "O": ("Python objects, which are never unpickled", "save a plain numeric array"),
    "S": ("strings", "save the numbers themselves"),
    "U": ("strings", "save the numbers themselves"),
    "V": ("structured records", "save one numeric field as a matrix"),
    "M": ("dates", "save numbers"),
    "m": ("time differences", "save numbers"),
}


Told = Callable[[float], None]
"""Told what share of a matrix has been read, each time that some more has."""


def silent(share: float) -> None:
    """For those who do not wait."""


class Reader(Protocol):
    """What a format offers once its file has been opened and looked at."""

    def read(self, dtype: np.dtype[Any], told: Told = silent) -> Any:
        """The whole matrix, finite, in dtype: an array, or a csr_array."""


class SparseReader(Protocol):
    """A reader of a format that holds the entries alone."""

    @property
    def entries(self) -> int:
        """How many are stored, mirrored ones counted twice."""

    def read(self, dtype: np.dtype[Any], told: Told = silent, *, occupied: bool = False) -> Any:
        """The csr_array; occupied: of the rows and columns alone that hold an entry."""


@dataclass(frozen=True)
class Look:
    """What one look at a file tells of the matrix in it, and who reads it.

    format: "npy", "npz", "hdf5", "matlab", "h5ad", "10x", "matrix-market" or "sparse-npz".
    dataset: path or member in the file, None where there is but one. shape: (d1, d2).
    stored_dtype: such as "<f8", ">i2" or "|u1". order: "C", "F", "chunked (64, 1797)", "CSR",
    "CSC" or "COO". linked: other files that it is read from too. cut: cuts a matrix that can be
    read in parts into slabs of so many bytes; None for one that must be read whole.
    """

    format: str
    dataset: str | None
    shape: tuple[int, int]
    stored_dtype: str
    order: str
    reader: Reader = field(repr=False, compare=False)
    sparse: bool = False
    linked: tuple[str, ...] = ()
    cut: Callable[[int], Slabs] | None = field(default=None, repr=False, compare=False)


def check_kind(dtype: np.dtype[Any], label: str) -> None:
    """Raise DataError unless dtype is a real number, an integer or bool of at most 8 bytes.

    >>> check_kind(np.dtype("complex64"), "M.npy")
    Traceback (most recent call last):
    mfact.errors.DataError: M.npy holds complex numbers (complex64): factor the real and ...
    """
    if dtype.kind in REFUSED_KINDS:
        held, way_out = REFUSED_KINDS[dtype.kind]
        kind = f" ({dtype})" if dtype.kind == "c" else ""
        raise DataError(f"{label} holds {held}{kind}", way_out)
    if dtype.kind not in "fiub" or dtype.itemsize > 8:
        raise DataError(f"{label} holds numbers of the kind {dtype}", "convert them to float64")


def check_shape(shape: tuple[int, ...], label: str, points: bool = False) -> tuple[int, int]:
    """Return shape as (d1, d2), or raise DataError unless it is 2-D and not empty.

    points: the first length counts points, each folded to a row; 1-D is a column.

    >>> check_shape((5, 1, 2, 3), "X.npy", points=True), check_shape((5,), "Y.npy", points=True)
    ((5, 6), (5, 1))
    """
    if points and shape:
        shape = (shape[0], prod(shape[1:]))
    if len(shape) != 2:
        raise DataError(
            f"{label} is {len(shape)}-D, of shape {shape}", "pass a matrix, which is 2-D"
        )
    if 0 in shape:
        raise DataError(
            f"{label} is empty, of shape {shape[0]}×{shape[1]}", "pass a matrix with entries"
        )
    return int(shape[0]), int(shape[1])


def several(count: int, name: str, label: str, points: bool) -> tuple[str, str]:
    """(what is wrong, the way out) where a file holds more than one that could be meant."""
    if points:  # of two files, so that one option could not name both
        return (
            f"{label} holds {count} arrays",
            f"name one, as {label}:/{printable(name).lstrip('/')}",
        )
    return f"{label} holds {count} matrices", "name one with --dataset"


def check_fits(needed: int, label: str) -> None:
    """Raise MemoryPlanError when needed bytes are more than what can be allocated."""
    available = available_bytes()
    if needed > available:
        raise MemoryPlanError(
            f"{label} needs {format_bytes(needed)} of memory to read and "
            f"{format_bytes(available)} is available",
            "free memory, or pass a part of it",
        )


def new_matrix(shape: tuple[int, int], dtype: np.dtype[Any], order: str, label: str) -> Array:
    """An uninitialized d1×d2 array, after a check that it and one block fit in memory."""
    check_fits(shape[0] * shape[1] * dtype.itemsize + BLOCK_BYTES, label)
    try:
        return np.empty(shape, dtype, order="F" if order == "F" else "C")
    except (MemoryError, ValueError):
        refuse_memory(label)


def refuse_memory(label: str) -> NoReturn:
    """Raise MemoryPlanError for an allocation that failed after all."""
    raise MemoryPlanError(
        f"{label} could not be read: the memory ran out", "free memory, or pass a part of it"
    ) from None


def store(
    block: Array, out: Array, position: Callable[[tuple[int, ...]], tuple[int, int]], label: str
) -> None:
    """Convert block into out, an array of its shape, and check that every value is finite.

    position(index into the block) is (row, column) in the matrix, counted from 0.
    Raises DataError for NaN, infinity, or a value that overflows the kind of out.
    """
    if out is not block:
        with np.errstate(over="ignore", invalid="ignore"):
            out[...] = block
    if out.dtype.kind != "f" or (block.dtype.kind != "f" and out.dtype.itemsize >= 4):
        return
    finite = np.isfinite(out)
    if not finite.all():
        index = np.unravel_index(int(np.argmin(finite)), out.shape)
        refuse_value(block[index], position(tuple(int(i) for i in index)), out.dtype, label)


def refuse_value(
    value: Any, position: tuple[int, int], dtype: np.dtype[Any], label: str
) -> NoReturn:
    """Raise DataError for a value that is not finite in dtype, naming where it stands."""
    place = f"at row {position[0]}, column {position[1]} (counted from 0)"
    if np.isfinite(value):
        raise DataError(f"{label} has {value} {place}, which overflows {dtype}", "use float64")
    raise DataError(
        f"{label} has a value that is not finite, {value}, {place}",
        "fill or remove missing values first",
    )
