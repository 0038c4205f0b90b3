"""The lines of a table to numbers: SciPy's parser in C++, and words for what it does not take."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from mfact.core import Array
from mfact.matrices.tables.blame import blame, lines_of
from mfact.matrices.tables.cells import (
    MISSING,
    cells,
    name_cell,
    unquoted,
)  # fmt: skip
from mfact.matrices.tables.dialect import Dialect
from mfact.matrices.tables.lines import Block
from mfact.matrices.text_numbers import DOUBTFUL, parsed

_DOUBTFUL = (*DOUBTFUL, b'"')  # quotes are undone
_HEAD = b"%%%%MatrixMarket matrix array complex general\n%d 1\n"
_TOKEN = "|".join([*map(re.escape, filter(None, MISSING)), r"[+-]?inf(?:inity)?"])


class Gap(NamedTuple):
    """The first missing number of a block: what stands there, and its line in the file. missing: of
    all that are missing in the block.
    """

    cell: str
    line: int
    missing: int


@dataclass(frozen=True)
class Rows:
    """How the lines of a table are read."""

    dialect: Dialect
    label: str

    def numbers(self, block: Block) -> tuple[Array, Gap | None]:
        """The rows×width numbers of whole lines, NaN where one is missing, and the first such.

        Raises DataError for a cell that holds none, and for a line of another number of cells.
        """
        try:
            text = self._numbers_of(block)
            try:
                return self._parsed(text), None
            except (ValueError, OverflowError):
                found = self._plain(text)
        except (ValueError, OverflowError):
            raise blame(block, self.dialect, self.label) from None
        gaps = np.argwhere(~np.isfinite(found))
        if not len(gaps):
            return found, None
        row, column = map(int, gaps[0])
        number, line = lines_of(block)[row]
        cell = cells(line, self.dialect.separator)[column + self.dialect.names]
        return found, Gap(unquoted(cell), number, int(np.count_nonzero(np.isnan(found))))

    def names(self, block: Block) -> list[bytes]:
        """The first cells of the lines. Raises DataError for a line of one cell."""
        found = name_cell(self.dialect.separator).findall(b"\n" + block.text)
        if len(found) != block.rows:
            raise blame(block, self.dialect, self.label)
        return found

    @cached_property
    def _separator(self) -> bytes:
        return (self.dialect.separator or " ").encode()

    def _numbers_of(self, block: Block) -> bytes:
        """The cells behind the name; ValueError where a line has too few of them."""
        text = block.text
        if self.dialect.names:
            text, count = name_cell(self.dialect.separator).subn(b"\n", b"\n" + text)
            text = text[1:]
            if count != block.rows:
                raise ValueError
        if self.dialect.trailing:
            end = self._separator + b"\n"
            if text.count(end) != text.count(b"\n"):
                raise ValueError
            text = text.replace(end, b"\n")
        if self.dialect.comma and b"." in text:
            raise ValueError
        return text.replace(b",", b".") if self.dialect.comma else text

    def _parsed(self, text: bytes) -> Array:
        """What SciPy reads. ValueError or OverflowError for cells that are not plain numbers.

        Each cell is made a line, so that nothing is left over behind it.
        """
        if any(byte in text for byte in _DOUBTFUL):
            raise ValueError
        ends = self._ends(text)
        if self.dialect.separator is None:
            words = text.split()
            if len(words) != len(ends):
                raise ValueError
            body = b" nan\n".join(words) + b" nan\n"
        else:
            body = text.replace(self._separator, b"\n").replace(b"\n", b" nan\n")
        out = np.ascontiguousarray(parsed(_HEAD % len(ends) + body).reshape(-1).real)
        if b"-" in text and not out.all():  # SciPy loses the sign of zero
            minus = np.flatnonzero(np.frombuffer(text, np.uint8) == ord("-"))
            minus = minus[(minus == 0) | (np.frombuffer(text, np.uint8)[minus - 1] <= ord(";"))]
            signed = np.searchsorted(ends, minus)
            out[signed[out[signed] == 0]] = -0.0
        return out.reshape(-1, self.dialect.width)

    def _ends(self, text: bytes) -> Array:
        """Where each cell ends; ValueError unless each line has `width` of them."""
        characters = np.frombuffer(text, np.uint8)
        if self.dialect.separator is None:
            filled = characters > ord(" ")
            ends = np.flatnonzero(filled[:-1] > filled[1:]) + 1
            lines = np.flatnonzero(characters == ord("\n"))
            counts = np.diff(np.searchsorted(ends, lines, side="right"), prepend=0)
            if not np.all(counts == self.dialect.width):
                raise ValueError
            return ends
        last = characters == ord("\n")
        ends = np.flatnonzero(last | (characters == self._separator[0]))
        rows, rest = divmod(len(ends), self.dialect.width)
        lasts = ends[self.dialect.width - 1 :: self.dialect.width]
        if rest or np.count_nonzero(last) != rows or not last[lasts].all():
            raise ValueError
        return ends

    def _plain(self, text: bytes) -> Array:
        """The same of cells with quotes, a plus, infinities or nothing, put plainly first."""
        separator = self._separator
        before, after = rb"(?<![^%s\n])" % separator, rb"(?=[%s\n])" % separator
        space = rb"[ \t]*"
        if self.dialect.separator is None:
            before, after, space = rb"(?<!\S)", rb"(?!\S)", b""
        elif separator == b"\t":
            space = rb" *"
        cell, end = before + space, space + after
        text = re.sub(cell + rb'"([^"%s\n]*)"' % separator + end, rb"\1", text)
        text = re.sub(before + rb"([ \t]*)\+(?=[\d.])", rb"\1", text)
        none = b"" if self.dialect.separator is None else b"|"
        token = re.compile(cell + b"(" + _TOKEN.encode() + none + b")" + end, re.IGNORECASE)
        values = []

        def zero(match: re.Match[bytes]) -> bytes:
            word = match[1].lower()
            values.append(float(word) if b"inf" in word else np.nan)
            return b"0"

        starts = [match.start() for match in token.finditer(text)]
        ends = self._ends(text) if none else None
        plain = token.sub(zero, text)
        found = self._parsed(plain).reshape(-1)
        if ends is None:
            ends = self._ends(text)
        found[np.searchsorted(ends, starts)] = values
        return found.reshape(-1, self.dialect.width)
