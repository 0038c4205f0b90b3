"""What a worker does: it reads shards of M from the file, keeps them, and multiplies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np

from mfact.core import Array
from mfact.host.threads import working
from mfact.matrices.slabs import Like
from mfact.targets.distributed.recipes import Recipe
from mfact.targets.pieces import FirstLook, Pieces, Share
from mfact.targets.readahead import read_through
from mfact.targets.reading import FAN, Asked, Kernel, added
from mfact.targets.tiles import Term

Sums = tuple[Array, ...]
Seen = list[list[tuple[float, Array]]]
"""Of each look, what it has seen of piece after piece."""


class Shard:
    """Some slabs of M in the memory of a worker, in the kind that they are stored in.

    What comes from another process may lie at any byte of what it was sent in, and BLAS gives other
    digits for numbers that are not aligned: measured, for a shard that Dask had moved.
    """

    def __init__(self, recipe: Recipe, number: int, blocks: Sequence[Array]) -> None:
        self.recipe, self.number = recipe, number
        self.blocks = [_aligned(block) for block in blocks]

    def __reduce__(self) -> tuple[object, ...]:
        return Shard, (self.recipe, self.number, self.blocks)

    def __sizeof__(self) -> int:
        # By which the scheduler knows that a shard is not to be moved lightly.
        return sum(block.nbytes for block in self.blocks)


def load(recipe: Recipe, number: int) -> Shard:
    """A shard, read from the file: its path and its lines are all that it depends on."""
    slabs, blocks = recipe.pieces().slabs, []
    with slabs.opened(1) as fetcher:
        for slab in recipe.shard(number):
            room = np.empty(slabs.room, np.uint8)
            block = fetcher.fetch(slab, room)
            # What takes most of its room stays there; a packed slab takes more than its entries.
            blocks.append(
                block if 8 * block.nbytes > 7 * room.nbytes else np.array(block, order="K")
            )
    return Shard(recipe, number, blocks)


class Work(NamedTuple):
    """What is asked of some shards: an Asked whose zeros are not sent. begin: of its own lines,
    None for zeros; own, totals: shapes and kinds. threads: that share it."""

    kernel: Kernel
    left: Array
    begin: Array | None
    own: tuple[tuple[int, ...], str]
    totals: tuple[tuple[tuple[int, ...], str], ...]
    threads: int = 1

    @classmethod
    def of(cls, asked: Asked, lines: slice, threads: int = 1) -> Work:
        """For those lines."""
        own, totals = asked.own[lines], [(each.shape, each.dtype.str) for each in asked.totals]
        with np.errstate(invalid="ignore"):
            begin = own if own.any() else None
        return cls(asked.kernel, asked.left[lines], begin, (own.shape, own.dtype.str),
                   tuple(totals), threads)  # fmt: skip

    def asked(self, right: Array, first: int) -> Asked:
        """As a reading takes it."""
        own = np.zeros(*self.own) if self.begin is None else np.array(self.begin, order="C")
        totals = tuple(np.zeros(*each) for each in self.totals)
        return Asked(self.kernel, _aligned(self.left), _aligned(right), own, totals, first)


class Shared(NamedTuple):
    """What every shard is told. looks: the term of each, None for one at M itself."""

    right: Array
    looks: tuple[Term | None, ...]


class Part(NamedTuple):
    """What comes of some shards. first: whether they are of a sum of the tree
    (mfact.targets.reading). sums: then that of all, else of each."""

    own: Array
    first: bool
    sums: list[Sums]
    seen: Seen


class Lines(NamedTuple):
    """The same without the sums."""

    own: Array
    seen: Seen


def take(shards: Sequence[Shard], work: Work, shared: Shared) -> Part:
    """The part of a reading that some shards are which lie beside each other."""
    recipe = shards[0].recipe
    pieces, slabs = recipe.pieces(), recipe.shard(shards[0].number)
    asked = work.asked(shared.right, pieces.slabs.cuts[slabs.start])
    looks = tuple(_Told(pieces, term) for term in shared.looks)
    sums = _Sums(shards, asked.totals)
    kept = _Kept(pieces.slabs, [block for shard in shards for block in shard.blocks])
    # A thread has parts of its own, and is of use if there is a slab for it.
    count = min(work.threads, len(kept.blocks))
    works = [_Later(Share(pieces, asked, looks, sums.add), slabs.start) for _ in range(count)]
    with working(1), np.errstate(over="ignore", invalid="ignore"):
        if count > 1:
            read_through(kept, works, readers=1, depth=count + 1)
        else:
            for slab, block in enumerate(kept.blocks):
                works[0].take(slab, block)
                works[0].add()
    return Part(asked.own, sums.first, sums.found, [look.told for look in looks])


class _Told(FirstLook):
    """A look that hands on what it sees."""

    def __init__(self, pieces: Pieces, term: Term | None) -> None:
        super().__init__(pieces, term)
        self.told: list[tuple[float, Array]] = []

    def add(self, seen: Sequence[tuple[float, Array]]) -> None:
        self.told += seen


class _Sums:
    """The sums of shards, whose slabs come in their order."""

    def __init__(self, shards: Sequence[Shard], totals: Sums) -> None:
        self._ends = {shard.recipe.shard(shard.number).stop for shard in shards}
        self.first = shards[0].number % FAN == 0
        self._totals, self._shard = totals, _zeros(totals)
        self.found: list[Sums] = []

    def add(self, slab: int, parts: Sequence[Array]) -> None:
        for total, part in zip(self._shard, parts, strict=True):
            total += part
        if slab + 1 in self._ends:
            if self.first and self.found:
                for total, part in zip(self.found[0], self._shard, strict=True):
                    total += part
                    part[...] = 0
            else:
                self.found.append(self._shard)
                self._shard = _zeros(self._totals)


@dataclass(frozen=True, eq=False)
class _Kept(Like):
    """Slabs that are in memory already."""

    blocks: list[Array]
    room = 0

    @property
    def cuts(self) -> tuple[int, ...]:
        return tuple(range(len(self.blocks) + 1))

    @contextmanager
    def opened(self, readers: int) -> Iterator[Self]:
        yield self

    def fetch(self, slab: int, room: Array) -> Array:
        return self.blocks[slab]


class _Later:
    """A share of slabs that are counted from the first of some."""

    def __init__(self, share: Share, first: int) -> None:
        self._share, self._first, self.add = share, first, share.add

    def take(self, slab: int, block: Array) -> None:
        self._share.take(self._first + slab, block)


def as_sent(shared: Shared) -> Shared:
    """Itself, as the result of a task."""
    return shared


def lines_of(parts: Sequence[Part]) -> list[Lines]:
    """All of them that is not a sum."""
    return [Lines(part.own, part.seen) for part in parts]


def sums_of(parts: Sequence[Part]) -> list[Sums]:
    """Theirs: one where the first is the first of a sum of the tree."""
    found = [each for part in parts for each in part.sums]
    return [added(found)] if parts[0].first else found


def total_of(sums: Sequence[list[Sums]]) -> list[Sums]:
    """One, of all of them in their order."""
    return [added([each for some in sums for each in some])]


def _zeros(totals: Sums) -> Sums:
    return tuple(np.zeros_like(each) for each in totals)


def _aligned(block: Array) -> Array:
    return block if block.flags.aligned else np.array(block, order="K")
