"""The layers of a network as tables: what they are, and how they stand at the end of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from mfact.core import Array
from mfact.networks.architecture import Architecture
from mfact.networks.table import Row, table
from mfact.networks.ties import components
from mfact.report.columns import cut, ranked
from mfact.report.iterations import Column
from mfact.report.parts import Facts, Part
from mfact.report.parts import table as marked_table
from mfact.report.terminal import Look

if TYPE_CHECKING:
    from rich.console import RenderableType

_NARROW = 60
_HEADS = ("Network", "gives", "parameters", "laws to the next")
_NUMBERS = {
    "norm": "‖W_h‖²", "difference": "difference", "ratio": "ratio", "neuron_drift": "drift",
    "ledger": "ledger", "audit": "audit",
}  # fmt: skip
"""Columns of the trace, without _h -> what they are headed by, the most telling first."""


@dataclass(frozen=True)
class Layers:
    """The input and each layer, those with weights by their number, equal ones that follow each
    other in one line. most: lines, 0 for all.
    """

    rows: Sequence[Row]
    most: int = 0

    def drawn(self, look: Look) -> Iterable[RenderableType]:
        from rich.table import Table
        from rich.text import Text

        if look.width < _NARROW:
            pairs = [
                (name, ", ".join(filter(None, (*rest[:1], rest[1] and f"{rest[1]} free", rest[2]))))
                for name, *rest in self._cells()
            ]
            return [Text(f"\n{_HEADS[0]}", "bold"), *Facts(pairs).drawn(look)]
        grid = Table.grid(padding=(0, 2, 0, 0))
        for index, side in enumerate(("left", "left", "right", "left")):
            # A long line of masks and biases folds, numbers never.
            grid.add_column(justify=side, no_wrap=0 < index < 3, overflow="fold")  # type: ignore[arg-type]  # a literal of Rich's
        for indent, style, cells in (("", "bold", _HEADS),
                                     *(("  ", "", row) for row in self._cells())):  # fmt: skip
            shown = [look.symbols(cell) for cell in cells]
            grid.add_row(Text(indent + shown[0]), *map(Text, shown[1:]), style=style)
        return ["", grid]

    def marked(self) -> str:
        return marked_table(_HEADS, self._cells(), "llrl")

    def _cells(self) -> list[tuple[str, str, str, str]]:
        cells, counts, h = [], [], 1
        for row, equal in groupby(self.rows):
            name = ", ".join(filter(None, (row.layer, row.activation)))
            count, parameters = len(list(equal)), str(row.parameters or "")
            each = " each" if count > 1 else ""
            if row.parameters:
                name = f"{f'{h} … {h + count - 1}' if each else h}: {name}"
                h += count
            cells.append((name, row.shape, parameters and parameters + each, row.laws))
            counts.append(count)
        places = cut(len(cells), self.most)
        more = f"… {sum(counts) - sum(counts[i] for i in places if i is not None)} more"
        return [(more, "", "", "") if i is None else cells[i] for i in places]


def layers_parts(net: Architecture, most: int = 0) -> list[Part]:
    """The network, as it is printed before a run and on its page. most: lines, 0 for all."""
    rows = table(net, lambda h: int(components(net, h).max()) + 1)
    return [Layers(rows, most)]


def numbers_of_layers(trace: Mapping[str, Array], count: int, most: int = 0) -> list[Column]:
    """How each of `count` layers stands in the last row of a trace, and against the next one.

    Columns as of an iteration table: ‖W_h‖², its difference and ratio to that of the next layer,
    and of the units between them the largest drift, ledger and audit. most: lines, 0 for all.
    """
    rows = [
        (str(h), {name: _last(trace, f"{name}_{h}") for name in _NUMBERS})
        for h in range(1, count + 1)
    ]
    return ranked(rows, _NUMBERS, most)


def _last(trace: Mapping[str, Array], name: str) -> float | None:
    """The last number of a column, None where there is none of that name."""
    return float(trace[name][-1]) if name in trace else None
