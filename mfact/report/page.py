"""A run as a page: its iterations between what is told before and after, in as many rows as fit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Generic, TypeVar

import numpy as np

from mfact.core import Array, Document, Ended, NetworkResult, Result
from mfact.methods.choice import METHODS, PLAIN
from mfact.report.curves import Curves
from mfact.report.iterations import Iterations
from mfact.report.labels import timeless
from mfact.report.machine import finite
from mfact.report.parts import Heading, Part, Words, markdown_of, text_of
from mfact.report.terminal import Look
from mfact.studies.conserved import method_of
from mfact.trace import COLUMNS, Column

R = TypeVar("R", bound=Result | NetworkResult)

MOST_LINES = 45
"""Of the short page at 80 columns: what is read to its end."""

MOST_ROWS = 12
LEAST_ROWS = 4
LEAST_BESIDE = 3
"""Of the rows beside curves, which show what lies between them."""


@dataclass(frozen=True)
class Page(ABC, Generic[R]):
    """The page of a run.

    rows: lines of the iteration table, 0 for all that were recorded; None: as many as leave the
    short page at MOST_LINES, at most MOST_ROWS. timing: False leaves out what a clock measured.
    full: every setting, every claim in full, every number.
    """

    result: R
    rows: int | None = None
    timing: bool = True
    full: bool = False

    THRIFT: ClassVar[int] = 1
    """The most that `thrift` may be, in which a short page leaves out what it can."""

    CURVES: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """The columns that are drawn; of each curve, those that it may be of, best first."""

    @abstractmethod
    def _above(self, result: R, thrift: int) -> list[Part]:
        """What the short page tells before the iterations."""

    @abstractmethod
    def _below(self, result: R, thrift: int) -> list[Part]:
        """What it tells after them."""

    @abstractmethod
    def _full(self, result: R) -> list[Part]:
        """The full page."""

    @property
    def _columns(self) -> Mapping[str, Column]:
        """What is known of the columns of its trace."""
        return COLUMNS

    def text(self, look: Look) -> str:
        """For a terminal of this look."""
        result = _as_stored(self.result)
        if self.full:
            return text_of(self._full(result), look)
        curves = self._curves()
        lines = text_of(curves, look).count("\n")
        need = lines + LEAST_BESIDE if lines else LEAST_ROWS
        plain: tuple[str, str, int] | None = None  # the first without curves
        for thrift in range(self.THRIFT + 1):
            above = text_of(self._above(result, thrift), look)
            below = text_of(self._below(result, thrift), look)
            room = MOST_LINES - (above + below).count("\n") - Iterations.AROUND
            if room >= need:
                room -= lines
                break
            if plain is None and room >= LEAST_ROWS:
                plain = above, below, room
        else:
            curves = []
            above, below, room = plain or (above, below, LEAST_ROWS)
        rows = min(room, MOST_ROWS) if self.rows is None else self.rows
        return above + text_of(self._iterations(rows, curves), look) + below

    def markdown(self) -> str:
        """The same in GitHub's Markdown."""
        result = _as_stored(self.result)
        if self.full:
            return markdown_of(self._full(result))
        above, below = self._above(result, 0), self._below(result, 0)
        return markdown_of([*above, *self._all_iterations(), *below])

    @property
    def _steps(self) -> Array:
        return self.result.trace.get("step", np.empty(0))

    def _curves(self) -> list[Part]:
        trace = self.result.trace
        return [Curves.of(trace, self._columns, self.CURVES)] if len(self._steps) > 1 else []

    def _all_iterations(self) -> list[Part]:
        """Of a page that is not short: curves, and as many rows as were asked for."""
        return self._iterations(MOST_ROWS if self.rows is None else self.rows, self._curves())

    def _iterations(self, rows: int, curves: list[Part]) -> list[Part]:
        if not len(self._steps):
            return []
        table = Iterations(self.result.trace, rows, self.full, self._columns)
        return [Heading("Iterations"), *curves, table]

    def _numbers(self, result: R) -> Document:
        return result.summary if self.timing else timeless(result.summary)


def _as_stored(result: R) -> R:
    """A run file holds null for what is not finite: both ways, the page is the same."""
    problem, settings, summary = map(finite, (result.problem, result.settings, result.summary))
    return replace(result, problem=problem, settings=settings, summary=summary)


def by_method(settings: Document) -> str:
    """What a run goes by, as its title says.

    >>> by_method({"method": {"value": "scaled", "source": "flag"}}), by_method({})
    ('scaled gradient descent', 'gradient descent')
    """
    return METHODS.get(method_of(settings), METHODS[PLAIN]).title


def banner(result: Ended, what: str, more: str = "") -> Heading:
    """The first line, with the version that the run is of."""
    version = result.provenance.get("mfact")
    name = f"mfact {version}" if version else "mfact"
    return Heading(f"{name}: {what}{more}", top=True)


MORE = "; --full shows everything"
"""What the banner of a short page adds."""


def ending(result: Ended) -> list[Part]:
    """How the run ended, in the last lines, which stay in sight."""
    style = {0: "bold", 1: "bold red", 4: "bold red"}.get(result.outcome.exit_code, "bold magenta")
    sentence = Heading(result.outcome.sentence, style=style)
    return [sentence, Words(result.message)] if result.message else [sentence]
