"""Numbers, values and names as they may stand in a sentence; loads nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from os import PathLike, fspath
from typing import Any

MOST_BITS = 14_000
"""Of an integer that can be stored: Python refuses to print or parse more than 4300 digits."""

MOST_DIGITS = 4214  # of MOST_BITS

_WHOLE = 40  # characters of a value that is shown whole

_ODD = re.compile(r"\x1b\[[\d;]*m|[^\n -~]")
_COMMAND = re.compile(r"^([^\S\n]*):(?=:)|#(?=#\w*\[)", re.MULTILINE)


_LARGEST = "divide the matrix by its largest entry"


def known_digits(value: float, error: float, most: int) -> int:
    """How many digits of a value that is known to ± error to show, 0 where none is known: the
    last is of the order of the error.

    >>> known_digits(9.51439, 0.2, 6), known_digits(9.51439, 1e-12, 6), known_digits(0.1, 0.3, 6)
    (2, 6, 0)
    """
    if not error > 0 or not math.isfinite(value):
        return most
    if not error < abs(value):
        return 0
    places = math.floor(math.log10(abs(value))) - math.floor(math.log10(error))
    return min(most, places + 1)


def brief(value: float | None) -> str:
    """Four digits of a number, as in a sentence.

    >>> brief(0.123456), brief(None)
    ('0.1235', 'unknown')
    """
    return "unknown" if value is None else f"{value:.4g}"


def count_text(log10: float) -> str:
    """A count in a few digits, by its log₁₀; as a power of ten from a million on.

    >>> count_text(2.0), count_text(8.51234567)
    ('100', '10^8.51235')
    """
    return f"{10**log10:.3g}" if log10 < 6 else f"10^{log10:.6g}"


def few(count: int) -> str:
    """A count, the smallest ones in letters.

    >>> few(1), few(2), few(12)
    ('one', 'two', '12')
    """
    return {1: "one", 2: "two"}.get(count, str(count))


def format_bytes(size: int) -> str:
    """A size in the largest binary unit that keeps it at 1 or more, one decimal.

    >>> format_bytes(1536), format_bytes(7)
    ('1.5 KiB', '7 B')
    """
    if size < 1024:
        return f"{size} B"
    scaled = float(size)
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        scaled /= 1024
        if scaled < 1024:
            return f"{scaled:.1f} {unit}"
    return f"{scaled / 1024:.1f} PiB"


def divided(norm: float) -> str:
    """What brings a matrix of such a norm near 1.

    >>> divided(2.4e201), divided(math.inf)
    ('divide the matrix by 2e+201', 'divide the matrix by its largest entry')
    """
    return f"divide the matrix by {norm:.1g}" if norm < math.inf else _LARGEST


def by(sizes: Iterable[int]) -> str:
    """Sizes as a shape is told.

    >>> by((61, 12))
    '61×12'
    """
    return "×".join(map(str, sizes))


def printable(text: str | bytes | PathLike[str]) -> str:
    r"""Text or a path from outside on one line that a terminal and an XML parser can take.

    What they would obey or refuse (control characters, bytes that are not UTF-8 and the surrogates
    that stand for them, marks that turn the direction of writing) is written as an escape.

    >>> printable("a\x1b[2J\n\udcff.npy"), printable(b"\xff \xce\xb2 [1]"), printable("\u202eb")
    ('a\\x1b[2J\\n\\xff.npy', '\\xff β [1]', '\\u202eb')
    """
    text = text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else fspath(text)
    return text if text.isprintable() else "".join(map(_shown, text))


def harmless(text: str, *, colour: bool = False) -> str:
    r"""Lines in which nothing is left that a terminal, or a CI server that reads along, obeys.

    The last door before a stream: names that were not made printable are, and no line begins with
    a command of GitHub's (`::`), nor holds one in the older form (`##[`). colour: escape
    sequences for colours stay.

    >>> print(harmless("\x1b[2Ja\n ::error::b\n##[error]c: M.h5::/x"))
    \x1b[2Ja
     \x3a:error::b
    \x23#[error]c: M.h5::/x
    """

    def escaped(found: re.Match[str]) -> str:
        return found[0] if colour and len(found[0]) > 1 else printable(found[0])

    return _COMMAND.sub(
        lambda found: f"{found[1] or ''}\\x{ord(found[0][-1]):02x}", _ODD.sub(escaped, text)
    )


def _shown(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, as Python carries it
        return f"\\x{code - 0xDC00:02x}"
    return character if character.isprintable() else ascii(character)[1:-1]


def shown(value: Any, *, quoted: bool = True) -> str:
    """A value as it was given, on one line; of a long one its ends, and how long it is.

    quoted: whether text stands in quotation marks.

    >>> shown(10**4200), shown("x" * 100), shown("1e400", quoted=False)
    ('100000000000…0000 (4201 digits)', "'xxxxxxxxxxxx…xxxx' (100 characters)", '1e400')
    """
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        return f"a number of about {math.log10(abs(value)):.0f} digits"
    # repr() escapes what a terminal would obey; its own marks may be of either kind.
    text = repr(value)[1:-1] if isinstance(value, str) else str(value)
    mark = "'" if quoted and isinstance(value, str) else ""
    if len(text) <= _WHOLE:
        return f"{mark}{text}{mark}"
    what = "digits" if text.isdecimal() else "characters"
    return f"{mark}{text[:12]}…{text[-4:]}{mark} ({len(text)} {what})"
