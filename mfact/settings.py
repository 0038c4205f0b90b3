"""What a command is asked to do: every option of solve, flow and sweep, stated once."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from mfact.errors import SettingsError
from mfact.options import REQUIRED, KeptSettings, Option, Settings, options_of, require_kinds
from mfact.ranges import MOST_INDEX, Count, File, Flag, Name, OneOf, Real, Size, Text
from mfact.wishes import Found

SCHEDULES = ("auto", "constant", "power", "theorem-3.1", "theorem-3.2", "certified")
STARTS = ("gaussian", "balanced", "unbalanced", "spectral")
CENTERS = ("none", "mean", "columns", "rows")
ARRAYS, GIVEN = "arrays", "given"
"""Where a start came from that was given as U and V, and what it is called."""

BOUNDS = (2.0, 5.0, 10.0, 100.0)
"""The C that a sweep counts where none are asked for."""

ENGINES = ("auto", "direct", "reduced")
MOST_PLAIN_STEPS = 1_000_000
TAKE_OFF = 1_024
"""Steps taken one by one first: a multiple of the engine's LOOK, so that a block ends there. The
flow takes as many again, and more until it agrees with them. Runs that end before need no flow."""

_POSITIVE, _FROM_0 = Real(above=0), Real(least=0)
_INDEX = Count(least=1, most=MOST_INDEX)
_NOT_USED = "not used"

# Options that several commands have.
# fmt: off
RANK: Option[Any] = Option(
    REQUIRED, "Model", "r, the columns of U and V; 95%: the fewest that hold so much of ‖M‖_F²; "
    "auto: up to the gap that inspect finds.", Found(), letter="-r")
COUNTED_RANK: Option[Any] = replace(RANK, words="r, the number of columns of U and V.", kind=_INDEX)
OBJECTIVE = Option(
    "plain", "Model", "plain: ½‖UVᵀ − M‖²; balanced: adds (λ/8)‖UᵀU − VᵀV‖², all norms Frobenius.",
    OneOf(("plain", "balanced")))
BALANCE_WEIGHT = Option(
    1.0, "Model", "λ of the balanced objective.", _FROM_0, belongs=("objective", ("balanced",)))
CENTER = Option(
    "none", "Model", "Take off first: the mean of M, the means of its columns, or of its rows.",
    OneOf(CENTERS))
C_STEP = Option(
    0.1, "Step size", "c_step of theorem-3.2: η = c_step/σ₁.", _POSITIVE,
    belongs=("schedule", ("theorem-3.2",)))
START = Option(
    "gaussian", "Start", f"{', '.join(STARTS)}, or a run file or .npz with U and V.",
    File(STARTS), metavar="KIND|FILE")
START_SCALE: Option[float | None] = Option(
    None, "Start", "Standard deviation of the entries (units of √M), or the scale c of c·Q.",
    _POSITIVE, unset="from M", belongs=("start", STARTS))
START_RATIO = Option(
    100.0, "Start", "‖U‖²/‖V‖² of the unbalanced start.", _POSITIVE,
    belongs=("start", ("unbalanced",)))
SEED: Option[Any] = Option(
    None, "Start", "Seed of the start; printed and stored.",
    Count(most=2**128 - 1),  # as many bits as the random numbers begin with
    unset="drawn", belongs=("start", STARTS))
DTYPE = Option("float64", "Computation", "Arithmetic.", OneOf(("float64", "float32")))
MAX_MEMORY: Option[int | None] = Option(
    None, "Computation",
    "Memory to take at most, as 500M or 2GiB; a larger M is read from its file in each pass.",
    Size(), unset="what there is")


@dataclass(frozen=True)
class RunSettings(KeptSettings):
    """The options of a run, as typed; None: chosen from M, before which the rank may be a wish."""

    rank: int = RANK.field()
    objective: str = OBJECTIVE.field()
    balance_weight: float = BALANCE_WEIGHT.field()
    center: str = CENTER.field()
    engine: str = Option(
        "auto", "Computation",
        "direct: steps on M; reduced: the same iterates in exact Krylov coordinates.",
        OneOf(ENGINES)).field()
    method: str = Option(
        "gradient-descent", "Model", "The update rule.", Name(), metavar="NAME").field()
    schedule: str = Option(
        "auto", "Step size",
        "auto: constant for rank 1, power otherwise, as in the paper. constant: η. "
        "power: η(t+1)^−(½+δ). theorem-3.1, theorem-3.2: the paper's. certified: this "
        "project's, with f decreasing and ‖UᵀU − VᵀV‖ ≤ ε for all t.",
        OneOf(SCHEDULES)).field()
    step_size: float | None = Option(
        None, "Step size", "η of constant and power, in units of 1/M.", _POSITIVE,
        unset="from σ₁: 0.5/σ₁ constant, 0.3/σ₁ power",
        belongs=("schedule", ("constant", "power"))).field()
    delta: float = Option(
        0.05, "Step size", "δ of power, in (0, ½].", Real(above=0, most=0.5),
        belongs=("schedule", ("power",))).field()
    eps: float | None = Option(
        None, "Step size", "ε of theorem-3.1 and certified, in units of M.", _POSITIVE,
        unset="from ‖M‖", belongs=("schedule", ("theorem-3.1", "certified"))).field()
    c_step: float = C_STEP.field()
    start: str = START.field()
    start_scale: float | None = START_SCALE.field()
    start_ratio: float = START_RATIO.field()
    seed: int | None = SEED.field()
    tol: float = Option(
        1e-10, "Stopping",
        "Tolerance on the gap (f − ½Σ_{i>k}σ_i²) / ½σ_k², k of the leading r not zero.",
        _FROM_0).field()
    tol_residual: float | None = Option(
        None, "Stopping", "Tolerance on ‖UVᵀ − M‖/‖M‖.", _FROM_0, unset=_NOT_USED).field()
    tol_gradient: float | None = Option(
        None, "Stopping", "Tolerance on ‖∇f‖/σ₁^(3/2).", _FROM_0, unset=_NOT_USED).field()
    patience: int | None = Option(
        None, "Stopping", "Stop after so many steps without a decrease of the loss.",
        Count(least=1), unset=_NOT_USED).field()
    min_iter: int = Option(
        0, "Stopping", "No stop by a tolerance before this step.", Count()).field()
    max_iter: int | None = Option(
        None, "Stopping", "Step limit.", Count(),
        unset="a million plain steps; fast-forwarded, as many as it takes").field()
    max_time: float | None = Option(
        None, "Stopping", "Time limit in seconds, from the start of the command; reading counts.",
        _POSITIVE, unset="no limit").field()
    optimum: bool = Option(
        True, "Stopping", "Whether the optimum is computed once, by a truncated SVD.",
        Flag()).field()
    every: int | None = Option(
        None, "Output", "Record every k-th step.", Count(least=1), unset="about 1000 rows").field()
    modes: str = Option(
        "auto", "Output",
        "Record σ_i(UVᵀ) at a few hundred steps; auto: where that costs under 2 % of the run.",
        OneOf(("auto", "on", "off"))).field()
    dtype: str = DTYPE.field()
    threads: int | None = Option(
        None, "Computation", "Threads; no bit of the result depends on them.",
        Count(least=1, most=4096),  # more than any machine has
        unset="the cores that the process may use").field()
    fast_forward: str = Option(
        "auto", "Step size",
        "auto: integrate the modified flow over the long tail of decaying steps.",
        OneOf(("auto", "off"))).field()
    ff_tol: float = Option(
        1e-8, "Step size", "Relative error that fast-forward may add.", _POSITIVE,
        belongs=("fast_forward", ("auto",))).field()
    force: bool = Option(
        False, "Stopping", "Run though the forecast says it will not finish.", Flag()).field()
    escape: bool = Option(
        False, "Stopping", "Leave saddle points along the negative curvature.", Flag()).field()
    checkpoint: str | None = Option(
        None, "Checkpoint", "Keep the state in this file, to resume from.", File(), metavar="FILE",
        unset="none").field()
    checkpoint_every: str | None = Option(
        None, "Checkpoint", "Steps, or seconds as 60s.", Text(), metavar="N|SECONDS",
        unset="60s").field()
    max_basis_bytes: int | None = Option(
        None, "Computation", "Memory for the basis of the reduced engine, as 500M or 2GiB.", Size(),
        unset="from the memory there is", belongs=("engine", ("reduced", "auto"))).field()
    max_memory: int | None = MAX_MEMORY.field()

    @property
    def weight(self) -> float:
        """λ of the objective: 0 for (1)."""
        return self.balance_weight if self.objective == "balanced" else 0.0


@dataclass(frozen=True)
class FlowSettings(Settings):
    """What is asked of a flow; start may also be what the factors given are called, rank a wish.

    weight: λ of the balance term, 0 for objective (1).
    """

    rank: int = RANK.field()
    weight: float = 0.0
    center: str = CENTER.field()
    start: str = START.field()
    start_scale: float | None = START_SCALE.field()
    start_ratio: float = START_RATIO.field()
    imbalance: float = Option(
        0.0, "Start", "λ in D₀ = λI of the balanced start, in units of M.", _FROM_0,
        belongs=("start", ("balanced",))).field()
    seed: int = replace(
        SEED, default=0, words="Seed of the start; printed.",
        belongs=("start", ("gaussian", "balanced", "unbalanced"))).field()
    time: float | None = Option(
        None, "Stopping", "Flow time to reach, in units of 1/M.", _POSITIVE,
        unset="until the slowest of the r modes is fitted to 1e-6").field()
    solver: str = Option(
        "auto", "Computation",
        "auto: the closed form where it holds (plain with D₀ = λI, balanced with weight 1), else "
        "ode, which is DOP853.", OneOf(("auto", "closed-form", "ode"))).field()
    points: int = Option(
        11, "Output", "Times shown, evenly spaced.", Count(least=2, most=MOST_INDEX)).field()
    compare_gd: bool = Option(
        False, "Computation",
        "Run gradient descent too, at six step sizes, to the same flow time.", Flag()).field()
# fmt: on


FLOW_OPTIONS = {
    **{"rank": RANK, "objective": OBJECTIVE, "balance_weight": BALANCE_WEIGHT},
    **options_of(FlowSettings),
}
"""What is asked of a flow, as it is asked, in the order of the help."""


@dataclass(frozen=True)
class SweepSettings(Settings):
    """Gradient descent on f = ½‖UVᵀ − M‖_F² from `seeds` gaussian starts.

    A run has converged at the first step within tol, where k is the smaller of r and the rank
    of M: a gap of ε², which for matrices of rank 1 is the theorem's ‖UVᵀ − M‖_F ≤ ε σ₁.

    Raises SettingsError for values out of range.
    Source: Du, Hu, Lee 2018, Theorem 3.2; standard deviation, not variance: mfact, derived.
    """

    # fmt: off
    rank: int = replace(COUNTED_RANK, default=1).field()
    center: str = CENTER.field()
    seeds: int = Option(2000, "Start", "Number of starts.", _INDEX).field()
    c_init: float = Option(
        0.1, "Start",
        "c_init: the entries of U and V start with the standard deviation c_init √(σ₁/d), "
        "d = max(d1, d2).", _POSITIVE).field()
    c_step: float = replace(C_STEP, words="c_step: the step is c_step/σ₁.", belongs=None).field()
    tol: float = Option(
        1e-6, "Stopping",
        "ε: a run has converged when √(‖UVᵀ − M‖² − Σ_{i>r}σ_i²) ≤ ε σ_k, Frobenius norm.",
        _POSITIVE).field()
    max_iter: int = Option(100_000, "Stopping", "Step limit of each run.", _INDEX).field()
    seed: int = replace(
        SEED, default=0, words="Seed of all starts; printed.", belongs=None).field()
    # fmt: on

    def __post_init__(self) -> None:
        super().__post_init__()
        require_kinds(self)
        if self.tol >= 1:
            raise SettingsError(f"tol is {self.tol}", "it is relative to σ_k: choose it below 1")

    @property
    def tolerances(self) -> tuple[float, ...]:
        """The powers of ten above tol, and tol.

        >>> SweepSettings(tol=0.004).tolerances
        (0.1, 0.01, 0.004)
        """
        decades = math.ceil(-math.log10(self.tol) - 1e-9)
        return (*(10.0**-i for i in range(1, decades)), self.tol)
