"""Steps that decrease the loss: what the bounds on the drift rest on, of either kind of run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mfact.core import Array, Rows
from mfact.theory.monitoring import Peak, rounding_of_loss, step_label

COLUMNS = ("step", "loss", "gradient_norm", "step_size")


class Decrease:
    """Whether every step has f₊ ≤ f − (η/2)‖∇f‖², up to the rounding of f, and Σ η²‖∇f‖².

    A base of monitors, which keep what SEEN names. rise: by how much a step fell short.
    first_loss: f_0. last: the row before. skipped: the first row that is no step after its last.
    """

    rounding = staticmethod(rounding_of_loss)
    """Of f, by itself, the norm and ε as it is of that."""

    SEEN = ("rise", "first_loss", "last", "largest_step", "squares", "skipped")

    def __init__(self) -> None:
        self.rise = Peak()
        self.first_loss: float | None = None
        self.last: dict[str, float] | None = None
        self.largest_step = self.squares = 0.0
        self.skipped: str | None = None

    def follow(self, table: Mapping[str, Array], rows: Rows, norm: float, unit: float) -> Rows:
        """Take in a block, and give it back with the row before it in front.

        table: COLUMNS in float64, and others. norm, unit: those of the rounding of f.
        """
        first, last = ({name: float(column[i]) for name, column in table.items()} for i in (0, -1))
        # The first row of a run has no step before it: it is paired with itself.
        before = self.last or first
        columns = {name: np.append(before[name], column) for name, column in table.items()}
        with np.errstate(invalid="ignore", over="ignore"):  # of steps that have no numbers
            self._descend(columns, rows, norm, unit)
        self.first_loss = first["loss"] if self.first_loss is None else self.first_loss
        self.last = last
        return columns

    def _descend(self, columns: Rows, rows: Rows, norm: float, unit: float) -> None:
        loss, eta, taken = columns["loss"], columns["step_size"][:-1], np.diff(columns["step"])
        if self.skipped is None and len(gaps := np.flatnonzero(~np.isin(taken, (0.0, 1.0)))):
            self.skipped = step_label(rows, int(gaps[0]))
        promised = np.where(taken != 0, 0.5 * eta * columns["gradient_norm"][:-1] ** 2, 0.0)
        allowed = 2 * self.rounding(loss[:-1], norm, unit)
        self.rise.see(promised - (loss[:-1] - loss[1:]), allowed, rows)
        self.largest_step = max(self.largest_step, float(np.max(eta)))
        # In their order, so that the sum does not depend on the cut into blocks.
        self.squares = float(np.cumsum(np.append(self.squares, 2 * eta * promised))[-1])

    def shortcomings(self, f: str) -> list[str]:
        """What of the hypothesis is not so, in words; f: what the loss is called."""
        lacks = []
        if self.rise.over:
            lacks.append(f"step {self.rise.over} decreased {f} by less than (η/2)‖∇{f}‖²")
        if self.skipped:
            lacks.append(f"steps were skipped before step {self.skipped}, so not each was seen")
        return lacks

    @property
    def bound(self) -> float:
        """2 η_max (f_0 − f_T)."""
        assert self.first_loss is not None
        assert self.last is not None
        return 2 * self.largest_step * (self.first_loss - self.last["loss"])
