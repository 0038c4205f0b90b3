"""What a thread does with a slab: piece after piece it is converted, looked at and multiplied."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from mfact.core import Array
from mfact.matrices.decoded import Decoded
from mfact.matrices.missing import Entries
from mfact.matrices.slabs import Slabs, length_of
from mfact.targets.fingerprint import probes
from mfact.targets.reading import Asked
from mfact.targets.tiles import Term, first_look

PIECE_BYTES = 4 << 20
"""Of the lines of a slab that are converted at a time: they are multiplied in the cache. One that
is in the kind of the arithmetic is a piece itself."""

LEAST_PIECE = 16
"""Lines of a piece, however long: with one of 8 MB at a time the sums that it adds to, which do not
stay in the cache, made a pass take twenty times as long."""

SAFE_SQUARES = (1e-280, math.inf)
"""Between these a sum of squares has lost nothing to underflow, and its terms are numbers."""


class Pieces:
    """The lines of slabs, rows of M or of Mᵀ where the slabs are columns, in the kind `dtype`.

    width: of a line. height: lines of a piece at most.
    """

    def __init__(self, slabs: Slabs, dtype: np.dtype[Any]) -> None:
        self.slabs, self.dtype = slabs, dtype
        self.width = length_of(slabs)
        longest = max(end - start for start, end in pairwise(slabs.cuts))
        self.same = np.dtype(slabs.stored) == dtype
        some = max(LEAST_PIECE, PIECE_BYTES // (self.width * dtype.itemsize))
        self.height = longest if self.same else min(some, longest)

    def room(self) -> Array:
        """What one thread converts a piece into; empty where there is nothing to convert."""
        return np.empty(0 if self.same else self.height * self.width, self.dtype)

    def lines(self, block: Array) -> Array:
        """A slab as lines."""
        return block.T if self.slabs.columns else block

    def of(self, block: Array, room: Array) -> Iterator[tuple[int, Array, Array]]:
        """(place of its first line in the slab, as stored, in dtype) of each piece of a slab."""
        lines = self.lines(block)
        for top in range(0, len(lines), self.height):
            raw = lines[top : top + self.height]
            yield top, raw, raw if self.same else self._converted(raw, room)

    def store(self, raw: Array, out: Array, slab: int, top: int) -> None:
        """Convert lines of a slab from `top` on into out, which may be they themselves.

        Raises NotFinite for values that are not finite then, of these lines alone.
        """
        entries = Entries(self.slabs.shape, self.slabs.label)
        self._count(entries, raw, out, slab, top)
        entries.require()

    def refuse(self) -> None:
        """Raise NotFinite for all values of the matrix that are not finite: a reading, by one
        thread and in order, so that what is said depends on the matrix alone.
        """
        if isinstance(self.slabs, Decoded):  # where it is seen what is marked as missing
            slabs, decoding = self.slabs.of, self.slabs.decoding
        else:
            slabs, decoding = self.slabs, None
        entries = Entries(slabs.shape, slabs.label, decoding)
        pieces = Pieces(slabs, self.dtype)
        buffer = np.empty(slabs.room, np.uint8)
        with slabs.opened(1) as fetcher:
            for slab in range(len(slabs.cuts) - 1):
                lines = pieces.lines(fetcher.fetch(slab, buffer))
                for top in range(0, len(lines), pieces.height):
                    raw = lines[top : top + pieces.height]
                    out = (
                        raw if pieces.same and decoding is None else np.empty(raw.shape, self.dtype)
                    )
                    pieces._count(entries, raw, out, slab, top)
        entries.require()

    def _count(self, entries: Entries, raw: Array, out: Array, slab: int, top: int) -> None:
        def place(index: tuple[Any, ...]) -> tuple[Any, Any]:
            line, across = index[0] + top, index[1]
            return self.slabs.place(slab, (across, line) if self.slabs.columns else (line, across))

        entries.store(raw, out, place)

    def _converted(self, raw: Array, room: Array) -> Array:
        """In the order that it lies in, which copies it fastest."""
        flat = room[: raw.size]
        across = raw.strides[0] < raw.strides[1]
        piece = flat.reshape(raw.shape[::-1]).T if across else flat.reshape(raw.shape)
        with np.errstate(over="ignore", invalid="ignore"):  # as FirstLook says then
            piece[...] = raw
        return piece


class FirstLook:
    """What a reading of a matrix tells beside what it is for: norm, signed sums, and that all
    values are finite.

    term: (a, b) where they are to be of M − abᵀ, formed entry by entry.
    """

    def __init__(self, pieces: Pieces, term: Term | None = None) -> None:
        self.term, self._pieces = term, pieces
        w, z = probes(pieces.slabs.shape)
        columns = pieces.slabs.columns
        self._left, self._right = (z, w) if columns else (w, z)
        self._less = term[::-1] if term and columns else term
        self._norms = list[float]()
        self._sums = list[Array]()

    def begin(self) -> None:
        """What a reading has told that came to no end is forgotten."""
        self._norms.clear()
        self._sums.clear()

    @property
    def norm(self) -> float:
        """‖M‖_F, from the norms of the pieces: their squares may overflow, or vanish."""
        return math.hypot(*self._norms)

    @property
    def sums(self) -> Array:
        """w_jᵀ M z_j."""
        found: Array = np.sum(self._sums, axis=0)
        return found

    def at(self, piece: Array, raw: Array, slab: int, top: int) -> tuple[float, Array]:
        """(norm, signed sums) of a piece. Raises NotFinite for values that are not finite."""
        first = self._pieces.slabs.cuts[slab] + top
        lines = slice(first, first + len(piece))
        less = self._less and (self._less[0][lines], self._less[1])
        with np.errstate(over="ignore", invalid="ignore"):
            squares, sums = first_look(piece, self._left[lines], self._right, less)
        if less is not None or SAFE_SQUARES[0] < squares < SAFE_SQUARES[1]:
            return math.sqrt(squares), sums
        self._pieces.store(raw, piece, slab, top)
        scale = float(np.max(np.abs(piece)))
        if scale == 0:
            return 0.0, sums
        return scale * float(np.linalg.norm(piece / np.float64(scale))), sums

    def add(self, seen: Sequence[tuple[float, Array]]) -> None:
        """The pieces of the next slab."""
        for norm, sums in seen:
            self._norms.append(norm)
            self._sums.append(sums)


class Awaited:
    """A look that comes with the next pass (mfact.core.Look). take: gives it, taken."""

    def __init__(self, take: Callable[[], FirstLook]) -> None:
        self._take = take

    @property
    def norm(self) -> float:
        return self._take().norm

    @property
    def sums(self) -> Array:
        return self._take().sums


class Share:
    """One thread's work on the slabs that it gets (mfact.targets.readahead.Work).

    asked: of each piece. looks: those that are taken meanwhile. joins: told each slab and its part
    of the sums over all, in their order.
    """

    def __init__(
        self,
        pieces: Pieces,
        asked: Asked,
        looks: Sequence[FirstLook],
        joins: Callable[[int, Sequence[Array]], None],
    ) -> None:
        self._pieces, self._asked, self._looks, self._joins = pieces, asked, looks, joins
        self._parts = [np.zeros_like(total) for total in asked.totals]
        self._room = pieces.room()
        self._slab, self._seen = 0, [list[tuple[float, Array]]() for _ in looks]

    def take(self, slab: int, block: Array) -> None:
        """The products of a slab, apart from those of others."""
        self._slab = slab
        for part in self._parts:
            part[...] = 0
        for seen in self._seen:
            seen.clear()
        first = self._pieces.slabs.cuts[slab]
        for top, raw, piece in self._pieces.of(block, self._room):
            for look, seen in zip(self._looks, self._seen, strict=True):
                seen.append(look.at(piece, raw, slab, top))
            lines = slice(first + top, first + top + len(piece))
            self._asked.take(piece, lines, self._parts)

    def add(self) -> None:
        """They join those of the slabs before."""
        self._joins(self._slab, self._parts)
        for look, seen in zip(self._looks, self._seen, strict=True):
            look.add(seen)
