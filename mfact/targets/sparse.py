"""A sparse matrix in memory: its zeros cost neither space nor time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from mfact.core import Array
from mfact.errors import DataError
from mfact.targets.fingerprint import probes, rounding

if TYPE_CHECKING:
    from scipy.sparse import csr_array

BLOCK_ENTRIES = 500_000
"""Entries of a block of rows: 6 MB, so that the second product finds them in the cache."""

TILE_CELLS = 1 << 20
"""Cells of the residual that are formed at a time, 8 MB."""

_SAFE_SHARE = 1e-2


class SparseTarget:
    """M as a SciPy sparse array of floats.

    matrix: d1×d2, float32 or float64; kept as it is when it is a csr_array without duplicate
    entries, else converted. stored_eps: ε of the kind that the entries came in, that of `matrix`
    when not given.

    Raises DataError for other kinds, no entries at all in a direction, or values that are not
    finite.

    >>> from scipy.sparse import csr_array
    >>> target = SparseTarget(csr_array(np.eye(3, 2)))
    >>> target.residual_norm(np.eye(3, 2), np.eye(2))
    0.0
    """

    def __init__(self, matrix: csr_array, stored_eps: float | None = None) -> None:
        from scipy.sparse import csr_array

        if len(matrix.shape) != 2 or 0 in matrix.shape:
            raise DataError(f"the matrix has shape {matrix.shape}", "pass a non-empty 2-D matrix")
        if matrix.dtype not in (np.float32, np.float64):
            raise DataError(f"the matrix holds {matrix.dtype}", "convert it to float64")
        rows = csr_array(matrix)
        if not rows.has_canonical_format:
            rows = rows.copy()
            rows.sum_duplicates()
        if not np.isfinite(rows.data).all():
            raise DataError("the matrix has values that are not finite", "replace or remove them")
        self.matrix = rows
        self.shape: tuple[int, int] = (int(rows.shape[0]), int(rows.shape[1]))
        self.dtype: np.dtype[Any] = rows.dtype
        own = float(np.finfo(rows.dtype).eps)
        self.stored_eps = own if stored_eps is None else stored_eps

    @cached_property
    def _row_blocks(self) -> list[tuple[slice, Any]]:
        """Slices of rows and their part of M, views where SciPy can."""
        entries = self.matrix.nnz
        # Each block adds a d2×k array to MᵀU, which must stay small beside its own work.
        count = max(1, entries // max(BLOCK_ENTRIES, 4 * self.shape[1]))
        marks = np.linspace(0, entries, count + 1)[1:-1]
        cuts = np.unique([0, *np.searchsorted(self.matrix.indptr, marks), self.shape[0]])
        if len(cuts) == 2:
            return [(slice(0, self.shape[0]), self.matrix)]
        rows = [slice(int(a), int(b)) for a, b in pairwise(cuts)]
        return [(part, self.matrix[part]) for part in rows]

    @cached_property
    def norm(self) -> float:
        """‖M‖_F, scaled by the largest entry, so that no square overflows or vanishes."""
        data = self.matrix.data
        scale = float(np.max(np.abs(data), initial=0.0))
        if scale == 0.0:
            return 0.0
        parts = np.array_split(data, 1 + data.size // TILE_CELLS)
        squares = (float(np.sum(np.square(part / np.float64(scale)))) for part in parts)
        return scale * math.sqrt(math.fsum(squares))

    @cached_property
    def sums(self) -> tuple[Array, float]:
        """w_jᵀ M z_j over the entries, in float64, and their rounding."""
        w, z = probes(self.shape)
        with np.errstate(over="ignore", invalid="ignore"):
            parts = [np.einsum("ij,ij->j", w[rows], block @ z) for rows, block in self._row_blocks]
            sums = np.sum(parts, axis=0)
        return sums, rounding(self.shape, self.norm, sums)

    @property
    def nonzeros(self) -> int:
        """How many entries are not zero, of those that are stored."""
        return int(np.count_nonzero(self.matrix.data))

    def slices(self, height: int) -> Iterator[Array]:
        """Rows of M, or of Mᵀ where M is wide, made dense so many at a time."""
        tall = self.matrix if self.shape[0] >= self.shape[1] else self.matrix.T.tocsr()
        for top in range(0, tall.shape[0], height):
            yield tall[top : top + height].toarray()

    def products(self, U: Array, V: Array) -> tuple[Array, Array]:
        """(M V, Mᵀ U), each block of rows used for both. U is d1×k, V is d2×l."""
        forward = np.empty((self.shape[0], V.shape[1]), np.result_type(self.dtype, V))
        backward = np.zeros((self.shape[1], U.shape[1]), np.result_type(self.dtype, U))
        V = np.ascontiguousarray(V)
        for part, block in self._row_blocks:
            forward[part] = block @ V
            backward += block.T @ U[part]
        return forward, backward

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
            outside = float(np.vdot(left, right))
            square = 0.0
            for rows, columns, values in self._entries(U.shape[1]):
                product = np.einsum("ij,ij->i", U[rows], V[columns])
                outside -= float(np.vdot(product, product))
                product -= values
                square += float(np.vdot(product, product))
            square += outside
            if not square > _SAFE_SHARE * float(np.linalg.norm(left) * np.linalg.norm(right)):
                square = self._summed_differences(U, V)
        return math.sqrt(square)

    def _entries(self, rank: int) -> Iterator[tuple[Array, Array, Array]]:
        """(rows, columns, values) of the entries in M's order, some at a time."""
        pointers, step = self.matrix.indptr, max(1, TILE_CELLS // rank)
        for start in range(0, self.matrix.nnz, step):
            part = slice(start, min(start + step, self.matrix.nnz))
            first = int(np.searchsorted(pointers, part.start, side="right")) - 1
            last = int(np.searchsorted(pointers, part.stop, side="left"))
            counts = np.diff(np.clip(pointers[first : last + 1], part.start, part.stop))
            rows = np.repeat(np.arange(first, last), counts)
            yield rows, self.matrix.indices[part], self.matrix.data[part]

    def _summed_differences(self, U: Array, V: Array) -> float:
        """‖UVᵀ − M‖_F², each cell of UVᵀ − M formed."""
        pointers, width = self.matrix.indptr, self.shape[1]
        height = max(1, TILE_CELLS // width)
        total = 0.0
        for top in range(0, self.shape[0], height):
            bottom = min(top + height, self.shape[0])
            difference = (U[top:bottom] @ V.T).reshape(-1)
            part = slice(int(pointers[top]), int(pointers[bottom]))
            counts = np.diff(pointers[top : bottom + 1])
            cells = np.repeat(np.arange(bottom - top, dtype=np.int64) * width, counts)
            difference[cells + self.matrix.indices[part]] -= self.matrix.data[part]
            total += float(np.vdot(difference, difference))
        return total
