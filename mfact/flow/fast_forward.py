"""Decaying steps past the first few thousand, by the flow that they follow.

Plain steps are taken up to a hand-over step; from there the iterates are read off the modified
flow (mfact.flow.modified). Two copies run side by side: one handed over at step h, the other, its
companion, already at h/2. What lies between them at any later step is the error that the flow made
between steps h/2 and h, carried along; that of the copy reported is the part made after h, which
is smaller because the steps shrink. The hand-over step is doubled until this is small enough.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, inf, log1p

import numpy as np

from mfact.core import Array
from mfact.flow.clock import Clock
from mfact.flow.integrate import Stretch, integrate
from mfact.flow.modified import field
from mfact.flow.records import (
    FastForward,
    Record,
    State,
    limit_count,
    log10_step,
    next_step,
    next_time,
)
from mfact.flow.small import Small, stack
from mfact.schedules import PowerDecay

RTOL = 1e-13  # of one solver step, near the least that SciPy takes
FIRST_HANDOVER = 128  # the earliest step at which the flow is tried
MARGIN = 0.1  # what the trial may use up of the tolerance, the rest is for its growth


@dataclass(frozen=True)
class Course:
    """A fast-forward that is set up, to be run or resumed.

    small: the objective, in coordinates in which M = diag(σ). schedule: the steps.
    stop: called with each record; the first for which it is true is the last.
    tol: on Record.error. log10_limit: the largest log₁₀T. order: of the modified flow.
    max_plain_steps: the hand-over is not put off beyond, whatever its error.
    progress: called with each record of the flow and the state there. Should the estimate exceed
    `tol` after all, the flow begins again from a later hand-over, and so do these calls.

    Source: mfact, derived.

    >>> course = Course(Small(np.array([1.0]), 0.0), PowerDecay(0.3, 0.55),
    ...                 stop=lambda record: record.scalars.loss_excess < 1e-20)
    >>> done = course.run(np.array([[0.01]]), np.array([[0.01]]), start_step=0)
    >>> done.stopped, done.error < 1e-8, round(done.records[-1].log10_step, 2)
    (True, True, 4.0)
    """

    small: Small
    schedule: PowerDecay
    stop: Callable[[Record], bool]
    tol: float = 1e-8
    log10_limit: float = inf
    order: int = 4
    max_plain_steps: int = 1_000_000
    progress: Callable[[Record, State], None] | None = None

    def run(self, X: Array, Y: Array, start_step: int, flow_time: float = 0.0) -> FastForward:
        """From the iterate (X, Y), k×r each, after start_step steps; flow_time: their Ση."""
        at = _Plain(start_step, stack(X, Y), flow_time)
        first = self._plain_record(at)
        if self.stop(first) or log1p(start_step) >= limit_count(self.log10_limit):
            return FastForward((first,), self.stop(first), None)
        return self._from_plain(at, [first])

    def resume(self, state: State) -> FastForward:
        """From a state that `progress` was given: the records after it, bit for bit the same."""
        return self._from_state(state, [])

    @property
    def _clock(self) -> Clock:
        return Clock(self.schedule.first, self.schedule.power)

    def _from_plain(self, at: _Plain, records: list[Record]) -> FastForward:
        """Plain steps until the flow agrees with them over a doubling of the step number."""
        limit = limit_count(self.log10_limit)
        while at.step < FIRST_HANDOVER:
            at = self._to_record(at, FIRST_HANDOVER)
            records.append(self._plain_record(at))
            if (stopped := self.stop(records[-1])) or log1p(at.step) >= limit:
                return FastForward(tuple(records), stopped, None)
        while True:
            earlier = at
            while at.step < 2 * earlier.step:
                at = self._to_record(at, 2 * earlier.step)
                records.append(self._plain_record(at))
                if (stopped := self.stop(records[-1])) or log1p(at.step) >= limit:
                    return FastForward(tuple(records), stopped, None)
            trial = self._flow(earlier.Z, self._time(earlier.step), self._time(at.step), None)
            apart = _distance(at.Z, trial.Z)
            if apart <= MARGIN * self.tol or at.step >= self.max_plain_steps:
                state = State(
                    time=self._time(at.step),
                    next_step=trial.next_step,
                    solver_steps=trial.steps,
                    Z=np.stack([at.Z, trial.Z]),
                    handover=at.step,
                    handover_Z=at.Z,
                    handover_flow_time=at.flow_time,
                )
                return self._from_state(state, records)

    def _from_state(self, state: State, records: list[Record]) -> FastForward:
        """The flow from a record to the end, or back to plain steps if the error grows too large."""
        clock, limit = self._clock, limit_count(self.log10_limit)
        while clock.count_at(state.time) < limit:
            end = next_time(clock, state.time, float(self.small.sigma[0]), limit)
            stretch = self._flow(state.Z, state.time, end, state.next_step)
            state = State(
                time=end,
                next_step=stretch.next_step,
                solver_steps=state.solver_steps + stretch.steps,
                Z=stretch.Z,
                handover=state.handover,
                handover_Z=state.handover_Z,
                handover_flow_time=state.handover_flow_time,
            )
            record = self._flow_record(state)
            if record.error > self.tol and state.handover < self.max_plain_steps:
                at = _Plain(state.handover, state.handover_Z, state.handover_flow_time)
                kept = [r for r in records if r.log10_step <= log10_step(log1p(at.step))]
                return self._from_plain(at, kept)
            records.append(record)
            if self.progress is not None:
                self.progress(record, state)
            if self.stop(record):
                return FastForward(tuple(records), True, state)
        return FastForward(tuple(records), False, state)

    def _time(self, step: int) -> float:
        return self._clock.time(log1p(step))

    def _flow(self, Z: Array, start: float, end: float, first_step: float | None) -> Stretch:
        clock = self._clock
        return integrate(
            lambda s, z: field(self.small, z, clock.rates(s), self.order),
            start,
            end,
            Z,
            rtol=RTOL,
            first_step=first_step,
        )

    def _to_record(self, at: _Plain, target: int) -> _Plain:
        """Plain steps to the next record, but not beyond the target or the limit."""
        limit = limit_count(self.log10_limit)
        end = min(next_step(at.step), target)
        if log1p(end) > limit:
            end = round(exp(limit)) - 1
        etas = self.schedule.steps(at.step, end - at.step)
        Z = at.Z
        for eta in etas.tolist():
            Z = Z - eta * self.small.at(Z).gradient
        return _Plain(end, Z, at.flow_time + float(etas.sum()))

    def _plain_record(self, at: _Plain) -> Record:
        return Record(
            log10_step=log10_step(log1p(at.step)),
            flow_time=at.flow_time,
            step_size=self.schedule(at.step),
            X=at.Z[0],
            Y=at.Z[1],
            scalars=self.small.scalars(at.Z),
            error=0.0,
        )

    def _flow_record(self, state: State) -> Record:
        clock, start = self._clock, self._time(state.handover)
        beyond = clock.sum_minus_integral(state.time) - clock.sum_minus_integral(start)
        Z, companion = state.Z
        return Record(
            log10_step=log10_step(clock.count_at(state.time)),
            flow_time=state.handover_flow_time + (state.time - start) + beyond,
            step_size=clock.rates(state.time).eta,
            X=Z[0],
            Y=Z[1],
            scalars=self.small.scalars(Z),
            error=_distance(Z, companion) + RTOL * state.solver_steps,
        )


@dataclass(frozen=True)
class _Plain:
    """A plain iterate: its step number, the point, and Σ_{t<step} η_t."""

    step: int
    Z: Array
    flow_time: float


def _distance(Z: Array, other: Array) -> float:
    """‖Z − other‖/‖Z‖ over both factors."""
    return float(np.linalg.norm(Z - other) / np.linalg.norm(Z))
