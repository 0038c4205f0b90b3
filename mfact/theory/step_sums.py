"""Sums of decaying step sizes in closed form: how many steps a flow time takes."""

from __future__ import annotations

import math

import numpy as np


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
