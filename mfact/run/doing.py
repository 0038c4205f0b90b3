"""What a run is busy with beside its steps, in words, for those who wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mfact.words import format_bytes

Tell = Callable[[str, str], None]
"""Told what a run is busy with, and how far it is, each time it gets on; "" and "": with steps."""


def silent(what: str, far: str) -> None:
    """For those who do not wait."""


class Doing:
    """Says what a run is busy with.

    >>> doing = Doing(lambda *told: print(told))
    >>> doing.read(0.5)
    ('reading M', '50 %')
    >>> with doing.now("first passes"):
    ...     doing.passed(3)
    ('first passes', '')
    ('first passes', '3 passes so far')
    ('', '')
    >>> doing.streams(4096)
    >>> doing.read(0.5)
    ('reading M', '2.0 KiB of 4.0 KiB, pass 4')
    """

    def __init__(self, tell: Tell = silent) -> None:
        self._tell, self._what = tell, ""
        self._bytes = self._passes = 0
        self._elsewhere = False

    @contextmanager
    def now(self, what: str) -> Iterator[None]:
        """Within it the run is busy with this, before and after with its steps."""
        self._begin(what)
        try:
            yield
        finally:
            self._begin("")

    def streams(self, size: int, *, elsewhere: bool = False) -> None:
        """Each pass goes through M anew, so many bytes; 0: M is read once, into memory. elsewhere:
        others have read it.
        """
        self._bytes, self._elsewhere = size, elsewhere

    def read(self, share: float) -> None:
        """So much of M has been read, a share of 1."""
        far = f"{100 * share:.0f} %"
        if self._bytes:
            done = format_bytes(round(share * self._bytes))
            far = f"{done} of {format_bytes(self._bytes)}, pass {self._passes + 1}"
        self._tell("multiplying M" if self._elsewhere else "reading M", far)

    def passed(self, count: int) -> None:
        """So many passes over M have been taken in all."""
        self._passes = count
        self._tell(self._what, f"{count} passes so far" if self._what else "")

    def followed(self, share: float) -> None:
        """So much of the flow's time has been gone, a share of 1."""
        self._tell(self._what, f"{100 * share:.0f} %")

    def flown(self, log10_step: float) -> None:
        """So far has come the flow that decaying steps follow."""
        self._tell("fast-forward", f"step 10^{log10_step:.2f}")

    def _begin(self, what: str) -> None:
        self._what = what
        self._tell(what, "")


NOTHING = Doing()
"""For those who do not wait."""
