"""Decaying steps past the first few thousand, by the flow that they follow.

Plain steps are taken up to a hand-over step h; from there the iterates are read off the modified
flow (mfact.gradient_flow.modified). Two companions run beside it. One was handed over at h/2
already: its distance is the error of that hand-over, carried along, which a hand-over at h
undercuts because the steps shrink. The other has a field that is off by about the terms that the
modified flow leaves out: its distance is the error made since h. Twice the sum is reported, with
the solver's tolerance, and h is doubled until it is small enough, or MOST_PLAIN_STEPS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import log1p

import numpy as np

from mfact.core import Array
from mfact.gradient_flow.clock import Clock
from mfact.gradient_flow.integrate import Stretch, integrate
from mfact.gradient_flow.modified import ORDERS, field, needed_order
from mfact.gradient_flow.records import (
    FastForward,
    Iterate,
    Record,
    State,
    count_of,
    next_step,
    next_time,
    step_numbers,
)
from mfact.problems.diagonal import Diagonal, stack
from mfact.schedules import PowerDecay
from mfact.settings import MOST_PLAIN_STEPS

RTOL = 1e-13  # of one solver step, near the least that SciPy takes
NEGLIGIBLE = 0.1  # what terms left out between two records may add up to, in units of RTOL
FIRST_HANDOVER = 128  # the earliest step at which the flow is tried
SAFETY = 2.0  # on the distances to the companions
MARGIN = 0.1  # what the trial may use up of the tolerance, the rest is for its growth


@dataclass(frozen=True)
class Course:
    """A fast-forward that is set up, to be run or resumed.

    problem: the objective, in coordinates in which M = diag(σ). schedule: the steps.
    stop: called with each record; the first for which it is true is the last.
    tol: on the estimated relative distance to the plain iterates, without the solver's tolerance of
    1e-13 a step. max_step: the largest T, None for no limit.
    progress: called with each record of the flow and the state there. Should the estimate exceed
    `tol` after all, the flow begins again from a later hand-over, and so do these calls.

    Source: mfact, derived.

    >>> course = Course(Diagonal(np.array([1.0]), 0.0), PowerDecay(0.3, 0.55),
    ...                 stop=lambda record: record.scalars.loss_excess < 1e-20)
    >>> done = course.run(np.array([[0.01]]), np.array([[0.01]]), start_step=0)
    >>> done.stopped, done.error < 1e-8, round(done.records[-1].log10_step, 2)
    (True, True, 3.11)
    """

    problem: Diagonal
    schedule: PowerDecay
    stop: Callable[[Record], bool]
    tol: float = 1e-8
    max_step: int | None = None
    progress: Callable[[Record, State], None] | None = None

    def run(self, X: Array, Y: Array, start_step: int, flow_time: float = 0.0) -> FastForward:
        """From the iterate (X, Y), k×r each, after start_step steps; flow_time: their Ση.

        Plain steps go on to 2·start_step at least, and to 256.
        Raises MfactError when they diverge.
        """
        at = Iterate(start_step, stack(X, Y), flow_time)
        first = at.record(self.problem, self.schedule)
        if (stopped := self.stop(first)) or self._at_limit(start_step):
            return FastForward((first,), stopped, None)
        return self._from_plain(at, [first])

    def resume(self, state: State) -> FastForward:
        """From a state that `progress` was given: the records after it, bit for bit the same."""
        return self._from_state(state, [])

    @property
    def _clock(self) -> Clock:
        return Clock(self.schedule.first, self.schedule.power)

    def _from_plain(self, at: Iterate, records: list[Record]) -> FastForward:
        """Plain steps until the flow agrees with them over a doubling of the step number."""
        target = max(FIRST_HANDOVER, at.step)
        while True:
            earlier = at
            while at.step < target:
                at = self._to_record(at, target)
                records.append(at.record(self.problem, self.schedule))
                if (stopped := self.stop(records[-1])) or self._at_limit(at.step):
                    return FastForward(tuple(records), stopped, None)
            if at.step > earlier.step >= FIRST_HANDOVER:
                trial = self._trial(earlier, at.step)
                fits = _distance(at.Z, trial.Z) <= MARGIN * self.tol
                if fits or at.step >= MOST_PLAIN_STEPS:
                    return self._from_state(self._handed_over(at, trial), records)
            target = 2 * at.step

    def _trial(self, at: Iterate, end: int) -> Stretch:
        """The flow from a plain iterate to step `end`."""
        sharpness = self.problem.sharpness(at.Z)
        return self._flow(at.Z, self._time(at.step), self._time(end), None, sharpness, 0.0)

    def _handed_over(self, at: Iterate, trial: Stretch) -> State:
        return State(
            time=self._time(at.step),
            next_step=trial.next_step,
            solver_steps=trial.steps,
            Z=np.stack([at.Z, trial.Z, at.Z]),
            handover=at.step,
            handover_Z=at.Z,
            handover_flow_time=at.flow_time,
        )

    def _from_state(self, state: State, records: list[Record]) -> FastForward:
        """The flow from a record to the end, or back to plain steps if the error grows."""
        sharpness = self.problem.sharpness(state.handover_Z)
        # Each term of the modified flow is smaller than the one before by η times a curvature:
        # the last term of the second companion is too large by that.
        excess = np.array([0.0, 0.0, sharpness]).reshape(3, 1, 1, 1)
        while (end := self._next_time(state.time)) > state.time:
            stretch = self._flow(state.Z, state.time, end, state.next_step, sharpness, excess)
            steps = state.solver_steps + stretch.steps
            state = replace(
                state, time=end, next_step=stretch.next_step, solver_steps=steps, Z=stretch.Z
            )
            record = self._flow_record(state)
            if _apart(state) > self.tol and state.handover < MOST_PLAIN_STEPS:
                at = Iterate(state.handover, state.handover_Z, state.handover_flow_time)
                kept = [r for r in records if r.step <= at.step]
                return self._from_plain(at, kept)
            records.append(record)
            if self.progress is not None:
                self.progress(record, state)
            if self.stop(record):
                return FastForward(tuple(records), True, state)
        return FastForward(tuple(records), False, state)

    def _time(self, step: int) -> float:
        return self._clock.time(log1p(step))

    def _at_limit(self, step: int) -> bool:
        return self.max_step is not None and step >= self.max_step

    def _next_time(self, time: float) -> float:
        limit = count_of(self.max_step)
        return next_time(self._clock, time, float(self.problem.sigma[0]), limit)

    def _flow(
        self,
        Z: Array,
        start: float,
        end: float,
        first_step: float | None,
        sharpness: float,
        excess: Array | float,
    ) -> Stretch:
        """From `start` to `end`; excess: of the last term of the modified flow, in units of η."""
        clock = self._clock
        negligible = NEGLIGIBLE * RTOL / (end - start)
        order = needed_order(self.problem, Z, clock.rates(start), ORDERS[-1], negligible)
        if order < ORDERS[-1]:
            excess = 0.0  # it stands for terms beyond all orders, which are negligible too

        def slope(s: float, z: Array) -> Array:
            rates = clock.rates(s)
            return field(self.problem, z, rates, order, excess * rates.eta)

        return integrate(
            slope, start, end, Z, rtol=RTOL, first_step=first_step, sharpness=sharpness
        )

    def _to_record(self, at: Iterate, target: int) -> Iterate:
        """Plain steps to the next record, but not beyond the target or the limit."""
        end = min(next_step(at.step), target)
        if self.max_step is not None:
            end = min(end, self.max_step)
        return at.at(self.problem, self.schedule, end)

    def _flow_record(self, state: State) -> Record:
        clock, start = self._clock, self._time(state.handover)
        beyond = clock.sum_minus_integral(state.time) - clock.sum_minus_integral(start)
        step, log10_step = step_numbers(clock.count_at(state.time))
        return Record(
            step=step,
            log10_step=log10_step,
            flow_time=state.handover_flow_time + (state.time - start) + beyond,
            step_size=clock.rates(state.time).eta,
            X=state.Z[0, 0],
            Y=state.Z[0, 1],
            scalars=self.problem.scalars(state.Z[0]),
            error=_apart(state) + RTOL * state.solver_steps,
        )


def _apart(state: State) -> float:
    """The estimated error of the flow, without that of its solver."""
    Z, earlier, off = state.Z
    return SAFETY * (_distance(Z, earlier) + _distance(Z, off))


def _distance(Z: Array, other: Array) -> float:
    """‖Z − other‖/‖Z‖ over both factors."""
    return float(np.linalg.norm(Z - other) / np.linalg.norm(Z))
