"""What is known before the first step: memory, iterations, and whether a run can end in time."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from mfact.core import Schedule, State
from mfact.engines.reduced import ReducedEngine
from mfact.errors import SettingsError
from mfact.problems.factorization import Factorization
from mfact.schedules import Constant, PowerDecay
from mfact.settings import RunSettings
from mfact.storage.memory import MemoryPlan, available_bytes
from mfact.theory.forecast import Forecast, forecast, start_overlap

SECONDS_A_STEP = 1e-5
"""Of the reduced engine, whatever the size of M."""

HOPELESS = 4.0
"""A forecast this many times beyond a limit is far outside of what forecasts are wrong by."""

TYPICAL_BLOCKS = 20
"""Blocks of r columns that most runs need on each side."""


MODES_BEYOND = 8
"""Singular directions beyond the leading r that a forecast takes in."""


@dataclass(frozen=True)
class Foresight:
    """A forecast, and how to make the one for the constant schedule."""

    chosen: Forecast
    constant: Callable[[], Forecast]

    @property
    def text(self) -> str:
        """The forecast in words."""
        return f"{self.chosen.text}{f' ({self.chosen.note})' if self.chosen.note else ''}"


def foresee(
    engine: ReducedEngine, state: State, schedule: Schedule, problem: Factorization, tol: float
) -> Foresight | None:
    """Iterations to the gap `tol`, from the Ritz values and the start that the bases show.

    state: in SVD coordinates. None when M is zero.
    """
    spectrum = state.coordinates.spectrum
    sigma, rank = spectrum.sigma, engine.rank
    if not len(sigma) or sigma[0] == 0:
        return None
    kept = slice(0, rank + MODES_BEYOND)
    A = start_overlap(state.point[0].T[kept], state.point[1].T[kept])
    norm = engine.target.norm

    def under(each: Schedule) -> Forecast:
        return forecast(sigma[kept], rank, each, max(tol, 1e-16), A=A, norm=norm, accuracy=0.05)

    usual = Constant(1.0 / (problem.sharpness * float(sigma[0])))
    return Foresight(under(schedule), lambda: under(usual))


def refuse_hopeless(
    foresight: Foresight, schedule: Schedule, settings: RunSettings, max_iter: int, flies: bool
) -> None:
    """Refuse a run that its limits cut off long before the tolerance.

    flies: whether steps beyond the first thousands are fast-forwarded, and cost no time.

    Raises SettingsError with the forecast and the schedule that can.
    """
    chosen = foresight.chosen
    steps_limit = math.inf if flies and settings.max_iter is None else float(min(max_iter, 10**300))
    time_limit = math.inf
    if settings.max_time is not None and not flies:
        time_limit = settings.max_time / SECONDS_A_STEP
    limit = min(steps_limit, time_limit)
    too_long = isinstance(schedule, Constant) and math.isinf(chosen.iterations)
    if chosen.iterations <= HOPELESS * limit or too_long:
        return  # a step that is too long shows within a few steps
    name = "--max-iter" if limit == steps_limit else "--max-time"
    value = f"{max_iter}" if limit == steps_limit else f"{settings.max_time:g} s"
    ways = []
    constant = foresight.constant()
    if isinstance(schedule, PowerDecay) and constant.iterations <= HOPELESS * limit:
        ways.append(f"use --schedule constant ({constant.text})")
    elif not math.isinf(chosen.iterations):
        ways.append(f"raise {name}")
    ways += ["loosen --tol", "or run it all the same with --force"]
    raise SettingsError(
        f"the forecast to --tol {settings.tol:g} is {foresight.text}, and {name} is {value}",
        ", ".join(ways),
    )


def memory_plan(
    shape: tuple[int, int], settings: RunSettings, *, matrix_bytes: int | None = None
) -> MemoryPlan:
    """What a run will hold: the matrix, the bases, the factors, the buffers of steps.

    matrix_bytes: of the matrix in memory; None for a dense one of settings.dtype that is still
    to be read.
    """
    d1, d2 = shape
    item = 8 if settings.dtype == "float64" else 4
    rank = settings.rank
    columns = min(TYPICAL_BLOCKS * rank, d1 + rank), min(TYPICAL_BLOCKS * rank, d2 + rank)
    bases = 0
    if settings.engine != "direct":
        bases = item * (d1 * columns[0] + d2 * columns[1])
        if settings.max_basis_bytes is not None:
            bases = min(bases, settings.max_basis_bytes)
    parts = {
        "matrix": item * d1 * d2 if matrix_bytes is None else matrix_bytes,
        "factors": 6 * item * rank * (d1 + d2),
        "bases": 2 * bases,
        "steps": 64 << 20,
    }
    return MemoryPlan(parts, available_bytes())


def basis_limit(settings: RunSettings) -> int:
    """Bytes that both bases may take: as asked for, or a quarter of the memory that is free.

    A basis that grows is copied, so that for a moment twice of it is there.
    """
    if settings.max_basis_bytes is not None:
        return settings.max_basis_bytes
    return max(available_bytes() // 4, 1 << 24)
