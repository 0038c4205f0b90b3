"""One reading of a matrix in slabs: some threads read ahead, others work, sums keep their order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial
from typing import Protocol

import numpy as np

from mfact.core import Array
from mfact.matrices.slabs import Fetcher, Slabs
from mfact.matrices.values import Told, silent


class Work(Protocol):
    """What one thread does with the slabs that it gets, which come in their order."""

    def take(self, slab: int, block: Array) -> None:
        """Work on the entries of a slab, beside other threads that work on others."""

    def add(self) -> None:
        """What take() made joins the rest: called in the order of all slabs, one at a time."""


def read_through(
    slabs: Slabs, works: Sequence[Work], *, readers: int, depth: int, told: Told = silent
) -> None:
    """Every slab once: read by `readers` threads into `depth` buffers, each taken by one of works.

    The first of works is the caller's thread's, the others have threads of their own, in which
    holds what the caller asked of NumPy (errstate). told: by the caller's thread, what share has
    been read. An error in any thread ends the reading and is raised here; all threads have ended
    then, also where a signal's handler raises.

    Raises StorageError where the file ends early or is another one than it was.
    """
    count = len(slabs.cuts) - 1
    with slabs.opened(readers) as fetcher:
        reading = _Reading(slabs, fetcher, depth)
        jobs: list[Callable[[], None]] = [reading.read] * min(readers, count)
        jobs += [partial(reading.work, work) for work in works[1:count]]
        reading.share(jobs, works[0], told)


class _Reading:
    """What the threads of a reading know of each other, behind one condition.

    A buffer is taken together with the number of a slab, and slabs are worked on in the order of
    their numbers: else all workers could wait for a slab that no buffer is left for.
    """

    def __init__(self, slabs: Slabs, fetcher: Fetcher, depth: int) -> None:
        self._fetcher, self._count = fetcher, len(slabs.cuts) - 1
        depth = max(1, min(depth, self._count))
        self._free = [np.empty(slabs.room, np.uint8) for _ in range(depth)]
        self._ready: dict[int, tuple[Array, Array]] = {}
        self._to_read = self._to_take = self._turn = 0
        self._error: BaseException | None = None
        self._change = threading.Condition()

    def share(self, jobs: Sequence[Callable[[], None]], mine: Work, told: Told) -> None:
        """All jobs in threads beside the caller's own work, to the end of all."""
        threads = [
            threading.Thread(target=copy_context().run, args=(self._guarded, job)) for job in jobs
        ]
        started: list[threading.Thread] = []
        try:
            for thread in threads:
                thread.start()
                started.append(thread)
            self.work(mine, told)
        except BaseException as error:
            self._fail(error)
        while started:
            try:
                started[-1].join()
                started.pop()
            except BaseException as error:  # a second Ctrl-C, for one: they still end first
                self._fail(error)
        if self._error is not None:
            raise self._error

    def read(self) -> None:
        """Slab after slab, as long as there are any."""
        while True:
            with self._change:
                self._change.wait_for(lambda: self._free or self._over(self._to_read))
                if self._over(self._to_read):
                    return
                slab, room = self._to_read, self._free.pop()
                self._to_read += 1
            block = self._fetcher.fetch(slab, room)
            with self._change:
                self._ready[slab] = block, room
                self._change.notify_all()

    def work(self, work: Work, told: Told = silent) -> None:
        """The next slab, as long as there are any."""
        while (given := self._taken()) is not None:
            slab, block, room = given
            work.take(slab, block)
            if not self._turn_of(slab, room):
                return
            work.add()
            with self._change:
                self._turn += 1
                self._change.notify_all()
            told((slab + 1) / self._count)

    def _taken(self) -> tuple[int, Array, Array] | None:
        """The next slab once it has been read, its entries and their buffer; None after the last,
        and where the reading has failed.
        """
        with self._change:
            if self._over(slab := self._to_take):
                return None
            self._to_take += 1
            self._change.wait_for(lambda: self._error is not None or slab in self._ready)
            return None if self._error is not None else (slab, *self._ready.pop(slab))

    def _turn_of(self, slab: int, room: Array) -> bool:
        """Give the buffer back, and wait for those before; False where the reading has failed."""
        with self._change:
            self._free.append(room)
            self._change.notify_all()
            self._change.wait_for(lambda: self._error is not None or self._turn == slab)
            return self._error is None

    def _over(self, following: int) -> bool:
        return self._error is not None or following >= self._count

    def _guarded(self, job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """The first error ends the work of all."""
        with self._change:
            self._error = self._error or error
            self._change.notify_all()
