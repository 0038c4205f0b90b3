"""Signals that ask a run to end, as a question the loop asks between blocks."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, NoReturn

CAUGHT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGXCPU)

INSISTENT = (signal.SIGINT, signal.SIGTERM)
"""Those that somebody sends again who will not wait. A lost terminal sends SIGHUP by itself, from
the shell and from the kernel, and a limit of processor time SIGXCPU every second."""

ECHO = 0.1
"""Seconds within which a second signal is the first one again: timeout(1), for one, signals a
process and then its group, the process once more among it."""


class SignalFlag:
    """Once it watches, until it is left, a signal only sets `number`, that of the first.

    A second SIGINT or SIGTERM kills at once. What is ignored stays so, as under nohup(1) and in
    a shell's background. heard: told of each signal that does not kill, the repeated ones left
    out; it runs between any two instructions, so that it may write past all buffers only.

    Outside the main thread, where Python allows no handlers, it does nothing.
    """

    def __init__(self, heard: Callable[[signal.Signals], None] = lambda number: None) -> None:
        self.number: int | None = None
        self._heard = heard
        self._asked: float | None = None
        self._before: dict[int, Any] = {}

    def __bool__(self) -> bool:
        return self.number is not None

    def __enter__(self) -> SignalFlag:
        return self

    def watch(self) -> None:
        """From here on there is something to keep: until then a signal ends the process at once."""
        if threading.current_thread() is not threading.main_thread():
            return
        for number in CAUGHT:
            # None is a handler that is none of Python's, and cannot be put back.
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                self._before.setdefault(number, signal.signal(number, self._note))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        now, first = time.monotonic(), self.number is None
        if first:
            self.number = number
        if number in INSISTENT:
            if self._asked is not None:
                if now - self._asked > ECHO:
                    # Files are replaced atomically, so that dying here harms none of them.
                    die(number)
                return
            self._asked = now
        elif not first:
            return
        self._heard(signal.Signals(number))


def die(number: int) -> NoReturn:
    """End this process by the signal: an exit code of 130 would not stop a shell's loop."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    # Not reached unless the signal is blocked, or ends no process 1 as in a container; then the
    # code a shell would have made of it.
    os._exit(128 + number)
