"""A sparse matrix in memory: its zeros cost neither space nor time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mfact.core import RIGHT, Array
from mfact.errors import DataError
from mfact.host.threads import ALONE, Workers
from mfact.targets.fingerprint import Seen, probes, rounding
from mfact.targets.grid import Grid, entries

if TYPE_CHECKING:
    from scipy.sparse import csr_array

TILE_CELLS = 1 << 18
"""Cells of the residual that a worker forms at a time, 2 MB."""

_SAFE_SHARE = 1e-2


class SparseTarget:
    """M as a grid of sparse blocks of floats.

    matrix: d1×d2, any SciPy sparse array of float32 or float64; copied and left as it is,
    duplicate entries added up. stored_eps: ε of the kind that the entries came in, that of `matrix`
    when not given. workers: share each pass; no bit depends on their number.

    Raises DataError for other kinds, no entries at all in a direction, or values that are not
    finite.

    >>> from scipy.sparse import csr_array
    >>> target = SparseTarget(csr_array(np.eye(3, 2)))
    >>> target.residual_norm(np.eye(3, 2), np.eye(2))
    0.0
    """

    offset = 0.0

    def __init__(
        self, matrix: csr_array, stored_eps: float | None = None, workers: Workers = ALONE
    ) -> None:
        from scipy.sparse import csc_array, csr_array

        if len(matrix.shape) != 2 or 0 in matrix.shape:
            raise DataError(f"the matrix has shape {matrix.shape}", "pass a non-empty 2-D matrix")
        if matrix.dtype not in (np.float32, np.float64):
            raise DataError(f"the matrix holds {matrix.dtype}", "convert it to float64")
        self.grid = Grid((csc_array if matrix.format == "csc" else csr_array)(matrix), workers)
        self.shape: tuple[int, int] = (int(matrix.shape[0]), int(matrix.shape[1]))
        self.dtype: np.dtype[Any] = matrix.dtype
        own = float(np.finfo(matrix.dtype).eps)
        self.workers = workers
        self.stored_eps = own if stored_eps is None else stored_eps

    @cached_property
    def norm(self) -> float:
        """‖M‖_F, scaled by the largest entry, so that no square overflows or vanishes."""
        values = [block.data for _, _, block in self.grid]
        scale = max(self.workers.each([partial(_largest, data) for data in values]))
        if scale == 0.0:
            return 0.0
        squares = self.workers.each([partial(_squares, data, scale) for data in values])
        return scale * math.sqrt(math.fsum(squares))

    @cached_property
    def sums(self) -> tuple[Array, float]:
        """w_jᵀ M z_j over the entries, in float64, and their rounding."""
        sums = self._forms(*probes(self.shape))
        return sums, rounding(self.shape, self.norm, sums)

    def _forms(self, w: Array, z: Array) -> Array:
        """w_jᵀ M z_j of as many columns as these have, float64."""

        def band(r: int) -> Array:
            found: Array = np.einsum("ij,ij->j", w[self.grid.rows[r]], self.grid.times(r, z))
            return found

        with np.errstate(over="ignore", invalid="ignore"):
            parts = self.workers.each([partial(band, r) for r in range(len(self.grid.rows))])
            sums: Array = np.sum(parts, axis=0)
        return sums

    def means(self, rows: bool = True, columns: bool = True) -> tuple[Array, Array]:
        """Those of the d1 rows and of the d2 columns, zeros among them, float64; one pass
        (mfact.core.Looked).
        """
        (d1, d2), by_rows, by_columns = self.shape, int(rows), int(columns)
        ones = np.ones((d1, by_columns)), np.ones((d2, by_rows))
        sums = np.zeros((d1, by_rows)), np.zeros((d2, by_columns))
        self.workers.each(
            [*self.grid.forward(ones[1], sums[0]), *self.grid.backward(ones[0], sums[1])]
        )
        return sums[0].ravel() / self.shape[1], sums[1].ravel() / self.shape[0]

    def look(self, a: Array, b: Array) -> Seen:
        """The norm and the signed sums of M − abᵀ, in float64; M is not filled in.

        The norm is summed over the entries, and over where there are none: nothing cancels.
        """
        w, z = probes(self.shape)
        return Seen(self._norm_less(a, b), self._forms(w, z) - (a @ w) * (b @ z))

    def _norm_less(self, a: Array, b: Array) -> float:
        """‖M − abᵀ‖_F; only where a or b is of equal entries to the last digits."""
        of_columns_alone = bool(np.all(a == a[0]))
        if not (of_columns_alone or np.all(b == b[0])):
            return self.residual_norm(a[:, None], b[:, None])
        left, right = a[:, None], b[:, None]
        found = self.workers.each(
            [partial(_on_entries, block, left[i], right[j]) for i, j, block in self.grid]
        )
        (d1, d2), (of_rows, of_columns) = self.shape, self._stored()
        if of_columns_alone:
            free = (b**2) @ (d1 - of_columns) * a[0] ** 2
        else:
            free = (a**2) @ (d2 - of_rows) * b[0] ** 2
        return math.sqrt(float(free) + sum(off for _, off in found))

    def _stored(self) -> tuple[Array, Array]:
        """Entries of each row and of each column."""
        of_rows, of_columns = (np.zeros(d, np.int64) for d in self.shape)
        for rows, columns, block in self.grid:
            of_rows[rows] += np.diff(block.indptr)
            width = columns.stop - columns.start
            of_columns[columns] += np.bincount(block.indices, minlength=width)
        return of_rows, of_columns

    @property
    def nonzeros(self) -> int:
        """How many entries are not zero, of those that are stored."""
        return sum(int(np.count_nonzero(block.data)) for _, _, block in self.grid)

    def slices(self, height: int) -> Iterator[Array]:
        """Rows of M, or of Mᵀ where M is wide, made dense so many at a time."""
        (width, length), tall = sorted(self.shape), self.shape[0] >= self.shape[1]
        rows, top = np.zeros((min(height, length), width), self.dtype), 0
        for lines, blocks in self.grid.lines(tall):
            at = lines.start
            while at < lines.stop:
                end = min(lines.stop, top + len(rows))
                for across, block in blocks:
                    part = block[at - lines.start : end - lines.start]
                    rows[at - top : end - top, across] = part.toarray()
                if end == top + len(rows):
                    yield rows
                    rows, top = np.zeros((min(height, length - end), width), self.dtype), end
                at = end

    def products(self, U: Array, V: Array) -> tuple[Array, Array]:
        """(M V, Mᵀ U), each block read for one after the other. U is d1×k, V is d2×l."""
        return self._products(U, V)

    def _products(self, U: Array, V: Array, begin: Array | None = None) -> tuple[Array, Array]:
        """begin: what M V is added to."""
        U, V = np.ascontiguousarray(U), np.ascontiguousarray(V)
        forward, backward = self._empty(0, V) if begin is None else begin, self._empty(1, U)
        tasks = self.grid.forward(V, forward, more=begin is not None)
        self.workers.each([*tasks, *self.grid.backward(U, backward)])
        return forward, backward

    leads = RIGHT

    def normal(self, U: Array, V: Array, begin: Array | None = None) -> tuple[Array, Array, Array]:
        """(M V, MᵀU, Mᵀ(M V)); begin: see mfact.core.Normal."""
        forward, backward = self._products(U, V, begin)
        again = self._empty(1, forward)
        self.workers.each(self.grid.backward(forward, again))
        return forward, backward, again

    def residual_norm(self, U: Array, V: Array) -> float:
        """‖UVᵀ − M‖_F without a dense d1×d2 array, to about 1e-13 of itself.

        Over the entries Ω of M, ‖UVᵀ − M‖² = Σ_Ω (u·v − m)² + (‖UVᵀ‖² − Σ_Ω (u·v)²): as many
        operations as entries. The bracket loses digits when it is small beside
        s = ‖UᵀU‖_F ‖VᵀV‖_F; so when the whole is below s/100 the differences themselves are
        formed, cell by cell in blocks of rows. Source: mfact, derived.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            U = np.ascontiguousarray(U, np.float64)
            V = np.ascontiguousarray(V, np.float64)
            left, right = U.T @ U, V.T @ V
            found = self.workers.each(
                [partial(_on_entries, b, U[rows], V[columns]) for rows, columns, b in self.grid]
            )
            outside = float(np.vdot(left, right)) - sum(inside for inside, _ in found)
            square = outside + sum(off for _, off in found)
            if not square > _SAFE_SHARE * float(np.linalg.norm(left) * np.linalg.norm(right)):
                tasks = [
                    partial(on_cells, b, U[rows], V[columns]) for rows, columns, b in self.grid
                ]
                square = sum(self.workers.each(tasks))
        return math.sqrt(square)

    def _empty(self, side: int, factor: Array) -> Array:
        """For a product with the factor, on the side of M."""
        return np.empty((self.shape[side], factor.shape[1]), np.result_type(self.dtype, factor))


def _largest(data: Array) -> float:
    return float(np.max(np.abs(data), initial=0.0))


def _squares(data: Array, scale: float) -> float:
    return float(np.sum(np.square(data / np.float64(scale))))


def _on_entries(block: csr_array, U: Array, V: Array) -> tuple[float, float]:
    """(Σ (u·v)², Σ (u·v − m)²) over the entries of a block."""
    inside = off = 0.0
    for rows, columns, values in entries(block, max(1, TILE_CELLS // U.shape[1])):
        product = np.einsum("ij,ij->i", U[rows], V[columns])
        inside += float(np.vdot(product, product))
        product -= values
        off += float(np.vdot(product, product))
    return inside, off


def on_cells(block: csr_array, U: Array, V: Array) -> float:
    """‖UVᵀ − block‖_F², each cell formed."""
    total, height = 0.0, max(1, TILE_CELLS // len(V))
    for top in range(0, len(U), height):
        difference = U[top : top + height] @ V.T
        pointers = block.indptr[top : top + height + 1]
        part = slice(int(pointers[0]), int(pointers[-1]))
        rows = np.repeat(np.arange(len(difference)), np.diff(pointers))
        difference[rows, block.indices[part]] -= block.data[part]
        total += float(np.vdot(difference, difference))
    return total
