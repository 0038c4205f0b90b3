"""BLAS threads, of which a process has one number: what the runs that are on ask of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


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

    def enter(self, count: int) -> None:
        with self.lock:
            self.asked.append(count)
            self._set()

    def leave(self, count: int) -> None:
        with self.lock:
            self.asked.remove(count)
            self._set()

    def _set(self) -> None:
        from threadpoolctl import ThreadpoolController

        for library in ThreadpoolController().select(user_api="blas").lib_controllers:
            before = self.found.setdefault(library.filepath, library.num_threads)
            library.set_num_threads(min(self.asked, default=before))
        if not self.asked:
            self.found.clear()


_LIMITS = _Limits()


@contextmanager
def blas_threads(count: int | None) -> Iterator[None]:
    """BLAS limited to so many threads, one when not asked for more.

    Tiles and small factors are too small for BLAS to gain by threads, and on a machine that is
    busy its threads wait for each other: measured up to 200 times slower. Of runs that are on at
    once, in several threads, the least number holds; the last to end restores what the first found.
    """
    asked = count or 1
    _LIMITS.enter(asked)
    try:
        yield
    finally:
        _LIMITS.leave(asked)
