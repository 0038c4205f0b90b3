"""Which cell of a block is to blame, and on which line of the file it stands."""

from __future__ import annotations

from mfact.errors import DataError
from mfact.matrices.tables import refusals
from mfact.matrices.tables.cells import cells, is_missing, is_number, unquoted
from mfact.matrices.tables.dialect import Dialect
from mfact.matrices.tables.lines import Block


def lines_of(block: Block) -> list[tuple[int, str]]:
    """The lines that hold cells, with their numbers in the file."""
    kept = block.text.decode("utf-8", "surrogateescape").split("\n")[:-1]
    every = block.raw.decode("utf-8", "surrogateescape").split("\n")
    if len(kept) == len(every) - 1:
        return list(enumerate(kept, block.first))
    found, at = [], 0
    for line in kept:
        while every[at] != line:
            at += 1
        found.append((block.first + at, line))
        at += 1
    return found


def blame(block: Block, dialect: Dialect, label: str) -> DataError:
    """What is wrong with the first line that is not as the others."""
    for number, line in lines_of(block):
        row = cells(line, dialect.separator)
        if len(row) != dialect.cells:
            return refusals.uneven(label, number, line, len(row), dialect.cells)
        for j, cell in enumerate(row[dialect.names : dialect.names + dialect.width]):
            plain = unquoted(cell)
            if is_missing(plain) or is_number(plain, dialect.comma):
                continue
            name = f" ({dialect.header[j]})" if dialect.header else ""
            place = f"{j + 1 + dialect.names}{name}"
            return refusals.no_number(label, number, place, plain)
    return refusals.unreadable(label, block.first)
