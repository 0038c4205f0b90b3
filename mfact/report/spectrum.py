"""What `inspect` found, as a page with a spectrum drawn in text, or as a document."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mfact.report.parts import Facts, Heading, Part, table
from mfact.report.terminal import Look
from mfact.report.text import duration, number, share_text
from mfact.studies.inspect import Inspection
from mfact.studies.outlook import TOLERANCE, Outlook
from mfact.studies.prospect import Prospect
from mfact.targets.centred import FORMULAS
from mfact.words import format_bytes

if TYPE_CHECKING:
    from rich.console import RenderableType

SCHEMA = "mfact-inspection/1"
_LEAST_BAR = 10
_MEANS = {
    "mean": "the mean holds",
    "columns": "the means of the columns hold",
    "rows": "the means of the rows hold",
}


def inspection_page(found: Prospect, source: Mapping[str, Any], *, most: int = 20) -> list[Part]:
    """What the file holds, the leading `most` singular values, what they suggest and forecast."""
    d1, d2 = found.shape
    known = f"{'' if found.rank_is_exact else 'at least '}{found.numerical_rank}"
    of = "" if found.uncentered_norm is None else " of A"
    holds = [
        ("matrix", str(source["name"])),
        ("file", f"{source['format']}, {format_bytes(source['file_bytes'])}"),
        ("shape", f"M is {d1}×{d2}"),
        ("kind", f"{source['stored_dtype']}, {source['order']}"),
        (f"non-zero entries{of}", f"{found.nonzeros} ({found.nonzeros / (d1 * d2):.2%})"),
        *_centred(found),
        ("‖M‖_F", number(found.norm, 10)),
        ("σ₁", number(found.singular_values[0], 10)),
        ("numerical rank", f"{known} (σ above {number(found.rank_tolerance, 3)})"),
    ]
    shown = "" if found.suggested_rank is None else f"{found.suggested_rank} "
    suggests = [("rank", f"{shown}({found.reason})" if shown else f"none: {found.reason}")]
    if found.suggested_step is not None:
        suggests.append(("constant step 0.5/σ₁", number(found.suggested_step)))
    if found.suggested_center is not None and found.center_share is not None:
        held = f"{_MEANS[found.suggested_center]} {share_text(found.center_share)} of ‖M‖²"
        suggests.append(("center", f"{held}: see the rest with --center {found.suggested_center}"))
    return [
        Heading("Matrix", top=True),
        Facts(holds),
        Heading("Spectrum"),
        Spectrum(found, most),
        Heading("Suggested"),
        Facts(suggests),
        *_ahead(found),
    ]


def spectrum_rows(found: Inspection) -> list[Mapping[str, Any]]:
    """i, σ_i, the share of ‖M‖_F² that the first i hold together, and what M is without, if any."""
    pairs = zip(found.singular_values, found.energy, strict=True)
    less = {} if found.center == "none" else {"center": found.center}
    return [{"i": i, "sigma": s, "share": share, **less} for i, (s, share) in enumerate(pairs, 1)]


def inspection_document(found: Prospect, source: Mapping[str, Any]) -> dict[str, Any]:
    """The same as JSON values under the schema "mfact-inspection/1"."""
    own = dataclasses.asdict(found)
    return {"schema": SCHEMA, "source": dict(source), **own, "energy": found.energy}


def _centred(found: Inspection) -> list[tuple[str, str]]:
    """What M is of the A that the file holds, where it is another."""
    if found.uncentered_norm is None:
        return []
    return [("centred", FORMULAS[found.center]), ("‖A‖_F", number(found.uncentered_norm, 10))]


def _ahead(found: Prospect) -> list[Part]:
    """The forecast: iterations, and what they cost; or why there is none."""
    rank, ahead = found.forecast.rank, found.forecast.schedules
    if not ahead:
        why = "" if rank is None else "‖M‖_F is beyond the scales that runs take"
        if rank is None and found.suggested_rank is None and found.numerical_rank > 0:
            why = "no rank is clear, so name one with -r"
        return [Heading("Forecast"), Facts([("none", why)])] if why else []
    rows = [(each.schedule, _outlook(each)) for each in ahead]
    rows.append(("passes over M", "a few dozen, or one a step with solve --engine direct"))
    rank_text = ", ".join(filter(None, (f"rank {rank}", found.forecast.why)))
    asked = f"{rank_text}, to a gap of {TOLERANCE:g}, from a typical gaussian start"
    return [Heading(f"Forecast of gradient descent ({asked})"), Facts(rows)]


def _outlook(each: Outlook) -> str:
    """One schedule in words.

    >>> _outlook(Outlook("constant", 2.0, 0.001, "")), _outlook(Outlook("power", 8.5, 3e3, ""))
    ('about 100 iterations, 0.001 s of small steps', 'about 10^8.5 iterations, fast-forwarded')
    """
    if each.log10_iterations is None:
        return f"no end: {each.note}"
    cost = f"{duration(each.seconds or 0.0)} of small steps"
    cost = "fast-forwarded" if each.fast_forwarded else cost
    return f"about {each.count} iterations, {cost}"


def bar(share: float, width: int) -> str:
    """A bar of share·width cells, at least a sliver for what is not zero.

    >>> bar(0.5, 10), bar(1e-9, 10), bar(0.0, 10)
    ('█████', '▌', '')
    """
    halves = round(2 * share * width)
    if share > 0 and halves == 0:
        halves = 1
    return "█" * (halves // 2) + "▌" * (halves % 2)


@dataclass(frozen=True)
class Spectrum:
    """The leading `most` singular values, each with a bar where there is room."""

    found: Inspection
    most: int

    def drawn(self, look: Look) -> Iterable[RenderableType]:
        from rich.table import Table
        from rich.text import Text

        rows = [tuple(map(look.symbols, row)) for row in self._rows()]
        if look.width < 40:
            rows = [row[:2] for row in rows]
        widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
        room = look.width - sum(widths) - 2 * len(widths) - 2
        grid = Table.grid(padding=(0, 2, 0, 0))
        for width in widths:
            grid.add_column(justify="right", no_wrap=True, min_width=width)
        grid.add_row(*(Text(head, style="bold") for head in rows[0]), "")
        largest = self.found.singular_values[0]
        for row, value in zip(rows[1:], self.found.singular_values, strict=False):
            share = value / largest if largest > 0 else 0.0
            grid.add_row(*row, bar(share, min(room, 50)) if room >= _LEAST_BAR else "")
        yield grid
        hidden = len(self.found.singular_values) - len(rows) + 1
        if hidden:
            yield from Facts([("", f"… and {hidden} more")]).drawn(look)

    def marked(self) -> str:
        head, *rows = self._rows()
        return table(head, rows, "rrr")

    def _rows(self) -> list[tuple[str, ...]]:
        """The heading, and i, σ_i and the share of ‖M‖_F² up to it."""
        shown = spectrum_rows(self.found)[: self.most]
        return [
            ("i", "σ_i", "Σσ²/‖M‖²"),
            *((str(r["i"]), f"{r['sigma']:.6e}", f"{100 * r['share']:.2f} %") for r in shown),
        ]
