"""A picture laid out on a figure of matplotlib: every text has room, and nothing covers a curve.

The figure is handed in, and nothing of matplotlib is imported. All lengths are inches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mfact.pictures.drawing import Panel, Picture, Rule
from mfact.report.canvas.extents import drawn, span
from mfact.report.canvas.inks import QUIET
from mfact.report.canvas.legends import Entry, each_once, legend, shared
from mfact.report.canvas.measure import HEAD, LABEL, NOTE, TITLE, Ruler
from mfact.report.canvas.sides import Side, below, beside
from mfact.report.canvas.strokes import draw

_WIDE, _NARROW = 6.4, 3.4  # a column alone, a column of several
_TALL, _LOW = 3.0, 2.5  # a panel of height 1 in them
_EDGE, _GAP, _STEP, _PAD = 0.1, 0.2, 0.13, 0.07
_WORD = 1.2  # room that a label beside a low panel has at least
_LINES = 12  # of a note
_ANY = 1.0, 2.0  # limits of an axis on which nothing is
_ROUND = 50  # parts of an inch: whole pixels at the resolution of a file


class Sheet:
    """A figure and what measures its texts. measure: width and height of an artist."""

    def __init__(
        self, figure: Any, measure: Callable[[Any], tuple[float, float]], ruler: Ruler
    ) -> None:
        self.figure, self.measure, self.ruler = figure, measure, ruler


def put(picture: Picture, sheet: Sheet) -> None:
    """Lay a picture out, give the figure its size, and draw every mark."""
    ruler, several = sheet.ruler, len(picture.columns) > 1
    width, tall = (_NARROW, _LOW) if several else (_WIDE, _TALL)
    outer = shared(picture.panels) if several else []
    columns = [
        _Column(sheet, panels, width, tall, [] if outer else each_once(panels))
        for panels in picture.columns
    ]
    _align([column.frames for column in columns])
    left = columns[0].left
    room = width * len(columns) - left - _EDGE
    only = len(picture.panels) == 1 and picture.panels[0].title == picture.title
    head = "" if only else ruler.wrapped(picture.title, HEAD, room)
    title = sheet.figure.suptitle(head, fontsize=HEAD, ha="left", va="top")
    notes = "\n".join(ruler.wrapped(note, NOTE, room, _LINES) for note in picture.notes)
    foot = sheet.figure.text(0, 0, notes, fontsize=NOTE, color=QUIET, ha="left", va="bottom")
    key = legend(sheet.figure, columns[0].frames[0].axes, outer, ruler, room) if outer else None
    key_height = sheet.measure(key)[1] + _PAD if key else 0.0

    bottom = _EDGE + max(column.depth for column in columns)
    bottom += sheet.measure(foot)[1] + _GAP if notes else 0.0
    top = bottom + max(column.height for column in columns)
    above = top + columns[0].frames[0].header + (_STEP if key or head else 0.0)
    height = above + key_height + (sheet.measure(title)[1] + _PAD if head else 0.0) + _EDGE
    height = math.ceil(height * _ROUND) / _ROUND
    across = width * len(columns)
    sheet.figure.set_size_inches(across, height)
    title.set_position((left / across, 1 - _EDGE / height))
    foot.set_position((left / across, _EDGE / height))
    if key:
        key.set_bbox_to_anchor((left, above + key_height), transform=sheet.figure.dpi_scale_trans)
    for place, column in enumerate(columns):
        column.put(place * width, bottom, top)


def _align(columns: Sequence[Sequence[_Frame]]) -> None:
    """The highest panels stand at one height, and where all columns have as many, the others too,
    each row with the room that the most needs.
    """
    as_many = len({len(frames) for frames in columns}) == 1
    rows = zip(*columns, strict=True) if as_many else [[frames[0] for frames in columns]]
    for row in rows:
        header = max(frame.header for frame in row)
        height = max(frame.height for frame in row) if as_many else None
        for frame in row:
            frame.grow(header, height)


class _Column:
    """Panels above each other with one x axis for all. told: the legend of each, or none."""

    def __init__(
        self, sheet: Sheet, panels: Sequence[Panel], width: float, tall: float,
        told: Sequence[Sequence[Entry]],
    ) -> None:  # fmt: skip
        self.frames: list[_Frame] = []
        for panel in panels:
            first = self.frames[0].axes if self.frames else None
            axes = sheet.figure.add_axes((0, 0, 1, 1), sharex=first)
            self.frames.append(_Frame(sheet, panel, axes, panel.height * tall))
        self._across(sheet, panels, width)
        for place, frame in enumerate(self.frames):
            frame.head(sheet, told[place] if told else [], self._inner)

    def _across(self, sheet: Sheet, panels: Sequence[Panel], width: float) -> None:
        """Where the axes begin and end, and what stands along x, at the lowest panel alone."""
        axis, lowest = panels[-1].x, self.frames[-1].axes
        limits = span(axis, [mark for panel in panels for mark in panel.marks], "x")
        self._words = max(frame.side.depth for frame in self.frames)
        self.left = _EDGE + self._words + max(frame.label for frame in self.frames)
        side = Side()
        for _ in range(2):  # how far words reach beyond the axis is known when they are
            self.left = max(self.left, _EDGE + side.before)
            self._inner = width - self.left - max(_EDGE, side.after + _EDGE / 3)
            side = below(axis, limits, self._inner, sheet.ruler)
        lowest.set_xlim(limits or _ANY)
        _tick(lowest.xaxis, side)
        for frame in self.frames[:-1]:
            frame.axes.tick_params(labelbottom=False)
        label = lowest.set_xlabel(sheet.ruler.wrapped(axis.label, LABEL, self._inner))
        self._below = side.depth + _PAD / 2
        self.depth = self._below + (sheet.measure(label)[1] if axis.label else 0.0)

    @property
    def height(self) -> float:
        """From the bottom of the lowest axes to the top of the highest."""
        return self._between + sum(frame.height for frame in self.frames)

    @property
    def _between(self) -> float:
        return sum(frame.header + _GAP for frame in self.frames[1:])

    def put(self, left: float, bottom: float, top: float) -> None:
        """Into this room, each panel as much higher as there is room."""
        more = (top - bottom - self._between) / sum(frame.height for frame in self.frames)
        for frame in reversed(self.frames):
            height = frame.height * more
            frame.put(left + self.left, bottom, self._inner, height)
            frame.axes.yaxis.set_label_coords(-(self._words + _PAD) / self._inner, 0.5)
            frame.axes.xaxis.set_label_coords(0.5, -self._below / height)
            bottom += height + frame.header + _GAP


class _Frame:
    """A panel: its axes, and the room that words take beside and above these.

    label: width of the label of y. header: height of title and legend.
    """

    def __init__(self, sheet: Sheet, panel: Panel, axes: Any, height: float) -> None:
        self.panel, self.axes = panel, axes
        self.header = self._title = 0.0
        self._legend: Any = None
        axes.set_autoscale_on(False)
        if panel.x.log:
            axes.set_xscale("log", nonpositive="mask")
        if panel.y.log:
            axes.set_yscale("log", nonpositive="mask")
        limits = span(panel.y, panel.marks, "y")
        self.side = beside(panel.y, limits, height, sheet.ruler)
        axes.set_ylim(limits or _ANY)
        _tick(axes.yaxis, self.side)
        words = sheet.ruler.wrapped(panel.y.label, LABEL, max(height, _WORD))
        label, high = sheet.measure(axes.set_ylabel(words)) if words else (0.0, 0.0)
        self.label = label + _PAD if words else 0.0
        self.height = max(height, high)

    def head(self, sheet: Sheet, told: Sequence[Entry], room: float) -> None:
        """The title, and the legend below it."""
        if words := sheet.ruler.wrapped(self.panel.title, TITLE, room):
            self._title = sheet.measure(self.axes.set_title(words, loc="left"))[1]
            self.header += self._title + _PAD
        if told:
            self._legend = legend(self.axes, self.axes, told, sheet.ruler, room)
            self.header += sheet.measure(self._legend)[1] + _PAD

    def grow(self, header: float, height: float | None) -> None:
        """With as much room above the axes, and to as high axes, if any height is given."""
        self.header = header
        self.height = height or self.height

    def put(self, left: float, bottom: float, width: float, height: float) -> None:
        """The axes into this room, and every mark onto them."""
        figure = self.axes.figure
        across, up = figure.get_size_inches()
        self.axes.set_position((left / across, bottom / up, width / across, height / up))
        title, pad = self.axes.get_title("left"), 72 * (self.header - self._title)
        self.axes.set_title(title, loc="left", y=1.0, va="bottom", pad=pad)
        if self._legend:
            below_title = self.header - (self._title + _PAD if title else 0.0)
            corner = left, bottom + height + below_title
            self._legend.set_bbox_to_anchor(corner, transform=figure.dpi_scale_trans)
        draw(self.axes, self.panel)
        data = [mark for mark in self.panel.marks if not isinstance(mark, Rule)]
        if not any(drawn(mark, self.panel).any() for mark in data):
            above = " above 0" if data and (self.panel.y.log or self.panel.x.log) else ""
            words = f"nothing{above} to draw here"
            middle = {"ha": "center", "va": "center", "transform": self.axes.transAxes}
            self.axes.text(0.5, 0.55, words, color=QUIET, **middle)


def _tick(axis: Any, side: Side) -> None:
    """Ticks and their words, set once. The axis must have its limits: none is drawn beyond."""
    places, words, small = side.scale
    places = np.clip(places, *axis.get_view_interval())  # they may be out by a rounding
    turned = {"rotation": side.turned, "rotation_mode": "anchor", "ha": "right"}
    axis.set_ticks(places, labels=words, **(turned if side.turned else {}))
    axis.set_ticks(small, labels=[""] * len(small), minor=True)
