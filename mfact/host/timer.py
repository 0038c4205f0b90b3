"""How long a run has taken: all of it, and the part that was solving."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

CLOCK = {"seconds", "time", "date", "started", "finished", "rate", "steps_per_second"}
"""Entries of a result that a clock measured; so are those named …_seconds."""


class Timer:
    """Counts the seconds of a run, one for all its stages and parts.

    began: the moment, as `now` tells it, from which on all seconds count; the present one when
    None. now: the time in seconds, which never goes back.

    >>> moments = iter([10.0, 11.0, 13.0, 18.0, 19.0, 20.0])
    >>> timer = Timer(now=lambda: next(moments))
    >>> with timer.solving():
    ...     with timer.looking():
    ...         pass
    >>> timer.seconds, timer.wall_seconds
    (3.0, 10.0)
    """

    def __init__(
        self, began: float | None = None, now: Callable[[], float] = time.perf_counter
    ) -> None:
        self._now = now
        self._began = now() if began is None else began
        self._solved = 0.0
        self._since: float | None = None  # when it went over to solving, None where it has not

    @property
    def seconds(self) -> float:
        """Of solving alone."""
        return self._solved + (0.0 if self._since is None else self._now() - self._since)

    @property
    def wall_seconds(self) -> float:
        """Of everything: reading, setting up, solving and looking at it."""
        return self._now() - self._began

    def add(self, seconds: float, wall_seconds: float) -> None:
        """Count those of an earlier part of the run as well."""
        self._solved += seconds
        self._began -= wall_seconds

    def solving(self) -> AbstractContextManager[None]:
        """Within it the seconds are of solving, but for those within looking()."""
        return self._as(solving=True)

    def looking(self) -> AbstractContextManager[None]:
        """Within it somebody looks at the run, or keeps it: its observers, its checkpoints."""
        return self._as(solving=False)

    @contextmanager
    def _as(self, *, solving: bool) -> Iterator[None]:
        before = self._since is not None
        self._go_over(solving)
        try:
            yield
        finally:
            self._go_over(before)

    def _go_over(self, solving: bool) -> None:
        now = self._now()
        if self._since is not None:
            self._solved += now - self._since
        self._since = now if solving else None


def of_clock(name: str) -> bool:
    """Whether an entry of a result is what a clock measured, by its name.

    >>> of_clock("wall_seconds"), of_clock("loss")
    (True, False)
    """
    return name in CLOCK or name.endswith("_seconds")
