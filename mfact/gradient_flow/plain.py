"""Plain gradient steps in small coordinates, until a flow takes over."""

from __future__ import annotations

from dataclasses import dataclass
from math import log1p

import numpy as np

from mfact.core import Array, Schedule
from mfact.errors import MfactError
from mfact.gradient_flow.records import Record, step_numbers
from mfact.gradient_flow.small import Small

OVERFLOW = 1e50  # the fourth power of an entry, in the penalty, must be a number


@dataclass(frozen=True)
class Iterate:
    """A plain iterate: its step number t, the point, (2, k, r), and Σ_{i<t} η_i."""

    step: int
    Z: Array
    flow_time: float

    def at(self, small: Small, schedule: Schedule, end: int) -> Iterate:
        """The iterate at step `end` ≥ step: Z ← Z − η_t g(Z), step by step.

        Raises MfactError when the steps diverge.

        >>> from mfact.schedules import Constant
        >>> start = Iterate(0, np.ones((2, 1, 1)), 0.0)
        >>> start.at(Small(np.array([1.0]), 0.0), Constant(0.1), 5).flow_time
        0.5
        """
        etas = schedule.steps(self.step, end - self.step)
        Z = self.Z
        with np.errstate(over="ignore", invalid="ignore"):
            for eta in etas.tolist():
                Z = Z - eta * small.at(Z).gradient
        if not np.abs(Z).max() < OVERFLOW:
            raise MfactError(f"the steps diverged before step {end}", "take a smaller first step")
        return Iterate(end, Z, self.flow_time + float(etas.sum()))

    def record(self, small: Small, schedule: Schedule) -> Record:
        """The record of this iterate, which is exact."""
        return Record(
            step=self.step,
            log10_step=step_numbers(log1p(self.step))[1],
            flow_time=self.flow_time,
            step_size=schedule(self.step),
            X=self.Z[0],
            Y=self.Z[1],
            scalars=small.scalars(self.Z),
            error=0.0,
        )
