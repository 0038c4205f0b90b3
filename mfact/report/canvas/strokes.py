"""Each mark on axes of matplotlib; the axes are handed in, and nothing of it is imported."""

from __future__ import annotations

from typing import Any

import numpy as np

from mfact.core import Array
from mfact.pictures.drawing import Band, Bars, Dots, Line, Mark, Panel, Rule, Ticks
from mfact.report.canvas.extents import alone, drawable, drawn
from mfact.report.canvas.inks import look

_ABOVE_GRID = 2.0
_CELL = 0.5  # points: of dots that fall together within it one is drawn


def draw(axes: Any, panel: Panel) -> None:
    """All marks of a panel, the first at the bottom. The axes must have their place and limits.

    The artists hold the numbers of the marks; what has no place on the axes is not drawn.
    """
    for order, mark in enumerate(panel.marks):
        there = drawn(mark, panel)
        if there.any():
            _draw(axes, mark, there, {"zorder": _ABOVE_GRID + order / 1000} | look(mark))


def _draw(axes: Any, mark: Mark, there: Array, how: dict[str, Any]) -> None:
    if isinstance(mark, Line):
        axes.plot(mark.x, mark.y, **how)
        lone = alone(there)
        if lone.any():
            dot = {"color": how["color"], "zorder": how["zorder"], "markeredgewidth": 0}
            axes.plot(mark.x[lone], mark.y[lone], "o", markersize=2 * how["linewidth"], **dot)
    elif isinstance(mark, Dots):
        axes.plot(mark.x, mark.y, markevery=_apart(axes, mark, there), **how)
    elif isinstance(mark, Band):
        bottom = axes.get_ylim()[0]
        low = np.maximum(mark.low, bottom) if axes.get_yscale() == "log" else mark.low
        axes.fill_between(mark.x, low, mark.high, where=there, **how)
    elif isinstance(mark, Bars):
        base = axes.get_ylim()[0] if axes.get_yscale() == "log" else 0.0
        heights = np.where(there, mark.heights, np.nan)
        edges = np.where(drawable(mark.edges, False), mark.edges, 1.0)  # of bars not drawn
        axes.stairs(heights, edges, baseline=base, fill=True, **how)
    elif isinstance(mark, Rule):
        (axes.axvline if mark.axis == "x" else axes.axhline)(mark.at, **how)
    elif isinstance(mark, Ticks):
        on_the_axis = axes.get_xaxis_transform()
        stroke = how | {"marker": 2}  # matplotlib's TICKUP: from the point upwards
        axes.plot(mark.x, np.zeros(len(mark.x)), transform=on_the_axis, **stroke)


def _apart(axes: Any, mark: Dots, there: Array) -> list[int]:
    """The dots that are drawn, less those that lie on one already drawn."""
    (places,) = there.nonzero()
    spots = axes.transData.transform(np.column_stack((mark.x[places], mark.y[places])))
    cells = np.floor(spots * (72 / axes.figure.dpi / _CELL))
    _, first = np.unique(cells, axis=0, return_index=True)
    return [int(place) for place in np.sort(places[first])]


def key(axes: Any, mark: Mark) -> Any:
    """The mark's sign in a legend."""
    how = look(mark)
    if isinstance(mark, Band | Bars):
        sign = axes.axvspan(0, 0, **how)
    else:
        (sign,) = axes.plot([], [], **how)
    sign.remove()
    return sign
