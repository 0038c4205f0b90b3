"""A pass over a dense matrix in bands of lines: which, and what comes of the sums they share."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np

from mfact.core import Array
from mfact.host.threads import Workers
from mfact.targets.tiles import cuts

MOST_BANDS = 64

LEAST_BYTES = 1 << 21
"""Of M in a band: below, a task costs as much as its work."""

LINES_A_COLUMN = 16
"""A band has so many lines for each column that it adds to a sum of its own: the sums of all bands
take at most a sixteenth of M."""


LEAST_SLICE, MOST_SLICES = 256, 16
"""Lines of what a worker adds at a time, and how many such slices there are."""


def bands(shape: tuple[int, int], columns: int, itemsize: int) -> list[slice]:
    """Cuts of the lines of M: 1, 2, 4 … 64 bands of one size, so that they share out evenly.

    shape: lines, and entries of each. columns: of the sums that the bands share. The cuts depend on
    nothing else, and so do the bits of a pass.

    >>> len(bands((8000, 6000), 20, 8))
    16
    """
    lines, length = shape
    least = max(LINES_A_COLUMN * columns, LEAST_BYTES // (length * itemsize), 1)
    count = 1 << max(min(MOST_BANDS, lines // least).bit_length() - 1, 0)
    edges = [lines * i // count for i in range(count + 1)]
    return [slice(*edge) for edge in pairwise(edges)]


def added(parts: Array, workers: Workers) -> Array:
    """Σ parts[i], one part after the other, each worker a slice of them."""
    first: Array = parts[0]
    if len(parts) == 1:
        return first
    # Not in the first's place, which would keep all the others as long as the sum.
    total = np.empty_like(first)

    def add(lines: slice) -> None:
        total[lines] = first[lines]
        for part in parts[1:]:
            total[lines] += part[lines]

    size = max(LEAST_SLICE, -(-len(total) // MOST_SLICES))
    workers.shared([partial(add, lines) for lines in cuts(len(total), size)])
    return total
