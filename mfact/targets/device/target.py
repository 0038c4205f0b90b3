"""A matrix held as one dense array on a device, whatever library of the array API has made it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any

import numpy as np

from mfact.core import RIGHT, Array
from mfact.errors import DataError, SettingsError
from mfact.targets.device.arrays import Arrays, refuse, smaller
from mfact.targets.fingerprint import SUMS, Seen, probes, rounding

WORK_BYTES = 32 << 20
"""Of the rows that are looked at together, in float64; a few times as much is taken for them."""


class DeviceTarget:
    """M as an array that stays where it is; host arrays in, host arrays out.

    matrix: d1×d2, of real numbers, in any library that array-api-compat knows; not copied where it
    is in the kind of the arithmetic. dtype: that, "float64" or "float32", the matrix's own when not
    given. stored_eps: ε of the kind that the entries came in, the matrix's when not given. refuse:
    raises a DataError for entries that are not finite, where another than this target knows more of
    them. otherwise: what to do where the device cannot.

    A question waits once for all that it asks. The norm and the sums are accumulated in float64,
    or in float32 on a device that has no other. Raises SettingsError for float64 on such a one.

    >>> target = DeviceTarget(np.eye(2))
    >>> target.products(np.eye(2), np.ones((2, 1)))[0].tolist(), target.synchronizations
    ([[1.0], [1.0]], 1)
    """

    offset = 0.0
    leads = RIGHT

    def __init__(
        self,
        matrix: Any,
        stored_eps: float | None = None,
        dtype: str | None = None,
        refuse: Callable[[], None] | None = None,
        otherwise: str = "pass a NumPy array",
    ) -> None:
        self._arrays = arrays = Arrays(matrix)
        xp, shape = arrays.xp, tuple(int(length) for length in matrix.shape)
        if len(shape) != 2 or 0 in shape:
            raise DataError(f"the matrix has shape {shape}", "pass a non-empty 2-D matrix")
        kind = str(matrix.dtype).rpartition(".")[2]
        if not xp.isdtype(matrix.dtype, ("real floating", "integral", "bool")):
            raise DataError(f"the matrix holds {kind}", "pass real numbers")
        computed = dtype or kind
        if computed not in ("float64", "float32"):
            raise DataError(f"the matrix holds {kind}", "convert it to float64")
        self._way_out = smaller(computed, otherwise)
        if computed not in arrays.floats:
            raise SettingsError(f"the device {arrays.device} has no {computed}", self._way_out)
        self.shape: tuple[int, int] = (shape[0], shape[1])
        self.dtype: np.dtype[Any] = np.dtype(computed)
        self._wide = np.dtype("float64" if "float64" in arrays.floats else "float32")
        floating = xp.isdtype(matrix.dtype, "real floating")
        own = float(xp.finfo(matrix.dtype).eps) if floating else 0.0
        self.stored_eps = own if stored_eps is None else stored_eps
        given = arrays.alone(matrix)
        with self._there():
            self.matrix = arrays.cast(given, self.dtype)
        # Entries that overflow are told by what they were.
        self._given = given if kind == "float64" else self.matrix
        self._refuse = refuse or self._refuse_own

    @property
    def synchronizations(self) -> int:
        """How often the host has waited for something from the device."""
        return self._arrays.synchronizations

    @property
    def norm(self) -> float:
        """‖M‖_F."""
        return self._first_pass.norm

    @property
    def sums(self) -> tuple[Array, float]:
        """w_jᵀ M z_j and their rounding, out of the pass that takes the norm."""
        look = self._first_pass
        return look.sums, rounding(
            self.shape, look.norm, look.sums, float(np.finfo(self._wide).eps)
        )

    @cached_property
    def _first_pass(self) -> Seen:
        seen = self._look(None)
        least = 1e4 * math.sqrt(float(np.finfo(self._wide).smallest_normal))
        return seen if least < seen.norm < math.inf else seen._replace(norm=self._scaled_norm())

    @property
    def look(self) -> Callable[[Array, Array], Seen] | None:
        """The norm and the signed sums of M − abᵀ, entry by entry; one pass. None where that cannot
        be in float64, as mfact.core.Looked promises it.
        """
        return (lambda a, b: self._look((a, b))) if self._is_wide else None

    @property
    def means(self) -> Callable[[bool, bool], tuple[Array, Array]] | None:
        """Those of the d1 rows and of the d2 columns, float64; one pass. None as look."""
        return self._means if self._is_wide else None

    @property
    def _is_wide(self) -> bool:
        return bool(self._wide == np.float64)

    def _look(self, less: tuple[Array, Array] | None) -> Seen:
        xp = self._arrays.xp
        with self._there():
            w, z = (self._arrays.put(each, self._wide) for each in probes(self.shape))
            term = [self._arrays.put(each, self._wide) for each in less or ()]
            found = []
            for at, rows in self._rows():
                if term:
                    rows = rows - term[0][at, None] * term[1][None, :]
                entries = xp.reshape(rows, (-1,))
                found += [
                    xp.reshape(entries @ entries, (1,)),
                    xp.sum(w[at, :] * (rows @ z), axis=0),
                ]
            numbers = self._arrays.fetch(xp.concat(found))[0].reshape(-1, 1 + SUMS)
            squares, *sums = np.sum(numbers, axis=0, dtype=float)
        return Seen(math.sqrt(squares), np.array(sums))

    def _means(self, rows: bool = True, columns: bool = True) -> tuple[Array, Array]:
        """What is added up are differences from the first of each, as in mfact.targets.tiles."""
        xp, (d1, d2) = self._arrays.xp, self.shape
        with self._there():
            first = self._arrays.cast(self.matrix[0, :], self._wide)
            each, total = [], xp.zeros_like(first)
            for _, block in self._rows():
                start = block[:, 0]
                if rows:
                    each.append(start + xp.sum(block - start[:, None], axis=1) / d2)
                if columns:
                    total = total + xp.sum(block - first[None, :], axis=0)
            found = self._arrays.fetch(*each, *([first + total / d1] if columns else []))
        none = np.empty(0)
        of_rows = np.concatenate(found[: len(each)]) if rows else none
        return of_rows, found[-1] if columns else none

    def _scaled_norm(self) -> float:
        """‖M‖_F where squares overflow or vanish; refuses values that are not finite."""
        xp = self._arrays.xp
        with self._there():
            largest = [xp.max(xp.abs(rows)) for _, rows in self._rows()]
            scale = float(np.max(self._arrays.fetch(*largest)))
            if not math.isfinite(scale):
                self._refuse()
            if scale == 0:
                return 0.0
            scaled = (xp.reshape(rows / scale, (-1,)) for _, rows in self._rows())
            return scale * math.sqrt(np.sum(self._arrays.fetch(*[each @ each for each in scaled])))

    def _refuse_own(self) -> None:
        refuse(
            self.shape, self.dtype,
            ((at.start, self._arrays.fetch(self._given[at, :])[0]) for at in self._cuts()),
        )  # fmt: skip

    @property
    def nonzeros(self) -> int:
        """How many entries of M are not zero."""
        xp = self._arrays.xp
        with self._there():
            counts = [xp.sum(self._arrays.cast(rows != 0, self._wide)) for _, rows in self._rows()]
            return sum(int(count) for count in self._arrays.fetch(*counts))

    def slices(self, height: int) -> Iterator[Array]:
        """Rows of M, or of Mᵀ where M is wide, copied so many at a time."""
        tall = self.matrix if self.shape[0] >= self.shape[1] else self._transposed
        for top in range(0, max(self.shape), height):
            with self._there():
                (rows,) = self._arrays.fetch(tall[top : min(top + height, max(self.shape)), :])
            yield rows

    def products(self, U: Array, V: Array) -> tuple[Array, Array]:
        """(M V, Mᵀ U), one pass. U is d1×k, V is d2×l."""
        with self._there():
            left, right = self._put(U), self._put(V)
            forward, backward = self._arrays.fetch(self.matrix @ right, self._transposed @ left)
        return forward, backward

    def normal(self, U: Array, V: Array, begin: Array | None = None) -> tuple[Array, Array, Array]:
        """(M V, MᵀU, Mᵀ(M V)), one pass. begin: see mfact.core.Normal."""
        with self._there():
            left, right = self._put(U), self._put(V)
            forward = self.matrix @ right
            if begin is not None:
                forward = forward + self._put(begin)
            transposed = self._transposed
            forward, backward, again = self._arrays.fetch(
                forward, transposed @ left, transposed @ forward
            )
        return forward, backward, again

    def residual_norm(self, U: Array, V: Array) -> float:
        """‖UVᵀ − M‖_F from the differences themselves, some rows at a time; one pass."""
        xp, squares = self._arrays.xp, []
        with self._there():
            left, right = self._put(U), xp.matrix_transpose(self._put(V))
            for at in self._cuts():
                rows = left[at, :] @ right - self.matrix[at, :]
                entries = xp.reshape(self._arrays.cast(rows, self._wide), (-1,))
                squares.append(entries @ entries)
            return math.sqrt(np.sum(self._arrays.fetch(*squares), dtype=float))

    def _put(self, array: Array) -> Any:
        return self._arrays.put(array, self.dtype)

    @property
    def _transposed(self) -> Any:
        """Mᵀ, not copied. Not all arrays have it as an attribute."""
        return self._arrays.xp.matrix_transpose(self.matrix)

    def _cuts(self) -> Iterator[slice]:
        """Rows that are looked at together."""
        d1, d2 = self.shape
        step = max(1, WORK_BYTES // (8 * d2))
        return (slice(at, min(at + step, d1)) for at in range(0, d1, step))

    def _rows(self) -> Iterator[tuple[slice, Any]]:
        """Which, and they in float64."""
        for at in self._cuts():
            yield at, self._arrays.cast(self.matrix[at, :], self._wide)

    def _there(self) -> AbstractContextManager[None]:
        return self._arrays.there(self._way_out)
