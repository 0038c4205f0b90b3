"""What a run is asked to do: every option of solve, stated once."""

from __future__ import annotations

from dataclasses import dataclass

from mfact.options import KeptSettings, Option
from mfact.ranges import Count, File, Flag, Name, OneOf, Real, Size, Text
from mfact.settings.shared import (
    BALANCE_WEIGHT,
    C_STEP,
    CENTER,
    DEVICE,
    DTYPE,
    FROM_0,
    MAX_MEMORY,
    OBJECTIVE,
    POSITIVE,
    RANK,
    SCHEDULER,
    SEED,
    START,
    START_RATIO,
    START_SCALE,
    WORKERS,
)

SCHEDULES = ("auto", "constant", "power", "theorem-3.1", "theorem-3.2", "certified")
ARRAYS, GIVEN = "arrays", "given"
"""Where a start came from that was given as U and V, and what it is called."""

ENGINES = ("auto", "direct", "reduced")
METHODS = (
    "gradient-descent", "alternating", "momentum", "nesterov", "scaled", "alternating-scaled",
    "adam",
)  # fmt: skip
MOST_PLAIN_STEPS = 1_000_000
TAKE_OFF = 1_024
"""Steps taken one by one first: a multiple of the engine's LOOK, so that a block ends there. The
flow takes as many again, and more until it agrees with them. Runs that end before need no flow."""

_NOT_USED = "not used"


# fmt: off
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
        METHODS[0], "Model",
        f"The update rule: {', '.join(METHODS)}; see `mfact help methods`.", Name(METHODS),
        metavar="NAME").field()
    momentum: float | None = Option(
        None, "Model", "μ of momentum and nesterov.", Real(above=0, most=0.9999),
        unset="from η(σ_k − σ_{k+1})", belongs=("method", ("momentum", "nesterov"))).field()
    damping: float | None = Option(
        None, "Model", "λ of the scaled methods, in units of √(2(f − ½Σ_{i>r}σ_i²)).", FROM_0,
        unset="0.5 scaled, 0 alternating-scaled",
        belongs=("method", ("scaled", "alternating-scaled"))).field()
    schedule: str = Option(
        "auto", "Step size",
        "auto: constant for rank 1 and for other methods than gradient-descent, else power, as in "
        "the paper. constant: η. power: η(t+1)^−(½+δ). theorem-3.1, theorem-3.2: the paper's. "
        "certified: this project's, with f decreasing and ‖UᵀU − VᵀV‖ ≤ ε for all t.",
        OneOf(SCHEDULES)).field()
    step_size: float | None = Option(
        None, "Step size",
        "η of constant and power, in units of 1/M; of scaled methods in none, of adam in √M.",
        POSITIVE, unset="by the method; 0.5/σ₁ constant and 0.3/σ₁ power by gradient-descent",
        belongs=("schedule", ("constant", "power"))).field()
    delta: float = Option(
        0.05, "Step size", "δ of power, in (0, ½].", Real(above=0, most=0.5),
        belongs=("schedule", ("power",))).field()
    eps: float | None = Option(
        None, "Step size", "ε of theorem-3.1 and certified, in units of M.", POSITIVE,
        unset="from ‖M‖", belongs=("schedule", ("theorem-3.1", "certified"))).field()
    c_step: float = C_STEP.field()
    start: str = START.field()
    start_scale: float | None = START_SCALE.field()
    start_ratio: float = START_RATIO.field()
    seed: int | None = SEED.field()
    tol: float = Option(
        1e-10, "Stopping",
        "Tolerance on the gap (f − ½Σ_{i>k}σ_i²) / ½σ_k², k of the leading r not zero.",
        FROM_0).field()
    tol_residual: float | None = Option(
        None, "Stopping", "Tolerance on ‖UVᵀ − M‖/‖M‖.", FROM_0, unset=_NOT_USED).field()
    tol_gradient: float | None = Option(
        None, "Stopping", "Tolerance on ‖∇f‖/σ₁^(3/2).", FROM_0, unset=_NOT_USED).field()
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
        POSITIVE, unset="no limit").field()
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
    device: str = DEVICE.field()
    workers: int | None = WORKERS.field()
    scheduler: str | None = SCHEDULER.field()
    fast_forward: str = Option(
        "auto", "Step size",
        "auto: integrate the modified flow over the long tail of decaying steps.",
        OneOf(("auto", "off")), belongs=("method", METHODS[:1])).field()
    ff_tol: float = Option(
        1e-8, "Step size", "Relative error that fast-forward may add.", POSITIVE,
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
