"""Sparse matrices from elsewhere: every index is checked before SciPy sees one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from mfact.core import Array
from mfact.errors import DataError
from mfact.matrices.values import check_fits, refuse_value

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_WAY_OUT = "write it again with scipy.sparse.save_npz"


@dataclass(frozen=True)
class Compressed:
    """The three arrays of a CSR or CSC matrix as a file gives them, not yet believed.

    major: "CSR" or "CSC". Entry k has the value data[k] and the minor index indices[k];
    it lies in the major line i with indptr[i] ≤ k < indptr[i + 1].
    """

    major: str
    shape: tuple[int, int]
    data: Array
    indices: Array
    indptr: Array


def as_dense(values: Any, label: str, itemsize: int = 8) -> Array:
    """A list, a dense array as it is, or a sparse one with its zeros, where it fits in memory.

    Raises DataError for lists of unequal length, MemoryPlanError where memory does not hold it.
    """
    if hasattr(values, "toarray"):
        check_fits(itemsize * prod(values.shape), f"{label}, which is sparse,")
        values = values.toarray()
    try:
        return np.asarray(values)
    except ValueError:
        raise DataError(f"{label} is no array", "give each row as many numbers") from None


def assemble(parts: Compressed, label: str, *, occupied: bool = False) -> csr_array:
    """The csr_array of checked parts; indices sorted, duplicates added up.

    occupied: without the rows and columns that hold no entry (see squeezed).

    Raises DataError for lengths that do not fit, an index out of range or a value that is not
    finite, MemoryPlanError when the row form would not fit in memory.
    """
    from scipy.sparse import csc_array, csr_array

    _check_pointers(parts, label)
    _check_indices(parts, label)

    def place(k: int) -> tuple[Any, Any]:
        major, minor = _line(parts.indptr, k), parts.indices[k]
        return (major, minor) if parts.major == "CSR" else (minor, major)

    _require_finite(parts.data, place, label)
    index = _index_dtype(parts.shape, parts.data.size)
    arrays = (parts.data, parts.indices.astype(index, copy=False), parts.indptr.astype(index))
    if occupied:
        kind = csr_array if parts.major == "CSR" else csc_array
        return squeezed(kind(arrays, shape=parts.shape), label)
    if parts.major == "CSR":
        matrix = csr_array(arrays, shape=parts.shape)
    else:
        entry = parts.data.itemsize + index.itemsize
        check_fits(parts.data.size * entry + (parts.shape[0] + 1) * index.itemsize, label)
        matrix = csc_array(arrays, shape=parts.shape).tocsr()
    return merged(matrix, parts.data.size, label)


def coordinates(
    data: Array,
    rows: Array,
    columns: Array,
    shape: tuple[int, int],
    label: str,
    *,
    occupied: bool = False,
) -> csr_array:
    """The csr_array of (row, column, value) triples, each checked; duplicates added up.

    occupied: as for assemble.
    """
    from scipy.sparse import coo_array

    integers(rows, label, "row indices")
    integers(columns, label, "column indices")
    if data.ndim != 1 or not data.size == rows.size == columns.size:
        raise DataError(f"{label} has indices and values of different lengths", "write it again")
    check_range(rows, shape[0], label, "row index")
    check_range(columns, shape[1], label, "column index")
    _require_finite(data, lambda k: (rows[k], columns[k]), label)
    index = _index_dtype(shape, data.size)
    pointers = 0 if occupied else shape[0] + 1
    check_fits(data.size * (data.itemsize + 3 * index.itemsize) + pointers * index.itemsize, label)
    places = rows.astype(index, copy=False), columns.astype(index, copy=False)
    matrix = coo_array((data, places), shape=shape)
    return squeezed(matrix, label) if occupied else merged(matrix.tocsr(), data.size, label)


def squeezed(matrix: Any, label: str) -> csr_array:
    """The matrix without its empty rows and columns, at the cost of its entries alone.

    It has the singular values of the whole that are not zero. Of a matrix without entries, 1×1.
    Raises DataError where duplicates add up to more than a number holds.
    """
    from scipy.sparse import coo_array

    found = matrix.tocoo()
    found.sum_duplicates()
    _require_finite(found.data, lambda k: (found.row[k], found.col[k]), label)
    lines = [np.unique(indices, return_inverse=True) for indices in (found.row, found.col)]
    shape = tuple(max(1, len(which)) for which, _ in lines)
    places = tuple(place.astype(np.int64) for _, place in lines)
    return coo_array((found.data, places), shape=shape).tocsr()


def merged(matrix: csr_array, entries: int, label: str) -> csr_array:
    """The matrix with duplicates of its entries added up, in place; DataError on overflow."""
    matrix.sum_duplicates()
    if matrix.nnz != entries:
        _require_finite(matrix.data, lambda k: (_line(matrix.indptr, k), matrix.indices[k]), label)
    return matrix


def integers(values: Array, label: str, what: str) -> Array:
    """Check that an array of indices is 1-D and of an integer kind; return it."""
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise DataError(
            f"{label} has {what} of the kind {values.dtype}, {values.ndim}-D, not integers",
            _WAY_OUT,
        )
    return values


def check_range(indices: Array, size: int, label: str, what: str) -> None:
    """Raise DataError for the first index outside 0 … size − 1."""
    if indices.size and (int(indices.min()) < 0 or int(indices.max()) >= size):
        k = int(np.argmax((indices < 0) | (indices >= size)))
        raise DataError(
            f"{label} has the {what} {int(indices[k])} in entry {k}, outside 0 … {size - 1}",
            _WAY_OUT,
        )


def _check_pointers(parts: Compressed, label: str) -> None:
    lines = parts.shape[0] if parts.major == "CSR" else parts.shape[1]
    pointers = integers(parts.indptr, label, "pointers")
    entries = parts.data.size
    if parts.data.ndim != 1 or parts.indices.size != entries:
        raise DataError(f"{label} has {parts.indices.size} indices for {entries} values", _WAY_OUT)
    if pointers.size != lines + 1:
        raise DataError(
            f"{label} has {pointers.size} pointers and needs {lines + 1} for its shape "
            f"{parts.shape[0]}×{parts.shape[1]}",
            _WAY_OUT,
        )
    if int(pointers[0]) != 0 or int(pointers[-1]) != entries:
        raise DataError(f"{label} has pointers that do not run from 0 to {entries}", _WAY_OUT)
    if (pointers[1:] < pointers[:-1]).any():
        k = int(np.argmax(pointers[1:] < pointers[:-1]))
        raise DataError(f"{label} has pointers that decrease after entry {k}", _WAY_OUT)


def _check_indices(parts: Compressed, label: str) -> None:
    integers(parts.indices, label, "indices")
    if parts.major == "CSR":
        check_range(parts.indices, parts.shape[1], label, "column index")
    else:
        check_range(parts.indices, parts.shape[0], label, "row index")


def _require_finite(data: Array, place: Callable[[int], tuple[Any, Any]], label: str) -> None:
    """Refuse the first value that is not finite; place(k): row and column of the k-th."""
    finite = np.isfinite(data)
    if not finite.all():
        k = int(np.argmin(finite))
        row, column = place(k)
        refuse_value(data[k], (int(row), int(column)), data.dtype, label)


def _line(indptr: Array, k: int) -> int:
    """The major line that holds entry k."""
    return int(np.searchsorted(indptr, k, side="right")) - 1


def _index_dtype(shape: tuple[int, int], entries: int) -> np.dtype[Any]:
    return np.dtype(np.int32 if max(*shape, entries) < 2**31 else np.int64)
