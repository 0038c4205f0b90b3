"""What stands before the entries of a MatrixMarket file, in the dialects that are met."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from mfact.errors import DataError, StorageError
from mfact.matrices import gzipped
from mfact.matrices.market.lines import WAY_OUT
from mfact.matrices.seen import Seen, changed
from mfact.matrices.values import check_shape
from mfact.words import format_bytes, printable

_MOST_BYTES = 1 << 20  # before the first entry; SuiteSparse's longest comments are a hundredth
_MOST_PACKED = 1032  # bytes that a byte of gzip unpacks to
_BANNER = re.compile(rb"(?:\xef\xbb\xbf)?\s*%*[ \t]*MatrixMarket\b([^\n]*)(?:\n|\Z)", re.IGNORECASE)
_STANDARD = b"%%matrixmarket"
_COMMENTS = re.compile(rb"(?:[ \t\r]*(?:%[^\n]*)?\n)*")
_LINE = re.compile(rb"[^\n]*\n?")
_DTYPES = {"real": "f8", "double": "f8", "integer": "i8", "unsigned-integer": "u8", "pattern": "u1"}
_SIGNS = {"general": 0, "symmetric": 1, "skew-symmetric": -1}


@dataclass(frozen=True)
class Banner:
    """The first lines. sign: of the mirrored entries, 0 when the file holds them all.

    entries: how many the file holds. sparse: "coordinate", not "array". text: what stands before
    the first entry. dialect: how the file begins where not as the format has it, else "". lines:
    whether an array has several entries on its first line.
    """

    shape: tuple[int, int]
    entries: int
    dtype: np.dtype[Any]
    sign: int
    sparse: bool
    text: bytes
    dialect: str = ""
    lines: bool = False

    @property
    def width(self) -> int:
        """How many numbers an entry takes."""
        return 1 if not self.sparse else 2 if self.dtype == np.uint8 else 3


def is_market(start: bytes) -> bool:
    """Whether a text begins with a banner: with one % or several, in any case, behind a byte-order
    mark or blanks.

    >>> is_market(b" %MatrixMarket matrix array real general"), is_market(b"%%Matrix")
    (True, False)
    """
    return _BANNER.match(start) is not None


def read_banner(file: Seen, label: str) -> Banner:
    """Read banner and size line. DataError for what is not taken or cannot be in the file.

    Comments and blank lines may stand after the size line too.

    Source: the Matrix Market exchange formats, NIST report 5935.
    """
    with gzipped.opened(file, label) as stream:
        text = stream.read(_MOST_BYTES)
        packed = not isinstance(stream.raw, io.FileIO)
    found = _BANNER.match(text)
    if found is None:
        raise changed(label)
    sparse, kind, symmetry, lengths = _words(found[1], label)
    after = _skipped(text, found.end())
    line = _LINE.match(text, after)[0]  # type: ignore[index]  # it matches anything
    offset = _skipped(text, after + len(line))
    if offset == _MOST_BYTES:
        raise DataError(
            f"{label} has no entry in its first {format_bytes(offset)}", "shorten its comments"
        )
    sizes = _sizes(line, lengths, label)
    shape = check_shape((sizes[0], 1 if lengths == 1 else sizes[1]), label)
    sign = _SIGNS[symmetry]
    if sign and shape[0] != shape[1]:
        raise DataError(f"{label} is {symmetry} and not square", WAY_OUT)
    stored = {0: shape[0] * shape[1], 1: shape[0] * (shape[0] + 1) // 2}
    entries = sizes[2] if sparse else stored.get(sign, shape[0] * (shape[0] - 1) // 2)
    banner = Banner(
        shape,
        entries,
        np.dtype(_DTYPES[kind]),
        sign,
        sparse,
        text[:offset],
        _dialect(found[0]),
        lines=not sparse and len(_LINE.match(text, offset)[0].split()) > 1,  # type: ignore[index]
    )
    # A number takes a digit and a space; the last may lack the space.
    room = (file.size * _MOST_PACKED if packed else file.size) - offset
    if 2 * entries * banner.width - 1 > room:
        raise StorageError(
            f"{label} is truncated: it states {entries} entries and has {file.size} bytes", WAY_OUT
        )
    return banner


def _words(line: bytes, label: str) -> tuple[bool, str, str, int]:
    """(whether it is sparse, kind of number, symmetry, numbers in the size line) by a banner."""
    words = line.decode("latin-1").lower().split()
    form = words[:2]
    if len(words) == 3 and form[0] == "matrix" and words[2] in _DTYPES:
        raise DataError(
            f"{label} has a broken MatrixMarket banner, which does not say its symmetry",
            "end its first line with general where all entries are there, with symmetric where "
            "those on one side of the diagonal are",
        )
    if len(words) != 4 or form[0] not in ("matrix", "vector"):
        raise DataError(f"{label} has a broken MatrixMarket banner", WAY_OUT)
    (_, layout, kind, symmetry), sparse = words, form[1] == "coordinate"
    if kind == "complex":
        raise DataError(
            f"{label} holds complex numbers", "factor the real and the imaginary part separately"
        )
    if (
        form not in (["matrix", "coordinate"], ["matrix", "array"], ["vector", "array"])
        or kind not in _DTYPES
        or symmetry not in _SIGNS
        or (kind == "pattern" and not sparse)
    ):
        what = f"{form[0]} " * (form[0] == "vector") + f"{layout} {kind} {symmetry}"
        raise DataError(f"{label} is {printable(what)}, which is not taken", WAY_OUT)
    return sparse, kind, symmetry, 3 if sparse else 2 if form[0] == "matrix" else 1


def _skipped(text: bytes, start: int) -> int:
    """Where blank lines and comments from start on end."""
    found = _COMMENTS.match(text, start)
    return start if found is None else found.end()


def _sizes(line: bytes, count: int, label: str) -> list[int]:
    numbers = line.split()
    # More than 18 digits are more than any file can hold, and than an index can count.
    if len(numbers) != count or not all(n.isdigit() and len(n) <= 18 for n in numbers):
        raise DataError(f"{label} has a broken size line", WAY_OUT)
    return [int(number) for number in numbers]


def _dialect(banner: bytes) -> str:
    """The beginning of a banner that is not as the format has it, in quotes; else ""."""
    if banner.lower().startswith(_STANDARD):
        return ""
    return f"'{printable(banner[: banner.lower().index(b'market') + len('market')])}'"
