"""Slabs of a file whose stored numbers are not the entries: decoded as they are fetched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

from mfact.core import Array, Kind
from mfact.matrices.cuts import aligned
from mfact.matrices.decoding import Decoding
from mfact.matrices.slabs import Fetcher, Like, Slabs, length_of

PIECE_BYTES = 1 << 20
"""Of entries that are decoded at a time, which stay in the cache. No bit depends on it."""


def decoded(slabs: Slabs, decoding: Decoding) -> Decoded:
    """The same slabs, of entries of the kind decoding.kind; `room` counts both forms.

    A slab takes as many times more bytes than it was cut to as an entry has more than a stored
    number, so who cuts asks for as much less.
    """
    return Decoded(slabs, decoding)


@dataclass(frozen=True, eq=False)
class Decoded(Like):
    """of: the slabs as they are stored, for who asks what marks an entry as missing."""

    decoding: Decoding

    @property
    def stored(self) -> Kind:
        return self.decoding.kind

    @property
    def room(self) -> int:
        longest = max(end - start for start, end in pairwise(self.cuts))
        return aligned(self.of.room) + longest * length_of(self.of) * self.stored.itemsize

    @contextmanager
    def opened(self, readers: int) -> Iterator[_Fetcher]:
        with self.of.opened(readers) as fetcher:
            yield _Fetcher(fetcher, self.of.room, self.decoding)


@dataclass(frozen=True)
class _Fetcher:
    """room: bytes that the stored form needs, ahead of the entries."""

    of: Fetcher
    room: int
    decoding: Decoding

    def fetch(self, slab: int, room: Array) -> Array:
        block = self.of.fetch(slab, room[: self.room])
        turned = block.strides[0] < block.strides[1]  # decoded in the order that it lies in
        lines = block.T if turned else block
        kind = self.decoding.kind
        out = room[aligned(self.room) :][: lines.size * kind.itemsize]
        entries = out.view(kind).reshape(lines.shape)
        height = max(1, PIECE_BYTES // (lines.shape[1] * kind.itemsize))
        for top in range(0, len(lines), height):
            own = slice(top, top + height)
            entries[own] = self.decoding.decode(lines[own]).entries
        return entries.T if turned else entries
