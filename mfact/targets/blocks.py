"""A dense matrix that stays in its file: each pass reads it anew, slab by slab."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from mfact.core import LEFT, RIGHT, Array
from mfact.host.threads import ALONE, Workers
from mfact.matrices.missing import NotFinite
from mfact.matrices.slabs import Slabs, lines_of
from mfact.matrices.values import Told, silent
from mfact.targets.fingerprint import rounding
from mfact.targets.pieces import Awaited, FirstLook, Kernel, Pieces, Share
from mfact.targets.readahead import read_through
from mfact.targets.tiles import means, multiply, normal, squared_difference

READERS = 2
"""Threads that read ahead: one is slower than most disks, more gain nothing on them."""


class BlockTarget:
    """M as the slabs of a file, of which a few are in memory at a time, during a pass.

    slabs: M in its file. dtype: of the arithmetic, "float64" or "float32"; what is stored in
    another kind is converted piece by piece. stored_eps: ε of the kind that it is stored in, that
    of dtype when not given. workers: share each pass. depth: buffers of a slab each. readers:
    threads that fill them. told: what share of M has been read, in each pass. No bit depends on the
    last four.

    The first pass, whatever it is for, also takes the norm and the sums, and refuses values that
    are not finite with a DataError that tells how many and where: of these alone another reading
    is made to its end. A pass raises StorageError for a file that is
    another one than it was, or ends early.

    seconds: that the latest reading took, 0 before the first.
    """

    offset = 0.0

    def __init__(
        self,
        slabs: Slabs,
        dtype: str = "float64",
        stored_eps: float | None = None,
        workers: Workers = ALONE,
        *,
        depth: int = 4,
        readers: int = READERS,
        told: Told = silent,
    ) -> None:
        self.slabs, self.workers, self.depth, self.readers = slabs, workers, depth, readers
        self.shape: tuple[int, int] = slabs.shape
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        own = float(np.finfo(self.dtype).eps)
        self.stored_eps = own if stored_eps is None else stored_eps
        self.seconds = 0.0
        self._told, self._pieces = told, Pieces(slabs, self.dtype)
        self._first = FirstLook(self._pieces)
        self._waiting = [self._first]

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
        asked = (columns, rows) if self.slabs.columns else (rows, columns)
        count, width = lines_of(self.slabs), self._pieces.width
        lines, entries = np.empty(asked[0] * count), np.zeros(asked[1] * width)

        def averaged(piece: Array, at: slice, parts: Sequence[Array]) -> None:
            each, others = means(piece, *asked)
            lines[at][: len(each)] = each
            parts[0] += len(piece) * others

        self._read(averaged, [entries])
        entries /= count
        return (entries, lines) if self.slabs.columns else (lines, entries)

    def look(self, a: Array, b: Array) -> Awaited:
        """The norm and the signed sums of M − abᵀ, in float64, entry by entry: they come with the
        next pass, or when they are asked for, by a reading of their own.
        """
        look = FirstLook(self._pieces, (a, b))
        self._waiting.append(look)
        return Awaited(lambda: self.taken(look))

    def taken(self, look: FirstLook) -> FirstLook:
        """The same once it has been taken: by a reading of its own where it has not."""
        if look in self._waiting:
            self._read(lambda piece, lines, parts: None, [])
        return look

    @property
    def nonzeros(self) -> int:
        """How many entries of M are not zero: a reading."""
        count = np.zeros(1, np.int64)

        def counted(piece: Array, lines: slice, parts: Sequence[Array]) -> None:
            parts[0] += np.count_nonzero(piece)

        self._read(counted, [count])
        return int(count[0])

    def products(self, U: Array, V: Array) -> tuple[Array, Array]:
        """(M V, Mᵀ U), one pass. U is d1×k, V is d2×l."""
        left, right, forward, backward = self._sides(U, V)

        def multiplied(piece: Array, lines: slice, parts: Sequence[Array]) -> None:
            multiply(piece, left[lines], right, forward[lines], parts[0])

        self._read(multiplied, [backward])
        return (backward, forward) if self.slabs.columns else (forward, backward)

    def normal(self, U: Array, V: Array, begin: Array | None = None) -> tuple[Array, Array, Array]:
        """(M V, MᵀU, Mᵀ(M V)), or M(MᵀU) as the last where the left leads: one pass.

        begin: see mfact.core.Normal.
        """
        left, right, forward, backward = self._sides(U, V)
        forward = forward if begin is None else begin
        again = np.zeros((len(right), right.shape[1]), self.dtype)

        def multiplied(piece: Array, lines: slice, parts: Sequence[Array]) -> None:
            normal(piece, left[lines], right, forward[lines], *parts)

        self._read(multiplied, [backward, again])
        return (*((backward, forward) if self.slabs.columns else (forward, backward)), again)

    def residual_norm(self, U: Array, V: Array) -> float:
        """‖UVᵀ − M‖_F from the differences themselves, one pass."""
        left, right, _, _ = self._sides(U, V)
        total = np.zeros(1)

        def squared(piece: Array, lines: slice, parts: Sequence[Array]) -> None:
            parts[0] += squared_difference(piece, left[lines], right)

        self._read(squared, [total])
        return math.sqrt(total[0])

    def slices(self, height: int) -> Iterator[Array]:
        """Rows of M, or of Mᵀ where M is wide, so many at a time.

        Where the slabs lie the other way the file is read several times, each time for as many
        slices as fit into the buffers.
        """
        tall = self.shape[0] >= self.shape[1]
        return self._along(height) if tall != self.slabs.columns else self._across(height)

    def _along(self, height: int) -> Iterator[Array]:
        """Lines of the slabs, one after another."""
        slabs, count = self.slabs, lines_of(self.slabs)
        room, filled = np.empty(slabs.room, np.uint8), 0
        out = np.empty((min(height, count), self._pieces.width), self.dtype)
        with self._all_told(), slabs.opened(1) as fetcher:
            for slab, first in enumerate(slabs.cuts[:-1]):
                lines, top = self._pieces.lines(fetcher.fetch(slab, room)), 0
                while top < len(lines):
                    raw = lines[top : top + len(out) - filled]
                    self._pieces.store(raw, out[filled : filled + len(raw)], slab, top)
                    top, filled = top + len(raw), filled + len(raw)
                    if filled == len(out):
                        yield out
                        left = count - first - top
                        out, filled = np.empty((min(height, left), out.shape[1]), self.dtype), 0

    def _across(self, height: int) -> Iterator[Array]:
        """Lines that all slabs have a part of: readings, each for a panel of them."""
        fitting = (self.depth - 2) * self.slabs.room
        fitting //= height * lines_of(self.slabs) * self.dtype.itemsize
        wide = max(1, fitting) * height
        for left in range(0, self._pieces.width, wide):
            panel = self._panel(slice(left, min(left + wide, self._pieces.width)))
            for top in range(0, len(panel), height):
                yield panel[top : top + height]

    def _panel(self, across: slice) -> Array:
        """So many of them, one reading."""
        panel = np.empty((across.stop - across.start, lines_of(self.slabs)), self.dtype)

        def gathered(piece: Array, lines: slice, parts: Sequence[Array]) -> None:
            panel[:, lines] = piece[:, across].T

        self._read(gathered, [], depth=2)
        return panel

    def _sides(self, U: Array, V: Array) -> tuple[Array, Array, Array, Array]:
        """What lines are multiplied by from the left and from the right, and zeros for both
        products.
        """
        sides = (V, U) if self.slabs.columns else (U, V)
        left, right = (np.ascontiguousarray(side, self.dtype) for side in sides)
        forward = np.zeros((len(left), right.shape[1]), self.dtype)
        return left, right, forward, np.zeros((len(right), left.shape[1]), self.dtype)

    @contextmanager
    def _all_told(self) -> Iterator[None]:
        """Of the values that are not finite, where a piece has some."""
        try:
            yield
        except NotFinite:
            self._pieces.refuse()
            raise

    def _read(self, kernel: Kernel, totals: Sequence[Array], depth: int | None = None) -> None:
        """One reading: kernel is told every piece, and what it adds to the parts of its slab is
        added to the totals in the order of the slabs.
        """
        looks = tuple(self._waiting)
        for look in looks:
            look.begin()
        shares = [Share(self._pieces, kernel, totals, looks) for _ in range(self.workers.count)]
        began = time.perf_counter()
        with self._all_told():
            read_through(
                self.slabs, shares, readers=self.readers, depth=depth or self.depth, told=self._told
            )
        self.seconds = time.perf_counter() - began
        self._waiting.clear()
