"""Masks and maps of shared weights as arrays that a layer can be given."""

from __future__ import annotations

import numpy as np

from mfact.core import Array
from mfact.errors import DataError


def mask_of(values: Array, label: str = "the mask") -> Array:
    """0/1 as truth values, units×n. Raises DataError for other values, with the first of them."""
    M = _matrix(values, label)
    wrong = (M != 0) & (M != 1)
    if wrong.any():
        raise DataError(f"{label} has {_first(M, wrong)}", "give 0 and 1 alone")
    return np.asarray(M, bool)


def share_of_weights(values: Array, label: str = "the map of shared weights") -> Array:
    """g_h of Theorem 2.3, units×n: which of the free weights stands where, from 1; 0 for none.

    Raises DataError for what is no such number, and where one up to the largest is left out.

    >>> share_of_weights(np.array([[1.0, 2.0], [2.0, 0.0]])).tolist()
    [[1, 2], [2, 0]]
    """
    M = _matrix(values, label)
    wrong = ~((M >= 0) & (np.floor(M) == M))
    if wrong.any():
        raise DataError(
            f"{label} has {_first(M, wrong)}", "number the weights 1, 2, …, and write 0 for none"
        )
    if not M.any():
        raise DataError(f"{label} has no weights", "number them 1, 2, …")
    held = np.unique(M[M > 0])
    gaps = np.flatnonzero(held != np.arange(1, len(held) + 1))
    if len(gaps):
        raise DataError(
            f"{label} goes up to {held[-1]:g} and leaves out {int(gaps[0]) + 1}",
            "number the weights 1, 2, … without a gap",
        )
    return M.astype(np.int64)


def _matrix(values: Array, label: str) -> Array:
    M = np.asarray(values)
    if M.ndim != 2 or M.dtype.kind not in "fiub":
        raise DataError(
            f"{label} has shape {M.shape} and kind {M.dtype}", "give a 2-D array of numbers"
        )
    return M


def _first(M: Array, wrong: Array) -> str:
    row, column = np.unravel_index(int(np.argmax(wrong)), M.shape)
    return f"{M[row, column]:g} at row {row}, column {column} (counted from 0)"
