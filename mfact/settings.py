"""What a run is asked to do: every option, with its default and its range."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, fields

OBJECTIVES = ("plain", "balanced")
SCHEDULES = ("auto", "constant", "power", "theorem-3.1", "theorem-3.2", "certified")
STARTS = ("gaussian", "balanced", "unbalanced", "spectral")
MOST_PLAIN_STEPS = 1_000_000
MOST_THREADS = 4096  # of BLAS; more than any machine has
MOST_SEED = 2**128 - 1  # as many bits as the random numbers begin with
ENGINES = ("auto", "direct", "reduced")

TAKE_OFF = 1_024
"""Steps taken one by one first: a multiple of the engine's LOOK, so that a block ends there. The
flow takes as many again, and more until it agrees with them. Runs that end before need no flow."""


@dataclass(frozen=True)
class RunSettings:
    """The options of a run, as typed; None means: chosen from the matrix. NumPy's scalars become
    Python's, integers that stand for a float floats, and paths text.

    rank: r, the number of columns of U and V.
    objective: "plain" (1) or "balanced" (3); balance_weight: λ of (λ/8)‖UᵀU − VᵀV‖_F².
    engine: "auto", "direct" or "reduced". method: the update rule.
    schedule: one of SCHEDULES; step_size: η_0 (units 1/M); delta: power = ½ + delta;
        eps: ε of Theorem 3.1 and of "certified", in the units of M; c_step: of Theorem 3.2.
    start: one of STARTS or the path of a run file or .npz with U and V; start_scale: the standard
        deviation of the entries (units of √M) for gaussian, c in c·Q for balanced …;
        start_ratio: ‖U‖_F²/‖V‖_F² asked of an unbalanced start; seed: of the start.
    tol: on the Eckart–Young gap; tol_residual: on ‖R‖_F/‖M‖_F; tol_gradient: on
        ‖∇f‖/(σ₁^{3/2}); patience: steps without a relative decrease of the loss of 1e-12;
        min_iter, max_iter; max_iter None: a million plain steps, and as many as it takes where
        they are fast-forwarded; max_time: seconds in all, reading and setting up among them.
    optimum: whether the optimum ½Σ_{i>k}σ_i² is computed. every: rows of the trace (None: so
        that about a thousand are kept). dtype: "float64" or "float32". threads: of BLAS, 1 if None.
    fast_forward: "auto" or "off"; ff_tol: its relative error. force: run though forecast not
        to finish. escape: leave saddle points along the direction of negative curvature.
    checkpoint: path; checkpoint_every: "100000" (steps) or "60s".
    max_basis_bytes: memory limit of the reduced basis.
    """

    rank: int
    objective: str = "plain"
    balance_weight: float = 1.0
    engine: str = "auto"
    method: str = "gradient-descent"
    schedule: str = "auto"
    step_size: float | None = None
    delta: float = 0.05
    eps: float | None = None
    c_step: float = 0.1
    start: str = "gaussian"
    start_scale: float | None = None
    start_ratio: float = 100.0
    seed: int | None = None
    tol: float = 1e-10
    tol_residual: float | None = None
    tol_gradient: float | None = None
    patience: int | None = None
    min_iter: int = 0
    max_iter: int | None = None
    max_time: float | None = None
    optimum: bool = True
    every: int | None = None
    dtype: str = "float64"
    threads: int | None = None
    fast_forward: str = "auto"
    ff_tol: float = 1e-8
    force: bool = False
    escape: bool = False
    checkpoint: str | None = None
    checkpoint_every: str | None = None
    max_basis_bytes: int | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if getattr(value, "shape", None) == ():
                value = value.item()
            if type(value) is int and "float" in str(field.type):
                with suppress(OverflowError):
                    value = float(value)
            if isinstance(value, os.PathLike):
                value = os.fspath(value)
            object.__setattr__(self, field.name, value)

    @property
    def weight(self) -> float:
        """λ of the objective: 0 for (1)."""
        return self.balance_weight if self.objective == "balanced" else 0.0

    @property
    def start_file(self) -> str | None:
        """The file that the start is read from, None where it is drawn."""
        return None if self.start in STARTS else self.start

    def checkpoint_path(self, output: str | None) -> str | None:
        """Where a run keeps its state: as asked for, or beside its output; None for neither."""
        if self.checkpoint is not None or output is None:
            return self.checkpoint
        return f"{output}.checkpoint"
