"""A matrix less its means: a rank-one term in the products of a target, which stays as it is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property, partial
from inspect import signature
from typing import Any, NamedTuple, cast

import numpy as np

from mfact.core import RIGHT, Array, Look, Looked, Normal, Target
from mfact.errors import DataError
from mfact.host.threads import ALONE, Workers
from mfact.targets.counted import Counted
from mfact.targets.fingerprint import Seen, probes, rounding, sums_of
from mfact.targets.tiles import TERM_ENTRIES, cuts, take_off
from mfact.words import divided

FORMULAS = {
    "mean": "M = A − m·11ᵀ, m the mean of A",
    "columns": "M = A − 1mᵀ, m the means of the columns of A",
    "rows": "M = A − m1ᵀ, m the means of the rows of A",
}
"""What a centred M is, of the A that a target holds."""

LESS = {
    "mean": "less its mean",
    "columns": "less the means of its columns",
    "rows": "less the means of its rows",
}
"""The same in words that follow the name of A."""

MOST = 1e140
"""Of ‖A‖_F, and the least is its inverse: squares must be numbers."""


class _Off(NamedTuple):
    """What is taken off, abᵀ, float64: a and b of one size to a factor of two. look: at M. eps:
    of the arithmetic that it is made in."""

    a: Array
    b: Array
    mean: Array
    look: Look
    eps: float


class Centred:
    """M = A − abᵀ, where abᵀ has the means of A: of its columns, its rows, or of all entries.

    held: the target of A; not changed, nor copied, and a sparse one is not filled in. kind: one of
    mfact.settings.CENTERS but "none". workers: share what is beside the passes of held; no bit
    depends on their number. The means are taken in one pass over A, in float64, when they are first
    asked for. A look at M follows, which of A in a file comes with the next pass.

    M V = A V − a(bᵀV) and MᵀU = AᵀU − b(aᵀU). Products of A are rounded by its own size, so that
    what is known of M is less by the factor ‖A‖_F/‖M‖_F (mfact.core.eps_of): of a mean of 10⁶
    standard deviations six digits are gone. It is not less by the square of that, which an MᵀM made
    of AᵀA would be: the term is off before the second product is taken (mfact.core.Normal). The
    norm, the signed sums, differences and slices are formed entry by entry.

    Raises DataError where nothing is left but rounding.
    Source: mfact, derived.

    >>> from mfact.targets.dense import DenseTarget
    >>> target = Centred(DenseTarget(np.array([[1.0, 5.0], [3.0, 9.0]])), "columns")
    >>> target.mean.tolist(), round(target.norm ** 2, 12), target.products(np.eye(2), np.eye(2))[0]
    ([2.0, 7.0], 10.0, array([[-1., -2.],
           [ 1.,  2.]]))
    """

    def __init__(self, held: Target, kind: str, workers: Workers = ALONE) -> None:
        self.held, self.kind, self.workers = held, kind, workers
        self.shape: tuple[int, int] = held.shape
        self.dtype: np.dtype[Any] = held.dtype
        self.stored_eps: float = getattr(held, "stored_eps", float(np.finfo(held.dtype).eps))

    @property
    def mean(self) -> Array:
        """d2 means of columns, d1 of rows, or the one of all entries, float64."""
        return self._off.mean

    @cached_property
    def offset(self) -> float:
        """‖abᵀ‖_F."""
        return float(np.linalg.norm(self._off.a) * np.linalg.norm(self._off.b))

    @property
    def norm(self) -> float:
        """‖M‖_F, from the entries of M, in float64."""
        return self._off.look.norm

    @property
    def sums(self) -> tuple[Array, float]:
        """w_jᵀ M z_j and their rounding: those of M, each entry rounded as A's is."""
        sums, whole = self._off.look.sums, math.hypot(self.norm, self.offset)
        return sums, rounding(self.shape, whole, sums, self._off.eps)

    @property
    def nonzeros(self) -> int:
        """How many entries of A are not zero."""
        return Counted(self.held).nonzeros

    @property
    def seconds(self) -> float:
        """That the latest pass took to read A from its file, 0 where it is in memory."""
        return float(getattr(self.held, "seconds", 0.0))

    @cached_property
    def leads(self) -> str:
        """The side of A whose lines are at hand; "" where A has products alone, or a normal() that
        begins with nothing.
        """
        side = str(getattr(self.held, "leads", ""))
        begins = side and len(signature(cast(Normal, self.held).normal).parameters) > 2
        return side if begins else ""

    def products(self, U: Array, V: Array) -> tuple[Array, Array]:
        """(M V, MᵀU), one pass. U is d1×k, V is d2×l."""
        _ = self._off  # so that a look at M that waits for a pass has this one
        forward, backward = self.held.products(U, V)
        return self._less_rows(forward, V), self._less_columns(backward, U)

    def normal(self, U: Array, V: Array, begin: Array | None = None) -> tuple[Array, Array, Array]:
        """(M V, MᵀU, Mᵀ(M V)), or M(MᵀU) as the last where the left leads: one pass."""
        held, (d1, d2) = cast(Normal, self.held), self.shape
        if self.leads == RIGHT:
            start = np.zeros((d1, V.shape[1]), self.dtype) if begin is None else begin
            forward, backward, again = held.normal(U, V, self._less_rows(start, V))
            return forward, self._less_columns(backward, U), self._less_columns(again, forward)
        start = np.zeros((d2, U.shape[1]), self.dtype) if begin is None else begin
        forward, backward, again = held.normal(U, V, self._less_columns(start, U))
        return self._less_rows(forward, V), backward, self._less_rows(again, backward)

    def residual_norm(self, U: Array, V: Array) -> float:
        """‖UVᵀ − M‖_F = ‖[U, a][V, b]ᵀ − A‖_F from the differences themselves, one pass."""
        a, b, *_ = self._off
        left, right = (
            np.hstack([factor, each[:, None].astype(factor.dtype)])
            for factor, each in ((U, a), (V, b))
        )
        return self.held.residual_norm(left, right)

    def slices(self, height: int) -> Iterator[Array]:
        """Rows of M, or of Mᵀ where M is wide, so many at a time."""
        tall, mean = self.shape[0] >= self.shape[1], self.mean
        along = self.kind == ("rows" if tall else "columns")
        top = 0
        for rows in Counted(self.held).slices(height):
            rows -= mean[top : top + len(rows), None] if along else mean
            yield rows
            top += len(rows)

    def _less_rows(self, block: Array, V: Array) -> Array:
        """block − a(bᵀV), in its place."""
        a, b, *_ = self._off
        return _less(block, a, _times(b, V, self.workers), self.workers)

    def _less_columns(self, block: Array, U: Array) -> Array:
        """block − b(aᵀU), in its place."""
        a, b, *_ = self._off
        return _less(block, b, _times(a, U, self.workers), self.workers)

    @cached_property
    def _off(self) -> _Off:
        held = self.held
        with np.errstate(over="ignore", invalid="ignore"):  # the norm says so
            rows, columns = _means(held, self.kind != "columns", self.kind == "columns")
        size = held.norm
        if size and not 1 / MOST < size < MOST:
            needed = f"to be centred it must be between {1 / MOST:g} and {MOST:g}"
            raise DataError(f"‖A‖_F = {size:.3g}, and {needed}", divided(size))
        a, b = (np.ones(d) for d in self.shape)
        if self.kind == "rows":
            a = mean = rows
        elif self.kind == "columns":
            b = mean = columns
        else:
            mean = np.array([np.mean(rows)])
            b *= mean
        a, b = _even(a, b)
        if getattr(held, "look", None) is None:
            return _Off(a, b, mean, _by_products(held, a, b), float(np.finfo(self.dtype).eps))
        return _Off(a, b, mean, cast(Looked, held).look(a, b), float(np.finfo(np.float64).eps))


def _even(a: Array, b: Array) -> tuple[Array, Array]:
    """The same abᵀ with factors of one size, to a power of two, which changes no bit of it."""
    sizes = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    if not all(sizes):
        return a, b
    scale = 2.0 ** round(math.log2(sizes[1] / sizes[0]) / 2)
    return a * scale, b / scale


def _by_products(held: Target, a: Array, b: Array) -> Look:
    """A look at A − abᵀ where A has products alone, in its own arithmetic."""
    (w, z), (sums, _), kind = probes(held.shape), sums_of(held), held.dtype
    norm = held.residual_norm(a[:, None].astype(kind), b[:, None].astype(kind))
    return Seen(norm, sums - (a @ w) * (b @ z))


def _means(held: Target, *asked: bool) -> tuple[Array, Array]:
    """Of rows, of columns, float64; of a target that has none by a product with ones."""
    if getattr(held, "means", None) is not None:
        return cast(Looked, held).means(*asked)
    widths = zip(held.shape, asked[::-1], strict=True)
    sums = held.products(*(np.ones((d, int(wanted)), held.dtype) for d, wanted in widths))
    rows, columns = (each.ravel().astype(np.float64) for each in sums)
    return rows / held.shape[1], columns / held.shape[0]


def _times(a: Array, U: Array, workers: Workers) -> Array:
    """aᵀU, float64: in slices, since all of U is not to be converted at once."""
    slices = cuts(len(a), TERM_ENTRIES // max(U.shape[1], 1))
    return cast(Array, sum(workers.shared([partial(np.matmul, a[at], U[at]) for at in slices])))


def _less(block: Array, a: Array, b: Array, workers: Workers) -> Array:
    """block − abᵀ, in its place, where it is the same whoever takes which lines."""
    share = max(-(-len(a) // workers.count), TERM_ENTRIES // max(len(b), 1))
    shares = cuts(len(a), share) if len(b) else []
    workers.shared([partial(take_off, block[at], a[at], b) for at in shares])
    return block
