"""The cells of a line, and what stands in one."""

from __future__ import annotations

import re
from functools import cache

_QUOTED = r'"[^"\n]*(?:""[^"\n]*)*"'
_NUMBER = re.compile(
    r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:inf|infinity)", re.I | re.A
)
_COMMA = re.compile(r"[+-]?(?:\d+(?:,\d+)?|,\d+)(?:[eE][+-]?\d+)?", re.A)
MISSING = ("", "na", "n/a", "nan", "null", "none", "-", ".", "?", "#n/a", "<na>")
"""What stands where a number is missing, in small letters."""

_HINTS = (
    (r"true|false", "write 1 and 0 for true and false"),
    (r"[-+]?[\d.,]+ ?%", "write it without the percent sign"),
    (r"[-+]?0x[\da-f]+", "write it in decimals"),
    (r"[-+]?[\d.]+d[-+]?\d+", "write the exponent with E, as after sed 's/[Dd]/E/g'"),
    (
        r"[-+]?\d{1,3}([,'_ .\xa0\u202f]\d{3})+([.,]\d*)?",
        "write it without marks between the thousands",
    ),
    (r"[−–][\d.,]+(e[-+]?\d+)?", "write a hyphen for the minus, as after sed 's/−/-/g'"),
    (r"[-+]?[$€£¥] ?[\d.,]+|[-+]?[\d.,]+ ?[$€£¥]", "write it without the sign of the currency"),
    (r"\([$€£¥]?[\d.,]+\)", "write a minus for the parentheses"),
    (r"#[a-z/0]+[!?]", "mend it in the sheet it is of"),
    (r"\*{3,}", "write the numbers in a wider format, for this one did not fit"),
    (
        r"[-+]?\d+\.\d*[-+]\d+(\.\d*)?",
        "put an E before its exponent, or a space between two numbers",
    ),
    (r"[-+]?\d+,\d+(e[-+]?\d+)?", "write a point for the decimal comma"),
    (r"[-+\d.e]+[ij]|\([-+\d.e]+,[-+\d.e]+\)", "factor real and imaginary part separately"),
)
_DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}.*")


def cells(line: str, separator: str | None) -> list[str]:
    """As they stand, quotes among them; separator: None where runs of spaces are.

    >>> cells('"a,b", 1,', ","), cells(' "a b"  1 2 ', None)
    (['"a,b"', '1', ''], ['"a b"', '1', '2'])
    """
    if '"' not in line:
        if separator is None:
            return [cell for cell in re.split("[ \t]+", line) if cell]
        return [cell.strip(" \t") for cell in line.split(separator)]
    return [found[0].lstrip(separator).strip(" \t") for found in _cell(separator).finditer(line)]


@cache
def _cell(separator: str | None) -> re.Pattern[str]:
    if separator is None:
        return re.compile(rf"{_QUOTED}(?![^ \t])|[^ \t]+")
    return re.compile(rf"(?:^|{separator})(?: *{_QUOTED} *(?={separator}|$)|[^{separator}]*)")


@cache
def name_cell(separator: str | None) -> re.Pattern[bytes]:
    """The end of a line, the first cell of the next and what ends it."""
    if separator is None:
        pattern = rf"\n[ \t]*({_QUOTED}(?=[ \t])|[^ \t\n]+)[ \t]+"
    else:
        pattern = rf"\n *({_QUOTED}(?= *{separator})|[^{separator}\n]*) *{separator}"
    return re.compile(pattern.encode())


def unquoted(cell: str) -> str:
    """What is meant by a cell.

    >>> unquoted('"5"" pipe"'), unquoted(" a ")
    ('5" pipe', 'a')
    """
    cell = cell.strip(" \t")
    if len(cell) > 1 and cell[0] == cell[-1] == '"':
        return cell[1:-1].replace('""', '"').strip(" \t")
    return cell


def is_number(cell: str, comma: bool = False) -> bool:
    """Whether it is one, by a decimal comma where comma is set."""
    return bool((_COMMA if comma else _NUMBER).fullmatch(cell))


def is_missing(cell: str) -> bool:
    """Whether it says that there is no number."""
    return cell.lower() in MISSING


def is_text(cell: str, comma: bool = False) -> bool:
    """Whether it is neither."""
    cell = unquoted(cell)
    return not is_missing(cell) and not is_number(cell) and not (comma and is_number(cell, True))


def is_name(cell: str, comma: bool = False) -> bool:
    """Whether it is text, and nothing that people write for a number either."""
    plain = unquoted(cell)
    return is_text(cell, comma) and (bool(_DATE.fullmatch(plain)) or not hint(plain))


def hint(cell: str) -> str:
    """What to do about a cell that is no number; "" for what is just text."""
    cell = unquoted(cell).lower()
    if _DATE.fullmatch(cell):
        return "leave dates out, or save them as numbers"
    return next((way_out for pattern, way_out in _HINTS if re.fullmatch(pattern, cell)), "")
