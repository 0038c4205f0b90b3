"""What is known before the first step: iterations, and whether a run can end in time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mfact.core import Array, Point, Schedule
from mfact.engines.coordinates import Singular
from mfact.errors import SettingsError
from mfact.problems.factorization import Factorization
from mfact.schedules import Constant, PowerDecay
from mfact.settings import MOST_PLAIN_STEPS, RunSettings
from mfact.theory.escape import escape_times
from mfact.theory.forecast import Forecast, Start, forecast
from mfact.words import shown

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

MODES_BEYOND = 8
"""Singular directions beyond the leading r that a forecast takes in."""


def _none() -> Array:
    return np.zeros(0)


@dataclass(frozen=True)
class Foresight:
    """A forecast, and how to make the one for the constant schedule.

    escape: makes, of each mode, the flow time at which it is to be half grown.
    """

    chosen: Forecast
    constant: Callable[[], Forecast]
    escape: Callable[[], Array] = _none

    @property
    def text(self) -> str:
        """The forecast in words."""
        return f"{self.chosen.text}{f' ({self.chosen.note})' if self.chosen.note else ''}"


def foresee(
    co: Singular, point: Point, schedule: Schedule, problem: Factorization, tol: float
) -> Foresight:
    """Iterations to the gap `tol`, from the Ritz values and the start that the bases show."""
    spectrum, sigma = co.spectrum, co.sigma
    kept = slice(0, spectrum.rank + MODES_BEYOND)
    X, Y = point[0]
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
    return Foresight(
        under(schedule),
        lambda: under(usual),
        lambda: escape_times(sigma[kept], spectrum.k, start, schedule.least),
    )


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
    value = shown(max_iter) if limit == steps_limit else f"{settings.max_time:g} s"
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
        f"the forecast to --tol {settings.tol:g} is {foresight.text}, and {reason}", ", ".join(ways)
    )


def advice(
    foresight: Foresight, settings: RunSettings, instead: Sequence[str], *, decaying: bool
) -> list[str]:
    """What a user who made no choice should know before a long run, a sentence each.

    decaying: whether the steps shrink. instead: what would do where r is above the signal of M,
    may be empty.
    """
    notes, chosen = [], foresight.chosen
    usual = settings.schedule == "auto" and settings.step_size is None and decaying
    if not usual and not instead:
        return []  # without the price of a forecast
    constant = foresight.constant()
    far = chosen.log10_iterations - constant.log10_iterations >= FAR_SOONER
    if usual and far:
        notes.append(f"decaying steps need {chosen.text}, --schedule constant {constant.text}")
    if instead and constant.iterations > LONG:
        notes.append(
            f"the weakest of {settings.rank} components needs {constant.text} of a constant step:"
            f" {', or '.join(instead)}"
        )
    return notes
