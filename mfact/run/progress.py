"""A run as values: what was asked, what was chosen for it, and how far it has come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from mfact.core import Array, Document, Engine, Outcome, Result, Schedule
from mfact.descent import BLOCK, At, Observer
from mfact.host.signals import SignalFlag
from mfact.host.timer import Timer
from mfact.krylov.needed import Need
from mfact.run.doing import Doing
from mfact.run.recorder import Decades, Recorder
from mfact.settings import RunSettings
from mfact.stopping import StopRules, StopWatch

if TYPE_CHECKING:
    from mfact.engines.reach import Reach
    from mfact.gradient_flow.records import State as FlightState
    from mfact.problems.factorization import Factorization
    from mfact.run.confirm import Judge
    from mfact.targets.counted import Counted
    from mfact.theory.facts import Facts
    from mfact.theory.monitors import Monitors


@dataclass(frozen=True)
class Asked:
    """What a run was asked to do, and with which matrix.

    sources: option -> where its value came from. described: what is known of the matrix's file;
    named: its path, dataset, follow_links and transpose. fingerprint: of the matrix. output: path.
    wish: the rank as it was asked for, None where that was a number.
    """

    settings: RunSettings
    sources: Mapping[str, str]
    described: Document
    named: Document
    fingerprint: Document
    output: str | None
    wish: str | None = None

    @property
    def checkpoint(self) -> str | None:
        """Where the run keeps its state."""
        return self.settings.checkpoint_path(self.output)


@dataclass(frozen=True)
class Chosen:
    """What was chosen for a run before its first step, and is not chosen again.

    schedule: the step sizes. scale: of the start, in units of √M; None when it came from a file.
    sigma_1, sigma_1_error: an estimate from below, and what it may be short of. first_passes: over
    M, that showed it. tol: the gap to reach, as asked for or the least that the arithmetic can
    tell. engine: its name; why: it is that. forecast: log₁₀ of the iterations; need: passes and
    columns of the bases, None where they are not known ahead. basis: how the bases
    grow, of which the bits depend; basis_limit: bytes.
    modes: rows of σ_i(UVᵀ) to keep of each decade of steps, 0 for none. escape: of each mode the
    flow time at which it will be half grown, as predicted. tuned: parameters of the method.
    """

    schedule: Schedule
    scale: float | None
    sigma_1: float
    sigma_1_error: float
    first_passes: int
    tol: float
    engine: str
    why: str
    forecast: float | None
    need: Need | None
    basis: str
    basis_limit: int
    modes: int = 0
    escape: tuple[float, ...] = ()
    tuned: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """The objects of a run. reach: extends its bases, None where it has none. flow: the same,
    where decaying steps go over to the flow that they follow.
    """

    asked: Asked
    chosen: Chosen
    target: Counted
    problem: Factorization
    engine: Engine
    reach: Reach | None
    flow: Reach | None
    rules: StopRules
    judge: Judge
    facts: Facts


@dataclass(frozen=True)
class Landed:
    """Where a fast-forward ended: log₁₀ of the steps, those of them that were plain, the error."""

    log10_iterations: float
    plain_steps: int
    fast_forward_error: float


@dataclass(frozen=True)
class Flown:
    """A fast-forward so far: rows of the trace, what has leaked, the largest estimated error.

    grams: UᵀU and VᵀV of some of the rows, by their places.
    """

    at: FlightState | None = None
    rows: tuple[Mapping[str, float], ...] = ()
    leaked: float = 0.0
    error: float = 0.0
    landed: Landed | None = None
    grams: Mapping[int, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """All that the rest of a run depends on, beside what its watch, recorder and monitors keep."""

    at: At
    flight: Flown | None = None
    notes: tuple[str, ...] = ()

    @property
    def steps(self) -> float:
        """Taken so far."""
        rows = self.flight.rows if self.flight is not None else ()
        return rows[-1]["step"] if rows else float(self.at.state.step)


@dataclass(frozen=True)
class Finish:
    """Where a run stopped, and why."""

    progress: Progress
    outcome: Outcome
    reason: str


class RunObserver(Observer, Protocol):
    """Looks at a run from its beginning to its end."""

    def start(self, facts: Facts) -> None:
        """Told of the run before its first step."""

    def stop(self, result: Result) -> None:
        """Told of its end."""


@dataclass(frozen=True)
class Live:
    """Who works while a run goes on; watch, recorders, monitors and keeper own what they keep.

    modes: what keeps the Gram matrices that σ_i(UVᵀ) are told from; None where that is not asked.
    observers: the user's. caught: whether a signal has come, and which. warn: told what went
    wrong. doing: says what the run is busy with beside its steps. workers: how many share its work.
    block: steps asked at once.
    """

    watch: StopWatch[StopRules]
    recorder: Recorder
    modes: Decades | None
    monitors: Monitors
    observers: Sequence[RunObserver]
    timer: Timer
    caught: SignalFlag | None
    warn: Callable[[str], None]
    doing: Doing
    workers: int
    block: int = BLOCK
