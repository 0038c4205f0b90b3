"""A dense matrix in slabs, whoever reads them: each question is one reading of all."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from mfact.core import LEFT, RIGHT, Array
from mfact.matrices.missing import NotFinite
from mfact.matrices.slabs import Slabs, lines_of
from mfact.targets import reading
from mfact.targets.fingerprint import rounding
from mfact.targets.pieces import Awaited, FirstLook, Pieces
from mfact.targets.reading import Asked

Read = Callable[[Asked, tuple[FirstLook, ...]], None]


class SlabTarget(ABC):
    """M as the slabs of a file, each of which a reading takes once.

    slabs: M in its file. dtype: of the arithmetic, "float64" or "float32"; what is stored in
    another kind is converted piece by piece. stored_eps: ε of the kind that it is stored in, that
    of dtype when not given.

    The first reading, whatever it is for, also takes the norm and the sums, and refuses values that
    are not finite with a DataError that tells how many and where: of these alone another reading
    is made to its end. Sums over the lines are taken in the order of mfact.targets.reading, so
    that all who read the same slabs find the same bits.
    """

    offset = 0.0

    def __init__(
        self, slabs: Slabs, dtype: str = "float64", stored_eps: float | None = None
    ) -> None:
        self.slabs = slabs
        self.shape: tuple[int, int] = slabs.shape
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        own = float(np.finfo(self.dtype).eps)
        self.stored_eps = own if stored_eps is None else stored_eps
        self.pieces = Pieces(slabs, self.dtype)
        self._first = FirstLook(self.pieces)
        self._waiting = [self._first]

    @abstractmethod
    def read(self, asked: Asked, looks: tuple[FirstLook, ...]) -> None:
        """One reading: every piece is asked, and each of the looks takes it in."""

    @property
    def leads(self) -> str:
        """The side whose lines are at hand: rows of M, or columns where the slabs are of these."""
        return LEFT if self.slabs.columns else RIGHT

    @property
    def norm(self) -> float:
        """‖M‖_F, summed in float64."""
        return self.taken(self._first).norm

    @property
    def sums(self) -> tuple[Array, float]:
        """w_jᵀ M z_j in float64 and their rounding, out of the pass that takes the norm."""
        look = self.taken(self._first)
        return look.sums, rounding(self.shape, look.norm, look.sums)

    def means(self, rows: bool = True, columns: bool = True) -> tuple[Array, Array]:
        """Those of the d1 rows and of the d2 columns, float64; one pass (mfact.core.Looked)."""
        of_lines, of_entries = (columns, rows) if self.slabs.columns else (rows, columns)
        count, width = lines_of(self.slabs), self.pieces.width
        lines, entries = np.zeros((count, int(of_lines))), np.zeros(int(of_entries) * width)
        self.ask(Asked(reading.averaged, *self._none, lines, (entries,)))
        entries /= count
        return (entries, lines.ravel()) if self.slabs.columns else (lines.ravel(), entries)

    def look(self, a: Array, b: Array) -> Awaited:
        """The norm and the signed sums of M − abᵀ, in float64, entry by entry: they come with the
        next pass, or when they are asked for, by a reading of their own.
        """
        look = FirstLook(self.pieces, (a, b))
        self._waiting.append(look)
        return Awaited(lambda: self.taken(look))

    def taken(self, look: FirstLook) -> FirstLook:
        """The same once it has been taken: by a reading of its own where it has not."""
        if look in self._waiting:
            self.ask(Asked(reading.nothing, *self._none, self._none[0]))
        return look

    @property
    def nonzeros(self) -> int:
        """How many entries of M are not zero: a reading."""
        count = np.zeros(1, np.int64)
        self.ask(Asked(reading.counted, *self._none, self._none[0], (count,)))
        return int(count[0])

    def products(self, U: Array, V: Array) -> tuple[Array, Array]:
        """(M V, Mᵀ U), one pass. U is d1×k, V is d2×l."""
        left, right, forward, backward = self._sides(U, V)
        self.ask(Asked(reading.multiplied, left, right, forward, (backward,)))
        return (backward, forward) if self.slabs.columns else (forward, backward)

    def normal(self, U: Array, V: Array, begin: Array | None = None) -> tuple[Array, Array, Array]:
        """(M V, MᵀU, Mᵀ(M V)), or M(MᵀU) as the last where the left leads: one pass.

        begin: see mfact.core.Normal.
        """
        left, right, forward, backward = self._sides(U, V)
        forward = forward if begin is None else begin
        again = np.zeros((len(right), right.shape[1]), self.dtype)
        self.ask(Asked(reading.doubled, left, right, forward, (backward, again)))
        return (*((backward, forward) if self.slabs.columns else (forward, backward)), again)

    def residual_norm(self, U: Array, V: Array) -> float:
        """‖UVᵀ − M‖_F from the differences themselves, one pass."""
        left, right, _, _ = self._sides(U, V)
        total = np.zeros(1)
        self.ask(Asked(reading.squared, left, right, self._none[0], (total,)))
        return math.sqrt(total[0])

    @property
    def _none(self) -> tuple[Array, Array]:
        """Sides of no columns."""
        return np.zeros((lines_of(self.slabs), 0)), np.zeros((self.pieces.width, 0))

    def _sides(self, U: Array, V: Array) -> tuple[Array, Array, Array, Array]:
        """What lines are multiplied by from the left and from the right, and zeros for both
        products.
        """
        sides = (V, U) if self.slabs.columns else (U, V)
        left, right = (np.ascontiguousarray(side, self.dtype) for side in sides)
        forward = np.zeros((len(left), right.shape[1]), self.dtype)
        return left, right, forward, np.zeros((len(right), left.shape[1]), self.dtype)

    def ask(self, asked: Asked, read: Read | None = None) -> None:
        """One reading, by read() or in another way, with the looks that wait for one."""
        looks = tuple(self._waiting)
        for look in looks:
            look.begin()
        with self.all_told():
            (read or self.read)(asked, looks)
        self._waiting.clear()

    @contextmanager
    def all_told(self) -> Iterator[None]:
        """Of the values that are not finite, where a piece has some."""
        try:
            yield
        except NotFinite:
            self.pieces.refuse()
            raise
