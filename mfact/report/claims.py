"""Claims on a page: what each says and by how much it holds, or in short."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mfact.core import Claim, Verdict
from mfact.report.parts import Facts, Heading, Part, Words, indented, table
from mfact.report.terminal import Look

if TYPE_CHECKING:
    from rich.console import RenderableType

STYLES = {
    Verdict.VIOLATED: "bold red",
    Verdict.HOLDS: "",
    Verdict.INCONCLUSIVE: "magenta",
    Verdict.NOT_MET: "dim",
}
"""In the order of the page, those that could be judged first -> how they look."""

_TITLES = {
    Verdict.VIOLATED: "Claims violated",
    Verdict.HOLDS: "Claims that hold",
    Verdict.INCONCLUSIVE: "Claims not decided",
}
_NARROW = 70


@dataclass(frozen=True)
class Claims:
    """Each claim with its verdict, what it says, and by how much it holds."""

    claims: Sequence[Claim]

    def drawn(self, look: Look) -> Iterable[RenderableType]:
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        for claim in self._sorted():
            style = STYLES[claim.verdict]
            verdict = Text("  " + look.symbols(claim.verdict), style=style)
            name, text = look.symbols(claim.name), look.symbols(_whole(claim))
            if look.width < _NARROW:
                yield verdict.append(f": {name}")
                yield indented(text, 4)
            else:
                grid.add_row(verdict, name, Text(text))
        if look.width >= _NARROW:
            yield grid

    def marked(self) -> str:
        rows = [(claim.verdict, claim.name, _whole(claim)) for claim in self._sorted()]
        return table(("verdict", "claim", "what was found"), rows, "lll")

    def _sorted(self) -> list[Claim]:
        return sorted(self.claims, key=lambda claim: [*STYLES].index(claim.verdict))


def claims_section(claims: Sequence[Claim]) -> list[Part]:
    """All claims under their heading, where there are any."""
    return [Heading("Claims"), Claims(claims)] if claims else []


def claims_in_short(claims: Sequence[Claim], *, details: bool) -> list[Part]:
    """Those that hold or fail, each with what was found; those that do not apply in one line.

    details: whether what holds is told with its numbers, or by its names alone.
    """
    parts: list[Part] = []
    for verdict, title in _TITLES.items():
        found = [claim for claim in claims if claim.verdict is verdict]
        if not found:
            continue
        parts.append(Heading(title))
        if verdict is Verdict.HOLDS and not details:
            parts.append(Words(", ".join(claim.name for claim in found)))
        else:
            tell = _whole if verdict is Verdict.VIOLATED else _found
            pairs = [(claim.name, tell(claim)) for claim in found]
            parts.append(Facts(pairs, style=STYLES[verdict]))
    idle = [claim.name for claim in claims if claim.verdict is Verdict.NOT_MET]
    if idle:
        parts += [] if parts else [Heading("Claims")]
        parts.append(Words(f"not about this run: {', '.join(idle)}", STYLES[Verdict.NOT_MET]))
    return parts


def _whole(claim: Claim) -> str:
    return claim.statement + (f". {claim.detail}" if claim.detail else "")


def _found(claim: Claim) -> str:
    return claim.detail or claim.statement
