"""Axes of sizes and of names, for pictures of networks and checkpoints."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfact.core import Array
from mfact.pictures.axes import far, size_axis
from mfact.pictures.drawing import Axis

MOST_LETTERS = 40


def sized(label: str, curves: Sequence[Array]) -> Axis:
    """The axis of the sizes of such curves: from 0, or by powers of ten where they end far apart.

    A curve ends at its last number that is not zero: many begin at 0 and soon go together.

    >>> rising, low = np.array([0.0, 4.0]), np.array([0.0, -0.1])
    >>> sized("‖W‖²", [rising, rising]).log, sized("‖W‖²", [rising, low]).log
    (False, True)
    """
    sizes = [np.abs(curve) for curve in curves]
    ends = [size[known[-1]] for size in sizes if len(known := np.flatnonzero(size > 0))]
    return size_axis(label, [np.zeros(1), *sizes], far(np.array(ends)))


def short(names: Sequence[str]) -> tuple[str, ...]:
    """The names, if an axis has room for them all; else none.

    >>> short(["0 → 2", "2 → 4"]), short(["a" * 50])
    (('0 → 2', '2 → 4'), ())
    """
    return tuple(names) if sum(map(len, names)) <= MOST_LETTERS else ()
