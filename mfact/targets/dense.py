"""A matrix held as one dense array in memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Any, TypeVar

import numpy as np

from mfact.core import LEFT, RIGHT, Array
from mfact.errors import DataError
from mfact.host.threads import ALONE, Workers
from mfact.matrices.missing import store
from mfact.targets import tiles
from mfact.targets.bands import added, bands
from mfact.targets.fingerprint import SUMS, probes, rounding

T = TypeVar("T")

OBLONG = 4
"""Lines more than so many times as long as there are of them are too few to be shared."""


class DenseTarget:
    """M as a C- or Fortran-ordered float array; never copied.

    matrix: d1×d2, float32 or float64, all values finite (the norm shows when they are not).
    stored_eps: ε of the kind that the entries came in, that of `matrix` when not given. workers:
    share each pass; no bit depends on their number.

    >>> target = DenseTarget(np.eye(2))
    >>> target.residual_norm(np.eye(2), np.eye(2))
    0.0
    """

    def __init__(
        self, matrix: Array, stored_eps: float | None = None, workers: Workers = ALONE
    ) -> None:
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
        self.workers = workers
        self.stored_eps = own if stored_eps is None else stored_eps
        in_rows = bool(matrix.flags.c_contiguous)
        lines, length = matrix.shape if in_rows else matrix.shape[::-1]
        # Lines that are in one piece in memory, unless those would be too few.
        self.leads = RIGHT if in_rows == (length <= OBLONG * lines) else LEFT
        # Where they are columns of M they are the rows here, and left and right trade places.
        self._flipped = self.leads == LEFT
        self._lines = matrix.T if self._flipped else matrix

    @property
    def norm(self) -> float:
        """‖M‖_F, accumulated in float64."""
        return self._first_pass[0]

    @property
    def sums(self) -> tuple[Array, float]:
        """w_jᵀ M z_j in float64 and their rounding, out of the pass that takes the norm."""
        return self._first_pass[1:]

    @cached_property
    def _first_pass(self) -> tuple[float, Array, float]:
        """(‖M‖_F, w_jᵀ M z_j, their rounding), from one reading."""
        w, z = self._sides(*probes(self.shape))
        with np.errstate(over="ignore", invalid="ignore"):
            seen = self._each(lambda block, at: tiles.first_look(block, w[at], z), SUMS)
            sums = np.sum([sums for _, sums in seen], axis=0)
            norm = math.sqrt(sum(square for square, _ in seen))
        if not 1e-150 < norm < math.inf:
            norm = self._scaled_norm()
        return norm, sums, rounding(self.shape, norm, sums)

    def _scaled_norm(self) -> float:
        """‖M‖_F where squares overflow or vanish; DataError for values that are not finite."""
        scale = float(np.max(self._each(lambda block, _: np.max(np.abs(block)), SUMS)))
        if not math.isfinite(scale):
            store(self.matrix, self.matrix, lambda index: (index[0], index[1]), "the matrix")
        if scale == 0:
            return 0.0
        unit = np.float64(scale)
        squares = self._each(lambda block, _: float(np.sum(np.square(block / unit))), SUMS)
        return scale * math.sqrt(sum(squares))

    def slices(self, height: int) -> Iterator[Array]:
        """Rows of M, or of Mᵀ where M is wide, copied so many at a time."""
        tall = self.matrix if self.shape[0] >= self.shape[1] else self.matrix.T
        for top in range(0, len(tall), height):
            yield np.array(tall[top : top + height], order="C")

    def products(self, U: Array, V: Array) -> tuple[Array, Array]:
        """(M V, Mᵀ U), each tile of M read once for both. U is d1×k, V is d2×l."""
        left, right = self._sides(U, V)
        return self._sides(*self._multiplied(tiles.multiply, left, right, left.shape[1]))

    def normal(self, U: Array, V: Array) -> tuple[Array, Array, Array]:
        """(M V, MᵀU, Mᵀ(M V)), or M(MᵀU) as the last where the left leads: M is read once."""
        left, right = self._sides(U, V)
        forward, backward, again = self._multiplied(
            tiles.normal, left, right, left.shape[1], right.shape[1]
        )
        return *self._sides(forward, backward), again

    def residual_norm(self, U: Array, V: Array) -> float:
        """‖UVᵀ − M‖_F from the differences themselves, a tile at a time."""
        left, right = self._sides(U, V)
        right = np.asfortranarray(right)  # its transpose is multiplied from the right
        squares = self._each(lambda block, at: tiles.squared_difference(block, left[at], right), 0)
        return math.sqrt(sum(squares))

    def _sides(self, U: Array, V: Array) -> tuple[Array, Array]:
        """What belongs to the lines and what to their entries, or back from these to M's sides."""
        left, right = (V, U) if self._flipped else (U, V)
        return np.ascontiguousarray(left), np.ascontiguousarray(right)

    def _multiplied(
        self, kernel: Callable[..., None], left: Array, right: Array, *widths: int
    ) -> list[Array]:
        """forward, and the sums over all lines with so many columns each, by a kernel."""
        lines, length = self._lines.shape
        cut = bands((lines, length), sum(widths), self.dtype.itemsize)
        forward = np.zeros((lines, right.shape[1]), self.dtype)
        shared = [np.zeros((len(cut), length, width), self.dtype) for width in widths]

        def multiply(band: int, at: slice) -> None:
            sums = (parts[band] for parts in shared)
            kernel(self._lines[at], left[at], right, forward[at], *sums)

        self.workers.shared([partial(multiply, band, at) for band, at in enumerate(cut)])
        return [forward, *(added(parts, self.workers) for parts in shared)]

    def _each(self, work: Callable[[Array, slice], T], columns: int) -> list[T]:
        """What comes of each band of lines, in their order."""
        cut = bands(self._lines.shape, columns, self.dtype.itemsize)
        return self.workers.shared([partial(work, self._lines[at], at) for at in cut])
