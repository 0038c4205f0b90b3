"""The first lines of a text, and what is between their cells."""

from __future__ import annotations

import re
from collections import Counter

from mfact.matrices.tables import refusals
from mfact.matrices.tables.cells import cells, is_missing, is_number, unquoted
from mfact.matrices.tables.lines import Line

SEPARATORS = ("\t", ";", ",", None)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+", re.ASCII)
_WHOLE = re.compile(r"[+-]?(?:0|[1-9]\d*)", re.ASCII)
_COMMENT = re.compile(r"[ \t]*(?:[#%]|![A-Za-z])")
# What Excel is told by, and what stands behind the table in a file of GEO's.
_NO_ROW = re.compile(r'"?sep=[,;\t| ]"?|!\w+_table_end.*', re.IGNORECASE)


def sampled(text: str) -> tuple[list[Line], list[Line]]:
    """(the first lines that can hold cells, the comments before them) of a text."""
    lines: list[Line] = []
    comments: list[Line] = []
    for number, line in enumerate(text.split("\n"), 1):
        if _NO_ROW.fullmatch(line):
            continue
        if is_comment(line) and not lines:
            comments.append(Line(number, line))
        elif line.strip() or (line.strip(" ") and lines):
            lines.append(Line(number, line))
    return lines, comments


def is_comment(line: str) -> bool:
    """Whether it begins as a comment does."""
    return _COMMENT.match(line) is not None


def separator_of(lines: list[str]) -> str | None:
    """By which most cells are numbers and most lines of one length; the first of equals."""

    def worth(separator: str | None) -> float:
        rows = [cells(line, separator) for line in lines]
        even = Counter(map(len, rows)).most_common(1)[0]
        if even[0] < 2 and separator:
            return -1.0
        all_cells = [unquoted(cell) for row in rows for cell in row]
        comma = separator in (";", "\t") or (separator is None and even[0] > 1)
        numbers = sum(
            is_missing(cell) or is_number(cell) or (comma and is_number(cell, True))
            for cell in all_cells
        )
        return even[1] / len(rows) * (0.5 + numbers / max(1, len(all_cells)))

    best = max(SEPARATORS, key=worth)
    return "\t" if best is None and _is_tabbed(lines) else best


def _is_tabbed(lines: list[str]) -> bool:
    """Whether tabs alone make lines of one length, whose cells hold spaces in names only: by spaces
    too, "row 1" would be a name and a number."""
    rows = [cells(line, "\t") for line in lines]
    sizes = {len(row) for row in rows[1:] or rows}
    return len(sizes) == 1 and sizes != {1} and not any(_are_numbers(c) for r in rows for c in r)


def _are_numbers(cell: str) -> bool:
    """Whether several numbers stand in a cell."""
    found = cell.split()
    return len(found) > 1 and all(map(is_number, found))


def require_numbers(rows: list[list[str]], lines: list[Line], label: str) -> None:
    """Raise DataError for prose, and for a cell that goes on on the next line."""
    found = [unquoted(cell) for row in rows for cell in row]
    numbers = sum(is_number(cell) or is_number(cell, True) for cell in found)
    uneven = len(set(map(len, rows[1:]))) > 1
    if uneven and (open_ := [line.number for line in lines if line.text.count('"') % 2]):
        raise refusals.unclosed(label, open_[0])
    if numbers == 0 or (uneven and numbers < 0.3 * len(found)):
        raise refusals.no_table(label, lines[0].text, rows[-1][-1])


def decimal_comma(rows: list[list[str]], separator: str | None, label: str) -> bool:
    found = [unquoted(cell) for row in rows for cell in row]
    commas = [cell for cell in found if "," in cell and is_number(cell, True)]
    # In a file of commas they stand in quotes.
    if not commas:
        if separator == "," and (split := _split_at_comma(rows)):
            raise refusals.split_at_comma(label, split)
        return False
    if separator in (",", None):
        raise refusals.decimal_commas(label, separator, commas[0])
    if all(_THOUSANDS.fullmatch(cell) for cell in commas):
        raise refusals.thousands(label, commas[0])
    points = [cell for cell in found if "." in cell and is_number(cell)]
    if points:
        raise refusals.both_marks(label, commas[0], points[0])
    return True


def _split_at_comma(rows: list[list[str]]) -> str:
    """A number of one column with decimal commas, which reads as two whole numbers; "" for none.

    By a header of one cell, or by a zero that only fractions begin with.
    """
    headed = len(rows[0]) == 1
    body = rows[headed:]
    if not all(len(row) == 2 and _WHOLE.fullmatch(row[0]) and row[1].isdecimal() for row in body):
        return ""
    told = (",".join(row) for row in body if headed or (len(row[1]) > 1 and row[1][0] == "0"))
    return next(told, "")
