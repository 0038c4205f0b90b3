"""Keeps the rows of the trace."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping

import numpy as np

from mfact.core import Array, Rows
from mfact.gradient_flow.records import next_step

KEPT_ROWS = 1000
"""With no --every given, the trace is thinned so that between half of these and all are kept."""

GROWTH = 4
"""Columns that are full grow by this part of themselves."""

Due = Array | slice  # type: ignore[explicit-any]

PAST_ALL = 1 << 62
"""Every step that is taken one by one is below this."""


def is_due(steps: Array, every: int | Array) -> Array:
    """Which steps are kept of every `every`-th, an integer of any size, or one for each step."""
    held = min(every, PAST_ALL) if isinstance(every, int) else every
    return np.asarray(steps % held == 0)


def apart(steps: Array) -> Array:
    """How far apart rows are kept when a run that thins them out comes to these steps: by the
    least power of two k with t < KEPT_ROWS·k, so that all that remain at its end are among them.

    >>> apart(np.array([999, 1000, 1999, 2000])).tolist()
    [1, 2, 2, 4]
    """
    return np.asarray(1 << np.frexp(steps // KEPT_ROWS)[1].astype(np.int64))


def is_recorded(steps: Array, every: int | None) -> Array:
    """Which of these steps are recorded, however long the run will be. every: None where the run
    thins its rows out.
    """
    return is_due(steps, every or apart(steps))


def _last(column: Array) -> Array:
    """The last row; one that is an array is copied, for its owner may write over it."""
    return np.asarray(column[-1]).copy() if column.ndim > 1 else column[-1]


class Recorder:
    """Keeps every k-th row of a run, step 0 and the last; k doubles as the run grows.

    every: k when it is given, of any size, else None: then k is the least power of two that keeps
    at most KEPT_ROWS rows, so that which rows are kept depends on the number of steps alone.
    most: rows, beyond which k doubles though it was given; None: then it stays. A row of a column
    may be an array.
    """

    def __init__(self, every: int | None = None, most: int | None = None) -> None:
        self.fixed = every is not None and most is None
        self.every, self.most = every or 1, most or KEPT_ROWS
        self.count = 0
        # Of each column the first `count` entries are rows; there is room for some more.
        self._held: dict[str, Array] = {}
        self.last: dict[str, Array] = {}

    @property
    def columns(self) -> dict[str, Array]:
        """The rows kept so far."""
        return {name: held[: self.count] for name, held in self._held.items()}

    def segment(self, rows: Rows) -> None:
        """Take in a block of steps that were all reached."""
        self.last = {name: _last(column) for name, column in rows.items()}
        due = self._due(rows["step"])
        if due is not None:
            self._append({name: column[due] for name, column in rows.items()})
        while not self.fixed and self.count > self.most:
            self.every *= 2
            left = is_due(self.columns["step"], self.every)
            self._held = {name: column[left] for name, column in self.columns.items()}
            self.count = len(self._held["step"])

    def _due(self, steps: Array) -> Due | None:
        """Which of these are kept, one step after another; None where none is."""
        first = -int(steps[0]) % self.every
        # A slice costs less than a mask.
        return slice(first, None, min(self.every, len(steps))) if first < len(steps) else None

    def keep(self, rows: Rows) -> None:
        """Keep all of these rows, whatever their step numbers."""
        self.last = {name: column[-1] for name, column in rows.items()}
        self._append(rows)

    def complete(self, row: Rows) -> None:
        """Fill in what the last row taken in did not tell; row: the same, of one step."""
        for name, column in row.items():
            if name in self.last and not np.any(np.isfinite(self.last[name])):
                self.last[name] = column[-1]
                if self.count and self._held["step"][self.count - 1] == self.last["step"]:
                    self._held[name][self.count - 1] = column[-1]

    def _append(self, rows: Rows) -> None:
        begun, first, self.count = bool(self._held), self.count, self.count + len(rows["step"])
        for name in dict.fromkeys([*self._held, *rows]):
            # A column that begins later, or ends earlier, is NaN where it is not known.
            new = np.asarray(rows.get(name, np.nan))
            held = self._held.get(name)
            if held is None:
                held = np.full((first, *new.shape[1:]), np.nan) if begun else new[:0]
            kind = held.dtype if held.dtype == new.dtype else np.result_type(held, new)
            if len(held) < self.count or held.dtype != kind:
                # Ahead by a share of what there is, so that each row is copied a few times in all.
                grown = np.empty((self.count + self.count // GROWTH, *new.shape[1:]), kind)
                grown[:first] = held[:first]
                held = grown
            held[first : self.count] = new
            self._held[name] = held

    def table(self) -> dict[str, Array]:
        """The recorded rows, the last row of the run among them; not copied: for the end."""
        count = self.count
        # Of t past the largest float only log₁₀ t tells steps apart, of t = 0 and 1 only t.
        kept = count > 0 and all(
            self._held[name][count - 1] == self.last[name] for name in ("step", "log10_step")
        )
        if self.last and not kept:
            self._append({name: np.array([value]) for name, value in self.last.items()})
        columns, self.count = self.columns, count
        return columns

    def state(self) -> dict[str, Array]:
        """The memory of the recorder, as arrays by name."""
        kept = {f"column/{name}": column for name, column in self.columns.items()}
        last = {f"last/{name}": np.asarray(value) for name, value in self.last.items()}
        return {"every": np.asarray(min(self.every, PAST_ALL)), **kept, **last}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take up the memory that state() gave."""
        if not self.fixed:
            self.every = int(state["every"])
        self._held = {
            name.removeprefix("column/"): value
            for name, value in state.items()
            if name.startswith("column/")
        }
        self.count = len(self._held.get("step", ()))
        self.last = {
            name.removeprefix("last/"): value[()]
            for name, value in state.items()
            if name.startswith("last/")
        }


class Decades(Recorder):
    """Keeps step 0, then so many rows of each decade of steps, round(10^{i/n}), and the last: close
    where a run is young and apart where it is old, as modes grow one after another.
    """

    def __init__(self, per_decade: int) -> None:
        super().__init__(1)
        self.per_decade = per_decade
        self._grid = [0]  # up to beyond the last step that was seen

    def _due(self, steps: Array) -> Due | None:
        first, last = int(steps[0]), int(steps[-1])
        while self._grid[-1] <= last:
            self._grid.append(next_step(self._grid[-1], self.per_decade))
        due = slice(bisect_left(self._grid, first), bisect_right(self._grid, last))
        found = self._grid[due]
        return np.array(found) - first if found else None
