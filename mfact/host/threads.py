"""Threads: the one number of BLAS's that a process has, and workers of one such thread each."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from contextvars import copy_context
from typing import Self, TypeVar

T = TypeVar("T")


class _Limits:
    """What the runs of this process ask of BLAS, whose number of threads is the process's own.

    asked: by each run that is on. found: library -> its number before the first of them.
    """

    def __init__(self) -> None:
        self.lock, self.asked = threading.Lock(), list[int]()
        self.found: dict[str, int] = {}
        # A child has none of the threads whose runs are on, and may find the lock held.
        os.register_at_fork(after_in_child=self._alone)

    def _alone(self) -> None:
        self.lock, self.asked = threading.Lock(), []

    @contextmanager
    def asked_for(self, count: int) -> Iterator[None]:
        self._set(self.asked.append, count)
        try:
            yield
        finally:
            self._set(self.asked.remove, count)

    def _set(self, change: Callable[[int], None], count: int) -> None:
        from threadpoolctl import ThreadpoolController

        with self.lock:
            change(count)
            for library in ThreadpoolController().select(user_api="blas").lib_controllers:
                before = self.found.setdefault(library.filepath, library.num_threads)
                library.set_num_threads(min(self.asked, default=before))
            if not self.asked:
                self.found.clear()


_LIMITS = _Limits()


def blas_threads(count: int | None) -> AbstractContextManager[None]:
    """BLAS limited to so many threads, one when not asked for more.

    Tiles and small factors are too small for BLAS to gain by threads, and on a machine that is
    busy its threads wait for each other: measured up to 200 times slower. Of runs that are on at
    once, in several threads, the least number holds; the last to end restores what the first found.
    """
    return _LIMITS.asked_for(count or 1)


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

        With `count` workers task i is taken by worker i mod count, after those before it.
        """
        if self._pool is None or len(tasks) < 2:
            return [task() for task in tasks]
        count = min(self.count, len(tasks))
        shares = [tasks[i::count] for i in range(count)]
        others = [self._pool.submit(copy_context().run, _all, share) for share in shares[1:]]
        found = [_all(shares[0]), *[other.result() for other in others]]
        return [found[i % count][i // count] for i in range(len(tasks))]


def _all(tasks: Sequence[Callable[[], T]]) -> list[T]:
    return [task() for task in tasks]
