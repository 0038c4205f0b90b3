"""Names and shapes that files declare, before any array of them is made."""

from __future__ import annotations

from math import prod

from mfact.errors import DataError
from mfact.words import printable

_NAME_LENGTH = 160
_MOST_DIMENSIONS = 64
_MOST_BYTES = 2**63 - 1


def short(name: str) -> str:
    """A name as it may be printed; of one without end, its start.

    >>> short("fc\\n.weight"), len(short("w" * 10**6))
    ('fc\\\\n.weight', 161)
    """
    return printable(name[:_NAME_LENGTH]) + "…" * (len(name) > _NAME_LENGTH)


def check_shape(shape: tuple[int, ...], itemsize: int, label: str) -> None:
    """Raise DataError for a shape of which NumPy makes no array, an empty one included.

    >>> check_shape((0, 2**62), 4, "w.npz:W")
    Traceback (most recent call last):
    mfact.errors.DataError: w.npz:W has lengths that no array has: write it again
    """
    if len(shape) > _MOST_DIMENSIONS:
        raise DataError(
            f"{label} has {len(shape)} dimensions, more than the {_MOST_DIMENSIONS} of NumPy",
            "reshape it before saving",
        )
    # NumPy counts the other lengths of an empty array too.
    if itemsize * prod(length or 1 for length in shape) > _MOST_BYTES:
        raise DataError(f"{label} has lengths that no array has", "write it again")
