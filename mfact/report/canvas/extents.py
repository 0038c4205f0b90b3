"""What of marks has a place on the axes, and from where to where these go."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mfact.core import Array
from mfact.pictures.drawing import Axis, Band, Bars, Mark, Panel, Rule, Ticks

_ROOM = {"x": 0.015, "y": 0.04}  # beyond the data, in lengths of the axis
_TOUCH = 0.008  # the width of a line beside the height of a panel
_FLAT = 1e-9  # of values: what varies by less is drawn as constant, not as its rounding
_LARGEST = 1e250  # differences and squares of what is drawn are taken


def drawable(values: Array | float, log: bool) -> Array:
    """Which of the values have a place on an axis.

    >>> drawable(np.array([1.0, 0.0, -1.0, np.nan, np.inf]), log=True).tolist()
    [True, False, False, False, False]
    """
    values = np.asarray(values, dtype=float)
    return (np.abs(values) <= _LARGEST) & ((values >= 1 / _LARGEST) if log else True)


def drawn(mark: Mark, panel: Panel) -> Array:
    """Which points, or bars, of the mark are drawn. A band on a logarithmic axis reaches as far
    down as the axis does where its lower end is not positive.
    """
    if isinstance(mark, Rule):
        return drawable(np.array([mark.at]), (panel.x if mark.axis == "x" else panel.y).log)
    if isinstance(mark, Bars):
        edges = drawable(mark.edges, panel.x.log)
        return edges[:-1] & edges[1:] & drawable(mark.heights, panel.y.log)
    places = drawable(mark.x, panel.x.log)
    if isinstance(mark, Ticks):
        return places
    if isinstance(mark, Band):
        return places & drawable(mark.low, False) & drawable(mark.high, panel.y.log)
    return places & drawable(mark.y, panel.y.log)


def alone(there: Array) -> Array:
    """Which points have no neighbour, so that a line shows nothing of them.

    >>> alone(np.array([True, False, True, True, False, True])).tolist()
    [True, False, False, False, False, True]
    """
    around = np.concatenate(([False], there, [False]))
    return there & ~around[:-2] & ~around[2:]


def span(axis: Axis, marks: Sequence[Mark], way: str) -> tuple[float, float] | None:
    """Where the axis begins and ends, with a little room beside the data; None where there is
    nothing on it.

    >>> span(Axis("step", least=0.0), [Rule("", "x", 100.0)], "x")
    (0.0, 101.5)
    """
    if axis.names:
        return -0.5, len(axis.names) - 0.5
    place = np.log10 if axis.log else np.asarray
    least, most = (
        float(place(end)) if end is not None and drawable(end, axis.log) else None
        for end in (axis.least, axis.most)
    )
    data = np.concatenate([np.empty(0), *(_along(mark, way) for mark in marks)])
    data = place(data[drawable(data, axis.log)])
    data = data if len(data) else np.array([end for end in (least, most) if end is not None])
    if not len(data):
        return None
    low, high = float(data.min()), float(data.max())
    stand = way == "y" and any(isinstance(mark, Bars) for mark in marks)
    least = 0.0 if stand and low == 0 and not axis.log else least
    first, last = _apart(low, high, least, most, axis.log)
    room, touch = (share * (last - first) for share in (_ROOM[way], 0.0 if stand else _TOUCH))
    # At an end that is given, as much as shows a line along it in its whole width.
    first -= room if least is None else touch * (abs(low - first) < touch)
    last += room if most is None else touch * (abs(high - last) < touch)
    return (10.0**first, 10.0**last) if axis.log else (first, last)


def _apart(
    low: float, high: float, least: float | None, most: float | None, log: bool
) -> tuple[float, float]:
    """The ends that are given, else those of the data; where they leave nothing between, the first
    that is given and some length.
    """
    first = low if least is None else least
    last = high if most is None else most
    size = max(abs(first), abs(last))
    size = size if size >= 1 / _LARGEST else 0.0
    if size and last - first > _FLAT * size:
        return first, last
    length = 0.5 if log else 0.05 * size or 1.0
    if least is None and most is not None:
        return last - length, last
    return (first if least is not None else first - length), first + length


def _along(mark: Mark, way: str) -> Array:
    """The numbers of a mark along an axis."""
    found: list[Array] = []
    if isinstance(mark, Rule):
        found = [np.array([mark.at])] if mark.axis == way else []
    elif way == "x":
        found = [mark.edges if isinstance(mark, Bars) else mark.x]
    elif isinstance(mark, Bars):
        found = [mark.heights, np.zeros(1)]
    elif isinstance(mark, Band):
        found = [mark.low, mark.high]
    elif not isinstance(mark, Ticks):
        found = [mark.y]
    return np.concatenate([np.empty(0), *found])
