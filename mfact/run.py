"""A run from the matrix to the result."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mfact import resuming
from mfact.core import Array, Claim, Factors, Outcome, Result, State, Target
from mfact.descent import Finish, descend
from mfact.engines.direct import DirectEngine
from mfact.engines.reduced import ReducedEngine
from mfact.errors import DataError, SettingsError, StorageError
from mfact.flight import Flight, takes_off
from mfact.flow.records import EXACT
from mfact.flow.records import State as FlightState
from mfact.foresight import Foresight, basis_limit, foresee, memory_plan, refuse_hopeless
from mfact.plan import METHODS, build, check, with_seed
from mfact.recorder import Recorder
from mfact.resuming import Rhythm
from mfact.schedules import PowerDecay
from mfact.settings import MOST_PLAIN_STEPS, STARTS, RunSettings
from mfact.signals import SignalFlag
from mfact.stopping import StopRules, StopWatch
from mfact.targets.dense import DenseTarget
from mfact.theory.lemma_3_2 import Certificate, lemma_3_2
from mfact.theory.monitors import Monitors
from mfact.verdicts import Judge, Optimum, leave, optimum_of

SCALES = {"float64": (1e-50, 1e50), "float32": (1e-8, 1e8)}
"""Of ‖M‖_F: the loss is of its square, the ledger of its third power, and both must be numbers."""

ROUGHLY = 1e-2
"""Relative Ritz residual of the leading pairs at which a forecast is made."""

if TYPE_CHECKING:
    from mfact.storage.matrices import MatrixSource


def solve(
    matrix: Array | MatrixSource | Target,
    settings: RunSettings | None = None,
    *,
    sources: Mapping[str, str] | None = None,
    observers: Sequence[Any] = (),
    output: str | None = None,
    reproducible: bool = False,
    argv: Sequence[str] | None = None,
    signals: bool | SignalFlag = False,
    warn: Callable[[str], None] = lambda text: None,
    refuse: bool = False,
    **options: Any,
) -> Result:
    """Factor a matrix: M ≈ UVᵀ by gradient descent.

    matrix: an array, an opened file (mfact.storage.matrices.open_matrix) or a Target.
    settings: the options of the run; or give them by name, solve(M, rank=5).
    sources: option -> where its value came from ("flag", "environment", …); those named here
        and not "default" are refused when they mean nothing with the other choices.
    observers: objects with start(info), segment(rows), stop(result).
    signals: let SIGINT and SIGTERM end the run in good order, with the outcome INTERRUPTED; or a
        flag that the caller has entered and goes on to look at.
    warn: told in a sentence what went wrong while the run goes on: a checkpoint not written.
    refuse: refuse a run that is forecast to end far beyond its limits, unless settings.force.

    Raises SettingsError, DataError and MemoryPlanError before the first step.

    >>> result = solve(np.outer([3.0, 4.0], [1.0, 0.0]), rank=1, seed=1)
    >>> (np.round(result.U @ result.V.T, 4) + 0.0).tolist()
    [[3.0, 0.0], [4.0, 0.0]]
    """
    if settings is None:
        settings = RunSettings(**options)
    elif options:
        settings = dataclasses.replace(settings, **options)
    sources = dict(sources or {})
    if settings.seed is None and settings.start in STARTS:
        settings = with_seed(settings)
        sources["seed"] = "drawn"
    explicit = [name for name, source in sources.items() if source not in ("default", "drawn")]
    shape = matrix.shape if hasattr(matrix, "shape") else np.shape(matrix)
    if len(shape) == 2:
        check(settings, (int(shape[0]), int(shape[1])), explicit)
        in_memory = getattr(matrix, "nbytes", None) if isinstance(matrix, np.ndarray) else None
        if not getattr(matrix, "sparse", False):
            memory_plan((int(shape[0]), int(shape[1])), settings, matrix_bytes=in_memory).check()
    Rhythm.of(settings.checkpoint_every)
    if settings.checkpoint is not None:
        _claim_checkpoint(settings.checkpoint, getattr(matrix, "path", None), output)
    with _flag(signals) as caught, _threads(settings.threads):
        target, described = _target(matrix, settings.dtype)
        _require_scale(target)
        named = {name: getattr(matrix, name, None) for name in ("path", "dataset", "follow_links")}
        run = Run(target, settings, sources, described, observers, named, output, caught, warn)
        if refuse and not settings.force:
            run.refuse_hopeless()
        for observer in (run.monitors, *observers):
            observer.start(run.info)
        return run.result(run.descend(), reproducible=reproducible, argv=argv)


def resume(
    path: str,
    matrix: Array | MatrixSource | Target,
    *,
    max_iter: int | None = None,
    max_time: float | None = None,
    observers: Sequence[Any] = (),
    reproducible: bool = False,
    argv: Sequence[str] | None = None,
    signals: bool | SignalFlag = False,
    warn: Callable[[str], None] = lambda text: None,
) -> Result:
    """Go on with a run from its checkpoint: the same run, bit for bit, as if never cut.

    path: of the checkpoint. matrix: the one the run began with; another is refused.
    max_iter, max_time: new limits, where the old ones were reached.

    Raises StorageError for a damaged or foreign checkpoint, and for another matrix.
    """
    saved = resuming.read(path)
    settings = saved.settings
    changed: dict[str, Any] = {"max_iter": max_iter, "max_time": max_time}
    changed = {name: value for name, value in changed.items() if value is not None}
    settings = dataclasses.replace(settings, **changed)
    document = saved.document
    sources = {**document["sources"], **dict.fromkeys(changed, "flag")}
    with _flag(signals) as caught, _threads(settings.threads):
        target, _ = _target(matrix, settings.dtype)
        resuming.require_same(saved, target, path)
        run = Run(
            target,
            settings,
            sources,
            document["described"],
            observers,
            saved.matrix,
            document["output"],
            caught,
            warn,
            saved,
        )
        run.resumed_from = path
        for observer in observers:
            observer.start(run.info)
        return run.result(run.descend(), reproducible=reproducible, argv=argv)


class Run:
    """One run: its objects, what has been seen of it, and the result drawn from them."""

    def __init__(
        self,
        target: Target,
        settings: RunSettings,
        sources: Mapping[str, str],
        described: Mapping[str, Any],
        observers: Sequence[Any],
        matrix: Mapping[str, Any],
        output: str | None,
        caught: SignalFlag | None,
        warn: Callable[[str], None],
        saved: resuming.Saved | None = None,
    ) -> None:
        self.target, self.settings, self.sources = target, settings, sources
        self.described, self.observers = described, observers
        self.matrix, self.output, self.caught = matrix, output, caught
        self.warn = warn
        began = time.perf_counter()
        self.basis_limit = basis_limit(settings) if saved is None else saved.document["basis_limit"]
        if saved is None:
            given = None if settings.start in STARTS else _read_start(settings.start)
            self.plan = build(settings, target, given)
        else:
            self.plan = dataclasses.replace(saved.plan(), settings=settings)
        self.notes: list[str] = []
        self.seconds = 0.0
        self.seer_passes = 0
        self.landed: dict[str, Any] = {}
        self.flight: FlightState | None = None
        self.flight_rows: list[dict[str, float]] = []
        self.flight_leak = self.flight_error = 0.0
        self.in_flight = False
        self.good: State | None = None
        self.resumed_from: str | None = None
        self.unsaved: str | None = None
        if saved is None:
            self.engine, self.why = self._engine()
        else:
            self.engine, self.why = self._named_engine(saved.document["engine"]), saved.why
        self.rules = self._rules()
        self.watch = StopWatch(self.rules)
        self.recorder = Recorder(settings.every)
        self.monitors = Monitors()
        self.judge = Judge(
            self.engine,
            target,
            self.watch,
            self.plan.problem.weight,
            settings.tol,
            None,
            settings.escape,
        )
        self.info = self._info()
        self.rhythm = Rhythm.of(settings.checkpoint_every)
        self.saved_at = (0.0, 0.0)
        self.has_checkpoint = saved is not None
        if saved is None:
            self.judge.optimum = self._optimum()
            self.state = self._first_state()
            self.foresight = self._foresee()
            self.forecast = None if self.foresight is None else self._log10_forecast()
            # Solving begins with the first pass over M.
            self.seconds = time.perf_counter() - began
        else:
            self.foresight, self.forecast = None, saved.document["forecast"]
            saved.restore(self)
            self.info |= {"max_iter": self.rules.max_iter, "max_time": settings.max_time}
            self.monitors.start(self.info)
            self.monitors.restore(saved.document["monitors"])
            self.saved_at = (self.seconds, self._steps_done)

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

    def _first_state(self) -> State:
        assert self.plan.start is not None
        if isinstance(self.engine, ReducedEngine):
            assert self.plan.basis is not None
            state = self.engine.start_in(self.plan.basis, self.plan.start)
            if self.settings.rank == 1 and self.settings.optimum:
                # One pair of singular vectors is cheap, and Theorem 3.2 speaks of it throughout.
                state = self.engine.sharpen(state, 1e-13)
            return state
        return self.engine.start(self.plan.start)

    def _foresee(self) -> Foresight | None:
        """The forecast, from bases that hold the leading pairs roughly."""
        if not isinstance(self.engine, ReducedEngine) or self.target.norm == 0:
            return None
        self.state = self.engine.settle(self.state, ROUGHLY)
        tol = self.settings.tol
        found = foresee(self.engine, self.state, self.plan.schedule, self.plan.problem, tol)
        if found is not None and self.settings.engine == "auto":
            self.why = f"a few dozen passes over M instead of one a step; forecast: {found.text}"
        return found

    def _log10_forecast(self) -> float | None:
        assert self.foresight is not None
        value = self.foresight.chosen.log10_iterations
        return value if math.isfinite(value) else None

    def refuse_hopeless(self) -> None:
        """Raises SettingsError for a run that cannot reach its tolerance within its limits."""
        if self.foresight is not None and self.rules.tol is not None:
            flies = self.flies and isinstance(self.plan.schedule, PowerDecay)
            refuse_hopeless(
                self.foresight, self.plan.schedule, self.settings, self.rules.max_iter, flies
            )

    def _optimum(self) -> Optimum | None:
        """The optimum for an engine that does not see it by itself, from Krylov bases at random."""
        if not (self.settings.optimum and isinstance(self.engine, DirectEngine)):
            return None
        seer = ReducedEngine(self.target, self.settings.rank)
        rng = np.random.default_rng(0)
        probe = Factors(*(rng.standard_normal((d, self.settings.rank)) for d in self.target.shape))
        probe = Factors(*(factor.astype(self.target.dtype) for factor in probe))
        state = seer.sharpen(seer.start(probe), 0.1 * max(self.settings.tol, 1e-13))
        optimum = optimum_of(seer, state)
        self.engine.optimum = optimum.floor
        self.seer_passes = state.coordinates.basis.passes
        return optimum

    def _rules(self) -> StopRules:
        s = self.settings
        tol_gradient = s.tol_gradient
        if not s.optimum and tol_gradient is None and s.tol_residual is None:
            tol_gradient = 1e-8
        return StopRules(
            tol=s.tol if s.optimum else None,
            tol_residual=s.tol_residual,
            tol_gradient=tol_gradient,
            patience=s.patience,
            min_iter=s.min_iter,
            max_iter=MOST_PLAIN_STEPS if s.max_iter is None else s.max_iter,
            max_time=s.max_time,
            norm=self.target.norm,
            sigma_1=self.plan.sigma_1,
            eps=float(np.finfo(self.target.dtype).eps),
        )

    def _info(self) -> dict[str, Any]:
        """What the observers and monitors are told of the run."""
        s, plan = self.settings, self.plan
        eps = None
        if plan.schedule.name in ("theorem-3.1", "certified"):
            eps = s.eps if s.eps is not None else 0.1 * self.target.norm
        schedule = {"name": plan.schedule.name, **dataclasses.asdict(plan.schedule)}  # type: ignore[call-overload]
        return {
            "norm": self.target.norm,
            "sigma_1": plan.sigma_1,
            "rank": s.rank,
            "shape": list(self.target.shape),
            "dtype": str(self.target.dtype),
            "objective": s.objective,
            "balance_weight": s.balance_weight,
            "method": s.method,
            "schedule": schedule,
            "eps": eps,
            "start": {"name": s.start, "std": plan.scale},
            "max_iter": self.rules.max_iter,
            "max_time": s.max_time,
            "tol": s.tol,
            "engine": self.engine.name,
            "singular_values": None,
            "numerical_rank": None,
        }

    # -- running --------------------------------------------------------------------------------

    def descend(self) -> Finish:
        """The loop, and after it, for steps that decay, the flow that they follow."""
        if self.in_flight or self._between(self.state, self.good, self.seconds):
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
            seconds=self.seconds,
            max_iter=self.rules.max_iter,
        )
        if finish.outcome is not None:
            return finish
        return Flight(self).fly()

    def asked_to_stop(self) -> bool:
        """Whether a signal has come; looked at once a block, so that all agree on when."""
        self.stopping = bool(self.caught)
        return self.stopping

    def _between(self, state: State, good: State | None, seconds: float) -> bool:
        self.state, self.good, self.seconds = state, good, seconds
        limit = self.rules.max_time
        last = self.asked_to_stop() or (limit is not None and seconds >= limit)
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
        """Whether decaying steps are fast-forwarded; the modified flow needs float64."""
        return self.settings.fast_forward == "auto" and self.target.dtype == np.float64

    # -- checkpoints ------------------------------------------------------------------------------

    @property
    def checkpoint(self) -> str | None:
        """The path of the checkpoint: resumed from, or as asked for, or beside the output."""
        if self.resumed_from is not None:
            return self.resumed_from
        if self.settings.checkpoint is not None:
            return self.settings.checkpoint
        return None if self.output is None else f"{self.output}.checkpoint"

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
        return self.seconds - seconds >= self.rhythm.seconds

    def save(self, *, asked: bool) -> None:
        """Write the checkpoint. A disk that fails does not end the run: its result is worth more.

        asked: the run ends here, so that a checkpoint not written is one that is missed.
        """
        assert self.checkpoint is not None
        try:
            resuming.write(self.checkpoint, self)
            self.has_checkpoint = True
        except StorageError as error:
            text = f"no checkpoint at step {self._steps_done:g}: {error}"
            self.notes.append(text)
            self.warn(text)
            if asked:
                self.unsaved = text
        self.saved_at = (self.seconds, self._steps_done)

    @property
    def _steps_done(self) -> float:
        return self.flight_rows[-1]["step"] if self.flight_rows else float(self.state.step)

    # -- the result -----------------------------------------------------------------------------

    def result(
        self,
        finish: Finish,
        *,
        reproducible: bool,
        argv: Sequence[str] | None,
    ) -> Result:
        from mfact.provenance import gather, repeatable

        state, outcome = finish.state, finish.outcome
        assert outcome is not None
        certificate = None
        if outcome is not Outcome.DIVERGED:
            if self.settings.optimum:
                state = self.judge.sharpened(state)
            certificate = self._certificate(state)
        if isinstance(self.engine, ReducedEngine) and state.coordinates is None:
            limit = self.settings.max_basis_bytes
            self.notes.append(
                f"the basis reached its limit of {limit} bytes: steps went on directly"
            )
        U, V = leave(self.engine, state)
        optimum = self.judge.optimum
        trace = self._trace(optimum)
        final = self._final_info(optimum)
        claims = self.monitors.claims(final)
        if certificate is not None:
            claims += (
                lemma_3_2(
                    certificate,
                    self.settings.rank,
                    self._rank_of_M(optimum),
                    None if optimum is None else optimum.values,
                ),
            )
            claims += (_verdict_claim(certificate),)
        summary = self._summary(finish, state, trace, optimum, certificate)
        if self.caught:
            summary["signal"] = self.caught.number
        if self.has_checkpoint:
            summary["checkpoint"] = self.checkpoint
        if self.unsaved is not None:
            summary["unsaved"] = self.unsaved
        result = Result(
            outcome=outcome,
            message=self._message(finish, summary),
            U=U,
            V=V,
            trace={name: col for name, col in trace.items() if name not in ("optimum", "distance")},
            problem=self._problem(optimum),
            settings=self._settings(),
            summary=summary,
            claims=claims,
            provenance={} if reproducible else gather(argv),
        )
        for observer in self.observers:
            observer.stop(result)
        return repeatable(result) if reproducible else result

    def _certificate(self, state: State) -> Certificate:
        certificate = self.judge.certificate(state)
        last = self.recorder.last.get("loss")
        if last is not None and self.recorder.last["step"] == state.step:
            # SVD coordinates do not see what lies outside of them; the loss does.
            certificate = dataclasses.replace(certificate, loss=float(last))
        return certificate

    def _trace(self, optimum: Optimum | None) -> dict[str, Array]:
        """The recorded rows, the gap of each against the optimum known at the end."""
        trace = self.recorder.table()
        if optimum is None or not trace:
            return trace
        half = 0.5 * self.target.norm**2 or 1.0
        used = trace["optimum"]
        late = np.isnan(trace["gap"])
        gap = np.where(
            late,
            (trace["loss"] - optimum.floor) / half,
            trace["gap"] + np.where(late, 0.0, used - optimum.floor) / half,
        )
        return {**trace, "gap": np.maximum(gap, 0.0)}

    def _rank_of_M(self, optimum: Optimum | None) -> int | None:
        """The numerical rank of M, where the known singular values tell it."""
        if optimum is None or not optimum.values:
            return None
        values = np.array(optimum.values)
        zero = values <= max(self.target.shape) * self.rules.eps * values[0]
        if zero.any():
            return int(np.argmax(zero))
        unseen = 2 * optimum.floor <= (max(self.target.shape) * self.rules.eps * values[0]) ** 2
        return len(values) if unseen or len(values) == min(self.target.shape) else None

    def _final_info(self, optimum: Optimum | None) -> dict[str, Any]:
        if optimum is None:
            return dict(self.info)
        return {
            **self.info,
            "singular_values": list(optimum.values),
            "numerical_rank": self._rank_of_M(optimum),
        }

    def _problem(self, optimum: Optimum | None) -> dict[str, Any]:
        d1, d2 = self.target.shape
        norm = self.target.norm
        return {
            **self.described,
            "shape": [d1, d2],
            "rank": self.settings.rank,
            "objective": self.plan.problem.formula,
            "norm": norm,
            "sigma_1": self.plan.sigma_1,
            "sigma_1_error": self.plan.sigma_1_error,
            "singular_values": None if optimum is None else list(optimum.values),
            "optimum": None if optimum is None else optimum.floor,
            "optimum_error": None if optimum is None else optimum.error,
        }

    def _settings(self) -> dict[str, Any]:
        """Each option with its value and where it came from, and what was chosen for it."""
        chosen = {
            "schedule": self.plan.schedule.name,
            "start_scale": self.plan.scale,
            "every": self.recorder.every,
            "engine": f"{self.engine.name}: {self.why}",
            "eps": self.info["eps"],
            "tol_gradient": self.rules.tol_gradient,
            "step_size": self.plan.schedule(0),
            "threads": self.settings.threads or 1,
        }
        table = {}
        for field in dataclasses.fields(RunSettings):
            value = getattr(self.settings, field.name)
            source = self.sources.get(field.name, "default")
            entry = {"value": value, "source": source}
            if field.name in chosen and chosen[field.name] != value:
                entry["used"] = chosen[field.name]
            table[field.name] = entry
        return table

    def _summary(
        self,
        finish: Finish,
        state: State,
        trace: Mapping[str, Array],
        optimum: Optimum | None,
        certificate: Certificate | None,
    ) -> dict[str, Any]:
        last = {name: float(column[-1]) for name, column in trace.items()} if trace else {}
        audits = trace["audit"][np.isfinite(trace["audit"])] if trace else np.zeros(0)
        half = 0.5 * self.target.norm**2 or 1.0
        kept = state.conserved
        size = math.sqrt(last.get("norm_U", 0.0) + last.get("norm_V", 0.0))
        reduced = state.coordinates is not None
        passes = state.coordinates.basis.passes if reduced else self._direct_passes(state)
        names = (
            "loss",
            "penalty",
            "relative_residual",
            "gap",
            "gradient_norm",
            "drift",
            "relative_drift",
            "drift_change",
            "norm_ratio",
        )
        summary: dict[str, Any] = {
            "forecast_log10_iterations": self.forecast,
            "iterations": None if self.landed.get("log10_iterations", 0) >= EXACT else state.step,
            **self.landed,
            **{name: last.get(name) for name in names},
            "gap_bound": None if optimum is None else optimum.error / half,
            "ledger_audit": float(audits[-1]) if len(audits) else None,
            "flow_time": kept.flow_time,
            # Two runs that differ by rounding alone never end farther apart than this.
            "distance_bound": min(kept.distance / size, 2.0) if size else 0.0,
            "passes": passes,
            "basis_size": state.coordinates.basis.size if reduced else None,
            "orthogonality": state.coordinates.basis.orthogonality() if reduced else None,
            "escapes": self.judge.escapes or None,
            "verdict": None if certificate is None else certificate.verdict,
            "curvature": None if certificate is None else certificate.curvature,
            "notes": [*self.notes] or None,
            "seconds": finish.seconds,
        }
        return {name: value for name, value in summary.items() if value is not None}

    def _direct_passes(self, state: State) -> int:
        return self.plan.first_passes + self.seer_passes + state.step + 1

    def _message(self, finish: Finish, summary: Mapping[str, Any]) -> str:
        """What happened, and for every end but a good one what to type instead."""
        schedule, sigma_1 = self.plan.schedule, self.plan.sigma_1
        outcome, reason = finish.outcome, finish.reason
        if outcome is Outcome.DIVERGED:
            eta = schedule(finish.state.step)
            safe = 1.0 / (self.plan.problem.sharpness * sigma_1)
            return (
                f"{reason} with step size {eta:.4g}, {eta * sigma_1:.3g} times 1/σ₁ = "
                f"{1 / sigma_1:.4g}; the last point before is kept. Use --step-size {safe:.3g}"
                + ("" if schedule.name == "constant" else " or --schedule constant")
            )
        if outcome is Outcome.ITERATION_LIMIT:
            if schedule(finish.state.step) < schedule(0):
                return (
                    f"{reason}, and the steps have decayed to {schedule(finish.state.step):.3g};"
                    " --schedule constant converges at a linear rate"
                )
            return f"{reason}; raise it, or loosen --tol"
        if outcome is Outcome.TIME_LIMIT:
            return f"{reason}; raise it, or loosen --tol"
        if outcome is Outcome.SADDLE:
            return f"{reason}. Use --escape to go on along the direction of negative curvature"
        if outcome is Outcome.STALLED:
            return f"{reason}; raise --patience or loosen --tol"
        return reason


def _verdict_claim(certificate: Certificate) -> Claim:
    """The verdict of the certificate as a claim of its own."""
    return Claim(
        name="global-optimum",
        statement="the end point is a global optimum",
        verdict={"global optimum": "holds", "strict saddle": "violated"}.get(
            certificate.verdict, "inconclusive"
        ),
        detail=certificate.reason,
        source="Eckart and Young 1936; Du, Hu, Lee 2018, Lemma 3.2",
        numbers={
            "gap": certificate.gap,
            "gap_error": certificate.gap_error,
            "relative_gradient": certificate.relative_gradient,
            "curvature": certificate.curvature,
            "curvature_residual": certificate.curvature_residual,
        },
    )


def _target(matrix: Any, dtype: str) -> tuple[Target, dict[str, Any]]:
    """The matrix behind a Target, and what is known of where it came from."""
    if hasattr(matrix, "products"):
        return matrix, {"name": type(matrix).__name__}
    if hasattr(matrix, "read") and hasattr(matrix, "describe"):
        values = matrix.read(dtype)
        described = matrix.describe()
    else:
        values, described = matrix, {"name": "array"}
    if hasattr(values, "tocsr"):
        from mfact.targets.sparse import SparseTarget

        return SparseTarget(values), described
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise DataError(f"the matrix holds {array.dtype}", "pass real numbers")
    return DenseTarget(array.astype(dtype, copy=False)), described


def _flag(signals: bool | SignalFlag) -> AbstractContextManager[SignalFlag | None]:
    """A flag of its own, the caller's, or none."""
    if isinstance(signals, SignalFlag):
        return nullcontext(signals)
    return SignalFlag() if signals else nullcontext(None)


def _claim_checkpoint(path: str, matrix: str | None, output: str | None) -> None:
    """Refuse, before the run, a checkpoint that could not be written or would cost another file.

    Raises StorageError or SettingsError.
    """
    from mfact.storage.atomic import claim_output

    if output is not None and Path(path).absolute() == Path(output).absolute():
        raise SettingsError(f"--checkpoint and --output are both {path}", "name two files")
    claim_output(path, inputs=[] if matrix is None else [matrix])


def _require_scale(target: Target) -> None:
    """Refuse a matrix whose squares and fourth powers are no numbers any more.

    Raises DataError with the factor that would mend it.
    """
    norm = target.norm
    if norm == 0:
        raise DataError("the matrix is zero", "there is nothing to factor: U = V = 0 does")
    least, most = SCALES[str(target.dtype)]
    if not least <= norm <= most:
        raise DataError(
            f"‖M‖_F = {norm:.3g}, and the arithmetic needs it between {least:g} and {most:g}",
            f"divide the matrix by {norm:.1g}",
        )


def _read_start(path: str) -> Factors:
    """Factors to start from, out of a run file or an .npz file."""
    if not Path(path).exists():
        raise SettingsError(
            f"--start {path} is neither one of {', '.join(STARTS)} nor a file",
            "name one of them, or a run file or .npz with U and V",
        )
    from mfact.storage.factors import read_factors

    return read_factors(path)


def _threads(count: int | None) -> AbstractContextManager[Any]:
    """BLAS limited to so many threads, one when not asked for more.

    Tiles and small factors are too small for BLAS to gain by threads, and on a machine that is
    busy its threads wait for each other: measured up to 200 times slower.
    """
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[Any] = threadpool_limits(count or 1)
    return limits
