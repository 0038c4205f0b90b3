"""SIGINT and SIGTERM as a question the loop asks between blocks."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

CAUGHT = (signal.SIGINT, signal.SIGTERM)

ECHO = 0.1
"""Seconds within which a second signal is the first one again: timeout(1), for one, signals a
process and then its group, the process once more among it."""


class SignalFlag:
    """While entered, the first SIGINT or SIGTERM only sets `number`; a later one kills at once.

    Outside the main thread, where Python allows no handlers, it does nothing.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._since = 0.0
        self._before: dict[int, Any] = {}

    def __bool__(self) -> bool:
        return self.number is not None

    def __enter__(self) -> SignalFlag:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in CAUGHT}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.number is None:
            self.number, self._since = number, now
        elif now - self._since > ECHO:
            # Files are replaced atomically, so that dying here harms none of them.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
