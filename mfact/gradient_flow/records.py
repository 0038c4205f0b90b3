"""What a fast-forward records, where it records, and what it can be resumed from."""

from __future__ import annotations

from dataclasses import dataclass
from math import expm1, inf, log, log1p, log10

import numpy as np

from mfact.core import Array, Schedule
from mfact.errors import MfactError
from mfact.gradient_flow.clock import Clock
from mfact.problems.diagonal import Diagonal, Scalars

LOG_10 = log(10.0)
PER_DECADE = 20
GROWTH = 0.025  # of the flow time from record to record, where decades of steps are too fine
FLOOR = 0.25  # least flow time between records, in units of 1/σ₁
EXACT = 12.0  # log₁₀ of the step numbers that ln(T + 1) in float64 gives back as whole numbers

LARGEST = 709.0  # ln of the numbers that float64 has
OVERFLOW = 1e50  # the fourth power of an entry, in the penalty, must be a number


@dataclass(frozen=True)
class Record:
    """The point after T steps.

    step: T, a whole number up to 1e12, inf where float64 ends. log10_step: log₁₀T.
    flow_time: Σ_{t<T} η_t. step_size: η_T. X, Y: the factors, k×r.
    scalars: loss above the optimum, norms … (mfact.problems.diagonal.Scalars).
    error: estimated relative distance of (X, Y) to the plain iterates, zero for these themselves.
    """

    step: float
    log10_step: float
    flow_time: float
    step_size: float
    X: Array
    Y: Array
    scalars: Scalars
    error: float


@dataclass(frozen=True)
class Iterate:
    """A plain iterate: its step number t, the point, (2, k, r), and Σ_{i<t} η_i."""

    step: int
    Z: Array
    flow_time: float

    def at(self, problem: Diagonal, schedule: Schedule, end: int) -> Iterate:
        """The iterate at step `end` ≥ step. Raises MfactError when the steps diverge.

        >>> from mfact.schedules import Constant
        >>> start = Iterate(0, np.ones((2, 1, 1)), 0.0)
        >>> start.at(Diagonal(np.array([1.0]), 0.0), Constant(0.1), 5).flow_time
        0.5
        """
        etas = schedule.steps(self.step, end - self.step)
        Z = problem.descended(self.Z, etas.tolist())
        if not np.abs(Z).max() < OVERFLOW:
            raise MfactError(f"the steps diverged before step {end}", "take a smaller first step")
        return Iterate(end, Z, self.flow_time + float(etas.sum()))

    def record(self, problem: Diagonal, schedule: Schedule) -> Record:
        """The record of this iterate, which is exact."""
        return Record(
            step=self.step,
            log10_step=step_numbers(log1p(self.step))[1],
            flow_time=self.flow_time,
            step_size=schedule(self.step),
            X=self.Z[0],
            Y=self.Z[1],
            scalars=problem.scalars(self.Z),
            error=0.0,
        )


@dataclass(frozen=True)
class State:
    """All that the rest of a fast-forward depends on, at a record: numbers and plain arrays.

    time: s of the clock. next_step: the solver's step to go on with. solver_steps: taken so far.
    Z: (3, 2, k, r), the point and its two companions. handover: the step h at which plain steps
    ended; handover_Z: the point there, (2, k, r); handover_flow_time: Σ_{t<h} η_t.
    """

    time: float
    next_step: float
    solver_steps: int
    Z: Array
    handover: int
    handover_Z: Array
    handover_flow_time: float


@dataclass(frozen=True)
class FastForward:
    """What a fast-forward found.

    records: by increasing T; the last is where `stop` held (stopped is true) or where the limit
    on the steps was reached. state: to resume from; None when plain steps were enough.
    error: the largest estimated relative distance to the plain iterates.
    """

    records: tuple[Record, ...]
    stopped: bool
    state: State | None

    @property
    def error(self) -> float:
        return max(record.error for record in self.records)


def count_of(max_step: int | None) -> float:
    """ln(T + 1) at T = max_step, an integer of any size; inf for None.

    >>> round(count_of(99), 6), round(count_of(10**50_000), 3), count_of(None)
    (4.60517, 115129.255, inf)
    """
    return inf if max_step is None else log(max_step + 1)


def step_numbers(count: float) -> tuple[float, float]:
    """(T, log₁₀T) from ln(T + 1).

    >>> step_numbers(count_of(1000)), round(step_numbers(count_of(10**400))[1], 9)
    ((1000.0, 3.0), 400.0)
    """
    if count < EXACT * LOG_10:
        step = float(round(expm1(count)))
        return step, log10(step) if step else -inf
    return expm1(count) if count < LARGEST else inf, count / LOG_10


def next_step(step: int, per_decade: int = PER_DECADE) -> int:
    """The first step number after `step` on the grid round(10^{i/n}), n of them a decade.

    >>> [next_step(t) for t in (0, 1, 10, 100)], next_step(1000, 2)
    ([1, 2, 11, 112], 3162)
    """
    if step == 0:
        return 1
    power = int(per_decade * log10(step))
    while (found := round(float(10.0 ** (power / per_decade)))) <= step:
        power += 1
    return found


def next_time(clock: Clock, time: float, sigma_1: float, limit: float) -> float:
    """The flow time of the record after that at `time`, from nothing else; limit is ln(T + 1).

    The next of 20 a decade of T, or where these are too fine, 2.5 % or 1/(4σ₁) later.
    """
    apart = max(GROWTH * time, FLOOR / sigma_1)
    count = max(clock.count_at(time) + LOG_10 / PER_DECADE, clock.count_at(time + apart))
    if count < EXACT * LOG_10:
        count = log1p(round(expm1(count)))
    return clock.time(min(count, limit))
