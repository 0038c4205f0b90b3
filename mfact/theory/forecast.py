"""The forecast: how many iterations a run will take, before its first step."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import numpy as np

from mfact.core import Array, Schedule
from mfact.theory.riccati import Growth, Spare, time_to

SLOWEST = 64
"""Modes that are followed: the others are grown long before."""


@dataclass(frozen=True)
class Forecast:
    """What a run is expected to take.

    log10_iterations: log₁₀T, also when T is too large for a number; inf when never.
    flow_time: Ση that is needed, in units of 1/M. growth_time: the part of it until the slowest
    mode is half grown; the rest is the linear end. s0: what that mode grows from, units of M.
    note: in words, why it takes so long or never ends; may be empty.
    """

    log10_iterations: float
    flow_time: float
    growth_time: float
    s0: float
    note: str = ""

    @property
    def iterations(self) -> float:
        """T, inf when it is beyond the floats.

        >>> Forecast(2.0, 1.0, 1.0, 1.0).iterations, Forecast(5000.0, 1.0, 1.0, 1.0).iterations
        (100.0, inf)
        """
        return 10.0**self.log10_iterations if self.log10_iterations < 300 else math.inf

    @property
    def text(self) -> str:
        """T in words.

        >>> Forecast(12890.25, 1.0, 1.0, 1.0).text, Forecast(2.0, 1.0, 1.0, 1.0).text
        ('about 10^12890.2 iterations', 'about 100 iterations')
        """
        if math.isinf(self.log10_iterations):
            return "no end"
        if self.log10_iterations < 9:
            return f"about {self.iterations:.3g} iterations"
        return f"about 10^{self.log10_iterations:.6g} iterations"


def typical_s0(std: float, rank: int) -> float:
    """σ_min(A₁)² of a Gaussian start, the median: 0.17 std²/r (r = 1: 0.23 std²), units of M.

    The entries of A₁ = (ΦᵀU₀ + ΨᵀV₀)/2, r×r, are N(0, std²/2). For r > 1, √r σ_min of a standard
    Gaussian matrix exceeds x with probability e^{−x − x²/2} (Edelman 1988, for large r), so its
    median is √(1 + 2 ln 2) − 1 = 0.545 and 0.545²/2 = 0.15; r = 2 … 20 gave 0.16 to 0.18. For
    r = 1 it is the median of a χ²₁ variable, 0.455, over 2.

    >>> typical_s0(1.0, 10)
    0.017
    """
    return (0.2275 if rank == 1 else 0.17 / rank) * std**2


class Start(NamedTuple):
    """A start as a forecast sees it: X = ΦᵀU₀ and Y = ΨᵀV₀, N×r, and U₀ᵀU₀, V₀ᵀV₀, r×r."""

    X: Array
    Y: Array
    UtU: Array
    VtV: Array

    @property
    def A(self) -> Array:
        """(X + Y)/2, the part that grows."""
        return 0.5 * (self.X + self.Y)

    def rest(self, k: int, rows: int) -> Array:
        """The mean Gram matrix of U₀ and V₀ off the first k rows and off A = (X + Y)/2 in the
        others, r×r.

        What X − Y holds falls like e^{−σ_iτ}: at once in the leading rows, hardly where σ_i is
        small, and there it counts like rows for which M has nothing.
        """
        X, Y, A = self.X[:k], self.Y[:k], self.A[k:rows]
        return np.asarray(0.5 * (self.UtU + self.VtV - X.T @ X - Y.T @ Y) - A.T @ A)

    def over(self, unit: float) -> Start:
        """In units in which σ₁, which is `unit` in those of M, is 1."""
        return Start(self.X / unit**0.5, self.Y / unit**0.5, self.UtU / unit, self.VtV / unit)


@np.errstate(over="ignore")  # of a start far from M's scale: an excess of inf is above any goal
def forecast(
    sigma: Array,
    k: int,
    schedule: Schedule,
    tol: float,
    *,
    start: Start | None = None,
    s0: float | None = None,
    weight: float = 0.0,
    outside: float = 0.0,
    spare: Spare | None = None,
    accuracy: float = 1e-12,
) -> Forecast:
    """Iterations until the gap (f − ½Σ_{i>k}σ_i²)/(½σ_k²) is at most tol.

    sigma: leading singular values of M, k + 1 or more (σ_{k+1} = 0 for M of rank k); with fewer
    the rest counts as 0. k: those of the leading r that are not zero. start: its rows X, Y belong
    to sigma; else s0: see typical_s0. weight: λ of the balance term. outside: with s0, the squared
    norm of a column off the singular directions; spare: with s0, what columns beyond k hold, in
    units of σ₁.
    accuracy: relative, to which the flow times are solved for.

    The flow time is that of the closed form in Growth, for which with M of rank k = r
    τ* ≈ (1/(2σ_k)) [ln(σ_k/s₀) + ln(1/√tol)], exact at k = 1. With σ_{k+1} > 0
    the end is slower: the amplitude z of mode k + 1 falls like e^{−(σ_k − σ_{k+1})τ}, with
    f − ½Σ_{i>k}σ_i² = ½(σ_k − σ_{k+1})z². With a constant step the growth is by 1 + ησ_k a step
    and the end by 1 − η(σ_k − σ_{k+1}), and the two parts of τ* are stretched to that. Columns
    beyond k go to zero as in Spare, which may take longer than all else.
    Source: mfact, derived.

    >>> from mfact.schedules import Constant
    >>> round(forecast(np.array([1.0]), 1, Constant(0.001), 1e-8, s0=1e-6).iterations, -2)
    11500.0
    """
    sigma = np.asarray(sigma, float)
    sigma = np.concatenate([sigma, np.zeros(max(k + 1 - len(sigma), 0))])
    if sigma[0] == 0:
        return Forecast(-math.inf, 0.0, 0.0, 0.0, "M is zero")
    if (unit := float(sigma[0])) != 1:
        # In units of σ₁, so that no square leaves the floats.
        found = forecast(
            sigma / unit,
            k,
            schedule.scaled(unit),
            tol,
            start=start and start.over(unit),
            s0=s0 and s0 / unit,
            weight=weight,
            outside=outside / unit,
            spare=spare,
            accuracy=accuracy,
        )
        times = found.flow_time / unit, found.growth_time / unit
        return replace(found, flow_time=times[0], growth_time=times[1], s0=found.s0 * unit)
    if start is None:
        if s0 is None:
            raise ValueError("give a start or s0")
        growth = Growth.typical(sigma[: k + (sigma[k] > 0)], k, s0, outside, SLOWEST)
    else:
        rows = min(len(start.X), len(sigma)) if sigma[k] > 0 else k
        growth = Growth.of(sigma[:rows], start.A[:rows], start.rest(k, rows), k, SLOWEST)
    if growth is None:
        note = "the start has no part along a leading singular direction: it must leave a saddle"
        return Forecast(math.inf, math.inf, math.inf, 0.0, note)
    goal = tol * float(sigma[k - 1]) ** 2
    excess = cache(growth.excess)  # both times are looked for from the same one on
    tau = time_to(excess, goal, 1.0, accuracy)
    slow = float(sigma[k - 1])
    omega = slow - float(sigma[k])
    half = min(time_to(excess, max(goal, 0.25 * omega**2), 1.0, accuracy), tau)
    if math.isinf(tau):
        note = f"σ_{k} − σ_{k + 1} = {omega:.3g} σ₁: no linear rate"
        return Forecast(math.inf, math.inf, half, growth.s0, note)
    there = 0.0
    if start is not None:
        tau = half + (tau - half) * _slower(slow, float(sigma[k]), start, weight * half)
        # Columns beyond k end on what rounding has left of M: that much of them is no excess.
        there = float(np.sum(sigma[k : len(start.UtU)] ** 2))
        U, V = (G - Z[:k].T @ Z[:k] for G, Z in ((start.UtU, start.X), (start.VtV, start.Y)))
        spare = Spare.of(start.A[:k], U, V, weight)
    later = max(spare.time_to(goal + there, 1.0, accuracy) - tau, 0.0) if spare else 0.0
    if math.isinf(later):
        note = f"what the columns beyond {k} hold goes to zero too slowly"
        return Forecast(math.inf, math.inf, half, growth.s0, note)
    took, eta = tau + later, schedule.least
    if eta * max(weight, 1.0) >= 1:  # the sharpness at an optimum is 2σ₁ max(1, λ)
        return Forecast(math.inf, tau, half, growth.s0, "the step is too long to converge")
    if eta:
        took = half * stretch(eta * slow) + (tau - half) * stretch(-eta * omega) + later
    log10 = schedule.steps_for(took)
    decays = not eta and log10 >= 9
    note = "the steps decay too fast for the flow time that is needed" if decays else ""
    return Forecast(log10, tau + later, half, growth.s0, note)


def _slower(slow: float, after: float, start: Start, pull: float) -> float:
    """By how much an unbalanced start, D₀ = UᵀU − VᵀV of norm d, slows the end.

    At an optimum with UᵀU − VᵀV = d the slowest mode falls at
    (√(d² + 4σ_k²) − √(d² + 4σ_{k+1}²))/2 instead of σ_k − σ_{k+1}: the smaller factor draws the
    larger one in. A balance term takes d away meanwhile: dD/dτ = −(λ/2)(DP + PD), where
    P = UᵀU + VᵀV ≥ ±D, so that of d there is at most d/(1 + λτd) when the end begins.

    pull: λτ of that flow time.
    Source: mfact, derived: the least eigenvalue of [[VᵀV, −σ_{k+1}], [−σ_{k+1}, UᵀU]].
    """
    d = float(np.linalg.norm(start.UtU - start.VtV, 2))
    d /= 1 + pull * d
    rate = 0.5 * (math.hypot(d, 2 * slow) - math.hypot(d, 2 * after))
    return (slow - after) / rate if rate > 0 else 1.0


def stretch(x: float) -> float:
    """x / ln(1 + x): by how much steps of ηω = x take longer (growth) or less than the flow."""
    return x / math.log1p(x) if abs(x) > 1e-12 else 1.0
