"""Any target, and how often a run has read M behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import numpy as np

from mfact.core import LEFT, RIGHT, Array, Normal, Target
from mfact.targets.dense import DenseTarget
from mfact.targets.fingerprint import sums_of

T = TypeVar("T")

COUNTED_ROWS = 64
"""Of a slice whose entries are counted."""


def leads_of(target: Target) -> str:
    """The side of which a pass takes two degrees; where none does it is the right that leads."""
    return getattr(target, "leads", "") or RIGHT


def two_degrees(target: Target, U: Array, V: Array, leads: str) -> tuple[Array, Array, Array, int]:
    """(M V, MᵀU, N) as normal() has it where that side leads, and the passes over M that it took.

    One of a target that leads so, else two of its products.
    """
    if getattr(target, "leads", "") == leads:
        return *cast(Normal, target).normal(U, V), 1
    forward, backward = target.products(U, V)
    if leads == LEFT:
        none = np.zeros((target.shape[0], 0), target.dtype)
        return forward, backward, target.products(none, backward)[0], 2
    none = np.zeros((target.shape[1], 0), target.dtype)
    return forward, backward, target.products(forward, none)[1], 2


class Counted:
    """A target that counts the passes over M: products, normal and residual_norm are one each.

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
        self._ahead: tuple[tuple[Array, Array], tuple[Array, Array, Array]] | None = None
        self.shape: tuple[int, int] = held.shape
        self.dtype: np.dtype[Any] = held.dtype
        eps = float(np.finfo(held.dtype).eps)
        self.stored_eps: float = getattr(held, "stored_eps", eps)

    @property
    def norm(self) -> float:
        """‖M‖_F, in the units of M."""
        return self.held.norm

    @property
    def offset(self) -> float:
        """‖abᵀ‖_F where M is what is left of another matrix, 0 of one that is held itself."""
        return float(getattr(self.held, "offset", 0.0))

    @property
    def mean(self) -> Array | None:
        """The means that M is without (see mfact.targets.centred); None where nothing is off."""
        found: Array | None = getattr(self.held, "mean", None)
        return found

    @property
    def sums(self) -> tuple[Array, float]:
        """The signed sums of M and their rounding, by products where the target has none."""
        return sums_of(self.held)

    @property
    def reading_seconds(self) -> float:
        """That the latest pass took to read M from its file, 0 where it is in memory."""
        return float(getattr(self.held, "seconds", 0.0))

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

    @property
    def leads(self) -> str:
        """The side whose Krylov block leads; "" of a target that has products alone."""
        side: str = getattr(self.held, "leads", "")
        return side

    def normal(self, U: Array, V: Array) -> tuple[Array, Array, Array]:
        """(M V, MᵀU, Mᵀ(M V)) or, where the left leads, M(MᵀU) as the last: one pass."""
        if self._ahead is not None:
            (kept_U, kept_V), found = self._ahead
            self._ahead = None
            if np.array_equal(kept_U, U) and np.array_equal(kept_V, V):
                return found
        return self._count(cast(Normal, self.held).normal(U, V))

    def ahead(self, U: Array, V: Array) -> None:
        """Take that pass now; what it gives waits for whoever asks for it. So the norm and the sums
        of a matrix that stays in its file come with it, and with no reading of their own.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # the norm says so
            self._ahead = (U, V), self.normal(U, V)

    def residual_norm(self, U: Array, V: Array) -> float:
        """‖UVᵀ − M‖_F, one pass."""
        return self._count(self.held.residual_norm(U, V))

    def take_back(self, passes: int) -> None:
        """Count on from so many: those since are taken anew by who goes on from there."""
        self.passes = passes

    def _count(self, found: T) -> T:
        self.passes += 1
        self._passed(self.passes)
        return found
