"""A table whose columns say what they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mfact.report.parts import Columns, Facts, Part
from mfact.report.text import exponent


def described(
    named: Iterable[tuple[str, str, str]], rows: Iterable[Mapping[str, Any]]
) -> list[Part]:
    """The rows below the labels of these columns, and what each column is.

    named: of each column its key in a row, its label, and what it is. What is not known is a dash.
    """
    named = tuple(named)
    cells = [[_cell(row[key]) for key, _, _ in named] for row in rows]
    table = Columns([label for _, label, _ in named], cells)
    return [table, Facts([(label, text) for _, label, text in named])]


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return exponent(value) if isinstance(value, float) else str(value)
