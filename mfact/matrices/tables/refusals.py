"""What is said of text that is no table of numbers, or not one that can be told apart."""

from __future__ import annotations

from itertools import groupby
from shlex import quote

from mfact.errors import DataError
from mfact.matrices.tables.cells import hint
from mfact.matrices.tables.lines import Line
from mfact.words import shown

_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", None: "spaces"}
_NUMBERS = "a table of numbers is taken, with commas, semicolons, tabs or spaces between them"


def shell(label: str, command: str, out: str, more: str = "") -> str:
    """A command for a file, unpacked where it is packed; more: what its lines go through then."""
    path = quote(label)
    if label.endswith(".gz"):
        return f"gunzip -c {path} | {command}{more} > {out}"
    return f"{command} {path}{more} > {out}"


def no_table(label: str, line: str, cell: str) -> DataError:
    """Text without a column of numbers. cell: one of it."""
    return DataError(f"{label} is text that begins with {shown(line)}", hint(cell) or _NUMBERS)


def uneven(
    label: str, number: int, line: str, count: int, others: int, begin: int = 0
) -> DataError:
    """begin: the line that the rows begin with, where only those before it are not as the others;
    else 0."""
    if line.count('"') % 2:
        return unclosed(label, number)
    way_out = "give each line as many"
    if begin:
        first = "it" if begin == number + 1 else "what stands before the rows"
        way_out += f", or leave {first} out, as with "
        way_out += shell(label, f"tail -n +{begin}", "rows.txt")
    return DataError(
        f"{label} has {count} cell{'s' * (count != 1)} in line {number} and {others} in the others",
        way_out,
    )


def triangle(label: str) -> DataError:
    return DataError(
        f"{label} has one cell more in each line, or one fewer, as half of a symmetric matrix has",
        "write all of it, both sides of the diagonal",
    )


def several_headers(label: str, lines: list[Line], title: bool) -> DataError:
    """Lines of text above the numbers. title: whether the first does not name the columns."""
    first, last = lines[0].number, lines[-1].number
    second = lines[1]
    cut = f"{first}" if title else f"{second.number},{last}" if last > second.number else f"{last}"
    way_out = shell(label, f"sed '{cut}d'", "rows.txt")
    return DataError(
        f"{label} has {len(lines)} lines of text above its numbers, the second "
        f"{shown(second.text)}",
        f"leave one of them, as with {way_out}",
    )


def split_at_comma(label: str, cell: str) -> DataError:
    points, spaces = shell(label, "sed 's/,/./g'", "points.txt"), "sed 's/,/ /g'"
    return DataError(
        f"{label} has {shown(cell)}, whose comma can be decimal or between two numbers",
        f"write a point, as with {points}, or a space, with {spaces}",
    )


def no_number(label: str, number: int, column: str, cell: str) -> DataError:
    return DataError(
        f"{label} has {shown(cell)} in line {number}, column {column}, which is no number",
        hint(cell) or "remove or replace it",
    )


def text_columns(
    label: str, separator: str | None, texts: list[int], size: int, names: list[str], cell: str
) -> DataError:
    """Columns of text that are not the first of all; texts: which, from 0. cell: of the first."""
    several = "columns" if len(texts) > 1 else "a column"
    listed = ", ".join(map(shown, names[:5])) + (" …" if len(names) > 5 else "")
    kept = [j + 1 for j in range(size) if j not in texts]
    steps = groupby(enumerate(kept), lambda pair: pair[1] - pair[0])
    runs = [[j for _, j in run] for _, run in steps]
    fields = ",".join(str(r[0]) if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in runs)
    if separator is None:
        printed = ", ".join(f"${j}" for j in kept)
        way_out = shell(label, f"awk '{{print {printed}}}'", "numbers.txt")
    else:
        option = "" if separator == "\t" else f"-d'{separator}' "
        way_out = shell(label, f"cut {option}-f{fields}", "numbers.txt")
    return DataError(
        f"{label} has {several} of text, {listed}",
        hint(cell) or f"leave out all but the first, as with {way_out}",
    )


def doubtful(label: str, line: Line, last: int, what: str) -> DataError:
    """A first line that may be a row, or what else. last: the number of the last such."""
    return DataError(
        f"{label} begins with {shown(line.text)}, which can be {what} or a row",
        f"leave it out, as with {shell(label, f'tail -n +{last + 1}', 'rows.txt')}, or "
        f"name {label}::[fold], where it is a row",
    )


def unclosed(label: str, number: int) -> DataError:
    return DataError(
        f"{label} has a quotation mark in line {number} that is not closed on it",
        "write each row on one line",
    )


def decimal_commas(label: str, separator: str | None, cell: str) -> DataError:
    return DataError(
        f"{label} has {shown(cell)} between {_NAMES[separator]}, where a comma can be decimal or "
        "between thousands",
        "write points and no marks between thousands, or semicolons between the numbers",
    )


def thousands(label: str, cell: str) -> DataError:
    points = shell(label, "sed 's/,/./g'", "points.txt")
    return DataError(
        f"{label} has {shown(cell)}, whose comma can be decimal or between thousands",
        f"write a point, as with {points}, or nothing, with sed 's/,//g'",
    )


def both_marks(label: str, comma: str, point: str) -> DataError:
    return DataError(
        f"{label} has {shown(comma)} and {shown(point)}, so that neither mark is surely the "
        "decimal one",
        "write points and no marks between thousands",
    )


def unreadable(label: str, number: int) -> DataError:
    """What no cell of a block can be blamed for."""
    return DataError(
        f"{label} has a cell that is no number, in line {number} or after it", "write it again"
    )


def no_line(label: str) -> DataError:
    return DataError(f"{label} is text without a line of numbers", "write the matrix again")


def zero_byte(label: str, place: int) -> DataError:
    return DataError(
        f"{label} begins as text does and has a zero byte, its {place}th",
        "save the matrix as NPY with numpy.save",
    )
