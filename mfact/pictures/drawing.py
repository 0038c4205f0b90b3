"""A picture as a value: what is drawn where, with every number that is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

import numpy as np

from mfact.core import Array

Row = Mapping[str, float | str | None]


class Dash(Enum):
    """How a line is broken, so that lines are told apart in grey too."""

    SOLID = "solid"
    DASHED = "dashed"
    DOTTED = "dotted"
    DASHDOT = "dashdot"


class Hue(Enum):
    """The colours with a meaning; others are counted, 0, 1, …, and taken in order."""

    RED = "red"
    BLUE = "blue"
    GREY = "grey"
    BLACK = "black"


class Pen(NamedTuple):
    """Colour and dashes of a mark. width: 1 is that of a curve."""

    hue: Hue | int = 0
    dash: Dash = Dash.SOLID
    width: float = 1.0


CURVE = Pen()
RULE = Pen(Hue.GREY, Dash.DOTTED, 0.75)


@dataclass(frozen=True)
class _Points:
    """label: in the legend, empty where it has none. x, y: in the units of the axes."""

    label: str
    x: Array = field(repr=False)
    y: Array = field(repr=False)
    pen: Pen = CURVE

    def rows(self) -> Iterator[Row]:
        return _pairs(x=self.x, y=self.y)


class Line(_Points):
    """A curve through the points; NaN interrupts it."""


class Dots(_Points):
    """A dot at each point."""


@dataclass(frozen=True)
class Band:
    """What lies between low and high at each x."""

    label: str
    x: Array = field(repr=False)
    low: Array = field(repr=False)
    high: Array = field(repr=False)
    pen: Pen = CURVE

    def rows(self) -> Iterator[Row]:
        return _pairs(x=self.x, low=self.low, high=self.high)


@dataclass(frozen=True)
class Bars:
    """A bar of each height from one edge to the next: n + 1 edges, n heights, units of y."""

    label: str
    edges: Array = field(repr=False)
    heights: Array = field(repr=False)
    pen: Pen = CURVE

    def rows(self) -> Iterator[Row]:
        return _pairs(x=self.edges[:-1], to=self.edges[1:], y=self.heights)


@dataclass(frozen=True)
class Rule:
    """A straight line across the panel, at x = at or at y = at."""

    label: str
    axis: str
    at: float
    pen: Pen = RULE

    def rows(self) -> Iterator[Row]:
        yield {self.axis: self.at}


@dataclass(frozen=True)
class Ticks:
    """Short strokes that stand on the x axis."""

    label: str
    x: Array = field(repr=False)
    pen: Pen = CURVE

    def rows(self) -> Iterator[Row]:
        return _pairs(x=self.x)


Mark = Line | Dots | Band | Bars | Rule | Ticks


@dataclass(frozen=True)
class Axis:
    """label: what it shows, with its unit. log: whether by powers of ten, and what is not positive
    is not drawn. least, most: where it ends, None: with the data. names: of the places 0, 1, … on
    an axis of names.
    """

    label: str
    log: bool = False
    least: float | None = None
    most: float | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Panel:
    """One pair of axes with what is drawn there, the first mark at the bottom.

    height: of the panel beside others above and below it. legend: whether it has one, for marks
    that have labels.
    """

    title: str
    x: Axis
    y: Axis
    marks: tuple[Mark, ...]
    height: float = 1.0
    legend: bool = True


@dataclass(frozen=True)
class Picture:
    """Panels in columns, each column from above to below with one x axis for all of it.

    notes: lines below the panels: what the settings were, what was left out and why.
    """

    title: str
    columns: tuple[tuple[Panel, ...], ...]
    notes: tuple[str, ...] = ()

    @property
    def panels(self) -> tuple[Panel, ...]:
        """Column after column, from above to below."""
        return tuple(panel for column in self.columns for panel in column)

    def rows(self) -> Iterator[Row]:
        """Every number that is drawn: panel, series, what it is drawn as, x, y, low, high, to."""
        for place, panel in enumerate(self.panels, 1):
            for mark in panel.marks:
                told: dict[str, float | str | None] = {
                    "panel": place,
                    "title": panel.title,
                    "series": mark.label,
                    "drawn_as": type(mark).__name__.lower(),
                }
                for row in mark.rows():
                    yield told | {name: row.get(name) for name in ("x", "y", "low", "high", "to")}


def _pairs(**columns: Array) -> Iterator[Row]:
    for values in zip(*columns.values(), strict=True):
        yield {
            name: None if np.isnan(value) else float(value)
            for name, value in zip(columns, values, strict=True)
        }
