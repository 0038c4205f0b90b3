"""MatrixMarket files, parsed block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np

from mfact.core import Array
from mfact.errors import DataError, StorageError
from mfact.matrices.apart import Piece, apart
from mfact.matrices.market_lines import WAY_OUT, Lines
from mfact.matrices.seen import Seen, changed
from mfact.matrices.sparse import coordinates
from mfact.matrices.values import Told, check_fits, check_shape, new_matrix, silent, store
from mfact.words import printable

_LINE_BYTES = 4096
BLOCK_BYTES = 1 << 20  # of text; where its lines are looked at one by one, thirty times as much
_DTYPES = {"real": "f8", "double": "f8", "integer": "i8", "unsigned-integer": "u8", "pattern": "u1"}
_SIGNS = {"general": 0, "symmetric": 1, "skew-symmetric": -1}


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

    @property
    def width(self) -> int:
        """How many numbers an entry takes."""
        return 1 if not self.sparse else 2 if self.dtype == np.uint8 else 3


@dataclass(frozen=True)
class MarketReader:
    """A MatrixMarket file whose banner has been looked at; SciPy parses its entries."""

    file: Seen
    banner: Banner
    label: str

    def read(self, dtype: np.dtype[Any], told: Told = silent, *, occupied: bool = False) -> Any:
        """The csr_array of a coordinate file, the Fortran-ordered array of an array file."""
        import scipy.io  # noqa: F401  # here, so that each child finds it already imported

        with np.errstate(over="ignore"):
            if self.banner.sparse:
                return self._read_sparse(dtype, occupied, told)
            return self._read_dense(dtype, told)

    @property
    def entries(self) -> int:
        """Of the matrix, mirrored ones among them."""
        return self.banner.entries * (2 if self.banner.sign else 1)

    def _read_sparse(self, dtype: np.dtype[Any], occupied: bool, told: Told) -> Any:
        count, shape, sign = self.banner.entries, self.banner.shape, self.banner.sign
        index = np.dtype(np.int32 if max(*shape, count) < 2**30 else np.int64)
        # Mirroring holds the entries once as read and twice as written.
        copies = 3 if sign else 1
        check_fits(copies * count * (2 * index.itemsize + dtype.itemsize), self.label)
        rows, columns, data = (np.empty(count, kind) for kind in (index, index, dtype))
        parts = {"row": rows, "col": columns, "data": data}
        for (name, start), block in apart(self._blocks, self.label):
            parts[name][start : start + block.size] = block
            told((start + block.size) / count)
        if sign:
            off = rows != columns
            mirrored = columns[off], rows[off], sign * data[off]
            rows, columns, data = (
                np.concatenate(pair) for pair in zip((rows, columns, data), mirrored, strict=True)
            )
        return coordinates(data, rows, columns, shape, self.label, occupied=occupied)

    def _read_dense(self, dtype: np.dtype[Any], told: Told) -> Array:
        shape, sign = self.banner.shape, self.banner.sign
        out = new_matrix(shape, dtype, "F", self.label)
        below = int(sign < 0)  # the diagonal of a skew-symmetric matrix is zero and not written
        np.fill_diagonal(out, 0.0)
        for (_, start), block in apart(self._blocks, self.label):
            k = slice(start, start + block.size)
            told(k.stop / self.banner.entries)
            if sign == 0:
                out.T.reshape(-1)[k] = block
            else:
                column, row = _lower_triangle(k, shape[0] - below)
                out[row + below, column], out[column, row + below] = block, sign * block
        store(out, out, lambda i: (i[0], i[1]), self.label)
        return out

    def _blocks(self) -> Iterator[Piece]:
        """What the lines hold, with how many entries were before; done in a child process."""
        from scipy.io import mminfo
        from threadpoolctl import ThreadpoolController

        banner, done = self.banner, 0
        lines = Lines(banner.width, banner.shape, self.label)
        # It loads the library, whose threads are limited only then; BLAS is not to start its own.
        mminfo(BytesIO(b"%%MatrixMarket matrix array real general\n1 1\n"))
        one_thread = ThreadpoolController().select(user_api="scipy").limit(limits=1)
        with one_thread, self.file.opened(self.label) as stream:
            if stream.read(len(banner.text)) != banner.text:
                raise changed(self.label)
            while text := stream.read(BLOCK_BYTES):
                text += stream.readline(_LINE_BYTES)
                ends = not stream.peek(1)
                if not text.endswith(b"\n"):
                    if not ends:
                        raise lines.no_number()
                    text += b"\n"
                found = lines.entries(text, banner.entries - done if ends else 0)
                before, done = done, done + found["data"].size
                if done > banner.entries:
                    raise DataError(
                        f"{self.label} has more than the {banner.entries} entries it states",
                        WAY_OUT,
                    )
                for name, part in found.items():
                    yield Piece((name, before), part)
        if done < banner.entries:
            raise StorageError(
                f"{self.label} is truncated: it states {banner.entries} entries and ends "
                f"after {done}",
                WAY_OUT,
            )


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
        raise DataError(f"{label} has a broken MatrixMarket banner", WAY_OUT)
    sparse, kind, symmetry = words[2] == "coordinate", words[3], words[4]
    if kind == "complex":
        raise DataError(
            f"{label} holds complex numbers", "factor the real and the imaginary part separately"
        )
    if kind not in _DTYPES or symmetry not in _SIGNS or (kind == "pattern" and not sparse):
        raise DataError(
            f"{label} is {printable(f'{words[2]} {kind} {symmetry}')}, which is not taken", WAY_OUT
        )
    lengths = _lengths(line, 3 if sparse else 2, label)
    shape = check_shape((lengths[0], lengths[1]), label)
    sign = _SIGNS[symmetry]
    if sign and shape[0] != shape[1]:
        raise DataError(f"{label} is {symmetry} and not square", WAY_OUT)
    stored = {0: shape[0] * shape[1], 1: shape[0] * (shape[0] + 1) // 2}
    entries = lengths[2] if sparse else stored.get(sign, shape[0] * (shape[0] - 1) // 2)
    # A number takes a digit and a space; the last may lack the space.
    numbers = entries if not sparse else entries * (2 if kind == "pattern" else 3)
    if 2 * numbers - 1 > file.size - offset:
        raise StorageError(
            f"{label} is truncated: it states {entries} entries and has {file.size} bytes", WAY_OUT
        )
    return Banner(shape, entries, np.dtype(_DTYPES[kind]), sign, sparse, text)


def _lower_triangle(part: slice, size: int) -> tuple[Array, Array]:
    """Columns and rows of a part of the entries on and below a diagonal, column by column.

    >>> _lower_triangle(slice(1, 5), 3)
    (array([0, 0, 1, 1]), array([1, 2, 1, 2]))
    """
    starts = np.cumsum([0, *range(size, 0, -1)])
    k = np.arange(part.start, part.stop)
    column = np.searchsorted(starts, k, side="right") - 1
    return column, k - starts[column] + column


def _lengths(line: bytes, count: int, label: str) -> list[int]:
    numbers = line.split()
    # More than 18 digits are more than any file can hold, and than an index can count.
    if len(numbers) != count or not all(n.isdigit() and len(n) <= 18 for n in numbers):
        raise DataError(f"{label} has a broken size line", WAY_OUT)
    return [int(number) for number in numbers]
