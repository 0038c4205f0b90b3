"""What each schedule would take on a matrix of known spectrum: the forecast of `inspect`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mfact.core import Schedule
from mfact.foresight import SECONDS_A_STEP
from mfact.plan import DEFAULT_EPS
from mfact.problems.optimum import fitted_rank
from mfact.schedules import Constant, PowerDecay, certified, theorem_3_1, theorem_3_2
from mfact.starts import C_INIT, default_scale, theorem_3_1_scale
from mfact.theory.forecast import forecast, typical_s0

TOLERANCE = 1e-10


@dataclass(frozen=True)
class Outlook:
    """The forecast of one schedule for a typical gaussian start.

    log10_iterations: log₁₀T to the gap 1e-10, None when it would never end. seconds: of T small
    steps one by one, None where T is too large for that; steps that decay are fast-forwarded.
    note: why it takes so long, may be empty.
    """

    schedule: str
    log10_iterations: float | None
    seconds: float | None
    note: str


def outlooks(
    singular_values: Sequence[float], norm: float, shape: tuple[int, int], rank: int, zero: float
) -> tuple[Outlook, ...]:
    """One outlook for each schedule that fits the rank, at the defaults of `solve`.

    singular_values: σ₁ … σ_{r+1} or more, in units of M; those not given count as zero.
    norm: ‖M‖_F. zero: up to which they count as zero.
    Source: mfact.theory.forecast, with σ_min of a gaussian matrix's median.

    >>> [o.schedule for o in outlooks([2.0, 1.0], 5**0.5, (4, 3), 2, 0.0)]
    ['constant', 'power', 'theorem-3.1', 'certified']
    >>> round(10 ** outlooks([2.0, 1.0], 5**0.5, (4, 3), 2, 0.0)[0].log10_iterations)
    52
    """
    sigma_1, d = singular_values[0], max(shape)
    usual = default_scale("gaussian", sigma_1, d)
    small = theorem_3_1_scale(DEFAULT_EPS * norm, d)
    choices: list[tuple[Schedule, float]] = [
        (Constant(0.5 / sigma_1), usual),
        (PowerDecay(0.3 / sigma_1, 0.55), usual),
        (theorem_3_1(DEFAULT_EPS * norm, rank, norm), small),
        (certified(DEFAULT_EPS * norm, norm), small),
    ]
    if rank == 1:
        choices.insert(1, (theorem_3_2(C_INIT, sigma_1), usual))
    k = fitted_rank(singular_values, rank, zero)
    return tuple(_outlook(each, std, singular_values, rank, k, d) for each, std in choices)


def _outlook(
    schedule: Schedule, std: float, values: Sequence[float], rank: int, k: int, d: int
) -> Outlook:
    s0, outside = typical_s0(std, rank), std**2 * d
    found = forecast(np.array(values), k, schedule, TOLERANCE, s0=s0, outside=outside)
    log10 = found.log10_iterations
    seconds = found.iterations * SECONDS_A_STEP
    return Outlook(
        schedule.name,
        float(log10) if math.isfinite(log10) else None,
        seconds if seconds < 1e9 else None,
        found.note,
    )
