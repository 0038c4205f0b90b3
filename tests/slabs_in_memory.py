"""A matrix in memory that is cut into slabs as a file is, and can fail like one."""

from __future__ import annotations

import threading
from contextlib import contextmanager

import numpy as np

from mfact.errors import StorageError


class ArraySlabs:
    """Slabs of `lines` lines of M. fails: slab -> what fetching it raises. open_now: readings that
    are on; fetched: slabs, in the order that they were asked for.
    """

    label = "M"

    def __init__(self, M, lines, *, columns=False, fails=None):
        self.M, self.columns, self.fails = np.asarray(M), columns, fails or {}
        self.shape, self.stored = self.M.shape, self.M.dtype
        count = self.shape[1] if columns else self.shape[0]
        self.cuts = (*range(0, count, lines), count)
        self.file_bytes = self.M.nbytes
        self.room = min(lines, count) * (self.M.size // count) * self.stored.itemsize
        self.open_now, self.fetched, self.most = 0, [], 0
        self._within, self._lock = 0, threading.Lock()

    @contextmanager
    def opened(self, readers):
        self.open_now += 1
        try:
            yield self
        finally:
            self.open_now -= 1

    def fetch(self, slab, room):
        with self._lock:
            self.fetched.append(slab)
            self._within += 1
            self.most = max(self.most, self._within)
        try:
            if slab in self.fails:
                raise self.fails[slab]
            lines = slice(self.cuts[slab], self.cuts[slab + 1])
            part = self.M[:, lines] if self.columns else self.M[lines]
            out = room[: part.nbytes].view(self.stored).reshape(part.shape)
            out[...] = part
            return out
        finally:
            with self._lock:
                self._within -= 1

    def place(self, slab, index):
        row, column = index
        first = self.cuts[slab]
        return (row, first + column) if self.columns else (first + row, column)


def early(slab):
    """What a file that ends raises."""
    return StorageError(f"M ends in slab {slab}", "copy it again")
