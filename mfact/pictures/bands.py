"""Many curves as one band: between which values they all lie, and the median of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mfact.core import Array
from mfact.pictures.drawing import Band, Mark, Pen
from mfact.pictures.marks import curve

MOST_PLACES = 1000
"""Of a band along x: more are not told apart in a picture."""

Curve = tuple[Array, Array]
"""x, which never descends, and y, all of them finite."""


class Envelope(NamedTuple):
    """At each x the least, the median and the largest of the curves that have begun."""

    x: Array
    low: Array
    middle: Array
    high: Array


def envelope(curves: Sequence[Curve], *, log: bool) -> Envelope:
    """What the curves lie between, from where two have begun to where the last ends.

    A curve that has ended counts with its last value: else the median would jump to those that
    are left, and a band of runs that converge would rise at its end. A curve is what is drawn of
    it: straight from point to point, by the logarithms of y where those are drawn. The band is
    straight between its places too, and contains every curve: the least of straight lines bends
    up over its chord, and the largest down under it. Where the places are fewer than the points,
    those between two places count at both.

    >>> rising, short = (np.array([0.0, 2.0]), np.array([1.0, 3.0])), (np.ones(1), np.ones(1))
    >>> band = envelope([rising, short], log=False)
    >>> band.x, band.low, band.high
    (array([1., 2.]), array([1., 1.]), array([2., 3.]))
    """
    grid = _places([x for x, _ in curves])
    each = [_along(grid, x, y, log) for x, y in curves]
    low, middle, high = (np.array(rows) for rows in zip(*each, strict=True))
    there = np.count_nonzero(~np.isnan(middle), axis=0) > 1
    low, middle, high = low[:, there], middle[:, there], high[:, there]
    if not there.any():
        return Envelope(*(np.zeros(0) for _ in range(4)))
    with np.errstate(over="ignore"):  # of the mean of two near the largest
        median = np.nanmedian(middle, axis=0)
    return Envelope(grid[there], np.nanmin(low, axis=0), median, np.nanmax(high, axis=0))


def banded(
    curves: Sequence[Curve], pen: Pen, band: str, middle: str, *, log: bool
) -> tuple[Mark, ...]:
    """The band of several curves and their median, under these labels; none where there is none.

    NaN in y is no part of a curve.
    """
    known = [(x[np.isfinite(y)], y[np.isfinite(y)]) for x, y in curves]
    if len(known) < 2 or len((found := envelope(known, log=log)).x) < 2:
        return ()
    return (
        Band(band, found.x, found.low, found.high, pen),
        curve(middle, found.x, found.middle, pen),
    )


def _places(each: Sequence[Array]) -> Array:
    """Every x there is, or as many of them as are told apart, evenly; all ends among them."""
    every = np.unique(np.concatenate(each))
    if len(every) <= MOST_PLACES:
        return every
    some = every[np.linspace(0, len(every) - 1, MOST_PLACES).round().astype(int)]
    ends = [x[end] for x in each for end in (0, -1)]
    return np.unique(np.concatenate([some, ends]))


def _along(grid: Array, x: Array, y: Array, log: bool) -> tuple[Array, Array, Array]:
    """A curve at the places of the grid, its least and its largest value near each."""
    with np.errstate(over="ignore", invalid="ignore"):  # between numbers near the largest
        at = np.interp(grid, x, np.log10(y) if log else y, left=np.nan)
    at = 10.0**at if log else at
    place = np.searchsorted(grid, x)
    met = grid[place] == x
    # With every bit; of several at one x the last.
    at[place[met]] = y[met]
    at[grid > x[-1]] = y[-1]
    low, high = at.copy(), at.copy()
    for near in (place, np.where(met, place, place - 1)):
        np.fmin.at(low, near, y)
        np.fmax.at(high, near, y)
    return low, at, high
