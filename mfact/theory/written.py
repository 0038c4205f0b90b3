"""Whether the factors that a run writes are those of its last recorded step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from mfact.core import Array, Claim, Factors, Target, Verdict
from mfact.problems.factorization import unbalance

AGREES = "recomputed from the factors and the matrix"

GRAM = 1e-8
"""Below this part of ‖M‖_F², no loss is a difference of squares any more."""

DIGITS = 1e-3
"""Of a loss below, the part that may be lost in its sum (problems.diagonal.excesses)."""


class Fact(NamedTuple):
    """One number of the last row beside that of the factors, and how far rounding takes them."""

    what: str
    recorded: float
    measured: float
    allowed: float

    @property
    def share(self) -> float:
        """How far they are apart, in units of what is allowed; inf where that is no number."""
        off = abs(self.recorded - self.measured)
        if off == 0:
            return 0.0
        share = off / self.allowed if self.allowed > 0 else math.inf
        return math.inf if math.isnan(share) else share


def few_roundings(target: Target, loose: float = 0.0, passes: int = 0) -> float:
    """The relative rounding of a product of factors, 8 u (√(1 + d/256) + p) + 2‖LᵀL − I‖.

    Sums are d = max(d1, d2) long, and their roundings add like random ones. loose: how far the
    bases that factors are formed in are off orthonormal. passes: p, how often these have grown,
    each time with a rotation of the coordinates, of which a last row may not know.
    Source: mfact, derived.
    """
    unit = float(np.finfo(target.dtype).eps)
    return 8 * unit * (math.sqrt(1 + max(target.shape) / 256) + passes) + 2 * loose


def apart(loss: float, norm: float, size: float, few: float, offset: float = 0.0) -> float:
    """How far apart two ways to one loss may be: out of coordinates, and from ‖UVᵀ − M‖_F.

    U and V are formed, and R from them, to ‖δR‖_F ≤ δ = few·(‖M‖_F + ‖U‖_F‖V‖_F), so that
    |δf| ≤ δ‖R‖_F + ½δ²; few·f for the sum of squares; and where f is a sum of larger terms,
    few times the square of their size, of a small f no more than a thousandth.

    loss: f, in units of M². norm: ‖M‖_F. size: ‖U‖_F‖V‖_F. few: few_roundings(). offset: of the
    target, which R is formed from too.
    Source: mfact, derived.
    """
    whole = norm + size + offset
    off = few * whole
    allowed = off * math.sqrt(2 * max(loss, 0.0)) + 0.5 * off**2 + few * loss
    terms = off * whole
    return allowed + (terms if loss > GRAM * norm**2 else min(terms, DIGITS * loss))


def written_factors(
    row: Mapping[str, Any],
    factors: Factors,
    residual: float,
    target: Target,
    *,
    loose: float = 0.0,
    passes: int = 0,
) -> Claim:
    """The last recorded row held against the factors that are written.

    row: the last one, by column; empty where none was recorded. residual: ‖UVᵀ − M‖_F as formed
    from the factors. target: M, for its norm and dtype. loose, passes: of the bases that they
    were read in, see few_roundings.
    """
    few = few_roundings(target, loose, passes)
    facts = list(_facts(row, factors, residual, target, few)) if row else []
    worst = max(facts, key=lambda fact: fact.share, default=None)
    measured = 0.5 * residual**2
    numbers = {"measured": measured}
    verdict, detail = Verdict.INCONCLUSIVE, f"no loss was recorded; theirs is {measured:.9g}"
    if worst is not None:
        loss = facts[0]
        numbers = {"recorded": loss.recorded, "measured": measured, "bound": loss.allowed}
        verdict, detail = Verdict.HOLDS, f"f = {measured:.9g}, recorded {loss.recorded:.9g}"
        if not worst.share <= 1:
            verdict = Verdict.VIOLATED
            detail = (
                f"{worst.what} is {worst.measured:.9g}, and {worst.recorded:.9g} was recorded:"
                f" {abs(worst.measured - worst.recorded):.3g} apart,"
                f" {worst.allowed:.3g} allowed"
            )
    return Claim(
        "written-factors",
        "the factors that are written have the loss, sizes and imbalance of the last step",
        verdict,
        detail,
        AGREES,
        numbers,
    )


def _facts(
    row: Mapping[str, Any], factors: Factors, residual: float, target: Target, few: float
) -> Iterator[Fact]:
    U, V = (factor.astype(np.float64, copy=False) for factor in factors)
    size_U, size_V = _square(U), _square(V)
    loss = float(row["loss"])
    both = math.sqrt(size_U * size_V)
    allowed = apart(loss, float(target.norm), both, few, target.offset)
    yield Fact("f = ½‖UVᵀ − M‖_F²", loss, 0.5 * residual**2, allowed)
    yield Fact("‖U‖_F²", float(row["size_U"]), size_U, few * size_U)
    yield Fact("‖V‖_F²", float(row["size_V"]), size_V, few * size_V)
    imbalance = float(np.linalg.norm(unbalance(U, V)))
    yield Fact("‖UᵀU − VᵀV‖_F", float(row["imbalance"]), imbalance, few * (size_U + size_V))


def _square(factor: Array) -> float:
    return float(np.vdot(factor, factor))
