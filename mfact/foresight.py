"""What is known before the first step: memory, iterations, and whether a run can end in time."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mfact.core import Schedule, State
from mfact.engines.basis import LEAST_PROBES
from mfact.engines.direct import KEPT_BYTES
from mfact.errors import SettingsError
from mfact.problems.factorization import Factorization
from mfact.schedules import Constant, PowerDecay
from mfact.settings import MOST_PLAIN_STEPS, RunSettings
from mfact.storage.memory import MemoryPlan, available_bytes
from mfact.theory.forecast import Forecast, Start, forecast

SECONDS_A_STEP = 1e-5
"""Of the reduced engine, whatever the size of M."""

HOPELESS = 4.0
"""A forecast this many times beyond a limit is far outside of what forecasts are wrong by."""

HOPELESS_SPARE = 12.0
"""The same where r is above the rank of M: spare columns go to zero by a law of their own."""

FAR_SOONER = 2.0
"""Decades of iterations from which another schedule is worth a note."""

LONG = 1e4
"""Iterations of a constant step from which a smaller rank is worth a note."""

TYPICAL_BLOCKS = 20
"""Blocks of r columns that most runs need on each side."""

COPIES_OF_BASES = 5
"""A basis that grows is copied, with room for a few blocks more, and a checkpoint is formed in
memory."""

COPIES_OF_FACTORS = 12
"""Factors, gradients, products, and the images of the files they are written to."""

STEP_BYTES = 48 << 20
"""Buffers of the small steps, of reading, and of the arithmetic of whole matrices by tiles."""

BLAS_BYTES = 64 << 20
"""A thread's buffers in the two copies of OpenBLAS, NumPy's and SciPy's: address space at least.
Without room for them the library does not fail but waits for ever."""

BLOCK_OF_POINTS = 33
"""Points of a block of plain steps."""

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
    state: State, schedule: Schedule, problem: Factorization, tol: float
) -> Foresight | None:
    """Iterations to the gap `tol`, from the Ritz values and the start that the bases show.

    state: in SVD coordinates. None when M is zero.
    """
    spectrum = state.coordinates.spectrum
    sigma = spectrum.sigma
    if not len(sigma) or sigma[0] == 0:
        return None
    kept = slice(0, spectrum.rank + MODES_BEYOND)
    X, Y = state.point
    start = Start(X.T[kept], Y.T[kept], X @ X.T, Y @ Y.T)

    def under(each: Schedule) -> Forecast:
        return forecast(
            sigma[kept],
            spectrum.k,
            each,
            max(tol, 1e-16),
            start=start,
            weight=problem.weight,
            accuracy=0.005,
        )

    usual = Constant(1.0 / (problem.sharpness * float(sigma[0])))
    return Foresight(under(schedule), lambda: under(usual))


def refuse_hopeless(
    foresight: Foresight,
    schedule: Schedule,
    settings: RunSettings,
    max_iter: int,
    flies: bool,
    *,
    stiffness: float = 0.0,
    spare: bool = False,
    instead: Sequence[str] = (),
) -> None:
    """Refuse a run that its limits cut off long before the tolerance.

    flies: whether steps beyond the first thousands are fast-forwarded: their number costs no time,
    but the flow time does, as the solver's steps stay below 1/stiffness of it (units of M).
    spare: r is above the rank of M, where a forecast is less good. instead: what would do.

    Raises SettingsError with the forecast and the schedule that can.
    """
    chosen = foresight.chosen
    too_long = isinstance(schedule, Constant) and math.isinf(chosen.iterations)
    solver_steps = chosen.flow_time * stiffness if math.isfinite(chosen.flow_time) else 0.0
    crawls = flies and solver_steps > MOST_PLAIN_STEPS
    steps_limit = math.inf if flies and settings.max_iter is None else float(min(max_iter, 10**300))
    time_limit = math.inf
    if settings.max_time is not None and not flies:
        time_limit = settings.max_time / SECONDS_A_STEP
    limit = min(steps_limit, time_limit)
    hopeless = HOPELESS_SPARE if spare else HOPELESS
    if (chosen.iterations <= hopeless * limit and not crawls) or too_long:
        return  # a step that is too long shows within a few steps
    name = "--max-iter" if limit == steps_limit else "--max-time"
    value = f"{max_iter}" if limit == steps_limit else f"{settings.max_time:g} s"
    reason = f"{name} is {value}"
    if crawls:
        reason = f"the flow that these follow would take {solver_steps:.1g} steps of its own"
    ways = list(instead)
    constant = foresight.constant()
    if isinstance(schedule, PowerDecay) and constant.iterations <= hopeless * min(limit, max_iter):
        ways.insert(0, f"use --schedule constant ({constant.text})")
    elif not math.isinf(chosen.iterations) and not crawls:
        ways.append(f"raise {name}")
    ways += [] if instead else ["loosen --tol"]
    ways.append("or run it all the same with --force")
    raise SettingsError(
        f"the forecast to --tol {settings.tol:g} is {foresight.text}, and {reason}",
        ", ".join(ways),
    )


def advice(foresight: Foresight, settings: RunSettings, instead: Sequence[str]) -> list[str]:
    """What a user who made no choice should know before a long run, a sentence each.

    instead: what would do where r is above the signal of M, may be empty.
    """
    notes, chosen, constant = [], foresight.chosen, foresight.constant()
    far = chosen.log10_iterations - constant.log10_iterations >= FAR_SOONER
    if settings.schedule == "auto" and settings.step_size is None and far:
        notes.append(f"decaying steps need {chosen.text}, --schedule constant {constant.text}")
    if instead and constant.iterations > LONG:
        notes.append(
            f"the weakest of {settings.rank} components needs {constant.text} of a constant step:"
            f" {', or '.join(instead)}"
        )
    return notes


def memory_plan(
    shape: tuple[int, int],
    settings: RunSettings,
    *,
    matrix_bytes: int | None = None,
    available: int | None = None,
) -> MemoryPlan:
    """The most that a run will hold: the matrix, the bases, the factors, the buffers of steps.

    matrix_bytes: still to be allocated for the matrix; None for a dense one of settings.dtype.
    available: bytes, as the machine says when not given.
    """
    d1, d2 = shape
    point = _item(settings) * settings.rank * (d1 + d2)
    parts = {
        "matrix": _item(settings) * d1 * d2 if matrix_bytes is None else matrix_bytes,
        "factors": COPIES_OF_FACTORS * point,
        "libraries": BLAS_BYTES * (settings.threads or 1),
        "steps": STEP_BYTES + 2 * min(KEPT_BYTES, BLOCK_OF_POINTS * point),
    }
    available = available_bytes() if available is None else available
    limit = basis_limit(shape, settings, available - sum(parts.values()))
    return MemoryPlan(parts | {"bases": COPIES_OF_BASES * limit}, available)


def basis_limit(shape: tuple[int, int], settings: RunSettings, room: int) -> int:
    """Bytes that both bases may take: as asked for, or what there is room for.

    At most what bases that span everything take, at least what most runs need. A run whose bases
    would grow beyond goes on without them.
    """
    if settings.engine == "direct" and not settings.optimum:
        return 0
    d1, d2 = shape
    # M maps each side into the other: a side has no more columns than the smaller dimension, the
    # start and the random columns that joined it.
    width = max(settings.rank, LEAST_PROBES)
    full = min(d1, d2) + 2 * width
    most = _item(settings) * (d1 * min(d1, full) + d2 * min(d2, full))
    if settings.max_basis_bytes is not None:
        return min(most, settings.max_basis_bytes)
    least = min(most, _item(settings) * (d1 + d2) * TYPICAL_BLOCKS * width)
    return min(most, max(least, room // COPIES_OF_BASES))


def planned_basis(plan: MemoryPlan) -> int:
    """The limit on the bases that a plan was made with, in bytes."""
    return plan.parts["bases"] // COPIES_OF_BASES


def what_fits(shape: tuple[int, int], settings: RunSettings, plan: MemoryPlan) -> str:
    """What to type instead of a run whose plan does not fit, as far as something fits.

    >>> settings = RunSettings(rank=50)
    >>> plan = memory_plan((10_000, 10_000), settings, available=1 << 30)
    >>> plan.fits, what_fits((10_000, 10_000), settings, plan)
    (False, 'free memory, or use --rank 5')
    """

    def fits(**changes: Any) -> bool:
        other = replace(settings, **changes)
        matrix = plan.parts["matrix"] * _item(other) // _item(settings)
        return memory_plan(shape, other, matrix_bytes=matrix, available=plan.limit).fits

    ways = ["free memory"]
    if settings.dtype == "float64" and fits(dtype="float32"):
        ways.append("use --dtype float32")
    rank = bisect_left(range(1, settings.rank), 1, key=lambda r: int(not fits(rank=r)))
    if rank:
        ways.append(f"--rank {rank}" if len(ways) > 1 else f"use --rank {rank}")
    if settings.engine != "direct" and fits(engine="direct", optimum=False):
        ways.append("--engine direct --no-optimum")
    if len(ways) == 1:
        ways.append("use a smaller matrix")
    return ", or ".join(ways)


def _item(settings: RunSettings) -> int:
    return 8 if settings.dtype == "float64" else 4
