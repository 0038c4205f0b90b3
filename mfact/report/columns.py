"""Tables of rows with names: their columns, how many lines, what each column is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mfact.report.curves import Curves
from mfact.report.iterations import Column
from mfact.report.parts import Columns, Facts, Part
from mfact.report.text import exponent


def cut(count: int, most: int) -> list[int | None]:
    """0 … count − 1 in at most `most` lines, from three on; None is one that stands for the middle.

    >>> cut(20, 5), cut(3, 5), cut(4, 0)
    ([0, 1, None, 18, 19], [0, 1, 2], [0, 1, 2, 3])
    """
    if most == 0 or count <= most:
        return list(range(count))
    last = (most - 1) // 2
    return [*range(most - 1 - last), None, *range(count - last, count)]


def ranked(
    rows: Sequence[tuple[str, Mapping[str, Any]]],
    headings: Mapping[str, str],
    most: int,
    first: str = "h",
) -> list[Column]:
    """Columns of rows that have a name each, at most `most` lines (0: all) of them.

    headings: of what a row tells, the most telling first; what no row knows has no column. first:
    the heading of the names.
    """
    places = cut(len(rows), most)
    names = tuple("…" if i is None else rows[i][0] for i in places)
    columns = [Column(f"  {first}", names, 0)]
    for rank, (key, heading) in enumerate(headings.items(), 1):
        cells = tuple("" if i is None else cell(rows[i][1][key]) for i in places)
        if set(cells) - {"-", ""}:
            columns.append(Column(heading, cells, rank))
    return columns


def described(
    named: Iterable[tuple[str, str, str]], rows: Iterable[Mapping[str, Any]]
) -> list[Part]:
    """The rows below the labels of these columns, and what each column is.

    named: of each column its key in a row, its label, and what it is. What is not known is a dash.
    """
    named = tuple(named)
    cells = [[cell(row[key]) for key, _, _ in named] for row in rows]
    table = Columns([label for _, label, _ in named], cells)
    return [table, Facts([(label, text) for _, label, text in named])]


def curves(
    named: Iterable[tuple[str, str, str]],
    rows: Sequence[Mapping[str, Any]],
    keys: Sequence[str],
) -> Curves:
    """Curves of these keys of the rows over the first of the columns; named: see described."""
    labels = {key: label for key, label, _ in named}
    x, *drawn = (
        (labels[key], np.array([row[key] for row in rows], dtype=float))  # None becomes NaN
        for key in (next(iter(labels)), *keys)
    )
    return Curves(*x, drawn)


def cell(value: Any) -> str:
    """A value of a column; what is not known is a dash."""
    if value is None:
        return "-"
    return exponent(value) if isinstance(value, float) else str(value)
