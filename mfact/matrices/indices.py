"""Indices and pointers of sparse matrices from elsewhere: each is checked, none is believed."""

from __future__ import annotations

import numpy as np

from mfact.core import Array
from mfact.errors import DataError

SAVE = "write it again with scipy.sparse.save_npz"


def integers(values: Array, label: str, what: str) -> Array:
    """Check that an array of indices is 1-D and of an integer kind; return it."""
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise DataError(
            f"{label} has {what} of the kind {values.dtype}, {values.ndim}-D, not integers",
            SAVE,
        )
    return values


def check_range(indices: Array, size: int, label: str, what: str) -> None:
    """Raise DataError for the first index outside 0 … size − 1."""
    if not indices.size:
        return
    least, most = int(indices.min()), int(indices.max())
    if least > 0 and most == size:
        raise DataError(
            f"{label} has {what.replace('index', 'indices')} from {least} to {most}: they are "
            "counted from 1, as in R, Julia and MATLAB",
            "subtract 1 from its indices and write it again with scipy.sparse.save_npz",
        )
    if least < 0 or most >= size:
        k = int(np.argmax((indices < 0) | (indices >= size)))
        raise DataError(
            f"{label} has the {what} {int(indices[k])} in entry {k}, outside 0 … {size - 1}",
            SAVE,
        )


def check_pointers(
    pointers: Array, lines: int, entries: int, shape: tuple[int, int], label: str
) -> None:
    """Raise DataError unless pointers cut so many entries into so many lines, from 0 on."""
    integers(pointers, label, "pointers")
    if pointers.size != lines + 1:
        raise DataError(
            f"{label} has {pointers.size} pointers and needs {lines + 1} for its shape "
            f"{shape[0]}×{shape[1]}",
            SAVE,
        )
    if int(pointers[0]) == 1 and int(pointers[-1]) == entries + 1:
        raise DataError(
            f"{label} has pointers from 1 to {entries + 1}: they are counted from 1",
            "subtract 1 from them and from its indices and write it again with "
            "scipy.sparse.save_npz",
        )
    if int(pointers[0]) != 0 or int(pointers[-1]) != entries:
        raise DataError(f"{label} has pointers that do not run from 0 to {entries}", SAVE)
    if (pointers[1:] < pointers[:-1]).any():
        k = int(np.argmax(pointers[1:] < pointers[:-1]))
        raise DataError(f"{label} has pointers that decrease after entry {k}", SAVE)
