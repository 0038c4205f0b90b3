"""One run: its objects, the way to its end, and its checkpoints."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mfact.core import LEAST_TOLERANCE, Optimum, State
from mfact.descent import Finish, descend
from mfact.engines.direct import DirectEngine
from mfact.engines.reduced import ReducedEngine
from mfact.errors import StorageError
from mfact.gradient_flow.integrate import STABLE
from mfact.gradient_flow.records import State as FlightState
from mfact.host.signals import SignalFlag
from mfact.host.timer import Timer
from mfact.run import checkpoint as resuming
from mfact.run.advice import Signal, signal
from mfact.run.briefing import facts_of, rules_of
from mfact.run.checkpoint import Rhythm
from mfact.run.confirm import Judge
from mfact.run.fast_forward import Flight, takes_off
from mfact.run.forecast import Foresight, advice, foresee, refuse_hopeless
from mfact.run.plan import build, reachable_tol, start_from
from mfact.run.recorder import Recorder
from mfact.run.refusals import METHODS
from mfact.schedules import PowerDecay
from mfact.settings import RunSettings
from mfact.stopping import StopWatch
from mfact.targets.counted import Counted
from mfact.targets.fingerprint import fingerprint
from mfact.theory.monitors import Monitors

ROUGHLY = 2e-2
"""Ritz residual of the leading pairs, in units of σ_r, at which a forecast is made."""


class Run:
    """One run: its objects, what has been seen of it, and the result drawn from them."""

    def __init__(
        self,
        target: Counted,
        settings: RunSettings,
        sources: Mapping[str, str],
        described: Mapping[str, Any],
        observers: Sequence[Any],
        matrix: Mapping[str, Any],
        output: str | None,
        caught: SignalFlag | None,
        warn: Callable[[str], None],
        basis_limit: int,
        timer: Timer,
        saved: resuming.Saved | None = None,
    ) -> None:
        self.target, self.settings, self.sources = target, settings, sources
        self.described, self.observers = described, observers
        self.matrix, self.output, self.caught = matrix, output, caught
        self.warn = warn
        # That of the first part of the run is kept: many within rounding could wander off.
        self.fingerprint = fingerprint(target) if saved is None else saved.document["fingerprint"]
        self.basis_limit, self.timer = basis_limit, timer
        if saved is None:
            file = settings.start_file
            given = None if file is None else start_from(file)
            self.plan = build(settings, target, given)
        else:
            self.plan = dataclasses.replace(saved.plan(), settings=settings)
        self.notes: list[str] = []
        self.landed: dict[str, Any] = {}
        self.flight: FlightState | None = None
        self.flight_rows: list[dict[str, float]] = []
        self.flight_leak = self.flight_error = 0.0
        self.in_flight = False
        self.good: State | None = None
        self.stopping = False
        self.resumed_from = None if saved is None else saved.path
        self.unsaved: str | None = None
        # k and the signal of M, as seen before the first step.
        self.foreseen: tuple[int, Signal | None] = (settings.rank, None)
        if saved is None:
            self.engine, self.why = self._engine()
        else:
            self.engine = self._named_engine(saved.document["engine"])
            self.why = saved.document["why"]
        optimum: Optimum | None = None
        self.foresight: Foresight | None = None
        self.forecast = None if saved is None else saved.document["forecast"]
        if saved is None:
            optimum = self._set_out()
        if isinstance(self.engine, ReducedEngine):
            self.engine.gap_tolerance = self.plan.tol
        self.rules = rules_of(settings, target, self.plan)
        self.watch = StopWatch(self.rules)
        self.recorder = Recorder(settings.every)
        self.monitors = Monitors()
        self.judge = Judge(
            self.engine,
            target,
            self.watch,
            self.plan.problem.weight,
            self.plan.tol,
            optimum,
            settings.escape,
        )
        self.facts = facts_of(
            settings, self.fingerprint, self.plan, self.engine.name, self.rules.max_iter
        )
        self.rhythm = Rhythm.of(settings.checkpoint_every)
        self.saved_at = (0.0, 0.0)
        self.has_checkpoint = saved is not None
        if saved is not None:
            saved.restore(self)
            self.monitors.start(self.facts)
            self.monitors.restore(saved.document["monitors"])
            self.saved_at = (timer.seconds, self._steps_done)

    # -- setting up -----------------------------------------------------------------------------

    def _engine(self) -> tuple[ReducedEngine | DirectEngine, str]:
        """The engine as asked for or chosen, and why."""
        settings = self.settings
        if settings.engine != "auto":
            return self._named_engine(settings.engine), "asked for"
        if settings.max_iter is not None and settings.max_iter <= self.plan.first_passes:
            why = f"{settings.max_iter} steps need fewer passes over M than a basis"
            return self._named_engine("direct"), why
        return self._named_engine("reduced"), "chosen"

    def _named_engine(self, name: str) -> ReducedEngine | DirectEngine:
        settings, plan = self.settings, self.plan
        direct = DirectEngine(self.target, plan.problem, METHODS[settings.method])
        if name == "direct":
            return direct
        return ReducedEngine(
            self.target,
            settings.rank,
            plan.problem.weight,
            gap_tolerance=settings.tol,
            max_basis_bytes=self.basis_limit,
            beyond_memory=direct,
        )

    def _set_out(self) -> Optimum | None:
        """The first state, what is foreseen from it, and for the direct engine the optimum, which
        it does not see by itself; all from bases that hold the start.
        """
        plan, engine, settings = self.plan, self.engine, self.settings
        assert plan.start is not None
        assert plan.basis is not None
        seer = engine if isinstance(engine, ReducedEngine) else self._named_engine("reduced")
        assert isinstance(seer, ReducedEngine)
        seen = seer.start_in(plan.basis, plan.start)
        if settings.optimum and seer is engine and settings.rank == 1:
            # One pair of singular vectors is cheap, and Theorem 3.2 speaks of it throughout.
            seen = seer.sharpen(seen, LEAST_TOLERANCE)
        optimum, tol = None, settings.tol
        if self.target.norm > 0:
            seen = seer.settle(seen, ROUGHLY, against=settings.rank)
            spectrum = seen.coordinates.spectrum
            self.foresight = foresee(seen, plan.schedule, plan.problem, settings.tol)
            self.foreseen = spectrum.k, signal(seen, spectrum.k, self.target.norm)
            tol = self._reachable_tol(spectrum.optimum)
            if seer is not engine and settings.optimum:
                seen = seer.sharpen(seen, 0.1 * max(tol, LEAST_TOLERANCE))
                found = seen.coordinates.spectrum.optimum
                # Against one that is not known to the tolerance any gap would be a guess.
                optimum = found if found.known_to(tol) else None
                if optimum is None:
                    self.notes.append(
                        f"bases of {self.basis_limit} bytes do not show the optimum to --tol"
                        f" {tol:g}: no gap is shown, and a certificate tells when it is met"
                    )
        if isinstance(engine, DirectEngine):
            engine.optimum = optimum
            self.state = engine.start(plan.start)
        else:
            self.state = seen
        found = self.foresight
        if found is not None:
            value = found.chosen.log10_iterations
            self.forecast = value if math.isfinite(value) else None
            if settings.engine == "auto" and seer is engine:
                self.why = (
                    f"a few dozen passes over M instead of one a step; forecast: {found.text}"
                )
        # The run extends the bases; the first ones would only stay in memory.
        self.plan = dataclasses.replace(plan, start=None, basis=None, tol=tol)
        return optimum

    def _reachable_tol(self, optimum: Optimum) -> float:
        """The gap to reach; a default that rounding would hide is lifted, and this is noted."""
        asked = self.settings.tol
        if not self.settings.optimum:
            return asked
        given = self.sources.get("tol", "default") != "default"
        tol = reachable_tol(self.settings, optimum, self.target, given=given)
        if tol > asked:
            self.notes.append(
                f"--tol {asked:g} is lifted to {tol:.2g}, the least gap that {self.target.dtype}"
                f" can tell here: ε²‖M‖_F²/σ_{optimum.k}²"
            )
        return tol

    def refuse_hopeless(self) -> None:
        """Raises SettingsError for a run that cannot reach its tolerance within its limits."""
        if self.foresight is None or self.rules.tol is None:
            return
        plan, (k, found) = self.plan, self.foreseen
        refuse_hopeless(
            self.foresight,
            plan.schedule,
            self.settings,
            self.rules.max_iter,
            self.flies and isinstance(plan.schedule, PowerDecay),
            stiffness=plan.problem.sharpness * plan.sigma_1 / STABLE,
            spare=k < self.settings.rank,
            instead=found.ways if found else (),
        )

    def advise(self) -> None:
        """Note what a user who made no choice should know before a long run."""
        if self.foresight is not None and self.rules.tol is not None:
            found = self.foreseen[1]
            self.notes += advice(self.foresight, self.settings, found.ways if found else ())

    # -- running --------------------------------------------------------------------------------

    def descend(self) -> Finish:
        """The loop, and after it, for steps that decay, the flow that they follow."""
        if self.in_flight:
            return Flight(self).fly()
        finish = descend(
            self.engine,
            self.state,
            self.plan.schedule,
            self.watch,
            self.judge,
            (self.recorder, self.monitors, *self.observers),
            interrupted=lambda: self.stopping,
            between=self._between,
            good=self.good,
            max_iter=self.rules.max_iter,
            timer=self.timer,
        )
        return Flight(self).fly() if finish.outcome is None else finish

    def asked_to_stop(self) -> bool:
        """Whether a signal has come; looked at once a block, so that all agree on when."""
        self.stopping = bool(self.caught)
        return self.stopping

    def _between(self, state: State, good: State, wall_seconds: float) -> bool:
        self.state, self.good = state, good
        limit = self.rules.max_time
        last = self.asked_to_stop() or (limit is not None and wall_seconds >= limit)
        last = last or state.step >= self.rules.max_iter
        if self.checkpoint_due(state.step, asked=last):
            self.save(asked=last)
        return not last and self._takes_off(state)

    def _takes_off(self, state: State) -> bool:
        return (
            self.flies
            and takes_off(self.plan.schedule, state.step)
            and state.coordinates is not None
        )

    @property
    def flies(self) -> bool:
        """Whether decaying steps are fast-forwarded, in the coordinates of the reduced engine."""
        return self.settings.fast_forward == "auto" and isinstance(self.engine, ReducedEngine)

    # -- checkpoints ------------------------------------------------------------------------------

    @property
    def checkpoint(self) -> str | None:
        """The path of the checkpoint: resumed from, or as asked for, or beside the output."""
        return self.resumed_from or self.settings.checkpoint_path(self.output)

    def checkpoint_due(self, step: float, *, asked: bool) -> bool:
        """Whether to write a checkpoint here. asked: the run is about to end before its goal.

        Where none was asked for, a run that has lasted for less than a minute writes one only
        when a signal ends it.
        """
        if self.checkpoint is None:
            return False
        explicit = self.settings.checkpoint is not None or self.resumed_from is not None
        if asked:
            return explicit or self.stopping
        seconds, steps = self.saved_at
        if self.rhythm.steps is not None:
            return step - steps >= self.rhythm.steps
        assert self.rhythm.seconds is not None
        return self.timer.seconds - seconds >= self.rhythm.seconds

    def save(self, *, asked: bool) -> None:
        """Write the checkpoint. A disk that fails does not end the run: its result is worth more.

        asked: the run ends here, so that a checkpoint not written is one that is missed.
        """
        assert self.checkpoint is not None
        try:
            with self.timer.looking():
                resuming.write(self.checkpoint, self)
            self.has_checkpoint = True
        except StorageError as error:
            text = f"no checkpoint at step {self._steps_done:g}: {error}"
            self.notes.append(text)
            self.warn(text)
            if asked:
                self.unsaved = text
        self.saved_at = (self.timer.seconds, self._steps_done)

    @property
    def _steps_done(self) -> float:
        return self.flight_rows[-1]["step"] if self.flight_rows else float(self.state.step)
