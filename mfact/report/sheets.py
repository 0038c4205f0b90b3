"""Rows of numbers as CSV, for a spreadsheet or a data frame."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mfact.core import Claim, Ended
from mfact.report.machine import column_of, gathered

Row = Mapping[str, Any]


def sheet(rows: Iterable[Row]) -> Iterator[str]:
    r"""A line of names, then one a row, in pieces; what is not known is left empty.

    Every digit of a float is written, so that reading gives the same numbers.

    >>> "".join(sheet([{"step": 0, "gap": 0.1}, {"step": 1, "gap": None}]))
    'step,gap\n0,0.1\n1,\n'
    """
    return gathered(_lines(rows))


def _lines(rows: Iterable[Row]) -> Iterator[str]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names: list[str] = []
    for row in rows:
        if not names:
            names = list(row)
            writer.writerow(names)
        writer.writerow(row[name] for name in names)
        yield text.getvalue()
        text.seek(0)
        text.truncate()


def trace_rows(result: Ended) -> Iterator[Row]:
    """The recorded rows of a run."""
    names = list(result.trace)
    for cells in zip(*(column_of(result.trace, name) for name in names), strict=True):
        yield dict(zip(names, cells, strict=True))


def claim_rows(claims: Iterable[Claim]) -> Iterator[Row]:
    """A row a claim, its numbers left to the JSON document."""
    for claim in claims:
        yield {
            "claim": claim.name,
            "verdict": str(claim.verdict),
            "statement": claim.statement,
            "detail": claim.detail,
            "source": claim.source,
        }
