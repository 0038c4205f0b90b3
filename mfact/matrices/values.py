"""What every reader asks of numbers: a kind that is taken, a shape, finite values, memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any, NoReturn, Protocol

import numpy as np

from mfact.core import Array, Names
from mfact.errors import DataError, MemoryPlanError, SettingsError
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
    "T": ("strings", "save the numbers themselves"),
    "V": ("structured records", "save numpy.lib.recfunctions.structured_to_unstructured(M)"),
    "M": ("dates", "save numbers"),
    "m": ("time differences", "save numbers"),
}


COMPLEX = ({"real", "imag"}, {"re", "im"}, {"r", "i"})
"""Names of the two fields of records that are complex numbers, in small letters."""

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
class Asked:
    """How a matrix was asked for, beside its file.

    dataset: its name in the file. follow_links: whether the file may name others. points: an array
    of any number of dimensions is taken, each entry of the first one folded to a row, in C order.
    """

    dataset: str | None = None
    follow_links: bool = False
    points: bool = False


@dataclass(frozen=True)
class Look:
    """What one look at a file tells of the matrix in it, and who reads it.

    format: "npy", "npz", "hdf5", "matlab", "matlab-5", "h5ad", "10x", "matrix-market",
    "sparse-npz", "text", "safetensors", "zarr" or "10x-folder".
    dataset: path or member in the file, None where there is but one. shape: (d1, d2).
    stored_dtype: such as "<f8", ">i2", "|u1" or "bfloat16". order: "C", "F", "chunked (64, 1797)",
    "CSR", "CSC" or "COO". linked: other files that it is read from too. cut: cuts a matrix that can
    be read in parts into slabs of so many bytes; None for one that must be read whole. naming:
    reads the names of rows and columns, None where there are none. notes: sentences on whatever
    was chosen, skipped, scaled or turned, for who could have meant something else.
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
    naming: Callable[[], Names] | None = field(default=None, repr=False, compare=False)
    notes: tuple[str, ...] = ()


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


def refuse_dataset(asked: Asked, what: str, label: str) -> None:
    """Raise SettingsError where a dataset is named in a file that holds one array; what: it is."""
    if asked.dataset is not None:
        raise SettingsError(
            f"{label} is {what} and holds one array, so there is no {printable(asked.dataset)} in "
            "it",
            "leave the dataset out",
        )


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
