"""Fast-forward as a stage of a run: the flow that decaying steps follow, in the run's bases."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mfact.core import Array, Outcome, State
from mfact.descent import At
from mfact.engines.coordinates import singular
from mfact.gradient_flow.clock import Clock
from mfact.gradient_flow.fast_forward import Course
from mfact.gradient_flow.records import EXACT, FastForward, Record, count_of
from mfact.gradient_flow.records import State as FlightState
from mfact.problems.diagonal import Diagonal, stack, turned
from mfact.run.flown import keep_grams, leak_until, maps_between, row_of, with_grams
from mfact.run.modes import DECADES_FLOWN
from mfact.run.progress import Flown, Landed, Live, Plan, Progress
from mfact.run.rescue import Rescue
from mfact.schedules import PowerDecay
from mfact.settings import MOST_PLAIN_STEPS
from mfact.stopping import Stop
from mfact.words import shown

READY = 1e-12
"""Relative Ritz residual of the leading r pairs, which the run is on its way to, before the flow
takes over: in a basis that holds them it does not leak."""

ROUNDED = 64.0
"""Residuals and errors below this, in units of the eps of the passes over M, are rounding."""

LEAK_SHARE = 0.1
"""The part of --ff-tol that may leak out of the basis."""


def fast_forward(
    plan: Plan, progress: Progress, live: Live, rescue: Rescue
) -> tuple[Progress, Stop | None]:
    """From where decaying steps take off, or from a record, to the end of the run."""
    return _Flight(plan, progress, live, rescue).fly()


class _Flight:
    """One fast-forward. rows: of the trace, so far. leaked: relative weight left outside the bases.

    at: the last record that it could go on from, coming: the one that is being looked at.
    """

    def __init__(self, plan: Plan, progress: Progress, live: Live, rescue: Rescue) -> None:
        assert plan.flow is not None
        assert progress.flight is not None
        assert isinstance(plan.chosen.schedule, PowerDecay)
        self.plan, self.live, self.rescue = plan, live, rescue
        self.reach, self.schedule, self.begun = plan.flow, plan.chosen.schedule, progress
        self.settings = plan.asked.settings
        self.state, self.known = progress.at.state, progress.at.known
        flown = progress.flight
        self.at, self.leaked, self.worst = flown.at, flown.leaked, flown.error
        self.rows: list[Mapping[str, float]] = list(flown.rows)
        self.grams = dict(flown.grams)
        self.at_limit = self.must_extend = False
        self.stop: Stop | None = None
        self.previous: tuple[Array, Array, float] | None = None
        self.coming: FlightState | None = None

    def fly(self) -> tuple[Progress, Stop | None]:
        """To the end of the run, or to where an escape has left the bases."""
        if self.at is None:
            self.state = self.reach.settled(self.state, max(READY, ROUNDED * self.reach.eps))
        while True:
            done = self._course().resume(self.at) if self.at else self._take_off()
            if self.must_extend:
                self.state = self._moved(self.reach.extended(self.state))
                continue
            state, stop = self._landed(done), self.stop
            if stop is not None and stop.needs:
                # It takes off anew from where an escape has led, by plain steps at first.
                early = done.records[-1].step <= MOST_PLAIN_STEPS
                # At the limit it ends where it is: no row would tell of the point escaped to.
                goes_on = self.plan.judge.escapes and early and not self.at_limit
                judge = replace(self.plan.judge, escapes=goes_on)
                found = judge(state, stop, self.known)
                self.live.watch.hold(found.wait_until, found.ask_below)
                escaped = found.known.escapes > self.known.escapes
                state, stop, self.known = found.state, found.stop, found.known
                if state.coordinates.size is None:
                    # Its bases may not grow: it escapes, and goes on, on the factors themselves.
                    self._show()
                    return replace(self.begun, at=At(state, None, self.known), flight=None), stop
                if stop is None and not self.at_limit:
                    # The optimum was not yet known well enough, or this is a saddle: go on.
                    self.at = None if escaped else self.coming
                    self.state = self._moved(state)
                    continue
            if stop is None:
                limit = shown(self.settings.max_iter)
                stop = Stop(0, Outcome.ITERATION_LIMIT, f"--max-iter is {limit}")
            self._show()
            return self._progress(state, self._landing(done)), stop

    # -- the flow -------------------------------------------------------------------------------

    def _course(self) -> Course:
        self.stop, self.must_extend = None, False
        self.previous = self.coming = None
        if self.at is not None:
            self.previous = (self.at.Z[0, 0], self.at.Z[0, 1], self.rows[-1]["flow_time"])
        return Course(
            Diagonal(singular(self.state).sigma, self.plan.problem.weight),
            self.schedule,
            stop=self._stop,
            tol=self._tol,
            max_step=self.settings.max_iter,
            progress=self._coming,
        )

    def _take_off(self) -> FastForward:
        X, Y = singular(self.state).factors(self.state.point)
        return self._course().run(X, Y, self.state.step, self.state.ledger.flow_time)

    def _stop(self, record: Record) -> bool:
        """Whether the flow ends at this record; every record passes here, in order."""
        while self.rows and self.rows[-1]["log10_step"] >= record.log10_step:
            self.rows.pop()  # the flow began again from a later hand-over
            self.grams.pop(len(self.rows), None)
            self.leaked, self.worst, self.previous, self.at = 0.0, 0.0, None, None
        row = row_of(self.plan, self.state, record, self.leaked)
        leaked = self.leaked + leak_until(record, self.previous, singular(self.state))
        if leaked > LEAK_SHARE * self._tol and not self.reach.full(self.state):
            self.must_extend = True
            return True
        columns = {name: np.array([value]) for name, value in row.items()}
        self.stop = self.live.watch.point(columns)
        self.at_limit = self._is_last(record)
        if self.at_limit:
            # It lies off the grid of records: a higher limit goes on from the one before.
            self._look(last=True, asked=False)
        self.live.doing.flown(record.log10_step)
        self.leaked, self.worst = leaked, max(self.worst, record.error)
        self.rows.append(row)
        if self.live.modes is not None:
            keep_grams(
                self.grams, len(self.rows) - 1, record, DECADES_FLOWN * self.live.modes.per_decade
            )
        self.previous = (record.X, record.Y, record.flow_time)
        if self.at_limit or self.stop is not None:
            # Nor is a record kept that ends the run: who goes on from it would miss the end.
            return True
        if self.coming is not None:
            self.at, self.coming = self.coming, None
        limit, asked = self.settings.max_time, bool(self.live.caught)
        if limit is not None and self.live.timer.wall_seconds >= limit:
            self.stop = Stop(0, Outcome.TIME_LIMIT, f"--max-time is {limit:g} s")
        if asked:
            self.stop = Stop(0, Outcome.INTERRUPTED, "a signal asked it to stop")
        self._look(last=self.stop is not None, asked=asked)
        return self.stop is not None

    def _is_last(self, record: Record) -> bool:
        """Whether the limit on the steps ends the flight here."""
        limit = self.settings.max_iter
        if limit is None:
            return False
        if self.coming is None:
            return record.step >= limit
        clock = Clock(self.schedule.first, self.schedule.power)
        return self.coming.time >= clock.time(count_of(limit))

    def _coming(self, record: Record, state: FlightState) -> None:
        self.coming = state

    @property
    def _tol(self) -> float:
        """The relative error that may be added, at least what the passes over M round."""
        return max(self.settings.ff_tol, ROUNDED * self.reach.eps)

    # -- what is seen of it -----------------------------------------------------------------------

    def _show(self) -> None:
        """Let the observers see the rows, in one block."""
        recorder = self.live.recorder
        last = float(recorder.last["log10_step"]) if recorder.last else -math.inf
        rows = [row for row in self.rows if row["log10_step"] > last]
        if not rows:
            return
        table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        self.rescue.ending()
        with self.live.timer.looking():
            recorder.keep(table)
            if self.live.modes is not None:
                self.live.modes.keep(with_grams(table, self.grams, len(self.rows)))
            for observer in (self.live.monitors, *self.live.observers):
                observer.segment(table)

    # -- states -----------------------------------------------------------------------------------

    def _landed(self, done: FastForward) -> State:
        """The run's state at the last record."""
        record, state = done.records[-1], self.state
        z = np.ascontiguousarray(turned(stack(record.X, record.Y)))
        error = (self.worst + self.leaked) * float(np.linalg.norm(z))
        return replace(
            state,
            step=int(record.step) if record.log10_step < EXACT else state.step,
            point=(z,),
            ledger=replace(state.ledger, flow_time=record.flow_time),
            distance=replace(state.distance, bound=state.distance.bound + error, tangent=None),
        )

    def _landing(self, done: FastForward) -> Landed:
        plain = self.state.step if done.state is None else done.state.handover
        return Landed(done.records[-1].log10_step, plain, self.worst + self.leaked)

    def _moved(self, state: State) -> State:
        """The flight in the coordinates of `state`, whose bases hold those of the old one."""
        if self.at is None:
            return state
        old, new = singular(self.state), singular(state)
        maps = maps_between(old, new)

        def carried(Z: Array) -> Array:
            return np.stack([maps[0] @ Z[..., 0, :, :], maps[1] @ Z[..., 1, :, :]], axis=-3)

        self.at = replace(self.at, Z=carried(self.at.Z), handover_Z=carried(self.at.handover_Z))
        # The state at take-off, for what is read from it, in the same coordinates.
        point = turned(carried(turned(self.state.point[0])))
        distance = replace(self.state.distance, tangent=None)
        return replace(self.state, point=(point,), distance=distance, coordinates=new)

    def _progress(self, state: State, landed: Landed | None = None) -> Progress:
        rows, grams = tuple(self.rows), dict(self.grams)
        flown = Flown(self.at, rows, self.leaked, self.worst, landed, grams)
        return replace(self.begun, at=At(state, None, self.known), flight=flown)

    def _look(self, *, last: bool, asked: bool) -> None:
        self.rescue.look(self._progress(self.state), last=last, asked=asked)
