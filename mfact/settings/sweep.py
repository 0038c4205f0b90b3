"""What is asked of a sweep: every option of `mfact sweep` that is of its runs, stated once."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from mfact.errors import SettingsError
from mfact.options import Option, Settings, options_of, refuse_idle, require_kinds
from mfact.settings.run import METHODS, RunSettings
from mfact.settings.shared import C_STEP, CENTER, COUNTED_RANK, INDEX, POSITIVE, SEED
from mfact.words import shown

SWEPT = tuple(name for name in METHODS if name != "adam")
"""The methods that commute with rotations, by which the starts are drawn."""

_RUN = options_of(RunSettings)

BOUNDS = (2.0, 5.0, 10.0, 100.0)
"""The C that a sweep counts where none are asked for."""


@dataclass(frozen=True)
class SweepSettings(Settings):
    """A method on f = ½‖UVᵀ − M‖_F² from `seeds` gaussian starts.

    A run has converged at the first step within tol, where k is the smaller of r and the rank
    of M: a gap of ε², which for matrices of rank 1 is the theorem's ‖UVᵀ − M‖_F ≤ ε σ₁.

    Raises SettingsError for values out of range, a method that does not commute with rotations, and
    parameters of another method.
    Source: Du, Hu, Lee 2018, Theorem 3.2; standard deviation, not variance: mfact, derived.
    """

    # fmt: off
    rank: int = replace(COUNTED_RANK, default=1).field()
    center: str = CENTER.field()
    method: str = replace(
        _RUN["method"], words=f"The update rule: {', '.join(SWEPT)}.").field()
    momentum: float | None = _RUN["momentum"].field()
    damping: float | None = _RUN["damping"].field()
    seeds: int = Option(2000, "Start", "Number of starts.", INDEX).field()
    c_init: float = Option(
        0.1, "Start",
        "c_init: the entries of U and V start with the standard deviation c_init √(σ₁/d), "
        "d = max(d1, d2).", POSITIVE).field()
    c_step: float | None = Option(
        None, "Step size", "c_step: the step is c_step/σ₁, of scaled methods c_step.", POSITIVE,
        unset=f"{C_STEP.default}; of other methods than gradient-descent as of solve").field()
    tol: float = Option(
        1e-6, "Stopping",
        "ε: a run has converged when √(‖UVᵀ − M‖² − Σ_{i>r}σ_i²) ≤ ε σ_k, Frobenius norm.",
        POSITIVE).field()
    max_iter: int = Option(100_000, "Stopping", "Step limit of each run.", INDEX).field()
    seed: int = replace(
        SEED, default=0, words="Seed of all starts; printed.", belongs=None).field()
    # fmt: on

    def __post_init__(self) -> None:
        super().__post_init__()
        require_kinds(self)
        if self.method not in METHODS:
            raise SettingsError(
                f"--method is {shown(self.method)}", f"choose one of {', '.join(SWEPT)}"
            )
        if self.method not in SWEPT:
            raise SettingsError(
                f"--method {self.method} does not commute with rotations, and starts are drawn in"
                " the singular vectors of M",
                f"run `mfact solve --method {self.method}` with one --seed after another",
            )
        refuse_idle(options_of(self), vars(self), self.chosen)
        if self.tol >= 1:
            raise SettingsError(f"tol is {self.tol}", "it is relative to σ_k: choose it below 1")

    @property
    def plain_step(self) -> float:
        """c_step of gradient descent."""
        return float(C_STEP.default if self.c_step is None else self.c_step)

    @property
    def tolerances(self) -> tuple[float, ...]:
        """The powers of ten above tol, and tol.

        >>> SweepSettings(tol=0.004).tolerances
        (0.1, 0.01, 0.004)
        """
        decades = math.ceil(-math.log10(self.tol) - 1e-9)
        return (*(10.0**-i for i in range(1, decades)), self.tol)
