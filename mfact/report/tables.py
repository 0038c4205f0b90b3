"""One result as the page that `solve` and `show` print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mfact.core import Result
from mfact.report.iterations import iteration_table
from mfact.report.labels import PROBLEM, SUMMARY, labelled, timeless
from mfact.report.terminal import Look, render
from mfact.report.text import name_text, number

if TYPE_CHECKING:
    from rich.console import RenderableType

_VERDICT_STYLE = {"holds": "green", "violated": "bold red"}
_TWO_ABREAST = 90
_NARROW = 70


def page(result: Result, look: Look, *, rows: int = 12, timing: bool = True) -> str:
    """The whole result as text: problem, settings, iterations, claims, summary.

    rows: lines of the iteration table, 0 for all that were recorded.
    timing: False leaves out what a clock measured.
    """
    parts: list[RenderableType] = [
        *_banner(result, look),
        *_problem(result, look),
        *_settings(result, look),
        *_iterations(result, look, rows),
        *_claims(result, look),
        *_summary(result, look, timing),
    ]
    return render(parts, look)


def facts(pairs: Iterator[tuple[str, str]] | list[tuple[str, str]], look: Look) -> RenderableType:
    """Two columns, label and value; a value too long for its line is folded, never cut."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=look.width >= 40)
    grid.add_column(overflow="fold")
    for label, value in pairs:
        grid.add_row(Text("  " + look.symbols(label)), Text(look.symbols(value)))
    return grid


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
    from rich.table import Table
    from rich.text import Text

    if not result.settings:
        return []
    entries: list[tuple[str, str, str]] = []
    unset: list[str] = []
    for name, entry in result.settings.items():
        option = name.replace("_", "-")
        value, source = _entry(entry)
        if value is None:
            unset.append(option)
        else:
            entries.append((option, number(value), source))
    abreast = 2 if look.width >= _TWO_ABREAST else 1
    table = Table.grid(padding=(0, 2, 0, 0))
    for _ in range(abreast):
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        table.add_column(overflow="fold")
    half = -(-len(entries) // abreast)
    for i in range(half):
        cells = [Text("  " + t if k == 0 else t) for k, t in enumerate(entries[i])]
        if abreast == 2 and half + i < len(entries):
            cells += [Text("  " + t if k == 0 else t) for k, t in enumerate(entries[half + i])]
        for cell in cells[2::3]:
            cell.stylize("dim")
        table.add_row(*cells)
    parts = [heading("Settings (and where each came from)", look), table]
    if unset:
        parts.append(facts([("not set", ", ".join(unset))], look))
    return parts


def _entry(entry: Any) -> tuple[Any, str]:
    if isinstance(entry, Mapping):
        return entry.get("value"), name_text(str(entry.get("source", "")))
    return entry, ""


def _iterations(result: Result, look: Look, rows: int) -> list[RenderableType]:
    made = iteration_table(result.trace, look, rows)
    if made is None:
        return []
    table, left_out = made
    parts = [heading("Iterations", look), table]
    if left_out:
        parts.append(facts([("too narrow for", ", ".join(left_out))], look))
    return parts


def _claims(result: Result, look: Look) -> list[RenderableType]:
    """Each claim with its verdict, what it says, and by how much it holds."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    if not result.claims:
        return []
    parts: list[RenderableType] = [heading("Claims", look)]
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for claim in result.claims:
        verdict = Text("  " + claim.verdict, style=_VERDICT_STYLE.get(claim.verdict, "yellow"))
        name = look.symbols(claim.name)
        text = look.symbols(claim.statement + (f". {claim.detail}" if claim.detail else ""))
        if look.width < _NARROW:
            parts += [verdict.append(f": {name}"), Padding(Text(text), (0, 0, 0, 4))]
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
        parts.append(Text(look.symbols("  " + name_text(result.message)), overflow="fold"))
    known = result.summary if timing else timeless(result.summary)
    return [*parts, facts(labelled(known, SUMMARY), look)]
