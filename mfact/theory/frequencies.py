"""Theorem 3.2 as frequencies: what each of many starts did, how often, and what is expected.

What is expected is of gradient descent: nan for other methods.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mfact.core import Array
from mfact.methods.choice import PLAIN
from mfact.settings import SweepSettings


@dataclass(frozen=True)
class Sweep:
    """What each start did; each array has one column or entry a start.

    settings: what was run. shape: (d1, d2). values: the non-zero singular values of M.
    chosen: c_step, and step_size: η, in units of 1/M, of scaled methods none; momentum: μ, or
        damping: c, of methods that have one.
    hits: steps to each of settings.tolerances, −1 where the run did not get there.
    low, high, last: smallest, largest and final ‖Φ_rᵀU‖_F/‖Ψ_rᵀV‖_F over all steps up to
        convergence; for r = 1 the |uᵀu*|/|vᵀv*| of Theorem 3.2.
    diverged: whether the loss overflowed.
    """

    settings: SweepSettings
    shape: tuple[int, int]
    values: Array = field(repr=False)
    chosen: Mapping[str, float]
    hits: Array = field(repr=False)
    low: Array = field(repr=False)
    high: Array = field(repr=False)
    last: Array = field(repr=False)
    diverged: Array = field(repr=False)

    def iterations(self, level: int = -1) -> Array:
        """Steps to settings.tolerances[level], in increasing order, of the runs that got there."""
        steps = self.hits[level]
        return np.sort(steps[steps >= 0])

    @property
    def start_scale(self) -> float:
        """Standard deviation of the entries of U and V at the start, units of √M."""
        return self.settings.c_init * math.sqrt(float(self.values[0]) / max(self.shape))

    @property
    def converged(self) -> int:
        """Number of runs that reached the tolerance."""
        return int(np.count_nonzero(self.hits[-1] >= 0))

    def within(self, bound: float) -> int:
        """Number of runs with 1/C ≤ ‖Φ_rᵀU‖_F/‖Ψ_rᵀV‖_F ≤ C at every step, C = bound."""
        return int(np.count_nonzero((self.low >= 1 / bound) & (self.high <= bound)))


def hypotheses(runs: Sweep) -> list[str]:
    """What is missing of the hypotheses of Theorem 3.2, as phrases."""
    lacks = []
    if runs.settings.method != PLAIN:
        lacks.append(f"the method is {runs.settings.method}, and it is about {PLAIN}")
    if runs.settings.rank != 1:
        lacks.append(f"r is {runs.settings.rank}, and it is about r = 1")
    if runs.values.size > 1:
        lacks.append(f"M has rank {runs.values.size}, and it is about rank 1")
    return lacks


def interval(count: int, total: int) -> tuple[float, float]:
    """95 % confidence interval (Wilson) for a probability seen `count` times in `total`.

    >>> [round(end, 3) for end in interval(0, 100)]
    [0.0, 0.037]
    """
    z = 1.959963984540054
    share, weight = count / total, z * z / total
    middle = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * math.sqrt(share * (1 - share) / total + weight / (4 * total))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def limit_within(bound: float, settings: SweepSettings) -> float:
    """Probability of 1/C ≤ |uᵀu*|/|vᵀv*| ≤ C at every step, for r = 1 and small starts.

    (2/π) arctan C − ½: at step 0 the ratio of two gaussians must lie there, and the two must agree
    in sign, for then the ratio tends to 1 monotonically; else one passes through 0 in steps
    of c_step times the other, too short to jump over (−1/C, 1/C) while C ≤ 2/c_step. nan elsewhere.
    Source: mfact, derived.

    >>> round(limit_within(2, SweepSettings()), 4)
    0.2048
    """
    known = settings.rank == 1 and settings.method == PLAIN
    if not (known and 1 <= bound <= 2 / settings.plain_step):
        return math.nan
    return 2 / math.pi * math.atan(bound) - 0.5


def slope_per_decade_of_size(settings: SweepSettings, values: Array) -> float:
    """Steps that ten times larger a d adds: ln 10 / (2 ln(1 + c_step σ_r/σ₁)).

    The signal starts at order √(σ₁/d) and grows by 1 + ησ_r a step. Infinite where that is 1.
    Source: mfact, derived (the O(log d/ε) of Theorem 3.2 with its constant).

    >>> round(slope_per_decade_of_size(SweepSettings(c_step=0.1), np.ones(1)), 2)
    12.08
    """
    if settings.method != PLAIN:
        return math.nan
    growth = 2 * math.log1p(settings.plain_step * _slowest(settings, values))
    return math.log(10) / growth if growth else math.inf


def slope_per_decade_of_tolerance(settings: SweepSettings, values: Array) -> float:
    """Steps that ten times smaller an ε adds: ln 10 / −ln(1 − c_step (σ_r − σ_{r+1})/σ₁).

    Infinite where σ_r = σ_{r+1}; nan for steps that do not contract. Source: mfact, derived.

    >>> round(slope_per_decade_of_tolerance(SweepSettings(c_step=0.1), np.ones(1)), 2)
    21.85
    """
    r = settings.rank
    tail = values[r] / values[0] if r < values.size else 0.0
    rate = settings.plain_step * (_slowest(settings, values) - tail)
    if rate >= 1 or settings.method != PLAIN:
        return math.nan
    return math.inf if rate == 0 else math.log(10) / -math.log1p(-rate)


def _slowest(settings: SweepSettings, values: Array) -> float:
    return float(values[min(settings.rank, values.size) - 1] / values[0])
