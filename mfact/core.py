"""The types every room shares, and nothing that computes.

Notation, here and everywhere: M is d1×d2, U is d1×r, V is d2×r, R = UVᵀ − M,
G_U = RV and G_V = RᵀU are the gradients of f = ½‖R‖_F², and D = UᵀU − VᵀV, whose
norm ‖D‖_F is the imbalance and ‖D − D₀‖_F the drift.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


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


class Schedule(Protocol):
    """Step sizes η_t."""

    @property
    def name(self) -> str:
        """What --schedule calls it."""

    def __call__(self, step: int) -> float:
        """η_t, in units of 1/M."""

    def steps(self, start: int, count: int) -> Array:
        """η_t for t = start … start + count − 1, the same numbers as one by one."""


@dataclass(frozen=True)
class Claim:
    """One statement of the paper, or of this project, held against a run.

    name: e.g. "lemma-3.1-i". statement: the claim in words with its numbers.
    verdict: "holds", "violated", "hypotheses not met" or "inconclusive".
    detail: margin, step of violation, or the hypothesis that is missing.
    source: where the claim stands. numbers: what was compared, by name.
    """

    name: str
    statement: str
    verdict: str
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


@dataclass(frozen=True)
class State:
    """All that the next step depends on, as a value.

    step: t. point: the factors in the engine's coordinates. coordinates: what the engine needs
    to read them (None for plain U, V). conserved: what has accumulated since step 0.
    """

    step: int
    point: Any
    conserved: Any
    coordinates: Any = None


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

    def start(self, point: Factors) -> State:
        """The state at step 0."""

    def advance(self, state: State, step_sizes: Array) -> Segment:
        """Up to len(step_sizes) ≥ 1 steps from `state`, at least one."""

    def leave(self, state: State) -> Factors:
        """(U, V) of a state."""
