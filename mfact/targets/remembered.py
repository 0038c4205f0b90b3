"""Any target, and what bases asked of it before: runs from one start ask for the same products."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial, wraps
from typing import Any, NamedTuple, cast

import numpy as np

from mfact.core import Array, Look, Looked, Normal, Target
from mfact.targets.fingerprint import sums_of

SAMPLED = 16
"""Rows of a block by which it is looked up, before all of its bits are compared."""


class _Kept(NamedTuple):
    """What was asked, and what came of it, arrays or one look."""

    asked: tuple[Array, ...]
    answer: tuple[Any, ...]

    @property
    def bytes(self) -> int:
        return sum(e.nbytes for e in (*self.asked, *self.answer) if isinstance(e, np.ndarray))


class Remembered:
    """A target that answers from memory, bit for bit, what bases have asked of it before.

    held: does the work; what else is asked goes through to it. most: bytes that may be kept; beyond
    them what was asked for longest ago is forgotten.
    asked: passes over M that were asked for, products, normal, residual_norm and means one each;
    taken: those of them that held took.

    A basis grows by normal(), or by products() of one side alone: these are kept. Steps on the
    factors take products of both sides, never the same twice, and those are not. A block is looked
    up by a few of its rows and then compared bit by bit: what is new costs next to nothing, and
    what is known a reading of the block, in place of one of M.

    >>> from mfact.targets.dense import DenseTarget
    >>> target = Remembered(DenseTarget(np.eye(3)), 1000)
    >>> for _ in range(2):
    ...     found = target.products(np.ones((3, 0)), np.ones((3, 1)))[0]
    >>> found.ravel(), target.asked, target.taken
    (array([1., 1., 1.]), 2, 1)
    """

    def __init__(self, held: Target, most: int) -> None:
        self.held, self.most, self.asked, self.taken = held, most, 0, 0
        self.shape: tuple[int, int] = held.shape
        self.dtype: np.dtype[Any] = held.dtype
        self.stored_eps: float = getattr(held, "stored_eps", float(np.finfo(held.dtype).eps))
        self._kept: dict[object, _Kept] = {}
        self._bytes = 0

    def __getattr__(self, name: str) -> Any:
        # Of what not every target has, such as slices: there where held has it.
        return getattr(self.held, name)

    @property
    def norm(self) -> float:
        """‖M‖_F, in the units of M."""
        return self.held.norm

    @property
    def offset(self) -> float:
        """‖abᵀ‖_F where M is what is left of another matrix, 0 of one that is held itself."""
        return float(getattr(self.held, "offset", 0.0))

    @cached_property
    def sums(self) -> tuple[Array, float]:
        """The signed sums of M and their rounding, by products where the target has none."""
        return sums_of(self.held)

    @property
    def bytes(self) -> int:
        """That are kept by now."""
        return self._bytes

    def forget(self) -> None:
        """Let all go that is kept."""
        self._kept.clear()
        self._bytes = 0

    def products(self, U: Array, V: Array) -> tuple[Array, Array]:
        """(M V, MᵀU), one pass; from memory where one has no columns and the other is known."""
        if U.shape[1] and V.shape[1]:
            self.asked, self.taken = self.asked + 1, self.taken + 1
            return self.held.products(U, V)
        found = self._known("products", self.held.products, U, V)
        return cast("tuple[Array, Array]", found)

    @property
    def normal(self) -> Callable[..., tuple[Array, Array, Array]]:
        """As that of held (mfact.core.Normal), of as many arguments; none where that has none."""
        take = cast(Normal, self.held).normal
        known = wraps(take)(partial(self._known, "normal", take))
        return cast("Callable[..., tuple[Array, Array, Array]]", known)

    @property
    def means(self) -> Callable[..., tuple[Array, Array]]:
        """As those of held (mfact.core.Looked)."""
        take = cast(Looked, self.held).means

        def of(rows: Array, columns: Array) -> tuple[Array, Array]:
            return take(bool(rows), bool(columns))

        def means(rows: bool = True, columns: bool = True) -> tuple[Array, Array]:
            found = self._known("means", of, np.array(rows), np.array(columns))
            return cast("tuple[Array, Array]", found)

        return means

    @property
    def look(self) -> Callable[[Array, Array], Look]:
        """As that of held (mfact.core.Looked); no pass is counted."""
        take = cast(Looked, self.held).look

        def look(a: Array, b: Array) -> Look:
            found: Look = self._known("look", lambda a, b: (take(a, b),), a, b, passes=0)[0]
            return found

        return look

    def residual_norm(self, U: Array, V: Array) -> float:
        """‖UVᵀ − M‖_F, one pass."""
        self.asked, self.taken = self.asked + 1, self.taken + 1
        return self.held.residual_norm(U, V)

    def _known(self, name: str, take: Callable[..., Any], *asked: Array, passes: int = 1) -> Any:
        self.asked += passes
        key = name, tuple(map(_sample, asked))
        known = self._kept.pop(key, None)
        if known is not None and all(map(_same, known.asked, asked)):
            self._kept[key] = known  # the last again
            return _copied(known.answer)
        self._bytes -= 0 if known is None else known.bytes
        self.taken += passes
        if sum(each.nbytes for each in asked) > self.most:
            return take(*asked)
        before = _copied(asked)  # a target may write into what it begins with
        found = take(*asked)
        self._keep(key, before, found)
        return found

    def _keep(self, key: object, asked: tuple[Array, ...], found: tuple[Any, ...]) -> None:
        size = _Kept(asked, found).bytes
        if size > self.most:
            return
        while self._bytes + size > self.most:
            oldest = self._kept.pop(next(iter(self._kept)))
            self._bytes -= oldest.bytes
        # Who asked may write into what is found.
        self._kept[key] = _Kept(asked, _copied(found))
        self._bytes += size


def _sample(block: Array) -> tuple[object, ...]:
    """Shape, kind, order in memory, and the bits of a few rows."""
    rows = block[:: -(-len(block) // SAMPLED)] if block.size and block.ndim else block
    return block.shape, block.dtype.str, bool(block.flags.c_contiguous), rows.tobytes()


def _same(one: Array, other: Array) -> bool:
    """Whether all bits are; shapes and kinds are known to be."""
    bits = f"u{one.dtype.itemsize}"
    return bool(np.array_equal(one.view(bits), other.view(bits)))


def _copied(found: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(np.array(each) if isinstance(each, np.ndarray) else each for each in found)
