"""A table of numbers in a text: what one look tells, and the numbers in blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from mfact.core import Array, Names
from mfact.matrices.apart import Piece, apart
from mfact.matrices.missing import Entries, NotFinite
from mfact.matrices.seen import Seen, changed
from mfact.matrices.spec import split_part
from mfact.matrices.tables import foreign, refusals
from mfact.matrices.tables.cells import unquoted
from mfact.matrices.tables.deduced import dialect_of
from mfact.matrices.tables.dialect import Dialect
from mfact.matrices.tables.encodings import is_utf8, require_text, wide_encoding
from mfact.matrices.tables.first_lines import sampled
from mfact.matrices.tables.lines import LONGEST, blank, blocks, raw_blocks
from mfact.matrices.tables.notes import notes_on
from mfact.matrices.tables.parsing import Gap, Rows
from mfact.matrices.tables.triplets import require_no_list, require_no_marks
from mfact.matrices.text_numbers import one_thread
from mfact.matrices.values import (
    Asked,
    Look,
    Told,
    check_shape,
    new_matrix,
    refuse_dataset,
    silent,
)  # fmt: skip
from mfact.words import shown

_SAMPLE_BYTES = 256 << 10
_LEAST_LINES = 4  # of a sample, however long they are
_HELD = re.compile(rb"^[^#%!\n]", re.MULTILINE)
_FOLD = "[fold]"


@dataclass(frozen=True)
class TableReader:
    """A table whose first lines have been looked at and whose lines have been counted."""

    file: Seen
    dialect: Dialect
    shape: tuple[int, int]
    utf8: bool
    label: str

    def read(self, dtype: np.dtype[Any], told: Told = silent) -> Array:
        """The C-ordered matrix."""
        import scipy.io  # noqa: F401  # here, so that each child finds it already imported

        out = new_matrix(self.shape, dtype, "C", self.label)
        entries, gaps = Entries(self.shape, self.label), list[Gap]()
        for (start, gap), block in apart(self._blocks, self.label):
            rows = slice(start, start + len(block))
            entries.store(block, out[rows], partial(_below, start))
            gaps += [gap] if gap else []
            told(rows.stop / self.shape[0])
        try:
            entries.require()
        except NotFinite as error:
            raise _named(error, gaps) from None
        return out

    def names(self) -> Names:
        """Of the columns by the header, of the rows by the first cells; another reading of them."""
        rows = None
        if self.dialect.names:
            encoding = "utf-8" if self.utf8 else "latin-1"
            table = Rows(self.dialect, self.label)
            rows = tuple(
                unquoted(name.decode(encoding, "surrogateescape"))
                for block in self._lines()
                for name in table.names(block)
            )
        return Names(rows, self.dialect.header)

    def _lines(self) -> Iterator[Any]:
        return blocks(self.file, self.label, self.dialect.head, _left_out(self.dialect))

    def _blocks(self) -> Iterator[Piece]:
        """The numbers, with how many rows were before; done in a child process."""
        table, done = Rows(self.dialect, self.label), 0
        with one_thread():
            for block in self._lines():
                if not block.text:
                    continue
                found, gap = table.numbers(block)
                if done + len(found) > self.shape[0]:
                    raise changed(self.label)
                yield Piece((done, gap), found)
                done += len(found)
        if done < self.shape[0]:
            raise changed(self.label)


def look(seen: Seen, asked: Asked, label: str) -> Look:
    """What the first lines tell, and how many there are."""
    bare = asked.dataset is not None and _is_fold(asked.dataset)
    if not bare:
        refuse_dataset(asked, "a text", label)
    data = _sample(seen, label)
    if b"\0" in data and not wide_encoding(data):
        raise refusals.zero_byte(label, data.index(0))
    text = require_text(data, label)
    lines, comments = sampled(text)
    foreign.require_table(text, label)
    if not lines:
        raise refusals.no_line(label)
    require_no_marks(lines, label)
    dialect = dialect_of(lines, comments, label, bare)
    if not bare:
        require_no_list(dialect, lines, comments[-1].text if comments else "", label)
    rows, utf8 = 0, True
    for block in blocks(seen, label, dialect.head, _left_out(dialect)):
        rows += block.rows
        foreign.require_one(block.raw, dialect, label)
        utf8 = utf8 and (block.text.isascii() or is_utf8(block.text))
    shape = check_shape((rows, dialect.width), label)
    foreign.require_shape(text, shape, label)
    reader = TableReader(seen, dialect, shape, utf8 and is_utf8(data), label)
    named = dialect.names or dialect.header
    return Look(
        "text", _FOLD if bare else None, shape, "<f8", "C", reader,
        naming=reader.names if named else None, notes=notes_on(dialect, shape, label),
    )  # fmt: skip


def _below(start: int, index: tuple[Any, ...]) -> tuple[Any, Any]:
    return index[0] + start, index[1]


def _sample(seen: Seen, label: str) -> bytes:
    """The first whole lines: of so many bytes, and at least so many lines that are no comments."""
    found, held = b"", 0
    for raw in raw_blocks(seen, label):
        found, held = found + raw, held + len(_HELD.findall(raw))
        if len(found) >= _SAMPLE_BYTES and (held >= _LEAST_LINES or len(found) > LONGEST):
            cut = found.rfind(b"\n", 0, _SAMPLE_BYTES) + 1
            return found[:cut] if len(_HELD.findall(found[:cut])) >= _LEAST_LINES else found
    return found


def _left_out(dialect: Dialect) -> re.Pattern[bytes]:
    # Between rows with names, a line that begins with # may be a row.
    return blank(dialect.separator, comments=not dialect.names)


def _is_fold(dataset: str) -> bool:
    name, part = split_part(dataset)
    return not name.strip("/") and part is not None and part.fold


def _named(error: NotFinite, gaps: list[Gap]) -> NotFinite:
    """The same, with what stands where the first number is missing."""
    if error.found is None or not gaps:
        return error
    try:
        float(gaps[0].cell)
    except ValueError:
        pass
    else:  # nan, inf or 1e400
        return error
    first, down = error.found.firsts
    met = first._replace(value=shown(gaps[0].cell), why=f"line {gaps[0].line}")
    missing = sum(gap.missing for gap in gaps)
    return replace(error.found, firsts=(met, down), missing=missing).error()
