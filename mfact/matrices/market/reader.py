"""MatrixMarket files, packed with gzip or not, parsed block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mfact.core import Array
from mfact.errors import DataError, StorageError
from mfact.matrices import gzipped
from mfact.matrices.apart import Piece, apart
from mfact.matrices.market.banner import Banner, read_banner
from mfact.matrices.market.lines import WAY_OUT, Lines
from mfact.matrices.missing import Entries
from mfact.matrices.seen import Seen, changed
from mfact.matrices.sparse import coordinates
from mfact.matrices.text_numbers import one_thread
from mfact.matrices.values import (
    Asked,
    Look,
    Told,
    check_fits,
    new_matrix,
    refuse_dataset,
    silent,
)

_LINE_BYTES = 4096
BLOCK_BYTES = 1 << 20  # of text; where its lines are looked at one by one, thirty times as much


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
            _require_half(rows, columns, data, sign, self.label)
            off = rows != columns
            mirrored = columns[off], rows[off], sign * data[off]
            rows, columns, data = (
                np.concatenate(pair) for pair in zip((rows, columns, data), mirrored, strict=True)
            )
        return coordinates(data, rows, columns, shape, self.label, occupied=occupied)

    def _read_dense(self, dtype: np.dtype[Any], told: Told) -> Array:
        shape, sign = self.banner.shape, self.banner.sign
        out, entries = new_matrix(shape, dtype, "F", self.label), Entries(shape, self.label)
        below = int(sign < 0)  # the diagonal of a skew-symmetric matrix is zero and not written
        np.fill_diagonal(out, 0.0)
        for (_, start), block in apart(self._blocks, self.label):
            k = slice(start, start + block.size)
            told(k.stop / self.banner.entries)
            if sign == 0:
                column, row = np.divmod(np.arange(k.start, k.stop), shape[0])
                part = out.T.reshape(-1)[k]
            else:
                column, row = _lower_triangle(k, shape[0] - below)
                row, part = row + below, np.empty(block.size, dtype)
            entries.store(block, part, partial(_places, row, column))
            if sign:
                out[row, column], out[column, row] = part, sign * part
        entries.require()
        return out

    def _blocks(self) -> Iterator[Piece]:
        """What the lines hold, with how many entries were before; done in a child process."""
        banner, done = self.banner, 0
        lines = Lines(banner.width, banner.shape, self.label)
        with one_thread(), gzipped.opened(self.file, self.label) as stream:
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


def look(seen: Seen, asked: Asked, label: str) -> Look:
    """What the first lines tell."""
    refuse_dataset(asked, "a MatrixMarket file", label)
    banner = read_banner(seen, label)
    reader = MarketReader(seen, banner, label)
    order, dtype = "COO" if banner.sparse else "F", banner.dtype.str
    notes = []
    if banner.dialect:
        notes.append(f"{label}: read as MatrixMarket, though it begins with {banner.dialect}")
    if banner.lines and 1 not in banner.shape:
        notes.append(f"{label}: its entries are taken column by column, as the format has them")
    return Look(
        "matrix-market", None, banner.shape, dtype, order, reader, banner.sparse,
        notes=tuple(notes),
    )  # fmt: skip


def _lower_triangle(part: slice, size: int) -> tuple[Array, Array]:
    """Columns and rows of a part of the entries on and below a diagonal, column by column.

    >>> _lower_triangle(slice(1, 5), 3)
    (array([0, 0, 1, 1]), array([1, 2, 1, 2]))
    """
    starts = np.cumsum([0, *range(size, 0, -1)])
    k = np.arange(part.start, part.stop)
    column = np.searchsorted(starts, k, side="right") - 1
    return column, k - starts[column] + column


def _places(rows: Array, columns: Array, index: tuple[Array, ...]) -> tuple[Array, Array]:
    return rows[index[0]], columns[index[0]]


def _require_half(rows: Array, columns: Array, data: Array, sign: int, label: str) -> None:
    """Raise DataError where an entry and the one that mirrors it are both there, which would count
    twice, and for a diagonal that is not as the symmetry has it."""
    above = rows < columns
    size = np.int64(max(rows.max(initial=0), columns.max(initial=0))) + 1
    if above.any():
        below = rows > columns
        both = np.intersect1d(
            rows[above] * size + columns[above], columns[below] * size + rows[below]
        )
        if len(both):
            i, j = divmod(int(both[0]), int(size))
            raise DataError(
                f"{label} is symmetric and holds the entry {i + 1} {j + 1} and its mirror, "
                f"{j + 1} {i + 1}",
                "leave out those above the diagonal, or write general for the symmetry in its "
                "first line where it holds them all",
            )
    if sign < 0 and data[rows == columns].any():
        raise DataError(f"{label} is skew-symmetric and its diagonal is not 0", WAY_OUT)
