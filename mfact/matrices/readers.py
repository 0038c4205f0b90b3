"""Slabs of an array that only a library can read: by processes, each with one of its own."""

from __future__ import annotations

import mmap
import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue

import numpy as np

from mfact.core import Array
from mfact.errors import StorageError
from mfact.matrices.apart import Piece, apart
from mfact.matrices.cuts import Cut
from mfact.matrices.tiled import TiledReader

_NUMBER_BYTES = 8


@dataclass(kw_only=True, eq=False)
class ReadersApart(Cut):
    """An array that is read by as many children as there are readers, which unpack at a time.

    Each has `room` bytes of memory that it shares with this process, beside the room that a slab
    is given in: its way through a pipe would take twice the processor time.
    """

    reader: TiledReader

    @contextmanager
    def opened(self, readers: int) -> Iterator[Children]:
        with self.reader.file.opened(self.label), ExitStack() as stack:
            yield Children(self, [stack.enter_context(_child(self)) for _ in range(readers)])

    def serve(self, asked: int, shared: Array) -> Iterator[Piece]:
        """The child: fill the shared memory with one slab after another, as their numbers come."""
        with self.reader.opened() as array:
            yield Piece(None, None)
            while number := os.read(asked, _NUMBER_BYTES):
                slab = int.from_bytes(number, "little")
                own = slice(self.cuts[slab], self.cuts[slab + 1])
                height, width = self.reader.layout.shape
                tile = (own, slice(0, width)) if self.axis == 0 else (slice(0, height), own)
                self.reader.fetch(array, tile, self.part(slab, shared))
                yield Piece(slab, None)


@dataclass(frozen=True)
class _Child:
    """asking: the pipe for numbers of slabs. pieces: one for each, when it lies in shared."""

    asking: int
    pieces: Generator[Piece, None, None]
    shared: Array


class Children:
    """Fetches slabs through whichever child is free."""

    def __init__(self, slabs: ReadersApart, children: list[_Child]) -> None:
        self._slabs = slabs
        self._free: SimpleQueue[_Child] = SimpleQueue()
        for child in children:
            self._free.put(child)

    def fetch(self, slab: int, room: Array) -> Array:
        part = self._slabs.part(slab, room)
        child = self._free.get()
        try:
            with suppress(BrokenPipeError):  # the pieces say what has ended it
                os.write(child.asking, slab.to_bytes(_NUMBER_BYTES, "little"))
            if next(child.pieces, None) is None:
                raise StorageError(f"{self._slabs.label} has lost its reader", "run again")
            part[...] = self._slabs.part(slab, child.shared)
        finally:
            self._free.put(child)
        return self._slabs.given(part)


@contextmanager
def _child(slabs: ReadersApart) -> Iterator[_Child]:
    shared = np.frombuffer(mmap.mmap(-1, slabs.room), np.uint8)
    asked, asking = os.pipe()
    size = slabs.room * slabs.reader.layout.unpacked
    pieces = apart(partial(slabs.serve, asked, shared), slabs.label, size, asked)
    try:
        try:
            next(pieces)  # the file is open
        finally:
            os.close(asked)
        yield _Child(asking, pieces, shared)
    finally:
        pieces.close()
        os.close(asking)
