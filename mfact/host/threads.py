"""Threads: how many the process may use, and workers of one BLAS thread each."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, Self, TypeVar

from mfact.host.cgroups import processors
from mfact.host.memory import limits_addresses
from mfact.host.pools import blas_pools

T = TypeVar("T")


class _Limit:
    """BLAS at one thread while runs of this process are on: the number is the process's own.

    on: how many are. found: of each library, by its file, itself and its number before the first.
    """

    def __init__(self) -> None:
        self.lock, self.on = threading.Lock(), 0
        self.found: dict[str, tuple[Any, int]] = {}
        # A child has none of the threads whose runs are on, and may find the lock held.
        os.register_at_fork(after_in_child=self._alone)

    def _alone(self) -> None:
        self.lock, self.on = threading.Lock(), 0

    @contextmanager
    def held(self) -> Iterator[None]:
        with self.lock:
            for library in blas_pools():
                self.found.setdefault(library.filepath, (library, library.num_threads))
                library.set_num_threads(1)
            self.on += 1
        try:
            yield
        finally:
            with self.lock:
                self.on -= 1
                if not self.on:
                    for library, before in self.found.values():
                        library.set_num_threads(before)
                    self.found.clear()


_LIMIT = _Limit()


def cores() -> int:
    """How many processors this process may use: those it may run on, or what the quotas of its
    control groups leave it, rounded up, where that is less.

    >>> cores() >= 1
    True
    """
    return max(1, math.ceil(min([len(os.sched_getaffinity(0)), *processors()])))


class Workers:
    """Threads that take tasks side by side, each with BLAS at one thread.

    The tasks are the same whatever their number, so that so are the bits of what comes of them,
    if it is put together in the tasks' order. What the caller asked of NumPy (errstate, setbufsize)
    holds in them.

    >>> with Workers(2) as workers:
    ...     workers.each([lambda: 1, lambda: 2, lambda: 3])
    [1, 2, 3]
    """

    def __init__(self, count: int = 1) -> None:
        self.count = count
        self._pool = ThreadPoolExecutor(count - 1) if count > 1 else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def each(self, tasks: Sequence[Callable[[], T]]) -> list[T]:
        """What each of the tasks returns, in their order; the caller's thread takes its share.

        With `count` workers task i is taken by worker i mod count, after those before it. What a
        task raises, or a signal, is raised when the others have ended the tasks they are at.
        """
        count = min(self.count, len(tasks))
        return self._all(tasks, [iter(range(i, len(tasks), count)) for i in range(count)])

    def shared(self, tasks: Sequence[Callable[[], T]]) -> list[T]:
        """The same, but each of the tasks is taken, in their order, by whoever is free."""
        # One step of a range is one step of the interpreter: no number is taken twice.
        return self._all(tasks, [iter(range(len(tasks)))] * min(self.count, len(tasks)))

    def _all(self, tasks: Sequence[Callable[[], T]], numbers: list[Iterator[int]]) -> list[T]:
        """What the tasks return, of which each worker takes those that it is given numbers of."""
        if self._pool is None or len(tasks) < 2:
            return [task() for task in tasks]
        found, ended = dict[int, T](), threading.Event()

        def work(mine: Iterator[int]) -> None:
            for number in mine:
                if ended.is_set():
                    break
                found[number] = tasks[number]()

        others = [self._pool.submit(copy_context().run, work, mine) for mine in numbers[1:]]
        try:
            work(numbers[0])
            for other in others:
                other.result()
        except BaseException:
            ended.set()
            # What the tasks write to is the caller's again once none is on.
            wait(others)
            raise
        return [found[number] for number in range(len(tasks))]


ALONE = Workers(1)
"""The caller's thread and no other."""


@contextmanager
def working(count: int | None = None) -> Iterator[Workers]:
    """So many workers, with BLAS at one thread each: no bit depends on the number of either.

    Tiles and small factors are too small for BLAS to gain by threads, and on a machine that is
    busy its threads wait for each other: measured up to 200 times slower. Of runs that are on at
    once, in several threads, the last to end restores what the first found. A library that is
    loaded within is limited from the next `working` on.

    count: None: as many as cores(), but one where addresses are limited: there each takes more
    than may be left, and who has a plan says how many fit (mfact.run.workers).
    """
    with _LIMIT.held(), Workers(count or (1 if limits_addresses() else cores())) as workers:
        yield workers
