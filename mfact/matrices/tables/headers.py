"""Whether the first line of a table names the columns, and the first cells the rows."""

from __future__ import annotations

import re
from itertools import pairwise

from mfact.matrices.tables import refusals
from mfact.matrices.tables.cells import is_missing, is_name, is_number, is_text, unquoted
from mfact.matrices.tables.lines import Line


def is_header(
    first: list[str], rest: list[list[str]], short: bool, named: bool, comma: bool
) -> bool:
    """Whether the first line has a mark of a header: text, or quotes, above what has none."""
    if short:
        return any(is_name(cell, comma) or '"' in cell for cell in first)
    size = len(first)
    rows = [row for row in rest if len(row) == size]
    if not rows:
        return False
    for j, cell in enumerate(first):
        column = [row[j] for row in rows]
        if is_name(cell, comma) and not is_text_column(column, comma):
            return True
        if cell.startswith('"') and not any('"' in other for other in column):
            return True
    if unquoted(first[0]) or size < 2:
        return False
    # pandas' header of columns and rows without names: an empty corner.
    column = [unquoted(row[0]) for row in rows]
    ordinals = column == ["0"] or stepping(column) or column == list(map(unquoted, first[1:]))
    return (named or ordinals) and not any(is_missing(cell) for cell in first[1:])


def are_quoted(rows: list[list[str]]) -> bool:
    """Whether the first cells alone are in quotes, as R and pandas have names among numbers."""
    return all(
        len(row) > 1 and row[0].startswith('"') and not any('"' in cell for cell in row[1:])
        for row in rows
    )


def require_one(
    lines: list[Line], rows: list[list[str]], named: bool, comma: bool, label: str
) -> None:
    """Raise DataError for units, or names of a second level, below the first line, and for a name
    that goes on there."""
    if all(line.text.count('"') % 2 for line in lines[:2]):
        raise refusals.unclosed(label, lines[0].number)
    count, first = 1, rows[0]
    for row in rows[1:]:
        plain = [unquoted(cell) for cell in row]
        # Of pandas' levels the last can name the rows, and nothing else.
        last = count > 1 and not any(plain[1:])
        texts = any(is_name(cell, comma) for cell in plain[named:])
        if len(row) != len(first) or any(is_number(cell, comma) for cell in plain):
            break
        if not (texts or last):
            break
        count += 1
    if count > 1:
        title = len(first) > 2 and not any(map(unquoted, first[1:]))
        raise refusals.several_headers(label, lines[:count], title)


def is_text_column(column: list[str], comma: bool) -> bool:
    return 2 * sum(is_text(cell, comma) for cell in column) > len(column)


def are_years(first: list[str], rest: list[list[str]]) -> bool:
    """Whether numbers above others count as years do, and the others do not."""
    plain = all(unquoted(cell).isdecimal() for row in rest for cell in row)
    return stepping(first) and not (stepping(rest[0]) or (plain and len(first) < 3))


def is_count(first: list[str], rest: list[list[str]]) -> bool:
    """Whether columns are counted above numbers that are written in another way."""
    if not stepping(first) or stepping(rest[0]):
        return False
    from_zero = list(map(unquoted, first)) == [str(j) for j in range(len(first))]
    found = [unquoted(cell) for row in rest for cell in row]
    if all(is_missing(cell) or re.search("[.,e]", cell, re.IGNORECASE) for cell in found):
        return from_zero or len(first) > 2
    return from_zero and len(first) > 2 and not all(cell.isdecimal() for cell in found)


def stepping(numbers: list[str]) -> bool:
    """Whether these are whole numbers with one step between them, as years are.

    >>> stepping(["1990", "1991", "1992"]), stepping(["1", "4", "2"])
    (True, False)
    """
    if len(numbers) < 2 or not all(unquoted(n).isdecimal() for n in numbers):
        return False
    whole = [int(unquoted(n)) for n in numbers]
    return len({b - a for a, b in pairwise(whole)} - {0}) == 1 and len(set(whole)) == len(whole)
