"""The forecast: how many iterations a run will take, before its first step."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mfact.core import Array, Schedule
from mfact.schedules import Constant, PowerDecay
from mfact.theory.riccati import Growth


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


def start_overlap(X: Array, Y: Array) -> Array:
    """A = (ΦᵀU₀ + ΨᵀV₀)/2 from the start in singular coordinates X = ΦᵀU₀, Y = ΨᵀV₀ (N×r).

    >>> start_overlap(np.ones((2, 1)), np.zeros((2, 1))).ravel().tolist()
    [0.5, 0.5]
    """
    return 0.5 * (X + Y)


def forecast(
    sigma: Array,
    rank: int,
    schedule: Schedule,
    tol: float,
    *,
    A: Array | None = None,
    s0: float | None = None,
    norm: float | None = None,
    accuracy: float = 1e-12,
) -> Forecast:
    """Iterations until the relative gap (f − ½Σ_{i>r}σ_i²) / ½‖M‖_F² is at most tol.

    sigma: leading singular values of M, r + 1 or more (σ_{r+1} = 0 for M of rank r); with fewer
    the rest counts as 0. schedule: any with the steps of mfact.schedules. A: start_overlap for
    the rows that belong to sigma, else s0: see typical_s0. norm: ‖M‖_F, that of sigma if None.
    accuracy: relative, to which the flow times are solved for.

    The flow time is that of the closed form in Growth, for which with M of rank r
    τ* ≈ (1/(2σ_r)) [ln(σ_r/s₀) + ln(σ_r/ε)], ε = √tol ‖M‖_F, exact at r = 1. With σ_{r+1} > 0
    the end is slower: the amplitude z of mode r + 1 falls like e^{−(σ_r − σ_{r+1})τ}, with
    f − ½Σ_{i>r}σ_i² = ½(σ_r − σ_{r+1})z². With a constant step the growth is by 1 + ησ_r a step
    and the end by 1 − η(σ_r − σ_{r+1}), and the two parts of τ* are stretched to that.
    Against plain runs, T from A was within 12 % (constant, power; exact rank and noise), and
    from s0 alone within a factor of 2, by the start's luck. A start that is far from balanced
    takes longer, as does one orthogonal to a singular direction. Source: mfact, derived.

    >>> from mfact.schedules import Constant
    >>> round(forecast(np.array([1.0]), 1, Constant(0.001), 1e-8, s0=1e-6).iterations, -2)
    11500.0
    """
    sigma = np.asarray(sigma, float)
    sigma = np.concatenate([sigma, np.zeros(max(rank + 1 - len(sigma), 0))])
    size = float(np.linalg.norm(sigma)) if norm is None else norm
    if size == 0:
        return Forecast(-math.inf, 0.0, 0.0, 0.0, "M is zero")
    growth = _growth(sigma, rank, A, s0)
    if growth is None:
        note = "the start has no part along a leading singular direction: it must leave a saddle"
        return Forecast(math.inf, math.inf, math.inf, 0.0, note)
    tau = growth.time_to(tol * size**2, accuracy)
    # Modes too small to matter for tol need not be grown; then the last that matters is slowest.
    needed = max(int(np.sum(np.cumsum(sigma[:rank][::-1] ** 2) > tol * size**2)), 1)
    slow = float(sigma[needed - 1])
    after = float(sigma[rank]) if needed == rank else 0.0
    omega = slow - after
    half = min(growth.time_to(max(tol * size**2, 0.25 * omega**2), accuracy), tau)
    if math.isinf(tau):
        note = f"σ_{rank} − σ_{rank + 1} = {sigma[rank - 1] - sigma[rank]:.3g}: no linear rate"
        return Forecast(math.inf, math.inf, half, growth.s0, note)
    if isinstance(schedule, Constant):
        eta = schedule.size
        if eta * slow >= 1:
            return Forecast(math.inf, tau, half, growth.s0, "the step is too long to converge")
        steps = half / eta * _stretch(eta * slow) + (tau - half) / eta * _stretch(-eta * omega)
        return Forecast(math.log10(max(steps, 1.0)), tau, half, growth.s0)
    if isinstance(schedule, PowerDecay):
        log10 = log10_steps(schedule.first, schedule.power, tau)
        note = "" if log10 < 9 else "the steps decay too fast for the flow time that is needed"
        return Forecast(log10, tau, half, growth.s0, note)
    raise TypeError(f"no forecast for {type(schedule).__name__}")


def _growth(sigma: Array, rank: int, A: Array | None, s0: float | None) -> Growth | None:
    """The curve from A, or from s0 alone: each mode then starts from s0, r + 1 as the r-th."""
    if A is None:
        if s0 is None:
            raise ValueError("give A or s0")
        A = np.vstack([np.eye(rank), np.eye(1, rank, rank - 1)]) * math.sqrt(s0)
        sigma = sigma[: rank + 1] if sigma[rank] > 0 else sigma[:rank]
    rows = min(len(A), len(sigma))
    try:
        growth = Growth.of(sigma[:rows], A[:rows])
    except np.linalg.LinAlgError:
        return None
    return growth if np.all(np.isfinite(growth.inverse)) and growth.s0 > 0 else None


def _stretch(x: float) -> float:
    """x / ln(1 + x): by how much steps of ηω = x take longer (growth) or less than the flow."""
    return x / math.log1p(x) if abs(x) > 1e-12 else 1.0


def log10_steps(first: float, power: float, flow_time: float) -> float:
    """log₁₀ T such that Σ_{t<T} first/(t + 1)^power = flow_time; power in (0, 1].

    Σ_{k≤T} k^{−p} = C(p) + (T^{1−p} − 1)/(1 − p) + O(T^{−p}), with C(p) = ζ(p) + 1/(1 − p) and
    C(1) = 0.5772…, so that ln T = ln(1 + (1 − p)(x − C)) / (1 − p), x = flow_time/first: for
    p = 1, T = e^{x − 0.577}; for p < 1, T = [(1 − p)(x − ζ(p))]^{1/(1−p)}. Source: mfact, derived.

    >>> round(log10_steps(1.0, 1.0, sum(1 / k for k in range(1, 1001))), 3)
    3.0
    >>> round(log10_steps(0.5, 0.55, 0.5 * sum(k**-0.55 for k in range(1, 1001))), 3)
    3.0
    """
    x, q = flow_time / first, 1 - power
    inside = x - sum_constant(power)
    if q * inside <= -1:
        return 0.0
    return max((math.log1p(q * inside) / q if q else inside) / math.log(10), 0.0)


def sum_constant(power: float) -> float:
    """C(p) = lim Σ_{k≤N} k^{−p} − (N^{1−p} − 1)/(1 − p), by Euler–Maclaurin at N = 1000.

    >>> round(sum_constant(1.0), 12), round(sum_constant(0.5) - 2, 9)
    (0.577215664902, -1.460354509)
    """
    n, q = 1000.0, 1 - power
    total = float(np.sum(np.arange(1.0, n + 1) ** -power))
    integral = math.expm1(q * math.log(n)) / q if q else math.log(n)
    return float(total - integral - 0.5 * n**-power + power / 12 * n ** (-power - 1))
