"""How a run is getting on: a line that a terminal rewrites, or one now and then in a log."""

from __future__ import annotations

import contextlib
import math
import os
import select
import time
from collections.abc import Callable
from typing import Protocol, TextIO

import numpy as np

from mfact.core import Ended, Rows
from mfact.report.terminal import look_of
from mfact.report.text import duration, exponent, step_text

INTERVAL = 0.1
CLEAR = "\r\x1b[K"
_GUTTER = "  "
_SHOWN = {"gap": "gap", "relative_residual": "‖R‖/‖M‖", "imbalance": "‖D‖"}
_OF_NETWORKS = {"loss": "L", "drift": "‖Q−Q₀‖"}


class Limits(Protocol):
    """What is told of a run of any kind before it begins (see mfact.theory)."""

    @property
    def tol(self) -> float: ...

    @property
    def max_iter(self) -> int | None: ...

    @property
    def max_time(self) -> float | None: ...

    @property
    def wall_seconds(self) -> float: ...


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


class Progress:
    """An observer that tells the time left first, then step, gap, residual, imbalance, rate; of a
    network loss and drift.

    show: given a line, and "" where the one that stands is to be wiped. interval: seconds between
    two lines at least. width: characters that there are, parts that do not fit are left out; None
    for a log, in which no line stands to be wiped. clock: in seconds.
    """

    def __init__(
        self,
        show: Callable[[str], None],
        interval: float,
        width: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._show, self._interval, self._clock = show, interval, clock
        self._width, self._rewrites = width or math.inf, width is not None
        self._most, self._tol = (math.inf, math.inf), 0.0
        self._began = self._started = self._drawn = clock()
        self._doing, self._visible = ("", ""), False
        self._first: dict[str, float] = {}
        self._last: dict[str, float] = {}

    def busy(self, what: str, far: str) -> None:
        """Take what the run is busy with beside its steps, and how far it is; "": with steps."""
        # A line that stands is not to say what is over while something else takes long.
        stale = self._visible and what != self._doing[0]
        self._doing = what, far
        self._draw(self._clock(), at_once=stale)

    def start(self, facts: Limits) -> None:
        """Remember the limits that the time left is judged by, and when the run began."""
        steps = math.inf if facts.max_iter is None else float(min(facts.max_iter, 1e308))
        self._most = steps, math.inf if facts.max_time is None else facts.max_time
        self._tol = facts.tol
        self._started = self._clock() - facts.wall_seconds

    def segment(self, rows: Rows) -> None:
        """Take the last of a block of steps."""
        now = self._clock()
        if not len(rows.get("step", ())):
            return
        if not self._first:
            self._first = _row(rows, 0) | {"clock": now}
        self._last, self._doing = _row(rows, -1) | {"clock": now}, ("", "")
        self._draw(now)

    def stop(self, result: Ended) -> None:
        """Leave the terminal as it was."""
        self.clear()

    def clear(self) -> None:
        """Wipe the line, also when a run ends by an error; harmless when there is none."""
        if self._visible:
            self._show("")
        self._visible = False

    def _draw(self, now: float, *, at_once: bool = False) -> None:
        if at_once or now - self._drawn >= self._interval:
            line = self.line()
            if line or self._visible:
                self._drawn, self._visible = now, bool(line) and self._rewrites
                self._show(line)

    def line(self) -> str:
        """As much of what is known now as fits."""
        parts = self._busy_parts() if self._doing[0] else self._step_parts()
        line = ""
        for part in parts:
            longer = line + _GUTTER + part if line else part
            if len(longer) > self._width:
                break
            line = longer
        return line

    def _busy_parts(self) -> list[str]:
        return [*filter(None, self._doing), duration(float(round(self._clock() - self._began)))]

    def _step_parts(self) -> list[str]:
        last = self._last
        if not last:
            return []
        left = self.left()
        parts = [f"left: {left}"] if left else []
        parts.append(f"step {step_text(last['step'], last.get('log10_step', math.nan))}")
        for name, label in (_OF_NETWORKS if "loss" in last else _SHOWN).items():
            if not math.isnan(last.get(name, math.nan)):
                parts.append(f"{label} {exponent(last[name])}")
        rate = self.rate()
        return [*parts, f"{rate:,.0f} steps/s"] if math.isfinite(rate) else parts

    def rate(self) -> float:
        """Steps a second since the first block; nan before there are two."""
        seconds = self._last["clock"] - self._first["clock"]
        steps = self._last["step"] - self._first["step"]
        return steps / seconds if seconds > 0 and steps > 0 else math.nan

    def left(self) -> str:
        """Time until the tolerance at the present pace of the gap, and at most until a limit; empty
        where nothing is known of it.
        """
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
        return f"at most {duration(float(round(most)))}" if math.isfinite(most) else ""


def on_terminal(stream: TextIO, clock: Callable[[], float] = time.monotonic) -> Progress:
    """A line that is rewritten ten times a second; for a terminal that obeys escapes."""
    look = look_of(stream)

    def show(line: str) -> None:
        write_now(stream, CLEAR + look.symbols(line)[: look.width - 1])

    return Progress(show, INTERVAL, look.width - 1, clock)


def heartbeat(
    note: Callable[[str], None], seconds: float, clock: Callable[[], float] = time.monotonic
) -> Progress:
    """A note every so many seconds, for a log that nobody may look at before the end."""
    return Progress(note, seconds, clock=clock)


def _row(rows: Rows, index: int) -> dict[str, float]:
    """Of a network the laws of the last row that was measured."""
    if "euler" not in rows:
        names = ("step", "log10_step", *_SHOWN)
        return {name: float(rows[name][index]) for name in names if name in rows}
    measured = np.flatnonzero(np.isfinite(rows["drift"]))
    places = dict.fromkeys(("step", "log10_step", "loss"), index)
    places |= {"drift": int(measured[-1])} if len(measured) else {}
    return {name: float(rows[name][place]) for name, place in places.items()}
