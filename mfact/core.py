"""The types every room shares, and the protocols between them.

Notation, here and everywhere: M is d1×d2, U is d1×r, V is d2×r, R = UVᵀ − M,
G_U = RV and G_V = RᵀU are the gradients of f = ½‖R‖_F², and D = UᵀU − VᵀV, whose
norm ‖D‖_F is the imbalance and ‖D − D₀‖_F the drift.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from math import nextafter
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # of floats mostly; which of them, the target's dtype says

Point = tuple[Array, ...]
"""(U, V), or (W_1, …, W_N); in reduced coordinates the one array that holds both."""

Balance = tuple[Array, ...]
"""D, a quadratic form of the point: (UᵀU − VᵀV,); of N layers a matrix for each two neighbours."""

Memory = tuple[Array, ...]
"""What a method, or its law, keeps from step to step; empty where it keeps nothing."""

LEAST_TOLERANCE = 1e-13
"""Of a certificate: a smaller gap is rounding, whatever tolerance was asked for."""


class Factors(NamedTuple):
    """The point (U, V): U is d1×r, V is d2×r."""

    U: Array
    V: Array


class Outcome(Enum):
    """How a run ended: a sentence and the exit code of the process."""

    GLOBAL_OPTIMUM = ("reached a global optimum", 0)
    CONVERGED = ("converged", 0)
    SADDLE = ("stopped at a saddle point", 3)
    STALLED = ("stalled: the loss no longer decreases", 3)
    ITERATION_LIMIT = ("reached the iteration limit before the tolerance", 3)
    TIME_LIMIT = ("reached the time limit before the tolerance", 3)
    DIVERGED = ("diverged", 4)
    INTERRUPTED = ("interrupted by a signal", 130)
    FAULTY = ("failed: the factors are not those of the last step", 1)

    @property
    def sentence(self) -> str:
        return self.value[0]

    @property
    def exit_code(self) -> int:
        return self.value[1]


class Target(Protocol):
    """Who holds M. All work that grows with the size of M is behind these three.

    shape: (d1, d2). dtype: that of the arithmetic, float64 or float32. stored_eps: ε of the kind
    that the entries are stored in, 0 where they are exact (see mfact.problems.optimum).
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    stored_eps: float

    @property
    def norm(self) -> float:
        """‖M‖_F, in the units of M."""

    def products(self, U: Array, V: Array) -> tuple[Array, Array]:
        """(M V, Mᵀ U) in one pass over M; U is d1×k, V is d2×k."""

    def residual_norm(self, U: Array, V: Array) -> float:
        """‖UVᵀ − M‖_F, formed from the differences themselves, in one pass."""


class Summed(Target, Protocol):
    """A target that tells its M from another in the pass that takes the norm.

    Those of this project do. For one that does not, a user's own, products are taken.
    """

    @property
    def sums(self) -> tuple[Array, float]:
        """w_jᵀ M z_j for the probes of mfact.targets.fingerprint, accumulated in float64 whatever
        the dtype, and how far they may be off by rounding.
        """


class Sliced(Target, Protocol):
    """A target that hands out M itself, as those of this project do."""

    def slices(self, height: int) -> Iterator[Array]:
        """Rows of M, or of Mᵀ where M is wide, so many at a time: new dense arrays in C order."""


class Schedule(Protocol):
    """Step sizes η_t."""

    @property
    def name(self) -> str:
        """What --schedule calls it."""

    @property
    def eps(self) -> float | None:
        """ε of its theorem, in units of M; None where there is none."""

    def __call__(self, step: int) -> float:
        """η_t, in units of 1/M."""

    def steps(self, start: int, count: int) -> Array:
        """η_t for t = start … start + count − 1, the same numbers as one by one."""


class Verdict(StrEnum):
    """What was found of a claim, in the words of files and pages."""

    HOLDS = "holds"
    VIOLATED = "violated"
    NOT_MET = "hypotheses not met"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Claim:
    """One statement of the paper, or of this project, held against a run.

    name: e.g. "lemma-3.1-i". statement: the claim in words with its numbers.
    detail: margin, step of violation, or the hypothesis that is missing.
    source: where the claim stands. numbers: what was compared, by name.
    """

    name: str
    statement: str
    verdict: Verdict
    detail: str
    source: str
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """All that is known at the end of a run. Every view and file is drawn from it.

    outcome, message: how it ended, and the sentence for the user with its way out.
    U, V: the factors, d1×r and d2×r.
    trace: column name -> 1-D array, one row a recorded step (see mfact.trace.COLUMNS).
    problem: matrix (name, shape, kind), norm, sigma_1, objective written out, optimum …
    settings: option name -> {"value": …, "source": "default" | "flag" | …}.
    summary: iterations, loss, relative_residual, gap, gap_bound, gradient_norm,
        imbalance, drift, ledger_audit, distance_bound, passes (over M: set-up, steps, certificate),
        seconds (of solving: set-up and steps, without observers and checkpoints),
        wall_seconds (in all, reading included) …; all JSON values.
    claims: the statements checked during and after the run.
    provenance: versions, threads, command line, host, time; left out when reproducible.

    The dicts hold JSON values only (str, int, float, bool, None, list, dict).
    """

    outcome: Outcome
    message: str
    U: Array
    V: Array
    trace: Mapping[str, Array]
    problem: Mapping[str, Any]
    settings: Mapping[str, Any]
    summary: Mapping[str, Any]
    claims: tuple[Claim, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)


class Evaluation(NamedTuple):
    """A problem at one point, from one pass.

    value: f, without the penalty. gradient: of the whole objective, a part for each part of the
    point. seen: what the problem keeps of the point for its columns.
    """

    value: float
    gradient: Point
    seen: Array


class Problem(Protocol):
    """What is minimized."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts of a point."""

    @property
    def formula(self) -> str:
        """The objective written out."""

    @property
    def scale(self) -> float:
        """What relative numbers are relative to, in the units of D."""

    def evaluate(self, point: Point) -> Evaluation:
        """Value and gradient, from one pass."""

    def balance(self, point: Point) -> Balance:
        """D(θ), a quadratic form of the point."""

    def pull(self, point: Point) -> Balance:
        """What a step of length η adds to D in first order, over η: D(θ − η∇f) = D + η·pull +
        η²D(∇f), exactly. Zero for (1), by which D is conserved (Theorem 2.1).
        """

    def columns(self, seen: Array, values: Array) -> dict[str, Array]:
        """Those of its own, for n points one after another; see mfact.trace."""


class Law(Protocol):
    """What a method's steps add to D, exactly."""

    def init(self, problem: Problem, point: Point) -> Memory:
        """The memory of the law at step 0."""

    def entry(
        self,
        problem: Problem,
        point: Point,
        at: Evaluation,
        step_size: float,
        moved: Memory,
        memory: Memory,
    ) -> tuple[Balance, Memory]:
        """D₊ − D of a step from `point`, and the law's memory then; moved: the method's then."""


class Method(Protocol):
    """An update rule.

    commutes_with_rotation: whether the update of (LX, QY) is (L, Q) times that of (X, Y) for
    orthonormal L, Q. law: of D; None where none is known.
    """

    @property
    def name(self) -> str:
        """What --method calls it."""

    @property
    def commutes_with_rotation(self) -> bool: ...

    @property
    def law(self) -> Law | None: ...

    def init(self, point: Point) -> Memory:
        """The memory at step 0."""

    def step(
        self, problem: Problem, point: Point, at: Evaluation, step_size: float, memory: Memory
    ) -> tuple[Point, Memory]:
        """The next point and memory; nothing is changed in place. The problem may be asked for the
        gradient elsewhere, at the price of a pass.
        """


@dataclass(frozen=True)
class Optimum:
    """What is known of the best approximation of rank r (see mfact.problems.optimum).

    values: σ₁ … σ_{r+1} as far as they are known. errors: how far each may be off. k: of the
    leading r those that are not zero. floor: ½Σ_{i>k}σ_i²; error: how far floor may lie above the
    true one, both in units of M². saddle: the least gap of a saddle, 1 − (σ_{k+1}/σ_k)².

    The gap of a loss f is max(0, f − floor)/(½σ_k²): in the share of the weakest component there
    is, so that none can hide behind the largest. The loss of a stationary point is
    ½(‖M‖² − Σ_{i∈S}σ_i²), |S| ≤ r, so no saddle has a gap below `saddle`.
    Source: Eckart and Young 1936; the unit: mfact, derived.
    """

    values: tuple[float, ...]
    errors: tuple[float, ...]
    k: int
    floor: float
    error: float
    saddle: float

    @property
    def unit(self) -> float:
        """½σ_k², in which a gap is told; units of M², 1 for the zero matrix."""
        return 0.5 * self.values[self.k - 1] ** 2 or 1.0

    @property
    def gap_error(self) -> float:
        """How far a gap may be from the true one because of what is not known."""
        return self.error / self.unit

    def known_to(self, tol: float) -> bool:
        """Whether a gap of `tol` can be told by it; none smaller than LEAST_TOLERANCE can."""
        return self.gap_error <= max(tol, LEAST_TOLERANCE)

    def gap(self, loss: float) -> float:
        """(f − ½Σ_{i>k}σ_i²)/(½σ_k²), zero below the optimum of rank k."""
        return max(loss - self.floor, 0.0) / self.unit

    def sure(self, tol: float) -> float:
        """The largest gap up to tol that no saddle has."""
        return min(tol, nextafter(self.saddle, 0.0))


class Coordinates(Protocol):
    """How the point of a state is to be read."""

    @property
    def optimum(self) -> Optimum | None:
        """What is known here of the optimum, and what rows tell their gaps against."""

    @property
    def size(self) -> int | None:
        """Columns of the larger basis; None where the point is the factors themselves."""

    @property
    def passes(self) -> int:
        """Over M, that the bases took."""

    def leave(self, point: Point) -> Factors:
        """(U, V), d1×r and d2×r."""

    def factors(self, point: Point) -> Factors:
        """(X, Y), the factors in these coordinates."""

    def above(self, point: Point) -> float | None:
        """f − floor of `optimum` with all its digits; None where these coordinates hide it."""

    def orthogonality(self) -> float:
        """How far the bases are from orthonormal, entry by entry."""


@dataclass(frozen=True)
class Plain:
    """The factors themselves: no bases. optimum: against which rows tell gaps, where known."""

    optimum: Optimum | None = None
    size: None = None
    passes: int = 0

    def leave(self, point: Point) -> Factors:
        return Factors(*point)

    def factors(self, point: Point) -> Factors:
        return Factors(*point)

    def above(self, point: Point) -> None:
        return None

    def orthogonality(self) -> float:
        return 0.0


@dataclass(frozen=True)
class Ledger:
    """What D must be: D_t = start + entries in exact arithmetic.

    start: D_0. entries: the sum of what the law says that each step adds. memory: the law's.
    flow_time: Ση, in units of 1/M.
    """

    start: Balance
    entries: Balance
    memory: Memory = ()
    flow_time: float = 0.0


@dataclass(frozen=True)
class Distance:
    """How far the point may be from the plain iterates, in units of √M.

    bound: on it. tangent: a difference of that kind carried along by the linearized step, while
    differences can still grow; it is moved at each multiple of `stride` only, when `pending`
    holds Σ(η, fresh) since then. rho, top: −rho ≤ Hessian ≤ top, used once they cannot.
    """

    bound: float = 0.0
    tangent: Array | None = None
    stride: int = 1
    pending: tuple[float, float] = (0.0, 0.0)
    rho: float = 0.0
    top: float = 0.0


@dataclass(frozen=True)
class State:
    """All that the next step depends on, as a value.

    step: t. point: in the engine's coordinates. memory: the method's. ledger: what has been added
    to D since step 0. coordinates: how the point is read; they change when the bases grow.
    distance: from the plain iterates, zero where these are taken themselves.
    """

    step: int
    point: Point
    memory: Memory
    ledger: Ledger
    coordinates: Coordinates
    distance: Distance = Distance()


@dataclass(frozen=True)
class Segment:
    """A block of steps: one row for each of the points t, t + 1, … that a step was taken from.

    rows: column name -> array of n values; row i belongs to state_at(i). state: after the last
    of these steps, its own row not known yet. state_at(i): the state at row i.
    """

    rows: Mapping[str, Array]
    state: State
    state_at: Callable[[int], State]


class Engine(Protocol):
    """In which coordinates the loop runs."""

    name: str

    @staticmethod
    def runs(problem: type[Problem], method: Method) -> str:
        """Why such a problem by such a method cannot run here; empty where it can."""

    def start(self, point: Point) -> State:
        """The state at step 0."""

    def advance(self, state: State, step_sizes: Array) -> Segment:
        """Up to len(step_sizes) ≥ 1 steps from `state`, at least one."""

    def sharpened(self, state: State, tolerance: float) -> State:
        """The state in coordinates that show the optimum to `tolerance`, a gap; as it is where
        they show nothing, or may grow no more.
        """

    def seen(self, state: State) -> State:
        """The state in the coordinates in which most is known of its second order."""

    def moved(self, state: State, factors: Factors) -> State:
        """The state at other factors in its coordinates; D starts anew from there."""
