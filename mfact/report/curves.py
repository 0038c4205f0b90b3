"""Curves three lines high, which show the shape of a trace: in braille dots, or in ASCII.

A plot is a grid of dots, 2×4 in each character of braille, 1×3 in each of ASCII. A value has the
dot that is nearest, and two that follow each other are joined by a straight line of dots: a column
of dots, which stands for a stretch of x, so has all values between the least and the largest there.
What is not finite is not drawn, and interrupts the line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mfact.core import Array
from mfact.report.iterations import pace
from mfact.report.parts import text_of
from mfact.report.terminal import Look
from mfact.report.text import exponent, number, step_text
from mfact.trace import Column

if TYPE_CHECKING:
    from rich.console import RenderableType

LINES = 3
INDENT = 2
GUTTER = 2
LEAST = 28
"""Columns that a plot has at least where some stand side by side, its numbers included."""

MOST = 48
"""Columns that a plot has at most: two are as wide as the widest page is to be."""

LEAST_CELLS = 5
"""Characters of dots: fewer have no shape."""

_BRAILLE = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
_ASCII = np.array([[1], [2], [4]])
_ASCII_CELLS = " '-\"_:,|"
"""By the sum of the bits of its dots, 1 at the top, 2 in the middle, 4 at the bottom."""

_PACES = {"step": "steps", "flow_time": "flow time"}


class Scale(NamedTuple):
    """Where the values of a curve stand: heights from 0 to 1, NaN for what is not drawn.

    low, high: the least and the largest value that is drawn. log: whether heights are even in
    log₁₀, else in the values.
    """

    low: float
    high: float
    log: bool
    heights: Array

    @property
    def flat(self) -> bool:
        """Whether the digits that are shown tell no value from another."""
        return exponent(self.low) == exponent(self.high)


def scaled(values: Array) -> Scale | None:
    """The scale of values, by powers of ten where those above 0 span one or more; 0 then is not
    drawn. None where nothing is known.

    >>> scaled(np.array([100.0, 1.0, 0.0, np.nan])).heights.tolist()
    [1.0, 0.0, nan, nan]
    >>> scaled(np.array([2.0, 3.0, 0.0])).heights.round(3).tolist()
    [0.667, 1.0, 0.0]
    """
    shown = np.where(np.isfinite(values), values, np.nan).astype(float)
    known = shown[np.isfinite(shown)]
    if not len(known):
        return None
    above = known[known > 0]
    log = len(above) > 0 and known.min() >= 0 and bool(above.max() / 10 >= above.min())
    if log:
        shown[shown == 0] = np.nan
        known = above
    low, high = float(known.min()), float(known.max())
    scale = Scale(low, high, log, np.where(np.isnan(shown), np.nan, 0.5))
    if scale.flat:
        return scale
    # In units of the largest: no difference of two floats is too large for a float then.
    unit = max(abs(low), abs(high))
    at: Array = np.log10(shown) if log else shown / unit
    least, most = np.nanmin(at), np.nanmax(at)
    return scale._replace(heights=(at - least) / (most - least))


def rastered(x: Array, heights: Array, columns: int, rows: int) -> Array:
    """The dots of a curve, rows×columns, the first row at the top.

    x: from the least to the largest over all columns. heights: from 0 to 1.
    """
    dots = np.zeros((rows, columns), dtype=bool)
    known = np.isfinite(x) & np.isfinite(heights)
    if not known.any():
        return dots
    finite = x[np.isfinite(x)]
    unit = np.abs(finite).max() or 1.0
    first, span = finite.min() / unit, (finite.max() / unit - finite.min() / unit) or 1.0
    along = np.where(known, (x / unit - first) / span, 0.0)
    above = np.where(known, 1.0 - heights, 0.0)
    row = np.rint(above * (rows - 1)).astype(int)
    column = np.rint(along * (columns - 1)).astype(int)
    place = row * columns + column
    joined = known[:-1] & known[1:]
    begin = np.concatenate([place[known], place[:-1][joined]])
    end = np.concatenate([place[known], place[1:][joined]])
    # The many rows of a long trace make the same few lines.
    begin, end = np.divmod(np.unique(begin * dots.size + end), dots.size)
    start, way = (np.stack(np.divmod(each, columns)) for each in (begin, end))
    way = way - start
    length = np.abs(way).max(axis=0)
    for each in range(int(length.max()) + 1):
        at = length >= each
        share = each / np.maximum(length[at], 1)
        dots[tuple(np.rint(start[:, at] + share * way[:, at]).astype(int))] = True
    return dots


def lettered(dots: Array, look: Look) -> list[str]:
    """A grid of dots as lines of text, in braille or in ASCII."""
    bits = _ASCII if look.ascii_only else _BRAILLE
    down, across = bits.shape
    cells = dots.reshape(dots.shape[0] // down, down, dots.shape[1] // across, across)
    codes = np.einsum("idja,da->ij", cells, bits)
    if look.ascii_only:
        return ["".join(_ASCII_CELLS[code] for code in line) for line in codes]
    return ["".join(chr(0x2800 + code) for code in line) for line in codes]


@dataclass(frozen=True)
class Curves:
    """Plots of some columns over the same x, each below its name, as many side by side as there is
    room for.

    along: what x is. curves: names, and the values at x. One that is nowhere known is none. The
    least and the largest value that is drawn stand beside a plot, once where it is flat.
    """

    along: str
    x: Array = field(repr=False)
    curves: Sequence[tuple[str, Array]] = field(repr=False)

    @classmethod
    def of(
        cls,
        trace: Mapping[str, Array],
        columns: Mapping[str, Column],
        names: Sequence[Sequence[str]],
    ) -> Curves:
        """Of the trace of a run, over its steps, or the flow time where they leap.

        names: for each curve the columns that it may be of: the first of which something is known.
        """
        chosen: list[tuple[str, Array]] = []
        for each in names:
            known = [n for n in each if n in trace and np.isfinite(trace[n]).any()]
            chosen += [(columns[name].heading, trace[name]) for name in known[:1]]
        along = pace(trace)
        return cls(_PACES[along], trace[along].astype(float), chosen)

    def drawn(self, look: Look) -> Iterable[RenderableType]:
        from rich.text import Text

        for place, line in enumerate(self._lines(look)):
            style = "" if place % (1 + LINES) else "bold"
            yield Text(" " * INDENT + line, style, no_wrap=True)

    def marked(self) -> str:
        text = text_of([self], Look(width=80))
        return f"```text\n{text}```" if text else ""

    def _lines(self, look: Look) -> Iterable[str]:
        known = [(name, scale) for name, values in self.curves if (scale := scaled(values))]
        room = look.width - INDENT
        abreast = max(1, min(len(known), (room + GUTTER) // (LEAST + GUTTER)))
        width = min((room + GUTTER) // abreast - GUTTER, MOST)
        label = max((len(exponent(v)) for _, s in known for v in (s.low, s.high)), default=0)
        plots = [self._plot(look.symbols(name), s, width, label, look) for name, s in known]
        plots = [plot for plot in plots if plot]
        for first in range(0, len(plots), abreast):
            for parts in zip(*plots[first : first + abreast], strict=True):
                padded = (part.ljust(width) for part in parts)
                yield (" " * GUTTER).join(padded).rstrip(" \u2800")

    def _plot(self, name: str, scale: Scale, width: int, label: int, look: Look) -> list[str]:
        """The caption and three lines; none where they have no room."""
        caption, cells = self._caption(name, scale, width, look), width - label - 1
        if not caption or cells < LEAST_CELLS:
            return []
        down, across = (_ASCII if look.ascii_only else _BRAILLE).shape
        dots = rastered(self.x, scale.heights, cells * across, LINES * down)
        low, high = exponent(scale.low), exponent(scale.high)
        sides = ("", high, "") if scale.flat else (high, "", low)
        drawn = zip(sides, lettered(dots, look), strict=True)
        return [caption, *(f"{side:>{label}} {line}" for side, line in drawn)]

    def _caption(self, name: str, scale: Scale, width: int, look: Look) -> str:
        """What is drawn over what, as much of it as there is room for; may be empty."""
        finite = self.x[np.isfinite(self.x)]
        ends = (_end(v) for v in (finite.min(), finite.max())) if len(finite) else ("", "")
        name += " (log)" if scale.log else ""
        over = f"{name} over {self.along}"
        choices = (look.symbols(f"{over} {' to '.join(ends)}"), over, name)
        return next((text for text in choices if len(text) <= width), "")


def _end(value: float) -> str:
    """An end of the x axis: a count as it is.

    >>> _end(3438.0), _end(32.13579)
    ('3438', '32.14')
    """
    return step_text(value) if float(value).is_integer() else number(float(value), 4)
