"""What `inspect` found, as a page with a spectrum drawn in text, or as a document."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mfact.report.tables import facts, heading
from mfact.report.terminal import Look, render
from mfact.report.text import duration, number
from mfact.studies.inspect import Inspection
from mfact.studies.outlook import TOLERANCE, Outlook
from mfact.words import format_bytes

if TYPE_CHECKING:
    from rich.console import RenderableType

SCHEMA = "mfact-inspection/1"
_LEAST_BAR = 10


def inspection_page(
    found: Inspection,
    source: Mapping[str, Any],
    look: Look,
    *,
    most: int = 20,
    rank: int | None = None,
    ahead: Sequence[Outlook] = (),
) -> str:
    """The page: what the file holds, the leading `most` singular values, what they suggest.

    rank, ahead: the forecast of each schedule for that rank.
    """
    d1, d2 = found.shape
    known = f"{'' if found.rank_is_exact else 'at least '}{found.numerical_rank}"
    holds = [
        ("matrix", str(source["name"])),
        ("file", f"{source['format']}, {format_bytes(source['file_bytes'])}"),
        ("shape", f"M is {d1}×{d2}"),
        ("kind", f"{source['stored_dtype']}, {source['order']}"),
        ("non-zero entries", f"{found.nonzeros} ({found.nonzeros / (d1 * d2):.2%})"),
        ("‖M‖_F", number(found.norm, 10)),
        ("σ₁", number(found.singular_values[0], 10)),
        ("numerical rank", f"{known} (σ above {number(found.rank_tolerance, 3)})"),
    ]
    shown = "" if found.suggested_rank is None else f"{found.suggested_rank} "
    suggests = [("rank", f"{shown}({found.reason})" if shown else f"none: {found.reason}")]
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
            *_ahead(found, rank, ahead, look),
        ],
        look,
    ).lstrip("\n")


def inspection_document(
    found: Inspection,
    source: Mapping[str, Any],
    rank: int | None = None,
    ahead: Sequence[Outlook] = (),
) -> dict[str, Any]:
    """The same as JSON values under the schema "mfact-inspection/1"."""
    return {
        "schema": SCHEMA,
        "source": dict(source),
        **dataclasses.asdict(found),
        "energy": found.energy,
        "forecast": {"rank": rank, "schedules": [dataclasses.asdict(each) for each in ahead]},
    }


def _ahead(
    found: Inspection, rank: int | None, ahead: Sequence[Outlook], look: Look
) -> list[RenderableType]:
    """The forecast: iterations, and what they cost; or why there is none."""
    if not ahead:
        why = "" if rank is None else "‖M‖_F is beyond the scales that runs take"
        if rank is None and found.suggested_rank is None and found.norm > 0:
            why = "no rank is clear, so name one with -r"
        return [heading("Forecast", look), facts([("none", why)], look)] if why else []
    rows = [(each.schedule, _outlook(each)) for each in ahead]
    rows.append(("passes over M", "a few dozen, or one a step with solve --engine direct"))
    title = f"Forecast (rank {rank}, to a gap of {TOLERANCE:g}, from a typical gaussian start)"
    return [heading(title, look), facts(rows, look)]


def _outlook(each: Outlook) -> str:
    """One schedule in words.

    >>> _outlook(Outlook("constant", 2.0, 0.001, "")), _outlook(Outlook("power", 8.5, 3e3, ""))
    ('about 100 iterations, 0.001 s of small steps', 'about 10^8.5 iterations, fast-forwarded')
    """
    if each.log10_iterations is None:
        return f"no end: {each.note}"
    log10 = each.log10_iterations
    count = f"{10**log10:.3g}" if log10 < 6 else f"10^{log10:.6g}"
    cost = f"{duration(each.seconds or 0.0)} of small steps"
    cost = "fast-forwarded" if each.fast_forwarded else cost
    return f"about {count} iterations, {cost}"


def bar(share: float, width: int) -> str:
    """A bar of share·width cells, at least a sliver for what is not zero.

    >>> bar(0.5, 10), bar(1e-9, 10), bar(0.0, 10)
    ('█████', '▌', '')
    """
    halves = round(2 * share * width)
    if share > 0 and halves == 0:
        halves = 1
    return "█" * (halves // 2) + "▌" * (halves % 2)


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
