"""A sparse matrix as a grid of blocks, each with its own small indices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from mfact.core import Array
from mfact.host.threads import Workers
from mfact.matrices.missing import of_sparse

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SLICE_BYTES = 1 << 21
"""Of the factor that a band of columns meets, 20 columns wide. Its rows are wanted in no order, so
it must stay in a cache; the other factor and the entries pass by in theirs."""

SLICE_COLUMNS = 20

SHARE_ENTRIES = 1 << 18
"""A matrix of so many entries a band is cut for the workers' sake where no cache asks for it: 2 ms
of a pass."""

SHARES = 4
"""Bands that are cut for the workers' sake, at most."""

MOST_BANDS = 64
"""Of rows or columns: blocks are cut out one by one, each time reading the band they lie in."""

REUSES = 16
"""Entries in each column of a band of rows, for which its slice of a factor is brought near, or in
each row of a band of columns that no cache asks for. On average; of rows, measured: at 6 a pass
takes 1.25 times as long as in one band, at 24 it takes 1.04."""

POINTED = 2
"""Entries in each row of a block, on average, so that pointers are few beside them."""

COUNTED = 1 << 20
"""Indices that are counted at a time, since NumPy copies them."""


class Grid:
    """A copy of M in csr_arrays q_rc of bands of rows r and of columns c, int32 within.

    matrix: CSR or CSC, left as it is; duplicates are added up. The cuts depend on M alone. An
    output of M V is a sum over c that a band of rows owns, one of MᵀU over r that a band of columns
    owns, each in that order: no bit depends on who takes which band.

    Raises DataError for values that are not finite: how many, and where.

    >>> from mfact.host.threads import ALONE
    >>> from scipy.sparse import csr_array
    >>> Grid(csr_array(np.eye(3, 2)), ALONE).times(0, np.ones((2, 1))).tolist()
    [[1.0], [1.0], [0.0]]
    """

    def __init__(self, matrix: Any, workers: Workers) -> None:
        across, down = _counts(matrix)
        rows, columns = _bands(matrix.shape, int(matrix.nnz), matrix.dtype.itemsize)
        self.rows, self.columns = _cuts(across, rows), _cuts(down, columns)
        self.blocks = workers.each([partial(self._band, matrix, rows) for rows in self.rows])
        self._require_finite(matrix.shape, workers)
        # SciPy takes as long to turn a small block as to multiply by it.
        self._turned = [[blocks[c].T for blocks in self.blocks] for c in range(len(self.columns))]

    def __iter__(self) -> Iterator[tuple[slice, slice, csr_array]]:
        for rows, blocks in zip(self.rows, self.blocks, strict=True):
            for columns, block in zip(self.columns, blocks, strict=True):
                yield rows, columns, block

    def times(self, r: int, V: Array) -> Array:
        """The rows of M V in band r. V: d2×k, C order."""
        return _product(self.blocks[r], self.columns, V)

    def transposed_times(self, c: int, U: Array) -> Array:
        """The rows of MᵀU in band c of columns. U: d1×k, C order."""
        return _product(self._turned[c], self.rows, U)

    def forward(self, V: Array, into: Array, more: bool = False) -> list[Callable[[], None]]:
        """Tasks that write M V, a band of rows each, or add it to what is there; none where V has
        no columns.
        """

        def band(r: int) -> None:
            found = self.times(r, V)
            if more:
                into[self.rows[r]] += found
            else:
                into[self.rows[r]] = found

        return [partial(band, r) for r in range(len(self.rows) if V.shape[1] else 0)]

    def backward(self, U: Array, into: Array) -> list[Callable[[], None]]:
        """Tasks that write MᵀU, a band of columns each; none where U has no columns."""

        def band(c: int) -> None:
            into[self.columns[c]] = self.transposed_times(c, U)

        return [partial(band, c) for c in range(len(self.columns) if U.shape[1] else 0)]

    def lines(self, tall: bool) -> Iterator[tuple[slice, list[tuple[slice, csr_array]]]]:
        """Bands of the rows of M, or of Mᵀ where not tall, and the blocks across each."""
        for r, rows in enumerate(self.rows if tall else ()):
            yield rows, list(zip(self.columns, self.blocks[r], strict=True))
        for c, columns in enumerate(() if tall else self.columns):
            turned = [block.tocsr() for block in self._turned[c]]
            yield columns, list(zip(self.rows, turned, strict=True))

    def _require_finite(self, shape: tuple[int, int], workers: Workers) -> None:
        found = workers.each([partial(_not_finite, *block) for block in self])
        values, rows, columns = (np.concatenate(parts) for parts in zip(*found, strict=True))
        if values.size:
            raise of_sparse(values, rows, columns, shape, "the matrix")

    def _band(self, matrix: Any, rows: slice) -> list[csr_array]:
        return [_block(matrix, rows, columns) for columns in self.columns]


def _not_finite(rows: slice, columns: slice, block: csr_array) -> tuple[Array, Array, Array]:
    """(values, rows, columns) of the entries of a block that are no numbers."""
    which = np.flatnonzero(~np.isfinite(block.data))
    lines = np.searchsorted(block.indptr, which, side="right") - 1 + rows.start
    return block.data[which], lines, block.indices[which].astype(np.int64) + columns.start


def entries(block: csr_array, step: int) -> Iterator[tuple[Array, Array, Array]]:
    """(rows, columns, values) of the entries in the block's order, `step` at a time."""
    pointers, count = block.indptr, int(block.indptr[-1])
    for start in range(0, count, step):
        part = slice(start, min(start + step, count))
        first = int(np.searchsorted(pointers, part.start, side="right")) - 1
        last = int(np.searchsorted(pointers, part.stop, side="left"))
        counts = np.diff(np.clip(pointers[first : last + 1], part.start, part.stop))
        yield np.repeat(np.arange(first, last), counts), block.indices[part], block.data[part]


def _product(blocks: list[Any], parts: list[slice], factor: Array) -> Array:
    """Σ blocks[i] factor[parts[i]], in that order."""
    total: Array = blocks[0] @ factor[parts[0]]
    for block, part in zip(blocks[1:], parts[1:], strict=True):
        total += block @ factor[part]
    return total


def _bands(shape: tuple[int, int], entries: int, itemsize: int) -> tuple[int, int]:
    """How many bands of rows and of columns: as many as pay, and no more than are paid for.

    >>> _bands((100_000, 100_000), 10_000_000, 8), _bands((300, 200), 5_000, 8)
    ((6, 8), (1, 1))
    """
    (d1, d2), shares = shape, min(SHARES, entries // SHARE_ENTRIES)
    near = -(-d2 * SLICE_COLUMNS * itemsize // SLICE_BYTES)
    rows = max(1, shares, entries // (REUSES * d2))
    columns = max(min(near, entries // (POINTED * d1)), min(shares, entries // (REUSES * d1)))
    # The last is for int32: a band may have twice the columns of an even one.
    return min(rows, MOST_BANDS), max(min(columns, MOST_BANDS), 1 + (d2 >> 30))


def _counts(matrix: Any) -> tuple[Array, Array]:
    """Entries of each row and of each column."""
    lines = matrix.shape[1 if matrix.format == "csr" else 0]
    major, minor = np.diff(matrix.indptr), np.zeros(lines, np.int64)
    step = max(COUNTED, lines)
    for start in range(0, matrix.nnz, step):
        indices = matrix.indices[start : min(start + step, matrix.nnz)]
        minor += np.bincount(indices, minlength=lines)
    return (major, minor) if matrix.format == "csr" else (minor, major)


def _cuts(counts: Array, parts: int) -> list[slice]:
    """Bands of lines, cut where half of their entries and half of their number come to the same.

    By entries alone, the band of many light lines would meet a slice that stays in no cache.
    """
    weight = np.cumsum(counts / max(1, int(counts.sum())) + 1 / len(counts))
    marks = np.arange(1, parts) * (weight[-1] / parts)
    cuts = np.unique([0, *np.searchsorted(weight, marks), len(counts)])
    return [slice(int(a), int(b)) for a, b in pairwise(cuts)]


def _block(matrix: Any, rows: slice, columns: slice) -> csr_array:
    from scipy.sparse import csr_array

    part = matrix[rows, columns].tocsr()
    part.sum_duplicates()
    indices, pointers = (each.astype(np.int32, copy=False) for each in (part.indices, part.indptr))
    return csr_array((part.data, indices, pointers), shape=part.shape)
