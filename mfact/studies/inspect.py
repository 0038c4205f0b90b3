"""What a matrix is like before it is factored: norm, spectrum, numerical rank, a step size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mfact.core import Array, Target
from mfact.krylov.values import leading_values
from mfact.problems.factorization import sharpness
from mfact.problems.optimum import CLEAR_GAP, known_rank, numerical_rank, zero_in
from mfact.run.doing import NOTHING, Doing
from mfact.run.looking import looked_at
from mfact.schedules import largest_step
from mfact.targets.counted import Counted
from mfact.targets.door import Held, held

if TYPE_CHECKING:
    from mfact.matrices.source import MatrixSource

FULL_UP_TO = 1500  # min(d1, d2) to which every singular value is computed: seconds, not minutes
ENERGY = 0.95
FEW = 10  # components are few in any matrix
MOST_SUGGESTED = 100  # components that someone may want to look at


@dataclass(frozen=True)
class Inspection:
    """The numbers of one matrix; singular values and norm in its own units.

    singular_values: σ₁ ≥ σ₂ ≥ …, all of them when `complete`, else the leading ones.
    rank_tolerance: up to which a singular value counts as zero (mfact.problems.optimum).
    numerical_rank: how many are above it; a lower bound unless `rank_is_exact`.
    suggested_rank: None for a zero matrix and where no rank is clear; reason: why this one.
    suggested_step: the constant step size 0.5/σ₁ (units 1/M), None where that is no finite
        number.
    nonzeros: entries that are not zero.
    """

    shape: tuple[int, int]
    norm: float
    nonzeros: int
    singular_values: tuple[float, ...]
    complete: bool
    rank_tolerance: float
    numerical_rank: int
    rank_is_exact: bool
    suggested_rank: int | None
    reason: str
    suggested_step: float | None

    @property
    def energy(self) -> tuple[float, ...]:
        """Σ_{i≤k} σ_i² / ‖M‖_F² for k = 1, 2, …"""
        if self.norm == 0:
            return (0.0,) * len(self.singular_values)
        shares = (np.array(self.singular_values) / self.norm) ** 2
        return tuple(float(min(share, 1.0)) for share in np.cumsum(shares))


def inspect_matrix(
    matrix: Array | MatrixSource | Target | Held, *, leading: int = 20, doing: Doing = NOTHING
) -> Inspection:
    """Norm, singular values, numerical rank, and what they suggest for a run.

    matrix: d1×d2, an array, an opened file or a Target. leading: how many singular values are
    computed when min(d1, d2) > 1500, by ARPACK, to working precision; up to there LAPACK gives all.
    doing: told how far it is.

    Suggested rank: the place of the largest ratio σ_i/σ_{i+1} in the first half of the
    spectrum when it is 10 or more, else the fewest that hold 95 % of ‖M‖_F², if these are at most
    10, or half of all and at most 100; else there is no clear rank, and none is suggested (mfact,
    derived; a habit, not a theorem). Suggested step: 0.5/σ₁, half of the stability limit
    1/σ₁ at a balanced optimum (mfact, derived).

    Raises DataError when M has no entries or its singular values cannot be computed.

    >>> found = inspect_matrix(np.diag([4.0, 2.0, 0.0]))
    >>> found.numerical_rank, found.suggested_rank, found.suggested_step
    (2, 2, 0.125)
    """
    found = held(matrix, "float64")
    with looked_at(found, doing) as target:
        return _inspection(target, found.shape, leading, doing)


def _inspection(target: Counted, shape: tuple[int, int], leading: int, doing: Doing) -> Inspection:
    with doing.now("spectrum"):
        norm = target.norm
        values, _ = leading_values(target, leading, FULL_UP_TO)
    complete = len(values) == min(target.shape)
    if complete and len(values) < min(shape):
        # The empty rows and columns add zeros: all of them where all are listed, else one.
        complete = min(shape) <= FULL_UP_TO
        values = np.pad(values, (0, min(shape) - len(values) if complete else 1))
    first = float(values[0])
    tolerance = zero_in(target, first, shape)
    rank = numerical_rank(values, tolerance)
    step = 0.5 * largest_step(sharpness(0.0), first) if first > 0 else math.inf
    suggested, reason = _suggestion(values, norm, tolerance, rank, complete)
    return Inspection(
        shape=shape,
        norm=norm,
        nonzeros=target.nonzeros,
        singular_values=tuple(float(value) for value in values),
        complete=complete,
        rank_tolerance=tolerance,
        numerical_rank=rank,
        rank_is_exact=known_rank(values, tolerance, min(shape)) is not None,
        suggested_rank=suggested,
        reason=reason,
        suggested_step=step if math.isfinite(step) else None,
    )


def _suggestion(
    values: Array, norm: float, tolerance: float, rank: int, complete: bool
) -> tuple[int | None, str]:
    if rank == 0:
        return None, "the matrix is zero"
    # Below the tolerance values are rounding: they count as the tolerance itself. A gap in
    # the second half of the spectrum makes no low rank.
    floor = np.maximum(values, max(tolerance, float(np.finfo(float).smallest_subnormal)))
    half = max(1, len(values) // 2) if complete else len(values)
    ratios = (floor[:-1] / floor[1:])[:half]
    if len(ratios) and ratios.max() >= CLEAR_GAP:
        place = int(np.argmax(ratios)) + 1
        if place == rank and rank < len(values):
            return place, "the numerical rank: the rest is rounding"
        ratio = float(ratios.max())
        return place, f"the largest gap: σ_{place}/σ_{place + 1} = {ratio:.3g}"
    energy = np.cumsum((values / norm) ** 2)
    place = int(np.argmax(energy >= ENERGY)) + 1 if energy[-1] >= ENERGY else len(values) + 1
    most = min(MOST_SUGGESTED, max(FEW, len(values) // 2)) if complete else len(values)
    if place > most:
        held = 100 * float(energy[min(most, len(energy)) - 1])
        return None, f"no clear rank: no gap, and the leading {most} hold {held:.0f} % of ‖M‖²"
    return place, f"no clear gap; the fewest that hold {ENERGY:.0%} of ‖M‖²".replace("%", " %")
