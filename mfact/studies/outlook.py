"""What each schedule would take on a matrix of known spectrum: the forecast of `inspect`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mfact.core import Schedule
from mfact.methods.choice import METHODS, PLAIN
from mfact.problems.optimum import fitted_rank
from mfact.run.forecast import SECONDS_A_STEP
from mfact.schedules import DEFAULT_EPS, schedule
from mfact.settings import TAKE_OFF
from mfact.starts import default_scale, theorem_3_1_scale
from mfact.theory.forecast import forecast, typical_s0
from mfact.theory.riccati import Spare
from mfact.words import count_text

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

    @property
    def count(self) -> str:
        """T in a few digits."""
        return "no end" if self.log10_iterations is None else count_text(self.log10_iterations)

    @property
    def fast_forwarded(self) -> bool:
        """Whether these steps are not all taken one by one."""
        log10 = self.log10_iterations
        late = log10 is not None and log10 > math.log10(TAKE_OFF)
        return self.seconds is None or (late and self.schedule in ("power", "theorem-3.1"))


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

    stds = {"constant": usual} | ({"theorem-3.2": usual} if rank == 1 else {})
    stds |= {"power": usual, "theorem-3.1": small, "certified": small}
    k = fitted_rank(singular_values, rank, zero)

    def named(name: str) -> Schedule:
        step = METHODS[PLAIN].step_size(sigma_1, 0.0, d)
        return schedule(name, usual=step, sigma_1=sigma_1, norm=norm, rank=rank)

    return tuple(
        _outlook(named(name), std, singular_values, rank, k, shape) for name, std in stds.items()
    )


def typical_spare(std: float, n: int, shape: tuple[int, int]) -> Spare | None:
    """What the slowest of n columns beyond the rank holds in a gaussian start; None for n = 0.

    std: in units of √σ₁. D = P − Q of the n columns is (d₁ − d₂)std² and a symmetric gaussian
    matrix of variance (d₁ + d₂)std⁴, whose eigenvalues reach 2√(n(d₁ + d₂))std², and of which the
    least is about 0.9√((d₁ + d₂)/n)std²: for n = 1 the median of |N(0, 2)|, else half of a gap
    in the middle of the semicircle. P + Q = (d₁ + d₂)std². Source: mfact, derived.

    >>> spare = typical_spare(0.01, 1, (60, 40))
    >>> [round(float(part[0, 0]), 6) for part in (spare.P, spare.Q)]
    [0.00545, 0.00455]
    """
    if n == 0:
        return None
    total = sum(shape)
    D = max(abs(shape[0] - shape[1]) - 2 * math.sqrt(n * total), 0.9 * math.sqrt(total / n))
    both = std**2 * np.array([total + D, max(total - D, 0.0)]) / 2
    return Spare(both[:1, None], both[1:, None], 0.0)


def _outlook(
    schedule: Schedule,
    std: float,
    values: Sequence[float],
    rank: int,
    k: int,
    shape: tuple[int, int],
) -> Outlook:
    found = forecast(
        np.array(values),
        k,
        schedule,
        TOLERANCE,
        s0=typical_s0(std, rank),
        outside=std**2 * max(shape),
        spare=typical_spare(std / math.sqrt(values[0]), rank - k, shape),
    )
    log10 = found.log10_iterations
    seconds = found.iterations * SECONDS_A_STEP
    return Outlook(
        schedule.name,
        float(log10) if math.isfinite(log10) else None,
        seconds if seconds < 1e9 else None,
        found.note,
    )
