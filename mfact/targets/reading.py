"""What is asked of one reading of a matrix in slabs, and the order in which its sums are taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeVar

import numpy as np

from mfact.core import Array
from mfact.targets import tiles

T = TypeVar("T")

Kernel = Callable[[Array, Array, Array, Array, Sequence[Array]], None]
"""Told a piece, the left side of its lines, the right side, its own lines of what comes of it, and
this slab's part of each of the sums over all slabs. One that a process can be sent."""

SHARD_SLABS, MOST_SHARDS = 2, 1024
"""Slabs that are added up one after another, more where there would be more shards than that."""

FAN = 8
"""Sums that make one of the next level."""


@dataclass(frozen=True)
class Asked:
    """What a reading is for. left: n×k, of n lines from `first` on; right: w×l, of their entries;
    own: n×m, written line by line; totals: the sums over all lines.
    """

    kernel: Kernel
    left: Array
    right: Array
    own: Array
    totals: tuple[Array, ...] = ()
    first: int = 0

    def of(self, lines: slice) -> Asked:
        """The same of these lines alone, their own and their sums apart."""
        totals = tuple(np.zeros_like(each) for each in self.totals)
        left, own = self.left[lines], self.own[lines]
        return replace(self, left=left, own=own, totals=totals, first=lines.start)

    def take(self, piece: Array, lines: slice, parts: Sequence[Array]) -> None:
        """One piece, of these lines of all."""
        at = slice(lines.start - self.first, lines.stop - self.first)
        self.kernel(piece, self.left[at], self.right, self.own[at], parts)


def shards(slabs: int) -> list[range]:
    """Which of so many slabs are added up one after another: fixed by their number alone.

    >>> shards(5), len(shards(10_000))
    ([range(0, 2), range(2, 4), range(4, 5)], 1024)
    """
    if slabs <= SHARD_SLABS * MOST_SHARDS:
        return [range(at, min(at + SHARD_SLABS, slabs)) for at in range(0, slabs, SHARD_SLABS)]
    edges = [slabs * at // MOST_SHARDS for at in range(MOST_SHARDS + 1)]
    return [range(*edge) for edge in pairwise(edges)]


def levels(slabs: int) -> int:
    """How many sums are begun at a time where the shards of so many slabs come one by one.

    >>> levels(2), levels(16), levels(18), levels(10_000)
    (1, 2, 3, 5)
    """
    count, found = len(shards(slabs)), 1
    while count > 1:
        count, found = -(-count // FAN), found + 1
    return found


def by_fan(items: Sequence[T]) -> list[Sequence[T]]:
    """Those that make one sum of the next level."""
    return [items[at : at + FAN] for at in range(0, len(items), FAN)]


def added(sums: Sequence[tuple[Array, ...]]) -> tuple[Array, ...]:
    """One after another."""
    return tuple(_sum(parts) for parts in zip(*sums, strict=True))


def _sum(parts: Sequence[Array]) -> Array:
    total = parts[0].copy()
    for part in parts[1:]:
        total += part
    return total


class TreeSums:
    """Σ over all slabs, of which the parts come in their order: those of a shard one after another,
    eight shards likewise, eight of these … So who has the shards at hand, in any place and at
    any time, finds the same bits.
    """

    def __init__(self, slabs: int, totals: Sequence[Array]) -> None:
        self._ends = {each.stop for each in shards(slabs)}
        self._totals = totals
        self._shard = self._zeros()
        self._levels: list[tuple[int, tuple[Array, ...]]] = []

    def add(self, slab: int, parts: Sequence[Array]) -> None:
        """The parts of the next slab; with those of the last the totals are what they are to be."""
        for total, part in zip(self._shard, parts, strict=True):
            total += part
        if slab + 1 in self._ends:
            self._carry(0, self._shard)
            last = slab + 1 == max(self._ends)
            self._shard = () if last else self._zeros()
            if last:
                self._close()

    def _carry(self, level: int, sums: tuple[Array, ...]) -> None:
        if level == len(self._levels):
            self._levels.append((0, ()))
        count, begun = self._levels[level]
        if count:
            for total, part in zip(begun, sums, strict=True):
                total += part
        else:
            begun = sums
        full = count + 1 == FAN
        self._levels[level] = (0, ()) if full else (count + 1, begun)
        if full:
            self._carry(level + 1, begun)

    def _close(self) -> None:
        level = 0
        while any(count for count, _ in self._levels[level + 1 :]):
            count, begun = self._levels[level]
            self._levels[level] = (0, ())
            if count:
                self._carry(level + 1, begun)
            level += 1
        for total, found in zip(self._totals, self._levels[level][1], strict=True):
            total[...] = found

    def _zeros(self) -> tuple[Array, ...]:
        return tuple(np.zeros_like(each) for each in self._totals)


def nothing(piece: Array, left: Array, right: Array, own: Array, parts: Sequence[Array]) -> None:
    """For the looks that are taken meanwhile."""


def multiplied(piece: Array, left: Array, right: Array, own: Array, parts: Sequence[Array]) -> None:
    """own += piece right, and the sum of pieceᵀ left."""
    tiles.multiply(piece, left, right, own, parts[0])


def doubled(piece: Array, left: Array, right: Array, own: Array, parts: Sequence[Array]) -> None:
    """The same, and the sum of pieceᵀ own."""
    tiles.normal(piece, left, right, own, *parts)


def squared(piece: Array, left: Array, right: Array, own: Array, parts: Sequence[Array]) -> None:
    """‖left rightᵀ − M‖_F²."""
    parts[0][...] += tiles.squared_difference(piece, left, right)


def counted(piece: Array, left: Array, right: Array, own: Array, parts: Sequence[Array]) -> None:
    """How many entries are not zero."""
    parts[0][...] += np.count_nonzero(piece)


def averaged(piece: Array, left: Array, right: Array, own: Array, parts: Sequence[Array]) -> None:
    """The mean of each line where own has a column, and the sums of their entries where parts[0]
    has some.
    """
    each, others = tiles.means(piece, bool(own.shape[1]), bool(len(parts[0])))
    own[:] = each[:, None] if own.shape[1] else own
    parts[0][...] += len(piece) * others


def gathered(
    across: slice, piece: Array, left: Array, right: Array, own: Array, parts: Sequence[Array]
) -> None:
    """So much of each line."""
    own[...] = piece[:, across]
