"""One result as the page that `solve` and `show` print: a short one, or all that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mfact.core import Document, Result
from mfact.report.claims import claims_in_short, claims_section
from mfact.report.iterations import Iterations
from mfact.report.labels import BRIEF, PROBLEM, SUMMARY, labelled, shapes_of, timeless
from mfact.report.machine import finite
from mfact.report.parts import Facts, Heading, Part, Words, markdown_of, text_of
from mfact.report.settings_table import by_source, settings_section
from mfact.report.terminal import Look

MOST_LINES = 45
"""Of the short page at 80 columns: what is read to its end."""

MOST_ROWS = 12
LEAST_ROWS = 4
_SHOWN_VALUES = 5
_PROBLEM = {name: PROBLEM[name] for name in ("name", "objective", "norm", "singular_values")}


@dataclass(frozen=True)
class RunPage:
    """The page of a run.

    rows: lines of the iteration table, 0 for all that were recorded; None: as many as leave the
    short page at MOST_LINES, at most MOST_ROWS. timing: False leaves out what a clock measured.
    full: every setting, every claim in full, every number.
    """

    result: Result
    rows: int | None = None
    timing: bool = True
    full: bool = False

    def text(self, look: Look) -> str:
        """For a terminal of this look."""
        if self.full:
            return text_of(self._full(), look)
        result = _as_stored(self.result)
        above = text_of(self._above(result), look)
        for details in (True, False):
            below = text_of(self._below(result, details=details), look)
            room = MOST_LINES - (above + below).count("\n") - Iterations.AROUND
            if room >= LEAST_ROWS:
                break
        rows = max(min(room, MOST_ROWS), LEAST_ROWS) if self.rows is None else self.rows
        return above + text_of(self._iterations(rows), look) + below

    def markdown(self) -> str:
        """The same in GitHub's Markdown."""
        if self.full:
            return markdown_of(self._full())
        result = _as_stored(self.result)
        above, below = self._above(result), self._below(result, details=True)
        return markdown_of([*above, *self._iterations(self._most), *below])

    @property
    def _most(self) -> int:
        return MOST_ROWS if self.rows is None else self.rows

    def _iterations(self, rows: int) -> list[Part]:
        trace = self.result.trace
        if not len(trace.get("step", ())):
            return []
        return [Heading("Iterations"), Iterations(trace, rows, tell_left_out=self.full)]

    def _above(self, result: Result) -> list[Part]:
        """What the short page tells before the iterations."""
        facts = [*labelled(_leading(result.problem), _PROBLEM, only=True)]
        above: list[Part] = [
            _banner(result, "; --full shows everything"),
            Heading("Problem"),
            Facts([*facts[:1], shapes_of(result), *facts[1:]]),
        ]
        if result.settings:
            above += [Heading("Settings"), Facts(by_source(result.settings))]
        return above

    def _below(self, result: Result, *, details: bool) -> list[Part]:
        """What it tells after them."""
        numbers = self._numbers(result)
        if "iterations" in numbers:  # as they are where they can be counted
            numbers = {k: v for k, v in numbers.items() if k != "log10_iterations"}
        below: list[Part] = [
            *claims_in_short(result.claims, details=details),
            Heading("Summary"),
            Facts([*labelled(numbers, BRIEF, only=True)], abreast=True),
        ]
        if notes := numbers.get("notes"):
            below.append(Facts([("note", note) for note in notes]))
        return [*below, *_ending(result)]

    def _numbers(self, result: Result) -> Document:
        return result.summary if self.timing else timeless(result.summary)

    def _full(self) -> list[Part]:
        result = _as_stored(self.result)
        return [
            _banner(result),
            Heading("Problem"),
            Facts([shapes_of(result), *labelled(result.problem, PROBLEM)]),
            *settings_section(result.settings),
            *self._iterations(self._most),
            *claims_section(result.claims),
            Heading("Summary"),
            Facts([*labelled(self._numbers(result), SUMMARY)]),
            *_ending(result),
        ]


def _as_stored(result: Result) -> Result:
    """A run file holds null for what is not finite: both ways, the page is the same."""
    problem, settings, summary = map(finite, (result.problem, result.settings, result.summary))
    return replace(result, problem=problem, settings=settings, summary=summary)


def _leading(problem: Document) -> Document:
    """The problem with the first few of its singular values."""
    cut = {
        name: values[:_SHOWN_VALUES]
        for name in ("singular_values", "singular_values_error")
        if isinstance(values := problem.get(name), Sequence)
    }
    return {**problem, **cut}


def _banner(result: Result, more: str = "") -> Heading:
    version = result.provenance.get("mfact")
    name = f"mfact {version}" if version else "mfact"
    return Heading(f"{name}: M ≈ UVᵀ by gradient descent{more}", top=True)


def _ending(result: Result) -> list[Part]:
    """How the run ended, in the last lines, which stay in sight."""
    style = {0: "bold", 1: "bold red", 4: "bold red"}.get(result.outcome.exit_code, "bold magenta")
    sentence = Heading(result.outcome.sentence, style=style)
    return [sentence, Words(result.message)] if result.message else [sentence]
