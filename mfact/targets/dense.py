"""A matrix held as one dense array in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from mfact.core import Array
from mfact.errors import DataError
from mfact.targets.fingerprint import probes, rounding

SMALL_PRODUCT = 900_000
"""BLAS multiplies without copying its operands first when rows × columns × k stays below 10⁶;
a tile of M below this also stays in the cache for the second product. Measured: 3.3 ms a pass
over 2000×1500 with k = 10, against 9 ms for two whole products."""

WIDEST_TILE = 1536

BLOCK_ENTRIES = 1 << 17
"""Entries of a block of rows in the first pass, 1 MiB: it stays in the cache for both sums."""


class DenseTarget:
    """M as a C- or Fortran-ordered float array; never copied.

    matrix: d1×d2, float32 or float64, all values finite (the norm shows when they are not).
    stored_eps: ε of the kind that the entries came in, that of `matrix` when not given.

    >>> target = DenseTarget(np.eye(2))
    >>> target.residual_norm(np.eye(2), np.eye(2))
    0.0
    """

    def __init__(self, matrix: Array, stored_eps: float | None = None) -> None:
        if matrix.ndim != 2 or 0 in matrix.shape:
            raise DataError(f"the matrix has shape {matrix.shape}", "pass a non-empty 2-D matrix")
        if matrix.dtype not in (np.float32, np.float64):
            raise DataError(f"the matrix holds {matrix.dtype}", "convert it to float64")
        if not (matrix.flags.c_contiguous or matrix.flags.f_contiguous):
            matrix = np.ascontiguousarray(matrix)
        self.matrix = matrix
        self.shape: tuple[int, int] = matrix.shape
        self.dtype: np.dtype[Any] = matrix.dtype
        own = float(np.finfo(matrix.dtype).eps)
        self.stored_eps = own if stored_eps is None else stored_eps
        # A Fortran-ordered matrix is its transpose in C order: rows and columns trade places.
        self._flipped = not matrix.flags.c_contiguous
        self._rows = matrix.T if self._flipped else matrix

    def _tiles(self, k: int) -> Iterator[tuple[slice, slice]]:
        """Tiles of the rows in storage order, each small enough for k columns."""
        height, width = self._rows.shape
        parts = -(-width // WIDEST_TILE)
        wide = -(-width // parts)
        high = min(512, max(16, SMALL_PRODUCT // (wide * max(k, 1)) // 16 * 16))
        for top in range(0, height, high):
            for left in range(0, width, wide):
                yield slice(top, min(top + high, height)), slice(left, min(left + wide, width))

    @property
    def norm(self) -> float:
        """‖M‖_F, summed in blocks of rows in float64."""
        return self._first_pass[0]

    @property
    def sums(self) -> tuple[Array, float]:
        """w_jᵀ M z_j in float64 and their rounding, out of the pass that takes the norm."""
        return self._first_pass[1:]

    @cached_property
    def _first_pass(self) -> tuple[float, Array, float]:
        """(‖M‖_F, w_jᵀ M z_j, their rounding), each block of rows read once for all."""
        w, z = probes(self.shape)
        left, right = (z, w) if self._flipped else (w, z)
        count = max(1, self._rows.size // BLOCK_ENTRIES)
        blocks = np.array_split(self._rows, min(count, len(self._rows)))
        squares, parts, end = [], [], 0
        with np.errstate(over="ignore", invalid="ignore"):
            for block in blocks:
                # Sums of float32 lose digits.
                wide, end = block.astype(np.float64, copy=False), end + len(block)
                squares.append(float(np.vdot(wide, wide)))
                parts.append(np.einsum("ij,ij->j", left[end - len(block) : end], wide @ right))
            sums = np.sum(parts, axis=0)
        norm = math.sqrt(math.fsum(squares)) if all(map(math.isfinite, squares)) else math.inf
        if not 1e-150 < norm < math.inf:
            norm = _scaled_norm(blocks)
        return norm, sums, rounding(self.shape, norm, sums)

    def slices(self, height: int) -> Iterator[Array]:
        """Rows of M, or of Mᵀ where M is wide, copied so many at a time."""
        tall = self.matrix if self.shape[0] >= self.shape[1] else self.matrix.T
        for top in range(0, len(tall), height):
            yield np.array(tall[top : top + height], order="C")

    def products(self, U: Array, V: Array) -> tuple[Array, Array]:
        """(M V, Mᵀ U), each tile of M read once for both. U is d1×k, V is d2×l."""
        left, right = (V, U) if self._flipped else (U, V)
        # Here rows @ right and rowsᵀ @ left, whichever of M and Mᵀ the rows are of.
        forward = np.zeros((len(left), right.shape[1]), self.dtype)
        backward = np.zeros((len(right), left.shape[1]), self.dtype)
        left, right = np.ascontiguousarray(left), np.ascontiguousarray(right)
        for down, across in self._tiles(max(left.shape[1], right.shape[1])):
            tile = self._rows[down, across]
            forward[down] += tile @ right[across]
            backward[across] += tile.T @ left[down]
        return (backward, forward) if self._flipped else (forward, backward)

    def residual_norm(self, U: Array, V: Array) -> float:
        """‖UVᵀ − M‖_F from the differences themselves, a tile at a time."""
        left, right = (V, U) if self._flipped else (U, V)
        transposed = np.ascontiguousarray(right.T)
        total = 0.0
        for down, across in self._tiles(left.shape[1]):
            difference = left[down] @ transposed[:, across]
            difference -= self._rows[down, across]
            total += float(np.vdot(difference, difference))
        return math.sqrt(total)


def _scaled_norm(blocks: list[Array]) -> float:
    """‖M‖_F where squares overflow or vanish; raises DataError for values that are not finite."""
    scale = max(float(np.max(np.abs(block))) for block in blocks)
    if not math.isfinite(scale):
        raise DataError("the matrix has values that are not finite", "replace or remove them")
    if scale == 0:
        return 0.0
    squares = [float(np.sum(np.square(block / np.float64(scale)))) for block in blocks]
    return scale * math.sqrt(math.fsum(squares))
