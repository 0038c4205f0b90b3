"""Curves in their colours and dashes, and what of their values is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mfact.core import Array
from mfact.errors import DataError
from mfact.pictures.drawing import Band, Dash, Dots, Line, Mark, Panel, Pen
from mfact.studies.differing import Subject
from mfact.words import printable

DASHES = tuple(Dash)

MOST_IN_LEGEND = 12
"""Curves that colours and dashes tell apart."""


def pen_of(place: int) -> Pen:
    """Of the curve at this place, so that it is seen on another that it lies on."""
    return Pen(place, DASHES[place % len(DASHES)])


def curve(label: str, x: Array, y: Array, pen: Pen) -> Line | Dots:
    """A line through what is finite, or a dot where that is one point."""
    there = np.isfinite(x) & np.isfinite(y)
    if np.count_nonzero(there) == 1:
        return Dots(label, x[there], y[there], pen)
    return Line(label, np.where(np.isfinite(x), x, np.nan), np.where(there, y, np.nan), pen)


def drawable(values: Array, log: bool) -> Array:
    """The values, NaN in place of what an axis does not show."""
    shown_there = np.isfinite(values) & ((values > 0) | (not log))
    return np.where(shown_there, values, np.nan)


def told_once(panels: Sequence[Panel]) -> list[Panel]:
    """A legend only in those that have curves of which no panel before them tells."""
    seen: set[str] = set()
    told = []
    for panel in panels:
        labels = {mark.label for mark in panel.marks} - {""}
        told.append(replace(panel, legend=panel.legend and not labels <= seen))
        seen |= labels
    return told


def filled(panels: Sequence[Panel], subjects: Sequence[Subject]) -> list[Panel]:
    """Those in which there is something of a run. Raises DataError where there is none."""
    found = [panel for panel in panels if any(_points(mark) for mark in panel.marks)]
    if not found:
        raise DataError(
            f"the rows of {printable(subjects[0].name)} do not tell what is drawn here",
            "draw another kind of picture",
        )
    return found


def _points(mark: Mark) -> int:
    if isinstance(mark, Line | Dots):
        return int(np.count_nonzero(np.isfinite(mark.y)))
    return len(mark.x) if isinstance(mark, Band) else 0
