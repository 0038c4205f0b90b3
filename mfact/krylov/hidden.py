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

FAR, CLOSE, MOST_TRIED = 50.0, 1e-9, 60
"""Up to where ln(s/θ − 1) is looked for, how far it may move at last, and how often at most."""

TINY = float(np.finfo(float).eps)


def hidden_value(
    ritz: Array, skip: int, probes: Sequence[Sequence[int]], degrees: int, d: int
) -> float:
    """s such that no singular value of M beyond the `skip` largest Ritz values is above s.

    ritz: all of them, decreasing, units of M. probes: (width, degrees) as in Basis, in the order
    in which they came. degrees: by now. d: max(d1, d2). inf when nothing is known.

    Let E be M without the found pairs, θ = ritz[skip], and let E have a singular value s > θ with
    the vector p on the side of b random columns. Choose of these the combination w that is
    orthogonal to the j largest other ones. With m = degrees − 2 − (those before the columns came)
    the side that leads holds T_m(E/t)w, T Chebyshev's polynomials and t = ritz[skip + j], and the
    other one the product of that with M: its Rayleigh quotient would be above θ unless
    |pᵀw|/‖w‖ ≤ 1/(T_m(s/t) √((s/θ)² − 1)), which for random w has at most the chance
    √(2d/π) of that. There are ⌊b/(j + 1)⌋ such w, independent of each other and of those of
    columns that came before, which reach as far at least; the best j is taken. For j = 0 this is
    proved; for j > 0 as far as t bounds the rest, which the Ritz values do from below.
    Source: mfact, derived, after Kuczyński and Woźniakowski 1992.

    >>> hidden_value(np.array([3.0, 1.0, 0.5]), 1, [(8, 0)], 12, 100) < 1.2
    True
    >>> hidden_value(np.array([3.0]), 1, [(4, 0)], 12, 100), hidden_value(np.ones(3), 1, [], 9, 9)
    (inf, inf)
    """
    rest = ritz[skip:]
    if not len(rest):
        return math.inf
    rest = np.maximum(rest, TINY * float(ritz[0]))
    widths = [int(width) for width, _ in probes]
    bounds = [
        _bound(rest, widths[: i + 1], degrees - int(came) - 2, d)
        for i, (_, came) in enumerate(probes)
    ]
    return min(bounds, default=math.inf)


def _bound(rest: Array, widths: list[int], degree: int, d: int) -> float:
    """The least s over j, by Newton's method in ln(s/θ − 1), from above. widths: of sets of random
    columns that all reach this degree.
    """
    if degree < 0 or max(widths) < 1:
        return math.inf
    j = np.arange(min(max(widths), len(rest)))
    chances = np.sum([width // (j + 1) for width in widths], axis=0)
    # ln of what T_m(s/t) √((s/θ)² − 1) must be.
    needed = 0.5 * math.log(2 * d / math.pi) - math.log(CHANCE) / chances
    spread = rest[0] / rest[j]
    low, high = np.full(len(j), -FAR), np.full(len(j), FAR)
    middle = 2 * np.log(needed / max(degree, 1))  # where θ = t and s is close
    for _ in range(MOST_TRIED):
        over = np.exp(middle)  # s/θ − 1
        above = spread - 1 + spread * over
        root = np.sqrt(above * (2 + above))
        angle = degree * np.log1p(above + root)
        fall = np.exp(-2 * angle)
        have = angle + np.log1p(fall) - math.log(2) + 0.5 * (middle + np.log(2 + over))
        short = have < needed
        low, high = np.where(short, middle, low), np.where(short, high, middle)
        # Newton's step where it stays inside what is known, else the middle.
        slope = degree * spread * over / root * (1 - fall) / (1 + fall)
        slope += 0.5 * (1 + over / (2 + over))
        tried = np.clip(middle + (needed - have) / slope, -FAR, FAR)
        tried = np.where((low <= tried) & (tried <= high), tried, 0.5 * (low + high))
        moved, middle = float(np.max(np.abs(tried - middle))), tried
        if moved <= CLOSE:
            break
    return float(rest[0] * (1 + np.exp(middle.min() + CLOSE)))
