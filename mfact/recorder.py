"""Keeps the rows of the trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mfact.core import Array

KEPT_ROWS = 1000
"""With no --every given, the trace is thinned so that between half of these and all are kept."""

HIDDEN = ("optimum", "above", "distance")
"""Columns that rows carry for the summary only."""


class Recorder:
    """Keeps every k-th row of a run, step 0 and the last; k doubles as the run grows.

    every: k when it is given, else None: then k is the least power of two that keeps at most
    KEPT_ROWS rows, so that which rows are kept depends on the number of steps alone.
    """

    def __init__(self, every: int | None = None) -> None:
        self.fixed = every is not None
        self.every = every or 1
        self.columns: dict[str, Array] = {}
        self.last: dict[str, Any] = {}

    def segment(self, rows: Mapping[str, Array]) -> None:
        """Take in a block of steps that were all reached."""
        self.last = {name: column[-1] for name, column in rows.items()}
        self._append({name: col[rows["step"] % self.every == 0] for name, col in rows.items()})
        while not self.fixed and len(self.columns["step"]) > KEPT_ROWS:
            self.every *= 2
            due = self.columns["step"] % self.every == 0
            self.columns = {name: column[due] for name, column in self.columns.items()}

    def keep(self, rows: Mapping[str, Array]) -> None:
        """Keep all of these rows, whatever their step numbers."""
        self.last = {name: column[-1] for name, column in rows.items()}
        self._append(rows)

    def _append(self, rows: Mapping[str, Array]) -> None:
        if not self.columns:
            self.columns = dict(rows)
            return
        # A column that begins later, or ends earlier, is NaN where it is not known.
        before, after = (np.full(len(part["step"]), np.nan) for part in (self.columns, rows))
        for name in dict.fromkeys([*self.columns, *rows]):
            parts = [self.columns.get(name, before), rows.get(name, after)]
            self.columns[name] = np.concatenate(parts)

    def table(self) -> dict[str, Array]:
        """The recorded rows, the last row of the run among them."""
        columns = dict(self.columns)
        # Of t past the largest float only log₁₀ t tells steps apart, of t = 0 and 1 only t.
        kept = len(columns.get("step", ())) > 0 and all(
            columns[name][-1] == self.last[name] for name in ("step", "log10_step")
        )
        if self.last and not kept:
            columns = {
                name: np.append(column, self.last.get(name, np.nan))
                for name, column in columns.items()
            }
        return columns

    def state(self) -> dict[str, Array]:
        """The memory of the recorder, as arrays by name."""
        kept = {f"column/{name}": column for name, column in self.columns.items()}
        last = {f"last/{name}": np.asarray(value) for name, value in self.last.items()}
        return {"every": np.asarray(self.every), **kept, **last}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take up the memory that state() gave."""
        self.every = int(state["every"])
        self.columns = {
            name.removeprefix("column/"): value
            for name, value in state.items()
            if name.startswith("column/")
        }
        self.last = {
            name.removeprefix("last/"): value[()]
            for name, value in state.items()
            if name.startswith("last/")
        }
