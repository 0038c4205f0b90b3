"""Colours, dashes and shapes of pens; told apart by colour-blind eyes, and in grey by luminance."""

from __future__ import annotations

from typing import Any

from mfact.pictures.drawing import Band, Bars, Dash, Dots, Hue, Mark, Pen, Ticks

INK, QUIET, GRID = "#1a1a1a", "#5a5a5a", "#e3e3e3"
CURVE_WIDTH = 1.8  # points

_HUES = {Hue.RED: "#e5402f", Hue.BLUE: "#163f8c", Hue.GREY: "#757575", Hue.BLACK: INK}
# Luminance L* 30, 67, 18, 42, 56, 49, and as far apart in a print of video luma; distance of any
# two in CIELAB at least 41, and 22 for protanopes, deuteranopes and tritanopes (Machado, Oliveira
# and Fernandes 2009).
_COUNTED = ("#37399a", "#ef8c00", "#590f1b", "#17705f", "#b65aef", "#727a26")
_SHAPES = ("o", "^", "s", "D", "v", "P")
# Ink and gap in widths of the line.
_DASHES: dict[Dash, tuple[float, ...]] = {
    Dash.SOLID: (10, 1.6),
    Dash.DASHED: (4, 3),
    Dash.DOTTED: (1, 1.7),
    Dash.DASHDOT: (5.5, 1.7, 1, 1.7),
}


def colour(pen: Pen) -> str:
    """Of a counted hue one of six, in turn."""
    return _HUES[pen.hue] if isinstance(pen.hue, Hue) else _COUNTED[pen.hue % len(_COUNTED)]


def dashes(pen: Pen) -> Any:
    """As matplotlib takes them; each time that the colours come again one dot more.

    >>> dashes(Pen(0)), dashes(Pen(0, Dash.DASHED)), dashes(Pen(12))
    ('-', (0, (4, 3)), (0, (10, 1.6, 1, 1.6)))
    """
    again = 0 if isinstance(pen.hue, Hue) else pen.hue // len(_COUNTED)
    if pen.dash is Dash.SOLID:
        if not again:
            return "-"
        again -= 1
    return 0, _DASHES[pen.dash] + (1, 1.6) * again


def shape(pen: Pen) -> str:
    """Of dots; the counted ones turn slower than the colours do, so that no pair comes twice."""
    if isinstance(pen.hue, Hue):
        return "s" if pen.hue is Hue.BLUE else "o"
    return _SHAPES[(pen.hue + pen.hue // len(_COUNTED)) % len(_SHAPES)]


def look(mark: Mark) -> dict[str, Any]:
    """How a mark looks, in matplotlib's words, on the axes and in the legend."""
    pen = mark.pen
    own, width = colour(pen), CURVE_WIDTH * pen.width
    if isinstance(mark, Band):
        return {"facecolor": own, "alpha": 0.22, "linewidth": 0}
    if isinstance(mark, Bars):
        return {"facecolor": (own, 0.3), "edgecolor": own, "linewidth": width / 2,
                "linestyle": dashes(pen)}  # fmt: skip
    if isinstance(mark, Dots):
        return {"color": own, "linestyle": "", "marker": shape(pen), "markersize": 2.5 * width,
                "markeredgewidth": 0}  # fmt: skip
    if isinstance(mark, Ticks):
        return {"color": own, "linestyle": "", "marker": "|", "markersize": 11,
                "markeredgewidth": width}  # fmt: skip
    return {"color": own, "linestyle": dashes(pen), "linewidth": width,
            "dash_capstyle": "butt", "solid_capstyle": "round"}  # fmt: skip
