"""Figure 1: gradient descent on objectives (1) and (3), how fast it is and how balanced it stays.

The paper states neither size, rank, step nor start: they are chosen here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mfact.core import Array, Document, Result
from mfact.figures.kept import Run, marked
from mfact.figures.panels import ALONG, curves, of_ratios
from mfact.host.threads import working
from mfact.krylov.values import leading_values
from mfact.pictures.drawing import Axis, Panel, Picture
from mfact.problems.scale import require_scale
from mfact.run.doing import Doing
from mfact.run.looking import looked_at
from mfact.run.refusals import check
from mfact.run.solve import solve
from mfact.settings import RunSettings
from mfact.targets.door import held
from mfact.targets.fingerprint import fingerprint, same_matrix
from mfact.words import brief, by

if TYPE_CHECKING:
    from mfact.matrices.source import MatrixSource

NUMBER = "1"
SIZE, RANK, STEPS = 100, 5, 260
SEED = 0

STEP = 0.25
"""η, in units of 1/σ₁."""

SPREAD = 0.1
"""c of the start's standard deviation c √(10σ₁/d): with d = 100 and σ₁ = 1 it is 0.1/√10, and a
column of U or V is at first about 0.3 √σ₁ long."""

MOST_STEPS = 100_000
"""Of runs on a matrix of the user, which end at the tolerance on the gap."""

TITLE = "ABᵀ/σ₁, A and B of N(0, 1)"
"""What the matrix is called that is made here."""

HIDDEN = "(a) ends where rounding hides what is left of f − min f"

STREAM = 1
"""Of the seed's random numbers that the matrix is made of; those of the start are others."""

OBJECTIVES = {"plain": "(1)", "balanced": "(3)"}
FORMULAS = {"plain": "½‖UVᵀ − M‖²", "balanced": "(1) + ⅛‖UᵀU − VᵀV‖²"}
COLUMNS = ("step", "loss", "penalty", "norm_ratio")


@working(1)
def matrix(seed: int = SEED, size: int = SIZE, rank: int = RANK) -> Array:
    """M = ABᵀ/σ₁(ABᵀ), size×size, A and B of entries N(0, 1), rank columns each.

    The same on every machine up to the rounding of a product and of σ₁.

    >>> M = matrix(size=6, rank=2)
    >>> np.linalg.svd(M, compute_uv=False).round(12)[[0, 2]].tolist()
    [1.0, 0.0]
    """
    rng = np.random.default_rng([seed, STREAM])
    A, B = (rng.standard_normal((size, rank)) for _ in range(2))
    M = A @ B.T
    return np.asarray(M / np.linalg.norm(M, 2))


def settings(
    shape: tuple[int, int],
    sigma_1: float,
    *,
    rank: int = RANK,
    seed: int = SEED,
    least: int = STEPS,
    most: int = STEPS,
    threads: int | None = None,
) -> RunSettings:
    """What both runs are asked, but for their objective. sigma_1: of M. least, most: steps, between
    which a run ends at the tolerance on the gap. threads: of which no bit depends.
    """
    return RunSettings(
        rank=rank,
        schedule="constant",
        step_size=STEP / sigma_1,
        start_scale=SPREAD * math.sqrt(10 * sigma_1 / max(shape)),
        seed=seed,
        min_iter=least,
        max_iter=most,
        threads=threads,
    )


@dataclass(frozen=True)
class Factored:
    """A run of Figure 1. name: its objective. title: of a matrix that is in no file."""

    name: str
    matrix: Array | MatrixSource = field(repr=False)
    title: str
    fingerprint: Document = field(repr=False)
    settings: RunSettings
    sources: Mapping[str, str]
    figure = NUMBER
    columns = COLUMNS

    def on_other_data(self, run: Run) -> str:
        """See mfact.figures.kept.Experiment."""
        known = run.problem.get("fingerprint")
        found = "it says nothing" if known is None else same_matrix(known, self.fingerprint)
        return found and f"it is of another matrix: {found}"

    def carry_out(self, **told: Any) -> Result:
        """See mfact.figures.kept.Experiment."""
        run = solve(self.matrix, self.settings, sources=self.sources, **told)
        named = {"name": self.title} if self.title else {}
        return replace(run, problem={**run.problem, **named})


@dataclass(frozen=True)
class Figure1:
    """Figure 1 on a matrix: the paper's kind of it, made from the seed, or that of a file.

    rank, seed: as of the run. most: steps; None: STEPS, and of a file as many as it takes. given:
    where those settings came from that the figure has not chosen. threads: of the runs.
    """

    source: MatrixSource | None = None
    rank: int = RANK
    seed: int = SEED
    most: int | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    size: int = SIZE
    threads: int | None = None
    number = NUMBER

    def names(self, panels: str) -> tuple[str, ...]:
        """The runs that these panels are drawn from."""
        return tuple(OBJECTIVES)

    def experiments(self, panels: str, doing: Doing) -> tuple[Factored, ...]:
        """The runs, the matrix read. Raises what reading it raises, DataError and SettingsError."""
        M: Array | MatrixSource
        sigma_1: float | None
        if self.source is None:
            M, title, sigma_1 = matrix(self.seed, self.size, self.rank), TITLE, 1.0
            least = most = self.most or STEPS
        else:
            M, title, sigma_1 = self.source, "", None
            check(RunSettings(self.rank), M.shape)
            least, most = 0, self.most or MOST_STEPS
        with looked_at(held(M, "float64"), doing) as target:
            if sigma_1 is None:
                require_scale(target)
                with doing.now("σ₁"):
                    sigma_1 = float(leading_values(target, 1)[0][0])
            sums = fingerprint(target)
        asked = settings(
            M.shape, sigma_1, rank=self.rank, seed=self.seed, least=least, most=most,
            threads=self.threads,
        )  # fmt: skip
        runs = (asked.changed({"objective": name}) for name in self.names(panels))
        return tuple(
            Factored(run.objective, M, title, sums, run, marked(self.given, NUMBER, run))
            for run in runs
        )

    def picture(self, runs: Mapping[str, Result], panels: str) -> Picture:
        """These panels of the figure. runs: by their names."""
        made = {"a": convergence, "b": balance}
        first = next(iter(runs.values()))
        title = "Figure 1: gradient descent on objectives (1) and (3)"
        columns = tuple((made[panel](runs),) for panel in panels)
        hidden = "a" in panels and any(np.isnan(above(run)).any() for run in runs.values())
        notes = (_said(first), *((HIDDEN,) if hidden else ()))
        return Picture(title, columns, notes)


def convergence(runs: Mapping[str, Result]) -> Panel:
    """Figure 1a: each objective above the least it can be, in units of what it is at the start."""
    exact = all(floor(run) == 0 for run in runs.values())
    label = "f, relative to its start" if exact else "f − min f, relative to its start"
    lines = curves(
        *((f"{OBJECTIVES[name]}: {FORMULAS[name]}", run.trace["step"], above(run))
          for name, run in runs.items())
    )  # fmt: skip
    return Panel("(a) objective f", ALONG, Axis(label, log=True), lines)


def balance(runs: Mapping[str, Result]) -> Panel:
    """Figure 1b: ‖U‖_F²/‖V‖_F² at every recorded step."""
    lines = curves(
        *((OBJECTIVES[name], run.trace["step"], run.trace["norm_ratio"])
          for name, run in runs.items())
    )  # fmt: skip
    return of_ratios("(b) balance", "‖U‖² / ‖V‖²", lines)


def floor(run: Result) -> float:
    """min f = ½Σ_{i>r}σ_i²; 0 where M has rank r but for its rounding, or where it is not known."""
    least = run.problem.get("optimum") or 0.0
    d = max(len(run.U), len(run.V))
    rounding = float(np.finfo(run.U.dtype).eps) * math.sqrt(d) * (run.problem.get("norm") or 0.0)
    return 0.0 if least <= 0.5 * rounding**2 else float(least)


def above(run: Result) -> Array:
    """(f_t − min f)/(f_0 − min f), f with its penalty; NaN where rounding hides it.

    f and min f are known to about ε‖M‖‖R‖, by the rounding of singular values, ε‖M‖, of which those
    of R = UVᵀ − M are there at the least; min f beside that to what the run says.
    """
    least = floor(run)
    f = run.trace["loss"] + run.trace["penalty"]
    error = (run.problem.get("optimum_error") or 0.0) if least else 0.0
    rounding = float(run.problem["norm"]) * math.sqrt(2 * least)
    unknown = 4 * float(np.finfo(run.U.dtype).eps) * rounding + error
    over = f - least
    return np.asarray(np.where(over > unknown, over, np.nan) / over[0])


def _said(run: Result) -> str:
    """The settings that the paper leaves open, in a line."""
    shape = by((len(run.U), len(run.V)))
    eta, scale, seed = (run.settings[n]["value"] for n in ("step_size", "start_scale", "seed"))
    return (
        f"M = {run.problem['name']}, {shape}, r = {run.U.shape[1]}, η = {brief(eta)},"
        f" start N(0, {brief(scale)}²), seed {seed}"
    )
