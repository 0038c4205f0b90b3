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
from mfact.targets.fingerprint import SUMS, Seen, probes, rounding

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

    offset = 0.0

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
        return self._first_pass.norm

    @property
    def sums(self) -> tuple[Array, float]:
        """w_jᵀ M z_j in float64 and their rounding, out of the pass that takes the norm."""
        look = self._first_pass
        return look.sums, rounding(self.shape, look.norm, look.sums)

    @cached_property
    def _first_pass(self) -> Seen:
        seen = self._look(None)
        if not 1e-150 < seen.norm < math.inf:
            return seen._replace(norm=self._scaled_norm())
        return seen

    def look(self, a: Array, b: Array) -> Seen:
        """The norm and the signed sums of M − abᵀ, in float64, entry by entry; one pass."""
        return self._look((b, a) if self._flipped else (a, b))

    def _look(self, less: tiles.Term | None) -> Seen:
        """One reading. less: of the lines, and of their entries."""
        w, z = self._sides(*probes(self.shape))

        def seen(block: Array, at: slice) -> tuple[float, Array]:
            return tiles.first_look(block, w[at], z, less and (less[0][at], less[1]))

        with np.errstate(over="ignore", invalid="ignore"):
            squares, sums = zip(*self._each(seen, SUMS), strict=True)
            return Seen(math.sqrt(sum(squares)), np.sum(sums, axis=0))

    def means(self, rows: bool = True, columns: bool = True) -> tuple[Array, Array]:
        """Those of the d1 rows and of the d2 columns, float64; one pass (mfact.core.Looked)."""
        asked = (columns, rows) if self._flipped else (rows, columns)
        seen = self._each(lambda block, _: (len(block), *tiles.means(block, *asked)), 1)
        lines = np.concatenate([each for _, each, _ in seen])
        entries = np.sum([count * each for count, _, each in seen], axis=0) / len(self._lines)
        return (entries, lines) if self._flipped else (lines, entries)

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

    def normal(self, U: Array, V: Array, begin: Array | None = None) -> tuple[Array, Array, Array]:
        """(M V, MᵀU, Mᵀ(M V)), or M(MᵀU) as the last where the left leads: M is read once.

        begin: see mfact.core.Normal.
        """
        left, right = self._sides(U, V)
        forward, backward, again = self._multiplied(
            tiles.normal, left, right, left.shape[1], right.shape[1], begin=begin
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
        self,
        kernel: Callable[..., None],
        left: Array,
        right: Array,
        *widths: int,
        begin: Array | None = None,
    ) -> list[Array]:
        """forward, and the sums over all lines with so many columns each, by a kernel. begin: of
        forward.
        """
        lines, length = self._lines.shape
        cut = bands((lines, length), sum(widths), self.dtype.itemsize)
        forward = np.zeros((lines, right.shape[1]), self.dtype) if begin is None else begin
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
