"""Any target, and how often a run has read M behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from mfact.core import Array, Target
from mfact.targets.dense import DenseTarget
from mfact.targets.fingerprint import sums_of

T = TypeVar("T")

COUNTED_ROWS = 64
"""Of a slice whose entries are counted."""


class Counted:
    """A target that counts the passes over M: each call of products or residual_norm is one.

    The norm, the sums and the slices are none: a target takes them once, beside reading M, and what
    products stand for them where it does not are no part of solving.

    held: the target that does the work; what is asked of it itself is not counted.
    passes: those already taken by an earlier part of the run. passed: told their number after each.

    >>> target = Counted(DenseTarget(np.eye(2)))
    >>> target.norm > 1, target.residual_norm(np.eye(2), np.eye(2)), target.passes
    (True, 0.0, 1)
    """

    def __init__(
        self, held: Target, passes: int = 0, passed: Callable[[int], None] = lambda count: None
    ) -> None:
        self.held, self.passes, self._passed = held, passes, passed
        self.shape: tuple[int, int] = held.shape
        self.dtype: np.dtype[Any] = held.dtype
        eps = float(np.finfo(held.dtype).eps)
        self.stored_eps: float = getattr(held, "stored_eps", eps)

    @property
    def norm(self) -> float:
        """‖M‖_F, in the units of M."""
        return self.held.norm

    @property
    def sums(self) -> tuple[Array, float]:
        """The signed sums of M and their rounding, by products where the target has none."""
        return sums_of(self.held)

    @property
    def nonzeros(self) -> int:
        """How many entries of M are not zero."""
        if hasattr(self.held, "nonzeros"):
            return int(self.held.nonzeros)
        return sum(int(np.count_nonzero(rows)) for rows in self.slices(COUNTED_ROWS))

    def slices(self, height: int) -> Iterator[Array]:
        """M in dense slices; where the target has none, all of M as a product with the identity."""
        held: Any = self.held
        if not hasattr(held, "slices"):
            (small, large), dtype = sorted(self.shape), self.dtype
            eye, none = np.eye(small, dtype=dtype), np.zeros((large, 0), dtype)
            wide = self.shape[0] < self.shape[1]
            held = DenseTarget(held.products(eye, none)[1] if wide else held.products(none, eye)[0])
        yield from held.slices(height)

    def products(self, U: Array, V: Array) -> tuple[Array, Array]:
        """(M V, Mᵀ U), one pass, also where U or V has no columns."""
        return self._count(self.held.products(U, V))

    def residual_norm(self, U: Array, V: Array) -> float:
        """‖UVᵀ − M‖_F, one pass."""
        return self._count(self.held.residual_norm(U, V))

    def _count(self, found: T) -> T:
        self.passes += 1
        self._passed(self.passes)
        return found
