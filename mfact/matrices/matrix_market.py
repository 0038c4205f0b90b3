"""MatrixMarket files, parsed block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mfact.core import Array
from mfact.errors import DataError, StorageError
from mfact.matrices.seen import Seen, changed
from mfact.matrices.sparse import coordinates
from mfact.matrices.values import Told, check_fits, check_shape, new_matrix, silent, store
from mfact.words import printable

MAGIC = b"%%MatrixMarket"
_LINE_BYTES = 4096
BLOCK_BYTES = 1 << 20  # of text; its words and numbers take up to thirty times as much
_DTYPES = {"real": "f8", "double": "f8", "integer": "i8", "unsigned-integer": "u8", "pattern": "u1"}
_SIGNS = {"general": 0, "symmetric": 1, "skew-symmetric": -1}
_WAY_OUT = "write it again with scipy.io.mmwrite"


@dataclass(frozen=True)
class Banner:
    """The first lines. sign: of the mirrored entries, 0 when the file holds them all.

    entries: how many the file holds. sparse: "coordinate", not "array". text: what stands before
    the first entry.
    """

    shape: tuple[int, int]
    entries: int
    dtype: np.dtype[Any]
    sign: int
    sparse: bool
    text: bytes


@dataclass(frozen=True)
class MarketReader:
    """A MatrixMarket file whose banner has been looked at.

    SciPy's own reader ends in a segmentation fault on some malformed entries (SciPy 1.17), so
    the numbers are parsed here.
    """

    file: Seen
    banner: Banner
    label: str

    def read(self, dtype: np.dtype[Any], told: Told = silent, *, occupied: bool = False) -> Any:
        """The csr_array of a coordinate file, the Fortran-ordered array of an array file."""
        return self._read_sparse(dtype, occupied) if self.banner.sparse else self._read_dense(dtype)

    @property
    def entries(self) -> int:
        """Of the matrix, mirrored ones among them."""
        return self.banner.entries * (2 if self.banner.sign else 1)

    def _read_sparse(self, dtype: np.dtype[Any], occupied: bool) -> Any:
        count, width = self.banner.entries, 2 if self.banner.dtype == np.uint8 else 3
        index = np.dtype(np.int32 if max(*self.banner.shape, count) < 2**30 else np.int64)
        # Mirroring holds the entries once as read and twice as written.
        copies = 3 if self.banner.sign else 1
        check_fits(copies * count * (2 * index.itemsize + dtype.itemsize), self.label)
        rows, columns = np.empty(count, index), np.empty(count, index)
        data, done = np.ones(count, dtype), 0
        for numbers in self._numbers(count * width, width):
            entries = numbers.reshape(-1, width)
            part = slice(done, done + len(entries))
            self._store_indices(entries[:, 0], rows[part], self.banner.shape[0], "row")
            self._store_indices(entries[:, 1], columns[part], self.banner.shape[1], "column")
            if width == 3:
                with np.errstate(over="ignore"):
                    data[part] = entries[:, 2]
            done += len(entries)
        if self.banner.sign:
            off = rows != columns
            mirrored = columns[off], rows[off], self.banner.sign * data[off]
            rows, columns, data = (
                np.concatenate(pair) for pair in zip((rows, columns, data), mirrored, strict=True)
            )
        shape = self.banner.shape
        return coordinates(data, rows, columns, shape, self.label, occupied=occupied)

    def _read_dense(self, dtype: np.dtype[Any]) -> Array:
        shape, sign, count = self.banner.shape, self.banner.sign, self.banner.entries
        out = new_matrix(shape, dtype, "F", self.label)
        if sign == 0:
            flat, done = out.T.reshape(-1), 0
            for numbers in self._numbers(count, 1):
                with np.errstate(over="ignore"):
                    flat[done : done + numbers.size] = numbers
                done += numbers.size
        else:
            check_fits(2 * 8 * count, self.label)
            lower, done = np.concatenate([np.empty(0), *self._numbers(count, 1)]), 0
            for column in range(shape[1]):
                # The diagonal of a skew-symmetric matrix is zero and not written.
                top = column if sign > 0 else column + 1
                part = lower[done : done + shape[0] - top]
                done += part.size
                with np.errstate(over="ignore"):
                    out[column, column] = 0.0
                    out[column, top:] = sign * part
                    out[top:, column] = part
        store(out, out, lambda i: (i[0], i[1]), self.label)
        return out

    def _store_indices(self, numbers: Array, out: Array, size: int, what: str) -> None:
        good = (numbers >= 1) & (numbers <= size) & (numbers == np.floor(numbers))
        if not good.all():
            wrong = numbers[int(np.argmin(good))]
            raise DataError(
                f"{self.label} has the {what} number {wrong:.17g}, outside 1 … {size}", _WAY_OUT
            )
        out[...] = numbers - 1

    def _numbers(self, count: int, width: int) -> Iterator[Array]:
        """The count numbers of the entries, in blocks of whole entries of width numbers."""
        found, carried, rest = 0, b"", np.empty(0)
        with self.file.opened(self.label) as stream:
            if stream.read(len(self.banner.text)) != self.banner.text:
                raise changed(self.label)
            while found + rest.size < count:
                block = stream.read(BLOCK_BYTES)
                text = carried + block
                end = 1 + max(map(text.rfind, (b"\n", b" ", b"\t"))) if block else len(text)
                if not block and not text.strip():
                    raise StorageError(
                        f"{self.label} is truncated: it states {count // width} entries and "
                        f"ends after {(found + rest.size) // width}",
                        _WAY_OUT,
                    )
                if len(text) - end > _LINE_BYTES:
                    raise DataError(f"{self.label} has an entry that is no number", _WAY_OUT)
                numbers = np.concatenate([rest, self._parse(text[:end])])
                carried = text[end:]
                whole = min(numbers.size - numbers.size % width, count - found)
                yield numbers[:whole]
                found += whole
                rest = numbers[whole:]
            if rest.size or carried.strip() or stream.read(_LINE_BYTES).strip():
                raise DataError(
                    f"{self.label} has more than the {count // width} entries it states", _WAY_OUT
                )

    def _parse(self, text: bytes) -> Array:
        try:
            if b"_" in text:  # which Python takes for part of a number
                raise ValueError
            return np.fromiter(map(float, text.split()), np.float64)
        except ValueError:
            raise DataError(f"{self.label} has an entry that is no number", _WAY_OUT) from None


def read_banner(file: Seen, label: str) -> Banner:
    """Read banner and size line. DataError for what is not taken or cannot be in the file.

    Source: the Matrix Market exchange formats, NIST report 5935.
    """
    with file.opened(label) as stream:
        words = stream.readline(_LINE_BYTES).decode("latin-1").lower().split()
        line = stream.readline(_LINE_BYTES)
        while line.startswith(b"%") or (line and not line.strip()):
            line = stream.readline(_LINE_BYTES)
        offset = stream.tell()
        stream.seek(0)
        text = stream.read(offset)
    if len(words) != 5 or words[1] != "matrix" or words[2] not in ("coordinate", "array"):
        raise DataError(f"{label} has a broken MatrixMarket banner", _WAY_OUT)
    sparse, kind, symmetry = words[2] == "coordinate", words[3], words[4]
    if kind == "complex":
        raise DataError(
            f"{label} holds complex numbers", "factor the real and the imaginary part separately"
        )
    if kind not in _DTYPES or symmetry not in _SIGNS or (kind == "pattern" and not sparse):
        raise DataError(
            f"{label} is {printable(f'{words[2]} {kind} {symmetry}')}, which is not taken", _WAY_OUT
        )
    lengths = _lengths(line, 3 if sparse else 2, label)
    shape = check_shape((lengths[0], lengths[1]), label)
    sign = _SIGNS[symmetry]
    if sign and shape[0] != shape[1]:
        raise DataError(f"{label} is {symmetry} and not square", _WAY_OUT)
    stored = {0: shape[0] * shape[1], 1: shape[0] * (shape[0] + 1) // 2}
    entries = lengths[2] if sparse else stored.get(sign, shape[0] * (shape[0] - 1) // 2)
    # A number takes a digit and a space; the last may lack the space.
    numbers = entries if not sparse else entries * (2 if kind == "pattern" else 3)
    if 2 * numbers - 1 > file.size - offset:
        raise StorageError(
            f"{label} is truncated: it states {entries} entries and has {file.size} bytes", _WAY_OUT
        )
    return Banner(shape, entries, np.dtype(_DTYPES[kind]), sign, sparse, text)


def _lengths(line: bytes, count: int, label: str) -> list[int]:
    numbers = line.split()
    # More than 18 digits are more than any file can hold, and than an index can count.
    if len(numbers) != count or not all(n.isdigit() and len(n) <= 18 for n in numbers):
        raise DataError(f"{label} has a broken size line", _WAY_OUT)
    return [int(number) for number in numbers]
