"""What a Krylov space does not show of M: a bound, from the random columns that it was given.

A pair of bases may hold r Ritz pairs to rounding and miss larger singular values altogether: a
start in the span of other singular pairs never leaves it. Only random columns tell, and how much
they tell depends on how far M was applied to them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mfact.core import Array

CHANCE = 1e-6
"""The chance, over the random columns, that a bound is too small."""

TINY = float(np.finfo(float).eps)


def hidden_value(
    ritz: Array, skip: int, probes: Sequence[Sequence[int]], passes: int, d: int
) -> float:
    """s such that no singular value of M beyond the `skip` largest Ritz values is above s.

    ritz: all of them, decreasing, units of M. probes: (width, passes) as in Basis. passes: over M
    by now. d: max(d1, d2). inf when nothing is known.

    Let E be M without the found pairs, θ = ritz[skip], and let E have a singular value s > θ with
    left vector p. Of b random columns choose the combination w that is orthogonal to the j largest
    other ones. With m = passes − 2 − (those before the columns came), the spaces hold T_m(E/t)w, T
    Chebyshev's polynomials and t = ritz[skip + j]; its Rayleigh quotient would be above θ unless
    |pᵀw|/‖w‖ ≤ 1/(T_m(s/t) √((s/θ)² − 1)), which for random w has at most the chance
    √(2d/π) of that. There are 2⌊b/(j + 1)⌋ such w, left and right, independent of each other; the
    best j is taken. For j = 0 this is proved; for j > 0 as far as t bounds the rest, which the
    Ritz values do from below.
    Source: mfact, derived, after Kuczyński and Woźniakowski 1992.

    >>> hidden_value(np.array([3.0, 1.0, 0.5]), 1, [(4, 0)], 12, 100) < 1.2
    True
    >>> hidden_value(np.array([3.0]), 1, [(4, 0)], 12, 100), hidden_value(np.ones(3), 1, [], 9, 9)
    (inf, inf)
    """
    rest = ritz[skip:]
    if not len(rest):
        return math.inf
    rest = np.maximum(rest, TINY * float(ritz[0]))
    bounds = [_bound(rest, int(width), passes - int(came) - 2, d) for width, came in probes]
    return min(bounds, default=math.inf)


def _bound(rest: Array, width: int, degree: int, d: int) -> float:
    """The least s over j, by bisection in ln(s/θ − 1)."""
    if degree < 0 or width < 1:
        return math.inf
    j = np.arange(min(width, len(rest)))
    chances = 2 * (width // (j + 1))
    # ln of what T_m(s/t) √((s/θ)² − 1) must be.
    needed = 0.5 * math.log(2 * d / math.pi) - math.log(CHANCE) / chances
    spread = rest[0] / rest[j]
    low, high = np.full(len(j), -50.0), np.full(len(j), 50.0)
    for _ in range(45):
        middle = 0.5 * (low + high)
        over = np.exp(middle)  # s/θ − 1
        angle = degree * _arccosh(spread - 1 + spread * over)
        have = angle + np.log1p(np.exp(-2 * angle)) - math.log(2)
        have += 0.5 * (middle + np.log(2 + over))
        low, high = np.where(have < needed, middle, low), np.where(have < needed, high, middle)
    return float(rest[0] * (1 + np.exp(high.min())))


def _arccosh(above: Array) -> Array:
    """arccosh(1 + x) for x ≥ 0, also where 1 + x is 1 in rounding."""
    return np.asarray(np.log1p(above + np.sqrt(above * (2 + above))))
