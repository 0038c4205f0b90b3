"""One result as the page that `solve` and `show` print: a short one, or all that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mfact.core import Document, Result
from mfact.methods.choice import METHODS
from mfact.report.claims import claims_in_short, claims_section
from mfact.report.labels import (
    BRIEF,
    PROBLEM,
    SUMMARY,
    labelled,
    means_of,
    names_of,
    shapes_of,
)
from mfact.report.page import MORE, Page, banner, by_method, ending
from mfact.report.parts import Facts, Heading, Part
from mfact.report.settings_table import by_source, settings_section
from mfact.studies.conserved import method_of
from mfact.trace import COLUMNS, Column

_SHOWN_VALUES = 5
_SHOWN = ("name", "objective", "uncentered_norm", "norm", "sigma_known_to", "singular_values")
_PROBLEM = {name: PROBLEM[name] for name in _SHOWN}


class RunPage(Page[Result]):
    """The page of a factorization."""

    CURVES = (("gap", "relative_residual"), ("log_det_drift", "imbalance"))

    @property
    def _columns(self) -> Mapping[str, Column]:
        """Where the law of the method tells of D, what it moved by in first order is a detail."""
        asked = method_of(self.result.settings)
        if asked not in METHODS or METHODS[asked].law.keeps != "D":
            return COLUMNS
        return {**COLUMNS, "first_order": COLUMNS["first_order"]._replace(heading="")}

    def _above(self, result: Result, thrift: int) -> list[Part]:
        facts = [*labelled(_leading(result.problem), _PROBLEM, only=True)]
        above: list[Part] = [
            banner(result, _what(result), MORE),
            Heading("Problem"),
            Facts([*facts[:1], shapes_of(result), *facts[1:]]),
        ]
        if result.settings:
            above += [Heading("Settings"), Facts(by_source(result.settings))]
        return above

    def _below(self, result: Result, thrift: int) -> list[Part]:
        numbers = self._numbers(result)
        if "iterations" in numbers:  # as they are where they can be counted
            numbers = {k: v for k, v in numbers.items() if k != "log10_iterations"}
        below: list[Part] = [
            *claims_in_short(result.claims, details=thrift == 0),
            Heading("Summary"),
            Facts([*labelled(numbers, BRIEF, only=True)], abreast=True),
        ]
        if notes := numbers.get("notes"):
            below.append(Facts([("note", note) for note in notes]))
        return [*below, *ending(result)]

    def _full(self, result: Result) -> list[Part]:
        return [
            banner(result, _what(result)),
            Heading("Problem"),
            Facts(
                [
                    shapes_of(result),
                    *names_of(result.names),
                    *labelled(result.problem, PROBLEM),
                    *means_of(result),
                ]
            ),
            *settings_section(result.settings),
            *self._all_iterations(),
            *claims_section(result.claims),
            Heading("Summary"),
            Facts([*labelled(self._numbers(result), SUMMARY)]),
            *ending(result),
        ]


def _what(result: Result) -> str:
    return f"M ≈ UVᵀ by {by_method(result.settings)}"


def _leading(problem: Document) -> Document:
    """The problem with the first few of its singular values."""
    cut = {
        name: values[:_SHOWN_VALUES]
        for name in ("singular_values", "singular_values_error")
        if isinstance(values := problem.get(name), Sequence)
    }
    return {**problem, **cut}
