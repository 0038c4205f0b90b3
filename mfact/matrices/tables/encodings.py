"""How the characters of a text are written."""

from __future__ import annotations

import re

from mfact.errors import DataError
from mfact.matrices.tables.refusals import shell


def is_text(start: bytes) -> bool:
    """Whether a file, or what is packed in it, begins as text does."""
    if not start:
        return False
    if wide_encoding(start):
        return True
    if any((byte < 32 and byte not in b"\t\r\n") or byte == 127 for byte in start):
        return False
    # Another text than in ASCII: by its encoding, or by being mostly ASCII.
    cut = re.sub(rb"[\xc0-\xf7][\x80-\xbf]{0,2}$", b"", start)
    try:
        cut.decode("utf-8")
    except UnicodeDecodeError:
        return 4 * sum(byte < 128 for byte in start) >= 3 * len(start)
    return True


def require_text(data: bytes, label: str) -> str:
    """The text of the first lines. Raises DataError for two and four bytes a character."""
    if wide := wide_encoding(data):
        raise DataError(
            f"{label} is text in {wide}",
            f"write it in UTF-8, as with {shell(label, f'iconv -f {wide} -t UTF-8', 'utf8.txt')}",
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def wide_encoding(data: bytes) -> str:
    """The encoding of text that is UTF-16 or UTF-32, by its mark or its zero bytes; else ""."""
    for mark, name in (
        (b"\xff\xfe\0\0", "UTF-32"), (b"\0\0\xfe\xff", "UTF-32"),
        (b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"),
    ):  # fmt: skip
        if data.startswith(mark):
            return name
    start = data[:64]
    for step, name in ((4, "UTF-32"), (2, "UTF-16")):
        for at, half in ((0, "LE"), (step - 1, "BE")):
            letters = start[at::step]
            if (
                len(start) >= 2 * step
                and start.count(0) >= len(start) // step * (step - 1)
                and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in letters)
            ):
                return name + half
    return ""


def is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
