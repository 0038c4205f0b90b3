"""One result as the page that `solve` and `show` print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mfact.core import Result, Verdict
from mfact.report.iterations import iteration_table
from mfact.report.labels import PROBLEM, SUMMARY, labelled, timeless, value_text
from mfact.report.machine import finite
from mfact.report.terminal import Look, render

if TYPE_CHECKING:
    from rich.console import RenderableType

_VERDICTS = {
    Verdict.VIOLATED: "bold red",
    Verdict.HOLDS: "green",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.NOT_MET: "yellow",
}
"""In the order of the page, those that could be judged first -> their colours."""
_TWO_ABREAST = 90
_NARROW = 70


def page(result: Result, look: Look, *, rows: int = 12, timing: bool = True) -> str:
    """The whole result as text: problem, settings, iterations, claims, summary.

    rows: lines of the iteration table, 0 for all that were recorded.
    timing: False leaves out what a clock measured.
    """
    # A run file holds null for what is not finite: both ways, the page is the same.
    result = replace(
        result,
        problem=finite(result.problem),
        settings=finite(result.settings),
        summary=finite(result.summary),
    )
    parts: list[RenderableType] = [
        *_banner(result, look),
        *_problem(result, look),
        *_settings(result, look),
        *_iterations(result, look, rows),
        *claims_table(result, look),
        *_summary(result, look, timing),
    ]
    return render(parts, look)


def facts(pairs: Iterable[tuple[str, str]], look: Look) -> RenderableType:
    """Two columns, label and value; a value too long for its line is folded, never cut.

    Where the labels leave less than half of the line, each value goes below its label.
    """
    from rich.table import Table
    from rich.text import Text

    texts = [(look.symbols(label), look.symbols(value)) for label, value in pairs]
    labels = max((len(label) for label, _ in texts), default=0)
    grid = Table.grid(padding=(0, 2, 0, 0))
    if labels + 4 > look.width // 2:
        grid.add_column(overflow="fold")
        for label, value in texts:
            grid.add_row(indented(label, 2))
            grid.add_row(indented(value, 6))
        return grid
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in texts:
        grid.add_row(Text(f"  {label}"), Text(value))
    return grid


def columns(heads: Sequence[str], rows: Iterable[Sequence[str]], look: Look) -> RenderableType:
    """Columns of numbers below their headings, set to the right."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in heads:
        table.add_column(justify="right", no_wrap=look.width >= 60)
    table.add_row(*(Text(look.symbols(head)) for head in heads), style="bold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def indented(text: str, by: int) -> RenderableType:
    """A paragraph set in from the left, its long words folded."""
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(text, overflow="fold"), (0, 0, 0, by), expand=False)


def heading(title: str, look: Look) -> RenderableType:
    """A section's title, one blank line above it."""
    from rich.text import Text

    return Text("\n" + look.symbols(title), style="bold")


def _banner(result: Result, look: Look) -> list[RenderableType]:
    from rich.text import Text

    version = result.provenance.get("mfact")
    name = f"mfact {version}" if version else "mfact"
    return [Text(look.symbols(f"{name}: M ≈ UVᵀ by gradient descent"), style="bold")]


def _problem(result: Result, look: Look) -> list[RenderableType]:
    (d1, r), d2 = result.U.shape, result.V.shape[0]
    shapes = f"M is {d1}×{d2}, U is {d1}×{r}, V is {d2}×{r}"
    pairs = [("shapes", shapes), *labelled(result.problem, PROBLEM)]
    return [heading("Problem", look), facts(pairs, look)]


def _settings(result: Result, look: Look) -> list[RenderableType]:
    """Every option in effect, with the place it came from; unset ones in one line."""
    if not result.settings:
        return []
    entries: list[tuple[str, str, str]] = []
    notes: list[tuple[str, str]] = []
    unset: list[str] = []
    for name, entry in result.settings.items():
        option = look.symbols(name.replace("_", "-"))
        value, source, note = setting_text(name, entry)
        if value == "-":
            unset.append(option)
        else:
            entries.append((option, look.symbols(value), look.symbols(source)))
        if note:
            notes.append((option, note))
    if look.width < _NARROW:
        table = facts([(option, f"{value} ({source})") for option, value, source in entries], look)
    else:
        table = _in_columns(entries, abreast=2 if look.width >= _TWO_ABREAST else 1)
    parts = [heading("Settings (and where each came from)", look), table]
    if unset:
        notes.append(("not set", ", ".join(unset)))
    return [*parts, facts(notes, look)] if notes else parts


def _in_columns(entries: list[tuple[str, str, str]], abreast: int) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(abreast):
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        table.add_column(overflow="fold")
    half = -(-len(entries) // abreast)
    for i in range(half):
        cells = []
        for option, value, source in entries[i::half]:
            cells += [Text(f"  {option}"), Text(value), Text(source, style="dim")]
        table.add_row(*cells)
    return table


def setting_text(name: str, entry: Mapping[str, Any]) -> tuple[str, str, str]:
    """Value, source and a remark of one setting; what was chosen for it stands for the value.

    >>> setting_text("engine", {"value": "auto", "source": "default", "used": "direct: few steps"})
    ('direct', 'auto, default', 'few steps')
    >>> setting_text("eps", {"value": None, "source": "default", "used": 0.25})
    ('0.25', 'chosen', '')
    """
    value, source = entry["value"], entry["source"]
    used = entry.get("used")
    if used is None:
        return value_text(name, value), source, ""
    text, _, note = value_text(name, used).partition(": ")
    return text, "chosen" if value is None else f"{value_text(name, value)}, {source}", note


def _iterations(result: Result, look: Look, rows: int) -> list[RenderableType]:
    made = iteration_table(result.trace, look, rows)
    if made is None:
        return []
    table, left_out = made
    parts = [heading("Iterations", look), table]
    if left_out:
        parts.append(facts([("no room for", ", ".join(left_out))], look))
    return parts


def claims_table(result: Result, look: Look) -> list[RenderableType]:
    """Each claim with its verdict, what it says, and by how much it holds."""
    from rich.table import Table
    from rich.text import Text

    if not result.claims:
        return []
    parts: list[RenderableType] = [heading("Claims", look)]
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for claim in sorted(result.claims, key=lambda claim: [*_VERDICTS].index(claim.verdict)):
        verdict = Text("  " + look.symbols(claim.verdict), style=_VERDICTS[claim.verdict])
        name = look.symbols(claim.name)
        text = look.symbols(claim.statement + (f". {claim.detail}" if claim.detail else ""))
        if look.width < _NARROW:
            parts += [verdict.append(f": {name}"), indented(text, 4)]
        else:
            table.add_row(verdict, name, Text(text))
    return parts if look.width < _NARROW else [*parts, table]


def _summary(result: Result, look: Look, timing: bool) -> list[RenderableType]:
    from rich.text import Text

    style = {0: "bold green", 4: "bold red"}.get(result.outcome.exit_code, "bold yellow")
    parts: list[RenderableType] = [
        heading("Summary", look),
        Text(look.symbols("  " + result.outcome.sentence), style=style),
    ]
    if result.message:
        parts.append(indented(look.symbols(result.message), 2))
    known = result.summary if timing else timeless(result.summary)
    return [*parts, facts(labelled(known, SUMMARY), look)]
