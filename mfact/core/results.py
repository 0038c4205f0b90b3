"""How a run ended, and what is known at its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Protocol

from mfact.core.values import Array, Document, Names


class Outcome(Enum):
    """How a run ended: a sentence and the exit code of the process."""

    GLOBAL_OPTIMUM = ("reached a global optimum", 0)
    CONVERGED = ("converged", 0)
    COMPLETED = ("took all its steps", 0)
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


def violated(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """Those of the claims that are."""
    return tuple(claim for claim in claims if claim.verdict is Verdict.VIOLATED)


@dataclass(frozen=True)
class Result:
    """All that is known at the end of a run. Every view and file is drawn from it.

    outcome, message: how it ended, and the sentence for the user with its way out.
    U, V: the factors, d1×r and d2×r.
    trace: column name -> 1-D array, one row a recorded step (see mfact.trace.COLUMNS).
    problem: matrix (name, shape, kind), norm, sigma_1, objective written out, optimum …
    settings: option name -> {"value": …, "source": "default" | "flag" | …}.
    summary: iterations, loss, relative_residual, explained (1 − its square), gap, gap_bound,
        gradient_norm, imbalance, drift, ledger_audit, distance_bound, passes (over M: to find the
        rank, set-up, steps, certificate),
        seconds (of solving: set-up and steps, without observers and checkpoints),
        wall_seconds (in all, reading included) …; all JSON values.
    claims: the statements checked during and after the run.
    provenance: versions, threads, command line, host, time; left out when reproducible.
    modes: "step", "log10_step" and "flow_time" of some hundred steps, as many in each decade,
        "sigma", σ_i(UVᵀ) there, rows×r and descending, NaN where rounding hides it, and "escape",
        the flow times at which mode i was predicted to be half grown (see mfact.theory.escape);
        nothing where a run did not record them.
    names: of the rows and columns of M, as its file had them at the end.
    mean: what M is without, as it was read: the means of its d2 columns, of its d1 rows, or of all
        entries, float64; None where it is as it was read.

    The dicts hold JSON values only (str, int, float, bool, None, list, dict).
    """

    outcome: Outcome
    message: str
    U: Array = field(repr=False)
    V: Array = field(repr=False)
    trace: Mapping[str, Array] = field(repr=False)
    problem: Document = field(repr=False)
    settings: Document = field(repr=False)
    summary: Document = field(repr=False)
    claims: tuple[Claim, ...] = field(default=(), repr=False)
    provenance: Document = field(default_factory=dict, repr=False)
    modes: Mapping[str, Array] = field(default_factory=dict, repr=False)
    names: Names = field(default=Names(), repr=False)
    mean: Array | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class NetworkResult:
    """All that is known at the end of a network's run; see Result.

    weights: W/1, b/1, W/2, …, and start: those it began with. trace: see mfact.networks.columns.
    neurons: "step", and of each place h between two layers "h/in", "h/out", "h/ledger", a row a
    recorded step and a column a unit. network: the architecture as JSON values (see
    mfact.storage.architectures), with the arrays that it names in `ties`.
    """

    outcome: Outcome
    message: str
    weights: Mapping[str, Array] = field(repr=False)
    start: Mapping[str, Array] = field(repr=False)
    neurons: Mapping[str, Array] = field(repr=False)
    ties: Mapping[str, Array] = field(repr=False)
    network: Document = field(repr=False)
    trace: Mapping[str, Array] = field(repr=False)
    problem: Document = field(repr=False)
    settings: Document = field(repr=False)
    summary: Document = field(repr=False)
    claims: tuple[Claim, ...] = field(default=(), repr=False)
    provenance: Document = field(default_factory=dict, repr=False)


class Ended(Protocol):
    """What runs of all kinds tell at their end."""

    @property
    def outcome(self) -> Outcome: ...

    @property
    def message(self) -> str: ...

    @property
    def trace(self) -> Mapping[str, Array]: ...

    @property
    def problem(self) -> Document: ...

    @property
    def settings(self) -> Document: ...

    @property
    def summary(self) -> Document: ...

    @property
    def claims(self) -> tuple[Claim, ...]: ...

    @property
    def provenance(self) -> Document: ...
