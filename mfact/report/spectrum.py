"""What `inspect` found, as a page with a spectrum drawn in text, or as a document."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mfact.inspection import Inspection
from mfact.report.tables import facts, heading
from mfact.report.terminal import Look, render
from mfact.report.text import number
from mfact.storage.memory import format_bytes

if TYPE_CHECKING:
    from rich.console import RenderableType

SCHEMA = "mfact-inspection/1"
_LEAST_BAR = 10


def inspection_page(
    found: Inspection, source: Mapping[str, Any], look: Look, *, most: int = 20
) -> str:
    """The page: what the file holds, the leading `most` singular values, what they suggest."""
    d1, d2 = found.shape
    holds = [
        ("matrix", str(source["name"])),
        ("file", f"{source['format']}, {format_bytes(source['file_bytes'])}"),
        ("shape", f"M is {d1}×{d2}"),
        ("kind", f"{source['stored_dtype']}, {source['order']}"),
        ("non-zero entries", f"{found.nonzeros} ({found.nonzeros / (d1 * d2):.2%})"),
        ("‖M‖_F", number(found.norm, 10)),
        ("σ₁", number(found.singular_values[0], 10)),
        ("numerical rank", _rank(found)),
    ]
    suggests = [("rank", f"{number(found.suggested_rank)} ({found.reason})")]
    if found.suggested_step is not None:
        suggests.append(("constant step 0.5/σ₁", number(found.suggested_step)))
    return render(
        [
            heading("Matrix", look),
            facts(holds, look),
            heading("Spectrum", look),
            *_spectrum(found, look, most),
            heading("Suggested", look),
            facts(suggests, look),
        ],
        look,
    ).lstrip("\n")


def inspection_document(found: Inspection, source: Mapping[str, Any]) -> dict[str, Any]:
    """The same as JSON values under the schema "mfact-inspection/1"."""
    values = dataclasses.asdict(found)
    return {"schema": SCHEMA, "source": dict(source), **values, "energy": found.energy}


def bar(share: float, width: int) -> str:
    """A bar of share·width cells, at least a sliver for what is not zero.

    >>> bar(0.5, 10), bar(1e-9, 10), bar(0.0, 10)
    ('█████', '▌', '')
    """
    halves = round(2 * share * width)
    if share > 0 and halves == 0:
        halves = 1
    return "█" * (halves // 2) + "▌" * (halves % 2)


def _rank(found: Inspection) -> str:
    least = "" if found.rank_is_exact else "at least "
    return f"{least}{found.numerical_rank} (σ above {number(found.rank_tolerance, 3)})"


def _spectrum(found: Inspection, look: Look, most: int) -> list[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    values = found.singular_values[:most]
    rows: list[tuple[str, ...]] = [
        (str(i + 1), f"{value:.6e}", f"{100 * energy:.2f} %")
        for i, (value, energy) in enumerate(zip(values, found.energy[:most], strict=True))
    ]
    heads: tuple[str, ...] = ("i", look.symbols("σ_i"), look.symbols("Σσ²/‖M‖²"))
    if look.width < 40:
        heads, rows = heads[:2], [row[:2] for row in rows]
    widths = [max(len(r[k]) for r in [heads, *rows]) for k in range(len(heads))]
    room = look.width - sum(widths) - 2 * len(widths) - 2
    table = Table.grid(padding=(0, 2, 0, 0))
    for width in widths:
        table.add_column(justify="right", no_wrap=True, min_width=width)
    table.add_row(*(Text(head, style="bold") for head in heads), "")
    for row, value in zip(rows, values, strict=True):
        share = value / values[0] if values[0] > 0 else 0.0
        drawn = bar(share, min(room, 50)) if room >= _LEAST_BAR else ""
        table.add_row(*row, Text(drawn, style="cyan"))
    hidden = len(found.singular_values) - len(values)
    if hidden:
        return [table, facts([("", f"… and {hidden} more")], look)]
    return [table]
