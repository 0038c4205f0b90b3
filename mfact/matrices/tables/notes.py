"""What of a table was left out, and what was taken for numbers and could have been names."""

from __future__ import annotations

import re

from mfact.matrices.tables.cells import unquoted
from mfact.matrices.tables.dialect import Dialect
from mfact.matrices.tables.headers import stepping
from mfact.words import shown

# Names of columns that tell which row it is.
_INDEX = re.compile(
    r"(?i:id|index|idx|key|level_\d|unnamed: \d+|row|(?:date)?time|timestamp|date|year)"
    r"|.*[_ .-](?:id|ID)|.*[a-z]I[dD]"
)


def notes_on(dialect: Dialect, shape: tuple[int, int], label: str) -> tuple[str, ...]:
    notes = []
    parts = ["header row"] * bool(dialect.header and not dialect.commented)
    parts += ["name column"] * dialect.names
    if parts:
        notes.append(f"{' and '.join(parts)} left out: {shape[0]}×{shape[1]} of {label}")
    if dialect.commented:
        notes.append(f"{label}: the names of columns are those of the comment above them")
    if dialect.comma:
        notes.append(f"{label}: commas are taken as decimal ones")
    sample = dialect.sample
    if not dialect.names and shape[1] > 1 and (what := _index(dialect)):
        name = f", {shown(dialect.header[0])}," if dialect.header else ""
        notes.append(f"{label}: the first column{name} {what} taken as data")
    if dialect.names and unquoted(sample[0][0]) == "N_unmapped":
        notes.append(f"{label}: the first rows, N_unmapped …, count no gene, and are taken as data")
    # Where all are whole numbers, such a row is nothing special, unless it counts as pandas does.
    special = not all(cell.isdecimal() for row in sample[1:] for cell in row) or (
        list(sample[0]) == [str(j) for j in range(shape[1])] and not stepping(list(sample[-1]))
    )
    if not dialect.header and special and len(sample[0]) > 2 and stepping(list(sample[0])):
        first, second, *_ = map(unquoted, sample[0])
        notes.append(f"{label}: the first line, {first}, {second} …, is taken as data")
    return tuple(notes)


def _index(dialect: Dialect) -> str:
    """What the first column does as an index of the rows would; "" for nothing."""
    first, second = ([unquoted(row[k]) for row in dialect.sample] for k in (0, 1))
    if len(first) > 2 and stepping(first) and not stepping(second):
        counts = first[:2] in (["0", "1"], ["1", "2"])
        return "counts the rows, and is" if counts else "has equal steps, and is"
    return "is" if dialect.header and _INDEX.fullmatch(dialect.header[0]) else ""
