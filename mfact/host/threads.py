"""BLAS threads, of which a process has one number: what the runs that are on ask of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager


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
