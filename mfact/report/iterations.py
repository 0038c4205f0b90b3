"""The iteration table: which rows and which columns of a trace are shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mfact.core import Array
from mfact.report.parts import Facts, table
from mfact.report.terminal import Look
from mfact.report.text import exponent, step_text
from mfact.trace import COLUMNS
from mfact.trace import Column as Described

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

GUTTER = 2


def chosen_rows(count: int, most: int) -> list[int]:
    """Row numbers 0 … count − 1, evenly thinned to at most `most`, both ends kept.

    most = 0 keeps every row.

    >>> chosen_rows(5, 10), chosen_rows(101, 5), chosen_rows(1, 3), chosen_rows(7, 0)
    ([0, 1, 2, 3, 4], [0, 25, 50, 75, 100], [0], [0, 1, 2, 3, 4, 5, 6])
    """
    if most == 0 or count <= most:
        return list(range(count))
    most = max(most, 2)
    return [round(i * (count - 1) / (most - 1)) for i in range(most)]


def rows_to_show(trace: Mapping[str, Array], most: int) -> list[int]:
    """The rows of a trace that the table shows, at most `most` (0: all), both ends among them.

    Evenly by row, or in the flow time where the steps leap.
    """
    count = len(trace["step"])
    rows = chosen_rows(count, most)
    if len(rows) < 3 or len(rows) == count or pace(trace) == "step":
        return rows
    flow_time = trace["flow_time"]
    marks = np.linspace(flow_time[0], flow_time[-1], len(rows))
    nearest = np.abs(flow_time[:, None] - marks).argmin(axis=0)
    return sorted({0, count - 1, *(int(row) for row in nearest)})


def pace(trace: Mapping[str, Array]) -> str:
    """The column in which a run goes on at its own pace: "step", or, where the steps leap because
    a flow took over from them, "flow_time", which is Ση.

    >>> pace({"step": np.array([0.0, 1.0, 2.0, 1e9]), "flow_time": np.arange(4.0)})
    'flow_time'
    """
    if "flow_time" not in trace:
        return "step"
    steps = trace["step"].astype(float)
    gaps = np.diff(steps[np.isfinite(steps)])
    too_large = len(gaps) < len(steps) - 1  # for a float
    leaps = too_large or (len(gaps) > 0 and bool(gaps.max() > 10 * np.median(gaps)))
    return "flow_time" if leaps else "step"


@dataclass(frozen=True)
class Column:
    """One column as text: heading, cells, and its rank (0 is shown first)."""

    heading: str
    cells: tuple[str, ...]
    rank: int

    @property
    def width(self) -> int:
        return max(len(text) for text in (self.heading, *self.cells))


@dataclass(frozen=True)
class Grid:
    """Columns of known widths side by side; Rich's own table takes four times the memory.

    ruled: whether there is a line below the headings.
    """

    columns: list[Column]
    ruled: bool = True

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        from rich.segment import Segment
        from rich.style import Style

        widths, gutter = [column.width for column in self.columns], " " * GUTTER
        for place, (column, width) in enumerate(zip(self.columns, widths, strict=True)):
            yield Segment(gutter if place else "")
            yield Segment(column.heading.rjust(width), Style(bold=True))
        rule = gutter.join("─" * width for width in widths) + "\n"
        yield Segment("\n" + (rule if self.ruled else ""))
        for cells in zip(*(column.cells for column in self.columns), strict=True):
            padded = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
            yield Segment(gutter.join(padded) + "\n")


def fitting(columns: list[Column], width: int) -> tuple[list[Column], list[str]]:
    """The columns that fit side by side, best rank first, and the headings left out."""
    kept: set[int] = set()
    room = width + GUTTER
    for index in sorted(range(len(columns)), key=lambda i: columns[i].rank):
        need = columns[index].width + GUTTER
        if need > room and kept:
            break
        kept.add(index)
        room -= need
    shown = [c for i, c in enumerate(columns) if i in kept]
    return shown, [c.heading for i, c in enumerate(columns) if i not in kept]


@dataclass(frozen=True)
class Fitted:
    """Those of the columns that there is room for; beside each other all in Markdown.

    tell_left_out: whether the headings of the others are named below. ruled: see Grid.
    """

    columns: Sequence[Column]
    tell_left_out: bool = True
    ruled: bool = True

    def drawn(self, look: Look) -> Iterable[RenderableType]:
        columns = [replace(each, heading=look.symbols(each.heading),
                           cells=tuple(map(look.symbols, each.cells)))
                   for each in self.columns]  # fmt: skip
        shown, left_out = fitting(columns, look.width)
        yield Grid(shown, self.ruled)
        if left_out and self.tell_left_out:
            yield from Facts([("no room for", ", ".join(left_out))]).drawn(look)

    def marked(self) -> str:
        rows = zip(*(column.cells for column in self.columns), strict=True)
        return table([column.heading for column in self.columns], rows, "r" * len(self.columns))


@dataclass(frozen=True)
class Iterations:
    """The rows of a trace, at most `most` of them (0: all), in the columns that there is room for.

    tell_left_out: whether the headings of the others are named below. columns: what is known of
    those that a trace may have.
    """

    trace: Mapping[str, Array]
    most: int
    tell_left_out: bool = True
    columns: Mapping[str, Described] = field(default_factory=lambda: COLUMNS)

    AROUND: ClassVar[int] = 4
    """Lines of the section beside its rows."""

    def drawn(self, look: Look) -> Iterable[RenderableType]:
        return Fitted(self._columns(), self.tell_left_out).drawn(look)

    def marked(self) -> str:
        return Fitted(self._columns()).marked()

    def _columns(self) -> list[Column]:
        """Those that a table may have; one that is everywhere unknown is none."""
        trace, rows = self.trace, rows_to_show(self.trace, self.most)
        # log₁₀ t serves where t is too large for a float.
        steps, logs = trace["step"], trace.get("log10_step", np.full(len(trace["step"]), np.nan))
        cells = tuple(step_text(float(steps[i]), float(logs[i])) for i in rows)
        columns = [Column("step", cells, 0)]
        for name, column in sorted(self.columns.items(), key=lambda item: item[1].place):
            if name in trace and column.heading:
                cells = tuple(exponent(float(trace[name][i])) for i in rows)
                if set(cells) != {"-"}:
                    columns.append(Column(column.heading, cells, column.rank))
        return columns
