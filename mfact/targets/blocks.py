"""A dense matrix that stays in its file: each pass reads it anew, slab by slab."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import numpy as np

from mfact.core import Array
from mfact.host.threads import ALONE, Workers
from mfact.matrices.slabs import Slabs, lines_of
from mfact.matrices.values import Told, silent
from mfact.targets.pieces import FirstLook, Share
from mfact.targets.readahead import read_through
from mfact.targets.reading import Asked, TreeSums, gathered
from mfact.targets.slabbed import SlabTarget

READERS = 2
"""Threads that read ahead: one is slower than most disks, more gain nothing on them."""


class BlockTarget(SlabTarget):
    """M as the slabs of a file, of which a few are in memory at a time, during a pass.

    slabs, dtype, stored_eps: of SlabTarget. workers: share each pass. depth: buffers of a slab
    each. readers: threads that fill them. told: what share of M has been read, in each pass. No
    bit depends on the last four. A pass raises StorageError for a file that is another one than it
    was, or ends early.

    seconds: that the latest reading took, 0 before the first.
    """

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
        super().__init__(slabs, dtype, stored_eps)
        self.workers, self.depth, self.readers = workers, depth, readers
        self.seconds, self._told = 0.0, told

    def read(self, asked: Asked, looks: tuple[FirstLook, ...], depth: int | None = None) -> None:
        """One reading: what the pieces of a slab add to its part of the totals joins them in the
        order of the slabs.
        """
        sums = TreeSums(len(self.slabs.cuts) - 1, asked.totals)
        shares = [Share(self.pieces, asked, looks, sums.add) for _ in range(self.workers.count)]
        began = time.perf_counter()
        read_through(
            self.slabs, shares, readers=self.readers, depth=depth or self.depth, told=self._told
        )
        self.seconds = time.perf_counter() - began

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
        out = np.empty((min(height, count), self.pieces.width), self.dtype)
        with self.all_told(), slabs.opened(1) as fetcher:
            for slab, first in enumerate(slabs.cuts[:-1]):
                lines, top = self.pieces.lines(fetcher.fetch(slab, room)), 0
                while top < len(lines):
                    raw = lines[top : top + len(out) - filled]
                    self.pieces.store(raw, out[filled : filled + len(raw)], slab, top)
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
        for left in range(0, self.pieces.width, wide):
            panel = self._panel(slice(left, min(left + wide, self.pieces.width)))
            for top in range(0, len(panel), height):
                yield panel[top : top + height]

    def _panel(self, across: slice) -> Array:
        """So many of them, one reading."""
        panel = np.empty((across.stop - across.start, lines_of(self.slabs)), self.dtype)
        asked = Asked(partial(gathered, across), *self._none, panel.T)
        self.ask(asked, partial(self.read, depth=2))
        return panel
