"""Numbers as they may stand in a sentence; loads nothing."""

from __future__ import annotations

import math


def known_digits(value: float, error: float, most: int) -> int:
    """How many digits of a value that is known to ± error to show, 0 where none is known: the
    last is of the order of the error.

    >>> known_digits(9.51439, 0.2, 6), known_digits(9.51439, 1e-12, 6), known_digits(0.1, 0.3, 6)
    (2, 6, 0)
    """
    if not error > 0 or not math.isfinite(value):
        return most
    if not error < abs(value):
        return 0
    places = math.floor(math.log10(abs(value))) - math.floor(math.log10(error))
    return min(most, places + 1)
