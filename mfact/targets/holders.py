"""Every way to hold a matrix in this memory: who takes what, how many bytes, and its Target."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from mfact.core import Target
from mfact.errors import DataError
from mfact.host.threads import Workers
from mfact.matrices.decoding import BFLOAT16
from mfact.matrices.missing import store
from mfact.matrices.source import ENTRY_BYTES, LINE_BYTES, MatrixSource
from mfact.matrices.values import Told
from mfact.targets.dense import DenseTarget
from mfact.targets.device.arrays import on_host
from mfact.targets.device.target import DeviceTarget
from mfact.targets.sparse import SparseTarget
from mfact.targets.streamed import Streamed, streamed


class Holder(NamedTuple):
    """One way to hold M. recognizes: whether it takes what was given. needed: bytes that are still
    to be allocated. make: the Target, in the arithmetic of a dtype, its passes shared by workers;
    only here M is read. leave: M where it is, read anew in each pass, first with more buffers and
    then with fewer; none where it cannot be."""

    recognizes: Callable[[Any], bool]
    needed: Callable[[Any, str], int]
    make: Callable[[Any, str, Told, Workers], Target]
    leave: Callable[[Any], Sequence[Streamed]] = lambda matrix: ()


def stored_eps(kind: Any) -> float:
    """ε_s of the kind in which entries are stored: integers and truth values are exact.

    >>> stored_eps("<f2"), stored_eps("bfloat16"), stored_eps(np.uint8)
    (0.0009765625, 0.0078125, 0.0)
    """
    if isinstance(kind, str) and kind == BFLOAT16:
        return 2.0**-7
    dtype = np.dtype(kind)
    return float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0


def is_target(matrix: Any) -> bool:
    return hasattr(matrix, "products")


def is_file(matrix: Any) -> bool:
    return isinstance(matrix, MatrixSource)


def _is_sparse(matrix: Any) -> bool:
    return hasattr(matrix, "tocsr")


def _sparse_needed(matrix: Any, dtype: str) -> int:
    return ENTRY_BYTES * int(matrix.nnz) + LINE_BYTES * int(matrix.shape[0])


def _dense_needed(matrix: Any, dtype: str) -> int:
    there = isinstance(matrix, np.ndarray) and matrix.dtype == dtype
    return 0 if there else np.dtype(dtype).itemsize * math.prod(np.shape(matrix))


def _read(source: MatrixSource, dtype: str, told: Told, workers: Workers) -> Target:
    return _holding(source.read(dtype, told), dtype, workers, source.stored_dtype)


def _in_memory(matrix: Any, dtype: str, told: Told, workers: Workers) -> Target:
    return _holding(matrix, dtype, workers)


def _holding(matrix: Any, dtype: str, workers: Workers, stored: str | None = None) -> Target:
    entries = matrix if _is_sparse(matrix) else np.asarray(matrix)
    if entries.dtype.kind not in "fiub":
        raise DataError(f"the matrix holds {entries.dtype}", "pass real numbers")
    make = SparseTarget if _is_sparse(matrix) else DenseTarget
    return make(_cast(entries, dtype), stored_eps(stored or entries.dtype), workers)


def _cast(entries: Any, dtype: str) -> Any:
    """In the arithmetic; a dense matrix is looked at meanwhile, where it may overflow that."""
    narrower = entries.dtype.kind == "f" and entries.dtype.itemsize > np.dtype(dtype).itemsize
    if narrower and isinstance(entries, np.ndarray) and entries.size:
        cast = np.empty_like(entries, dtype=dtype, subok=False)
        store(entries, cast, lambda index: (index[0], index[1]), "the matrix")
        return cast
    with np.errstate(over="ignore"):
        return entries.astype(dtype, copy=False)


HOLDERS = (
    Holder(is_target, lambda target, dtype: 0, lambda target, dtype, told, workers: target),
    Holder(is_file, MatrixSource.read_bytes, _read, streamed),
    Holder(
        lambda matrix: not on_host(matrix),
        lambda matrix, dtype: 0,
        lambda matrix, dtype, told, workers: DeviceTarget(matrix, dtype=dtype),
    ),
    Holder(_is_sparse, _sparse_needed, _in_memory),
    Holder(lambda anything: True, _dense_needed, _in_memory),
)
"""Asked in this order. A new way to hold M is a file with its target and a row here."""
