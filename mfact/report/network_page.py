"""A network's run as the page that `network` and `show` print, short or with all that is known."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from mfact.core import Document, NetworkResult
from mfact.networks.architecture import Architecture
from mfact.networks.columns import network_columns
from mfact.report.claims import claims_in_short, claims_section
from mfact.report.iterations import Fitted
from mfact.report.labels import labelled
from mfact.report.network_layers import layers_parts, numbers_of_layers
from mfact.report.page import MORE, Page, banner, by_method, ending
from mfact.report.parts import Facts, Heading, Part
from mfact.report.settings_table import by_source, settings_section
from mfact.storage.architectures import restored
from mfact.trace import Column

PROBLEM = {
    "name": "data",
    "points": "points m",
    "objective": "objective L",
    "parameters": "free parameters",
    "laws": "laws, values kept",
    "laws_that_mix_layers": "of them across several layers",
}
BRIEF = {
    "iterations": "iterations",
    "loss": "loss L",
    "loss_of_all_points": "of all points",
    "gradient_norm": "‖∇L‖",
    "drift": "drift ‖Q − Q₀‖",
    "line_1": "by line 1",
    "line_2": "by line 2",
    "ledger_audit": "ledger audit",
    "wall_seconds": "time",
}
"""What of the summary the short page shows; Q: all balance laws."""

SUMMARY = {
    "iterations": "iterations",
    "flow_time": "flow time Ση",
    "loss": "loss L",
    "loss_of_all_points": "loss of all points",
    "gradient_norm": "gradient norm ‖∇L‖",
    "imbalance": "imbalance ‖Q‖, Q all balance laws",
    "drift": "drift ‖Q − Q₀‖",
    "line_1": "line 1 of it, ‖Σ −2η⟨v, Cd⟩‖",
    "line_2": "line 2 of it, ‖Σ η²⟨d, Cd⟩‖",
    "ledger_audit": "ledger audit ‖(Q − Q₀) − ledger‖",
    "euler": "spread of ⟨W_h, ∂L/∂W_h⟩ over the layers, relative",
    "first_order": "first-order change of a law, relative",
    "notes": "notes",
    "seconds": "time",
    "wall_seconds": "time in all, reading included",
}
_THRIFT = ((True, 10, 10), (True, 6, 6), (False, 6, 4), (False, 4, 3))
"""Whether claims that hold are told with their numbers; lines of both tables of layers."""


class NetworkPage(Page[NetworkResult]):
    """The page of a network's run."""

    THRIFT = len(_THRIFT) - 1

    CURVES = (("loss",), ("drift",))

    @cached_property
    def _net(self) -> Architecture:
        return restored(self.result.network, self.result.ties)

    @property
    def _columns(self) -> Mapping[str, Column]:
        return network_columns(self._net, linear="line_1" not in self.result.trace)

    def _above(self, result: NetworkResult, thrift: int) -> list[Part]:
        told = [
            *labelled(result.problem, {n: PROBLEM[n] for n in ("name", "objective")}, only=True)
        ]
        above: list[Part] = [
            banner(result, self._what, MORE),
            Heading("Problem"),
            Facts([*told, ("size", _size(result.problem))]),
            *layers_parts(self._net, _THRIFT[thrift][1]),
        ]
        if result.settings:
            above += [Heading("Settings"), Facts(by_source(result.settings))]
        return above

    def _below(self, result: NetworkResult, thrift: int) -> list[Part]:
        details, _, most = _THRIFT[thrift]
        numbers = self._numbers(result)
        below: list[Part] = [
            *claims_in_short(result.claims, details=details),
            Heading("Summary"),
            Facts([*labelled(numbers, self._brief, only=True)], abreast=True),
            *self._layers(most),
        ]
        if notes := numbers.get("notes"):
            below.append(Facts([("note", note) for note in notes]))
        return [*below, *ending(result)]

    def _full(self, result: NetworkResult) -> list[Part]:
        in_table = {name for name in self._columns if name.startswith(("norm_", "difference_"))}
        numbers = {k: v for k, v in self._numbers(result).items() if k not in in_table}
        return [
            banner(result, self._what),
            Heading("Problem"),
            Facts([*labelled(result.problem, PROBLEM)]),
            *layers_parts(self._net),
            *settings_section(result.settings),
            *self._all_iterations(),
            *claims_section(result.claims),
            Heading("Summary"),
            Facts([*labelled(numbers, SUMMARY)]),
            *self._layers(0),
            *ending(result),
        ]

    @property
    def _brief(self) -> Mapping[str, str]:
        """What the summary shows; of an activation that breaks the laws, by how much."""
        if self.result.settings.get("show_broken", {}).get("value") is None:
            return BRIEF
        shown = {name: label for name, label in BRIEF.items() if name != "gradient_norm"}
        return shown | {"first_order": "laws broken by"}

    @property
    def _what(self) -> str:
        count = len(self._net.weighted)
        return f"a network of {count} layers by {by_method(self.result.settings)}"

    def _layers(self, most: int) -> list[Part]:
        """How the layers stand at the end, where a row tells of it."""
        trace = self.result.trace
        if not len(trace.get("step", ())):
            return []
        columns = numbers_of_layers(trace, len(self._net.weighted), most)
        return [Fitted(columns, self.full, ruled=False)]


def _size(problem: Document) -> str:
    named = ("points", "parameters", "laws")
    return ", ".join(f"{problem[name]} {name}" for name in named if problem.get(name) is not None)
