"""What the variables of a MATLAB file of before v7.3 are: their headers alone, of each a few bytes.

Source: "MAT-File Format" of MathWorks, chapter 1 (level 5: of v6 and v7) and chapter 2 (level 4).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from struct import Struct, unpack_from
from struct import error as StructError
from typing import BinaryIO

from mfact.errors import StorageError
from mfact.matrices.seen import Seen

MAGIC = b"MATLAB 5.0 MAT-file"
_VERSIONS = {b"\x00\x01IM": "<", b"\x01\x00MI": ">"}  # 1.0, and in which order bytes are
_MOST = 1 << 16  # bytes of a header: of 32 lengths, and a name of 63 characters, it has 300
_MATRIX, _COMPRESSED = 14, 15
_SPARSE, _OPAQUE = 5, 17
_NUMBERS = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8",
            15: "u8"}  # fmt: skip
_CLASSES = {1: "cell", 2: "struct", 3: "object", 4: "char", _SPARSE: "sparse", 6: "double",
            7: "single", 16: "function", _OPAQUE: "object", 18: "object"}  # fmt: skip
_LOGICAL, _COMPLEX = 0x200, 0x800
_LEVEL_4 = Struct("5i")
_KINDS_4 = ("f8", "f4", "i4", "i2", "u2", "u1")
_NAME_4 = re.compile(rb"[A-Za-z]\w{0,62}\0")


@dataclass(frozen=True)
class Variable:
    """kind: in MATLAB's words. stored: of the entries, "" for what are no numbers, as "<f8".
    entries: that a sparse one has room for."""

    name: str
    shape: tuple[int, ...]
    kind: str
    stored: str
    complex: bool = False
    entries: int = 0

    @property
    def data_bytes(self) -> int:
        size = int(self.stored[2:])
        return 2 * self.entries * size if self.kind == "sparse" else prod(self.shape) * size


def is_matlab(seen: Seen, start: bytes, label: str) -> bool:
    """Whether a file begins as one of level 5, or with a whole header of level 4 and its name."""
    return start.startswith(MAGIC) or start[124:128] in _VERSIONS or _order_4(start) != ""


def variables(seen: Seen, label: str) -> list[Variable]:
    """All that a file holds. Raises StorageError for one that is damaged."""
    try:
        with seen.opened(label) as stream:
            start = stream.read(128)
            if order := _order_4(start):
                return list(_of_level_4(stream, order, seen.size))
            return list(_of_level_5(stream, _VERSIONS[start[124:128]], seen.size))
    except (StructError, zlib.error, KeyError, IndexError, OverflowError, ValueError) as error:
        raise damaged(label) from error


def damaged(label: str) -> StorageError:
    return StorageError(
        f"{label} cannot be read as a MATLAB file, so the file is damaged",
        "copy the file again, or save it again in MATLAB",
    )


def _of_level_5(stream: BinaryIO, order: str, size: int) -> Iterator[Variable]:
    at = 128
    while at < size:
        stream.seek(at)
        kind, length = unpack_from(f"{order}2I", stream.read(8))
        at += 8 + length
        if not length or at > size:
            raise ValueError("an end before the last value")
        content = stream.read(min(length, _MOST))
        if kind == _COMPRESSED:
            content = zlib.decompressobj().decompress(content, _MOST)
            kind, _ = unpack_from(f"{order}2I", content)
            content = content[8:]
        if kind != _MATRIX:
            raise ValueError("something that is no variable")
        variable = _variable(content, order)
        if variable.name:  # what functions keep their variables in has none
            yield variable


def _variable(content: bytes, order: str) -> Variable:
    """By its flags, lengths and name, which begin it."""
    flags, at = _element(content, 0, order)
    word, room = unpack_from(f"{order}2I", flags)
    number, shape = word & 0xFF, tuple[int, ...]()
    if number != _OPAQUE:
        lengths, at = _element(content, at, order)
        shape = unpack_from(f"{order}{len(lengths) // 4}i", lengths)
    if shape and min(shape) < 0:
        raise ValueError("a negative length")
    name, _ = _element(content, at, order)
    stored = "f8" if number == _SPARSE else _NUMBERS.get(number, "")
    kind = _CLASSES.get(number) or {"i": "int", "u": "uint"}[stored[0]] + str(8 * int(stored[1:]))
    if word & _LOGICAL and stored:
        stored, kind = "u1", "sparse" if number == _SPARSE else "logical"
    prefix = "|" if stored.endswith("1") else order
    return Variable(
        name.rstrip(b"\0").decode("latin-1"), shape, kind, stored and prefix + stored,
        bool(word & _COMPLEX), room,
    )  # fmt: skip


def _element(content: bytes, at: int, order: str) -> tuple[bytes, int]:
    """(what an element holds, where the next one begins); short ones lie in their own tag."""
    (word,) = unpack_from(f"{order}I", content, at)
    if word >> 16:
        return content[at + 4 : at + 4 + (word >> 16)], at + 8
    (length,) = unpack_from(f"{order}I", content, at + 4)
    if at + 8 + length > len(content):
        raise ValueError("an end before the last value")
    return content[at + 8 : at + 8 + length], at + 8 + -(-length // 8) * 8


def _order_4(start: bytes) -> str:
    """The order of bytes of a file of level 4; "" for what is none for sure."""
    for order, thousands in (("<", 0), (">", 1000)):
        if len(start) < _LEVEL_4.size:
            return ""
        kind, rows, columns, imaginary, length = unpack_from(f"{order}5i", start)
        name = start[_LEVEL_4.size : _LEVEL_4.size + length]
        if (
            (kind - thousands) // 10 in range(len(_KINDS_4))
            and (kind - thousands) % 10 in (0, 1, 2)
            and min(rows, columns) >= 0
            and imaginary in (0, 1)
            and 2 <= length <= 64
            and _NAME_4.fullmatch(name)
        ):
            return order
    return ""


def _of_level_4(stream: BinaryIO, order: str, size: int) -> Iterator[Variable]:
    at = 0
    while at < size:
        stream.seek(at)
        kind, rows, columns, imaginary, length = unpack_from(f"{order}5i", stream.read(20))
        stored = _KINDS_4[kind % 1000 // 10]
        name = stream.read(length) if 2 <= length <= 64 else b""
        at += 20 + length + rows * columns * int(stored[1:]) * (1 + imaginary)
        if not _NAME_4.fullmatch(name) or min(rows, columns) < 0 or at > size:
            raise ValueError("no header, or an end before the last value")
        what = ("double", "char", "v4 sparse")[kind % 10]
        prefix = "|" if stored.endswith("1") else order
        yield Variable(
            name[:-1].decode("latin-1"), (rows, columns), what,
            prefix + stored if what == "double" else "", bool(imaginary),
        )  # fmt: skip
