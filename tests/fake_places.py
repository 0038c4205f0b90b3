"""Places for M without a cluster or a device: the file itself, read here, and this memory."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np

from mfact.errors import SettingsError
from mfact.targets import streamed
from mfact.targets.blocks import BlockTarget
from mfact.targets.dense import DenseTarget
from mfact.targets.door import CLUSTER, DEVICE, HELD, IN_FILE, Elsewhere

TOLD = {"shards": 3, "workers": 2, "tasks": 4, "column_bytes": 1000, "worker_bytes": 5 << 20,
        "worker_limit": 6 << 30, "threads": 1, "dask": "2026.8"}  # fmt: skip


class Cluster:
    """Reads the slabs of the file itself. made: the targets; asked: what each was opened with;
    open: whether somebody is connected; at: the reading of each target that fails, with `error`.
    """

    def __init__(self):
        self.made, self.asked, self.open, self.at, self.error = [], [], False, None, None

    @contextmanager
    def connected(self, scheduler, workers, note):
        self.asked.append((scheduler, workers))
        self.open = True
        note("the scheduler is at tcp://here")
        try:
            yield self
        finally:
            self.open = False

    def of(self, matrix, dtype):
        if matrix.sparse:
            raise SettingsError("it is sparse", "leave out --workers")

        def make(told, workers):
            slabs = streamed.streamed(matrix)[0].slabs
            found = Reading(slabs, dtype, workers=workers, told=told)
            found.at, found.error, found.readings = self.at, self.error, 0
            self.made.append(found)
            return found

        size = matrix.slabs(streamed.SLAB_BYTES).file_bytes
        return Elsewhere(CLUSTER, 1 << 20, size, {HELD: IN_FILE}, make, TOLD)


class Reading(BlockTarget):
    """The slabs of a file, of which a reading may fail."""

    def read(self, *asked, **how):
        self.readings += 1
        if self.readings == self.at:
            raise self.error
        super().read(*asked, **how)


class Card:
    """A device with a limit on what it takes: so many entries. made: the targets."""

    def __init__(self, most=10**9):
        self.most, self.made = most, []

    def device(self, name, note):
        if name == "auto" and not self.most:
            note("there is no device: M is held here")
            return None
        return self

    def of(self, matrix, dtype):
        def make(told, workers):
            whole = matrix.read(dtype, told) if hasattr(matrix, "read") else np.asarray(matrix)
            # Its last digits are its own.
            self.made.append(DenseTarget(np.asfortranarray(whole.astype(dtype))))
            return self.made[-1]

        size = int(np.prod(np.shape(matrix))) * np.dtype(dtype).itemsize
        return Elsewhere(DEVICE, 0, size, {"device": "a card"}, make, {"worker_limit": 1 << 34})
