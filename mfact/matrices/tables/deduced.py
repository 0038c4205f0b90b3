"""What the first lines of a table say: its separator, its header, its names."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from mfact.matrices.tables import refusals, triplets
from mfact.matrices.tables.cells import cells, is_number, is_text, unquoted
from mfact.matrices.tables.dialect import Dialect
from mfact.matrices.tables.first_lines import (
    SEPARATORS,
    decimal_comma,
    is_comment,
    require_numbers,
    separator_of,
)
from mfact.matrices.tables.headers import (
    are_quoted,
    are_years,
    is_count,
    is_header,
    is_text_column,
    require_one,
)
from mfact.matrices.tables.lines import Line

_SAMPLE_LINES = 200
_CORNERS = ("", "unnamed: 0")  # the second is pandas' word for the first, read and written again


def dialect_of(lines: list[Line], comments: list[Line], label: str, bare: bool) -> Dialect:
    """The dialect of the first lines that are neither blank nor comments; comments: those before.

    bare: a first line and a first column of numbers are numbers, whatever they look like.

    Raises DataError where it cannot be told, and for what is no table of numbers.
    """
    lines = lines[:_SAMPLE_LINES]
    # A line that begins as a comment does can be a row with a name.
    solid = [line for line in lines if not is_comment(line.text)]
    solid = solid if len(solid) > 1 else lines
    separator = separator_of([line.text for line in solid])
    lines, solid = (
        [line for line in each if separator == "\t" or line.text.strip(" \t")]
        for each in (lines, solid)
    )
    rows = [cells(line.text, separator) for line in solid]
    if _is_triangle(solid):
        raise refusals.triangle(label)
    require_numbers(rows, solid, label)
    comma = decimal_comma(rows, separator, label)
    first, rest = rows[0], rows[1:] or rows
    counts = Counter(map(len, rest))
    size = max(counts, key=lambda count: (counts[count], count == len(first)))
    short = len(rows) > 1 and len(first) == size - 1
    trailing = (
        separator is not None and size > 1 and all(row[-1] == "" for row in rest)
        and (short or first[-1] == "")
    )  # fmt: skip
    if trailing:
        rows, short = [row[:-1] if len(row) == size else row for row in rows], False
        first, rest, size = rows[0], rows[1:] or rows, size - 1
    column = [row[0] for row in rest]
    named = size > 1 and 2 * sum(is_text(cell, comma) for cell in column) >= len(column)
    header = len(rows) > 1 and is_header(first, rest, short, named, comma)
    if header:
        named = named or short or are_quoted(rest)
        named = named or (unquoted(first[0]).lower() in _CORNERS and size > 1)
        require_one(solid, rows, named, comma, label)
    else:
        named = are_quoted(rows) or (named and is_text_column([row[0] for row in rows], comma))
        doubtful = (
            are_years(first[1:], [row[1:] for row in rest])
            if named
            else separator and is_count(first, rest)
        )
        if doubtful and not bare:
            raise refusals.doubtful(label, lines[0], lines[0].number, "the names of columns")
        if named and (more := _rows_among(comments, separator, size)):
            if not bare:
                raise refusals.doubtful(label, more[0], more[-1].number, "a comment")
            lines = [*more, *lines]
    lines = (lines if named else solid)[header:]
    rows = [cells(line.text, separator) for line in lines]
    wrong = [k for k, row in enumerate(rows) if len(row) != size + trailing]
    if wrong:
        line, count = lines[wrong[0]], len(rows[wrong[0]])
        begin = (
            lines[len(wrong)].number
            if not header and wrong[-1] + 1 == len(wrong) < len(lines) - 1
            else 0
        )
        raise refusals.uneven(label, line.number, line.text, count, size + trailing, begin)
    names = [unquoted(cell) for cell in first] if header else None
    if names and not short and named:
        names = names[1:]
    texts = [j for j in range(named, size) if is_text_column([row[j] for row in rows], comma)]
    if len(texts) == size - named:
        raise refusals.no_table(label, lines[0].text, rows[0][-1])
    if (
        names
        and (named or texts)
        and 2 <= size <= 4
        and triplets.are_named(list(map(unquoted, first)))
    ):
        raise triplets.of_texts(label, separator, lines[0].number - 1, size)
    if texts:
        shown = [names[j - named] if names else str(j + 1) for j in texts]
        cell = next(row[texts[0]] for row in rows if is_text(row[texts[0]], comma))
        raise refusals.text_columns(label, separator, texts, size, shown, cell)
    commented = None if names or not comments else _commented(comments[-1], separator, size, named)
    return Dialect(
        separator, comma, trailing, tuple(names) if names else commented, named,
        lines[0].number - 1, size - named, tuple(map(tuple, rows)), bool(commented),
    )  # fmt: skip


def _is_triangle(lines: list[Line]) -> bool:
    """Whether each line has a cell more than the one before, or each has one fewer."""
    for separator in SEPARATORS:
        counts = [len(cells(line.text, separator)) for line in lines]
        for start in (0, 1):  # there can be a line with their number first
            steps = {b - a for a, b in pairwise(counts[start:])}
            if len(counts) > start + 2 and steps in ({1}, {-1}):
                return True
    return False


def _rows_among(comments: list[Line], separator: str | None, size: int) -> list[Line]:
    """The last comments that are rows, if their names begin as comments do."""
    found: list[Line] = []
    for comment in reversed(comments):
        row = cells(comment.text, separator)
        if len(row) != size or not all(is_number(unquoted(cell)) for cell in row[1:]):
            break
        found.insert(0, comment)
    return found


def _commented(
    comment: Line, separator: str | None, size: int, named: bool
) -> tuple[str, ...] | None:
    """The names of columns in the last comment before the rows, where it has as many."""
    found = [unquoted(c) for c in cells(comment.text.strip().lstrip("#%").strip(), separator)]
    if len(found) == size and named:
        found = found[1:]
    texts = len(found) == size - named and all(is_text(cell) for cell in found)
    return tuple(found) if texts else None
