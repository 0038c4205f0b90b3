"""The line on a terminal that tells how a run is getting on."""

from __future__ import annotations

import contextlib
import math
import os
import select
import time
from collections.abc import Callable
from typing import TextIO

from mfact.core import Result, Rows
from mfact.report.terminal import Look, look_of
from mfact.report.text import duration, exponent, step_text
from mfact.theory.facts import Facts

INTERVAL = 0.1
CLEAR = "\r\x1b[K"


def write_now(stream: TextIO | None, text: str) -> None:
    """Write to a terminal past all buffers, from a signal's handler too.

    A terminal that is gone, or takes nothing now (Ctrl-S, a stuck connection), neither ends a run
    nor holds it up: the text is dropped.
    """
    if stream is None:
        return
    with contextlib.suppress(OSError, ValueError):
        try:
            descriptor = stream.fileno()
        except OSError:  # no file: a text in memory
            stream.write(text)
            return
        ready = select.poll()
        ready.register(descriptor, select.POLLOUT)
        if ready.poll(0):
            os.write(descriptor, text.encode(stream.encoding, "backslashreplace"))


class ProgressLine:
    """An observer that rewrites one line: step, residual, imbalance, rate, time left.

    The line is drawn at most ten times a second and is gone when the run stops; make
    one only for a terminal that obeys escapes. `clock` is in seconds.
    """

    def __init__(
        self, stream: TextIO, look: Look | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._look = look or look_of(stream)
        self._clock = clock
        self._most, self._tol = (math.inf, math.inf), 0.0
        self._started = self._drawn = clock()
        self._first: dict[str, float] = {}
        self._last: dict[str, float] = {}

    def start(self, facts: Facts) -> None:
        """Remember the limits that the time left is judged by, and when the run began."""
        steps = math.inf if facts.max_iter is None else float(min(facts.max_iter, 1e308))
        self._most = steps, math.inf if facts.max_time is None else facts.max_time
        self._tol = facts.tol
        self._drawn = self._clock()
        self._started = self._drawn - facts.wall_seconds

    def segment(self, rows: Rows) -> None:
        """Take the last of a block of steps, and draw when the last drawing is old enough."""
        now = self._clock()
        if not len(rows.get("step", ())):
            return
        if not self._first:
            self._first = _row(rows, 0) | {"clock": now}
        self._last = _row(rows, -1) | {"clock": now}
        if now - self._drawn >= INTERVAL:
            self._drawn = now
            line = self._look.symbols(self.text())
            write_now(self._stream, CLEAR + line[: self._look.width - 1])

    def stop(self, result: Result) -> None:
        """Leave the terminal as it was."""
        self.clear()

    def clear(self) -> None:
        """Wipe the line, also when a run ends by an error; harmless when there is none."""
        write_now(self._stream, CLEAR)

    def text(self) -> str:
        """The line, without control characters."""
        last = self._last
        parts = [f"step {step_text(last['step'], last.get('log10_step', math.nan))}"]
        labels = {"relative_residual": "‖R‖/‖M‖", "gap": "gap", "imbalance": "‖D‖"}
        for name, label in labels.items():
            if not math.isnan(last.get(name, math.nan)):
                parts.append(f"{label} {exponent(last[name])}")
        rate = self.rate()
        if math.isfinite(rate):
            parts.append(f"{rate:,.0f} steps/s")
        parts.append(f"left: {self.left()}")
        return "  ".join(parts)

    def rate(self) -> float:
        """Steps a second since the first block; nan before there are two."""
        seconds = self._last["clock"] - self._first["clock"]
        steps = self._last["step"] - self._first["step"]
        return steps / seconds if seconds > 0 and steps > 0 else math.nan

    def left(self) -> str:
        """Time until the tolerance at the present pace of the gap, and at most until a limit."""
        rate, last, first = self.rate(), self._last, self._first
        steps, seconds = self._most
        most = self._started + seconds - last["clock"]
        if math.isfinite(rate):
            most = min(most, (steps - last["step"]) / rate)
        most = max(most, 0.0)
        gap, gap0, tol = last.get("gap", 0), first.get("gap", 0), self._tol
        if 0 < tol < gap < gap0 and last["clock"] > first["clock"]:
            pace = math.log(gap0 / gap) / (last["clock"] - first["clock"])
            if math.log(gap / tol) / pace < most:
                return f"about {duration(float(round(math.log(gap / tol) / pace)))}"
        return f"at most {duration(float(round(most)))}" if math.isfinite(most) else "unknown"


def _row(rows: Rows, index: int) -> dict[str, float]:
    names = ("step", "log10_step", "relative_residual", "gap", "imbalance")
    return {name: float(rows[name][index]) for name in names if name in rows}
