"""Sparse matrices from elsewhere: every index is checked before SciPy sees one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from mfact.core import Array
from mfact.errors import DataError
from mfact.matrices.indices import SAVE, check_pointers, check_range, integers
from mfact.matrices.missing import of_sparse
from mfact.matrices.values import check_fits

if TYPE_CHECKING:
    from scipy.sparse import csr_array


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

    lines = parts.shape[0] if parts.major == "CSR" else parts.shape[1]
    entries = parts.data.size
    if parts.data.ndim != 1 or parts.indices.size != entries:
        raise DataError(f"{label} has {parts.indices.size} indices for {entries} values", SAVE)
    check_pointers(parts.indptr, lines, entries, parts.shape, label)
    integers(parts.indices, label, "indices")
    if parts.major == "CSR":
        check_range(parts.indices, parts.shape[1], label, "column index")
    else:
        check_range(parts.indices, parts.shape[0], label, "row index")

    def place(k: Array) -> tuple[Any, Any]:
        major, minor = _line(parts.indptr, k), parts.indices[k]
        return (major, minor) if parts.major == "CSR" else (minor, major)

    _require_finite(parts.data, place, parts.shape, label)
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
    _require_finite(data, lambda k: (rows[k], columns[k]), shape, label)
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
    _require_finite(found.data, lambda k: (found.row[k], found.col[k]), matrix.shape, label)
    lines = [np.unique(indices, return_inverse=True) for indices in (found.row, found.col)]
    shape = tuple(max(1, len(which)) for which, _ in lines)
    places = tuple(place.astype(np.int64) for _, place in lines)
    return coo_array((found.data, places), shape=shape).tocsr()


def merged(matrix: csr_array, entries: int, label: str) -> csr_array:
    """The matrix with duplicates of its entries added up, in place; DataError on overflow."""
    matrix.sum_duplicates()
    if matrix.nnz != entries:
        _require_finite(
            matrix.data, lambda k: (_line(matrix.indptr, k), matrix.indices[k]), matrix.shape, label
        )
    return matrix


def _require_finite(
    data: Array, place: Callable[[Array], tuple[Any, Any]], shape: tuple[int, int], label: str
) -> None:
    """Refuse values that are not finite; place: rows and columns of the k-th, for an array of k."""
    finite = np.isfinite(data)
    if finite.all():
        return
    which = np.flatnonzero(~finite)
    raise of_sparse(data[which], *place(which), shape, label)


def _line(indptr: Array, k: Array) -> Array:
    """The major lines that hold the entries k."""
    found: Array = np.searchsorted(indptr, k, side="right") - 1
    return found


def _index_dtype(shape: tuple[int, int], entries: int) -> np.dtype[Any]:
    return np.dtype(np.int32 if max(*shape, entries) < 2**31 else np.int64)
