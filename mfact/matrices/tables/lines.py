"""The lines of a text in blocks: unpacked, with one kind of end, empty ones left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mfact.errors import DataError
from mfact.matrices.gzipped import opened
from mfact.matrices.seen import Seen
from mfact.words import format_bytes

BLOCK_BYTES = 1 << 20
LONGEST = 64 << 20  # of a line
_COMMENTS = (b"#", b"%", b"!")
_BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One of the first lines. number: in the file, from 1."""

    number: int
    text: str


@dataclass(frozen=True)
class Block:
    """Whole lines, each ended by a line feed.

    text: those that hold cells. raw: all. first: the number of the first of all, from 1. rows: of
    lines that hold cells.
    """

    text: bytes
    raw: bytes
    first: int
    rows: int


def blank(separator: str | None, comments: bool) -> re.Pattern[bytes]:
    """A line that holds no cells, and the end before it; between tabs even nothing is a cell."""
    space = rb" *" if separator == "\t" else rb"[ \t]*"
    other = rb"[#%][^\n]*|![A-Za-z][^\n]*" if comments else rb"!\w+_table_end[^\n]*"
    return re.compile(rb"\n" + space + rb"(?:" + other + rb")?(?=\n)")


def blocks(file: Seen, label: str, head: int, left_out: re.Pattern[bytes]) -> Iterator[Block]:
    """The lines behind the first `head` ones, without those that a pattern leaves out."""
    first = 1
    for raw in raw_blocks(file, label):
        characters = np.frombuffer(raw, np.uint8)
        ends = np.flatnonzero(characters == ord("\n"))
        skipped = min(len(ends), max(0, head + 1 - first))
        kept = raw[ends[skipped - 1] + 1 :] if skipped else raw
        # A quicker look than for the lines themselves; the first of all has an end before it.
        odd = (characters[ends - 1] <= ord(" ")).any() or any(sign in kept for sign in _COMMENTS)
        text = left_out.sub(b"", b"\n" + kept)[1:] if odd else kept
        rows = text.count(b"\n") if odd else len(ends) - skipped
        yield Block(text, kept, first + skipped, rows)
        first += len(ends)


def raw_blocks(file: Seen, label: str) -> Iterator[bytes]:
    """All lines of a file, ended by line feeds whatever ended them there.

    Raises DataError for a line without an end.
    """
    pending: list[bytes] = []
    first, end = True, b"\n"
    with opened(file, label) as stream:
        while piece := stream.read(BLOCK_BYTES):
            if first:
                piece = piece.removeprefix(_BOM)
                # Before Mac OS X a line ended in a carriage return alone.
                end = b"\r" if b"\n" not in piece and b"\r" in piece[:-1] else b"\n"
                first = False
            cut = piece.rfind(end) + 1
            pending.append(piece[:cut] if cut else piece)
            if cut:
                yield _plain(b"".join(pending))
                pending = [piece[cut:]]
            elif sum(map(len, pending)) > LONGEST:
                raise DataError(
                    f"{label} has a line of more than {format_bytes(LONGEST)}",
                    "save the matrix as NPY with numpy.save",
                )
        if rest := b"".join(pending):
            yield _plain(rest if rest.endswith(end) else rest + b"\n")


def _plain(text: bytes) -> bytes:
    if b"\r" in text:
        return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return text
