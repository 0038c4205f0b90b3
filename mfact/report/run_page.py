"""One result as the page that `solve` and `show` print: a short one, or all that is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mfact.core import Document, Result
from mfact.report.claims import claims_in_short, claims_section
from mfact.report.iterations import Iterations
from mfact.report.labels import BRIEF, PROBLEM, SUMMARY, labelled, timeless
from mfact.report.machine import finite
from mfact.report.parts import Facts, Heading, Part, Words, markdown_of, text_of
from mfact.report.settings_table import by_source, settings_section
from mfact.report.terminal import Look

MOST_LINES = 45
"""Of the short page at 80 columns: what is read to its end."""

MOST_ROWS = 12
LEAST_ROWS = 4
_SHOWN_VALUES = 5


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
        for details in (True, False):
            above, below = self._short(details=details)
            texts = [text_of(parts, look) for parts in (above, below)]
            room = MOST_LINES - sum(text.count("\n") for text in texts) - Iterations.AROUND
            if room >= LEAST_ROWS:
                break
        rows = max(min(room, MOST_ROWS), LEAST_ROWS) if self.rows is None else self.rows
        return text_of(self._iterations(rows), look).join(texts)

    def markdown(self) -> str:
        """The same in GitHub's Markdown."""
        if self.full:
            return markdown_of(self._full())
        above, below = self._short(details=True)
        return markdown_of([*above, *self._iterations(self._most), *below])

    @property
    def _most(self) -> int:
        return MOST_ROWS if self.rows is None else self.rows

    def _iterations(self, rows: int) -> list[Part]:
        trace = self.result.trace
        if not len(trace.get("step", ())):
            return []
        return [Heading("Iterations"), Iterations(trace, rows, tell_left_out=self.full)]

    def _short(self, *, details: bool) -> tuple[list[Part], list[Part]]:
        """What stands above the iterations, and below them."""
        result = _as_stored(self.result)
        problem = dict(labelled(_leading(result.problem), PROBLEM))
        kept = ("matrix", "objective", "‖M‖_F", "leading σ")
        facts = [(label, problem[label]) for label in kept if label in problem]
        above: list[Part] = [
            _banner(result, "; --full shows everything"),
            Heading("Problem"),
            Facts([*facts[:1], ("shapes", _shapes(result)), *facts[1:]]),
        ]
        if result.settings:
            above += [Heading("Settings"), Facts(by_source(result.settings))]
        numbers = result.summary if self.timing else timeless(result.summary)
        brief = {name: numbers[name] for name in BRIEF if name in numbers}
        if "iterations" in brief:  # as they are where they can be counted
            brief.pop("log10_iterations", None)
        bounds = {name: numbers[name] for name in ("gap_bound",) if name in numbers}
        below: list[Part] = [
            *claims_in_short(result.claims, details=details),
            Heading("Summary"),
            Facts([*labelled(brief | bounds, BRIEF, only=True)], abreast=True),
        ]
        if notes := numbers.get("notes"):
            below.append(Facts([("note", note) for note in notes]))
        return above, [*below, *_ending(result)]

    def _full(self) -> list[Part]:
        result = _as_stored(self.result)
        numbers = result.summary if self.timing else timeless(result.summary)
        return [
            _banner(result),
            Heading("Problem"),
            Facts([("shapes", _shapes(result)), *labelled(result.problem, PROBLEM)]),
            *settings_section(result.settings),
            *self._iterations(self._most),
            *claims_section(result.claims),
            Heading("Summary"),
            Facts([*labelled(numbers, SUMMARY)]),
            *_ending(result),
        ]


def _as_stored(result: Result) -> Result:
    """A run file holds null for what is not finite: both ways, the page is the same."""
    problem, settings, summary = map(finite, (result.problem, result.settings, result.summary))
    return replace(result, problem=problem, settings=settings, summary=summary)


def _shapes(result: Result) -> str:
    (d1, r), d2 = result.U.shape, result.V.shape[0]
    return f"M is {d1}×{d2}, U is {d1}×{r}, V is {d2}×{r}"


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
