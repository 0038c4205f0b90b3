"""Fast-forward as part of a run: the engine's coordinates, the run's rules, the flow's steps."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from mfact.core import Array, Outcome, Schedule, State
from mfact.descent import Finish
from mfact.engines.reduced import ReducedEngine
from mfact.gradient_flow.clock import Clock
from mfact.gradient_flow.fast_forward import Course
from mfact.gradient_flow.records import EXACT, FastForward, Record, count_of
from mfact.gradient_flow.records import State as FlightState
from mfact.gradient_flow.small import Small
from mfact.schedules import PowerDecay
from mfact.settings import MOST_PLAIN_STEPS, TAKE_OFF
from mfact.stopping import Verdict
from mfact.words import shown

if TYPE_CHECKING:
    from mfact.run.running import Run

READY = 1e-12
"""Relative Ritz residual of the leading r pairs, which the run is on its way to, before the flow
takes over: in a basis that holds them it does not leak."""

ROUNDED = 64.0
"""Residuals and errors below this, in units of the eps of the passes over M, are rounding."""

LEAK_SHARE = 0.1
"""The part of --ff-tol that may leak out of the basis."""


def takes_off(schedule: Schedule, step: int) -> bool:
    """Whether a run with these step sizes goes over to the flow at this step."""
    return isinstance(schedule, PowerDecay) and step == TAKE_OFF


class Flight:
    """One fast-forward: from the state of a run to its end.

    rows: of the trace, so far. leaked: relative weight left outside the bases, so far.
    """

    def __init__(self, run: Run) -> None:
        assert isinstance(run.engine, ReducedEngine)
        assert isinstance(run.plan.schedule, PowerDecay)
        self.run, self.engine, self.schedule = run, run.engine, run.plan.schedule
        self.state = run.state
        self.at: FlightState | None = run.flight
        self.rows: list[dict[str, float]] = [dict(row) for row in run.flight_rows]
        self.leaked, self.worst = run.flight_leak, run.flight_error
        self.at_limit = False
        run.in_flight = True
        self.verdict: Verdict | None = None
        self.must_extend = False
        self.previous: tuple[Array, Array, float] | None = None
        self.coming: FlightState | None = None

    def fly(self) -> Finish:
        """To the end of the run."""
        if self.at is None:
            self.state = self.engine.settle(self.state, max(READY, ROUNDED * self.engine.eps))
        while True:
            done = self._course().resume(self.at) if self.at else self._take_off()
            if self.must_extend:
                self.state = self._moved(self.engine.extended(self.state))
                continue
            state, verdict = self._state_of(done), self.verdict
            if verdict is not None and verdict.needs:
                escapes = self.run.judge.escapes
                # It takes off anew from where an escape has led, by plain steps at first.
                early = done.records[-1].step <= MOST_PLAIN_STEPS
                # At the limit it ends where it is: no row would tell of the point escaped to.
                goes_on = early and not self.at_limit
                self.run.judge.may_escape = self.run.settings.escape and goes_on
                state, verdict = self.run.judge(state, verdict)
                if verdict is None and not self.at_limit:
                    # The optimum was not yet known well enough, or this is a saddle: go on.
                    self.at = self.coming if self.run.judge.escapes == escapes else None
                    self.state = self._moved(state)
                    continue
            if verdict is None:
                limit = shown(self.run.settings.max_iter)
                verdict = Verdict(0, Outcome.ITERATION_LIMIT, f"--max-iter is {limit}")
            self._show()
            return Finish(state, verdict.outcome, verdict.reason)

    # -- the flow -------------------------------------------------------------------------------

    def _course(self) -> Course:
        spectrum = self.state.coordinates.spectrum
        self.verdict, self.must_extend = None, False
        self.previous = self.coming = None
        if self.at is not None:
            self.previous = (self.at.Z[0, 0], self.at.Z[0, 1], self.rows[-1]["flow_time"])
        return Course(
            Small(spectrum.sigma, self.run.plan.problem.weight),
            self.schedule,
            stop=self._stop,
            tol=self._tol,
            max_step=self.run.settings.max_iter,
            progress=self._progress,
        )

    def _take_off(self) -> FastForward:
        state = self.state
        return self._course().run(
            state.point[0].T, state.point[1].T, state.step, state.conserved.flow_time
        )

    def _stop(self, record: Record) -> bool:
        """Whether the flow ends at this record; every record passes here, in order."""
        while self.rows and self.rows[-1]["log10_step"] >= record.log10_step:
            self.rows.pop()  # the flow began again from a later hand-over
            self.leaked, self.worst, self.previous, self.at = 0.0, 0.0, None, None
        row = self._row(record)
        leaked = self._leak(record)
        if leaked > LEAK_SHARE * self._tol and not self._full:
            self.must_extend = True
            return True
        columns = {name: np.array([value]) for name, value in row.items()}
        self.verdict = self.run.watch.point(columns)
        self.at_limit = self._is_last(record)
        if self.at_limit:
            # It lies off the grid of records: a higher limit goes on from the one before.
            self._checkpoint(asked=True)
        self.leaked, self.worst = leaked, max(self.worst, record.error)
        self.rows.append(row)
        self.previous = (record.X, record.Y, record.flow_time)
        if self.at_limit or self.verdict is not None:
            # Nor is a record kept that ends the run: who goes on from it would miss the end.
            return True
        if self.coming is not None:
            self.at, self.coming = self.coming, None
        limit = self.run.settings.max_time
        if limit is not None and self.run.timer.wall_seconds >= limit:
            self.verdict = Verdict(0, Outcome.TIME_LIMIT, f"--max-time is {limit:g} s")
        if self.run.asked_to_stop():
            self.verdict = Verdict(0, Outcome.INTERRUPTED, "a signal asked it to stop")
        self._checkpoint(asked=self.verdict is not None)
        return self.verdict is not None

    def _is_last(self, record: Record) -> bool:
        """Whether the limit on the steps ends the flight here."""
        limit = self.run.settings.max_iter
        if limit is None:
            return False
        if self.coming is None:
            return record.step >= limit
        clock = Clock(self.schedule.first, self.schedule.power)
        return self.coming.time >= clock.time(count_of(limit))

    def _progress(self, record: Record, state: FlightState) -> None:
        self.coming = state

    def _leak(self, record: Record) -> float:
        """What leaks until this record, relative to the factors: the larger of both ends' rates."""
        spectrum = self.state.coordinates.spectrum
        if self.state.coordinates.basis.exhausted or self.previous is None:
            return self.leaked
        before_X, before_Y, before_time = self.previous
        rates = [
            math.hypot(
                float(np.linalg.norm(spectrum.leak_left @ Y)),
                float(np.linalg.norm(spectrum.leak_right @ X)),
            )
            / math.hypot(float(np.linalg.norm(X)), float(np.linalg.norm(Y)))
            for X, Y in ((before_X, before_Y), (record.X, record.Y))
        ]
        return self.leaked + max(rates) * (record.flow_time - before_time)

    @property
    def _tol(self) -> float:
        """The relative error that may be added, at least what the passes over M round."""
        return max(self.run.settings.ff_tol, ROUNDED * self.engine.eps)

    @property
    def _full(self) -> bool:
        return bool(self.state.coordinates.basis.exhausted) or self.engine.memory_ends(self.state)

    # -- what is seen of it -----------------------------------------------------------------------

    def _row(self, record: Record) -> dict[str, float]:
        """The columns of the trace at a record; the ledger is not kept here."""
        run, X, Y, scalars = self.run, record.X, record.Y, record.scalars
        norm = run.target.norm
        spectrum = self.state.coordinates.spectrum
        above = float(spectrum.above(scalars.loss_excess))
        loss = above + spectrum.floor
        D = X.T @ X - Y.T @ Y
        kept = self.state.conserved
        row = {
            "step": record.step,
            "log10_step": record.log10_step,
            "step_size": record.step_size,
            "flow_time": record.flow_time,
            "loss": loss,
            "penalty": scalars.penalty,
            "relative_residual": math.sqrt(2 * max(loss, 0.0)) / norm,
            "above": above,
            "gap": max(above, 0.0) / spectrum.unit,
            "gradient_norm": scalars.gradient_norm,
            "imbalance": scalars.imbalance,
            "relative_imbalance": scalars.imbalance / norm,
            "drift": float(np.linalg.norm(D - kept.start)),
            "norm_ratio": scalars.size_X / scalars.size_Y if scalars.size_Y else math.nan,
            "size_U": scalars.size_X,
            "size_V": scalars.size_Y,
            "leak": self.leaked,
            "optimum": spectrum.floor,
            "distance": record.error * math.sqrt(scalars.size_X + scalars.size_Y),
        }
        if run.settings.rank == 1:
            row["alignment_U"], row["alignment_V"] = abs(float(X[0, 0])), abs(float(Y[0, 0]))
        return row

    def _show(self) -> None:
        """Let the observers see the rows, in one block."""
        rows = [row for row in self.rows if row["log10_step"] > self._last_shown]
        if not rows:
            return
        table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        with self.run.timer.looking():
            self.run.recorder.keep(table)
            for observer in (self.run.monitors, *self.run.observers):
                observer.segment(table)

    @property
    def _last_shown(self) -> float:
        last = self.run.recorder.last
        return float(last["log10_step"]) if last else -math.inf

    # -- states -----------------------------------------------------------------------------------

    def _state_of(self, done: FastForward) -> State:
        """The run's state at the last record."""
        record = done.records[-1]
        point = np.ascontiguousarray([record.X.T, record.Y.T])
        step = int(record.step) if record.log10_step < EXACT else self.state.step
        error = (self.worst + self.leaked) * float(np.linalg.norm(point))
        kept = dataclasses.replace(
            self.state.conserved,
            flow_time=record.flow_time,
            distance=self.state.conserved.distance + error,
            tangent=None,
        )
        self.run.landed = {
            "log10_iterations": record.log10_step,
            "plain_steps": self.state.step if done.state is None else done.state.handover,
            "fast_forward_error": self.worst + self.leaked,
        }
        return State(step, point, kept, self.state.coordinates)

    def _moved(self, state: State) -> State:
        """The flight in the coordinates of `state`, whose bases hold those of the old one."""
        if self.at is not None:
            old, new = self.state.coordinates, state.coordinates
            maps = [
                after[:width].T @ before[:width]
                for before, after, width in (
                    (old.spectrum.phi, new.spectrum.phi, old.basis.left.known),
                    (old.spectrum.psi, new.spectrum.psi, old.basis.right.known),
                )
            ]

            def carried(Z: Array) -> Array:
                return np.stack([maps[0] @ Z[..., 0, :, :], maps[1] @ Z[..., 1, :, :]], axis=-3)

            self.at = dataclasses.replace(
                self.at, Z=carried(self.at.Z), handover_Z=carried(self.at.handover_Z)
            )
            # The state at take-off, for what is read from it, in the same coordinates.
            point = carried(self.state.point.swapaxes(-1, -2)).swapaxes(-1, -2)
            kept = dataclasses.replace(self.state.conserved, tangent=None)
            return dataclasses.replace(self.state, point=point, conserved=kept, coordinates=new)
        return state

    def _checkpoint(self, *, asked: bool) -> None:
        run = self.run
        if run.checkpoint_due(self._count, asked=asked):
            run.state, run.flight = self.state, self.at
            run.flight_rows, run.flight_leak = self.rows, self.leaked
            run.flight_error = self.worst
            run.save(asked=asked)

    @property
    def _count(self) -> float:
        return self.rows[-1]["step"] if self.rows else 0.0
