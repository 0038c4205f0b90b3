"""What a matrix is like before it is factored: norm, spectrum, numerical rank, a step size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mfact.core import Array, Target, whole_norm
from mfact.methods.choice import METHODS, PLAIN
from mfact.problems.optimum import CLEAR_GAP
from mfact.run.advice import of_means
from mfact.run.doing import NOTHING, Doing
from mfact.run.looking import looked_at
from mfact.run.ranked import LEADING
from mfact.run.seen import look
from mfact.targets.counted import Counted
from mfact.targets.door import Held, held

if TYPE_CHECKING:
    from mfact.matrices.source import MatrixSource


@dataclass(frozen=True)
class Inspection:
    """The numbers of one matrix; singular values and norm in its own units.

    singular_values: σ₁ ≥ σ₂ ≥ …, all of them when `complete`, else the leading ones.
    rank_tolerance: up to which a singular value counts as zero (mfact.problems.optimum).
    numerical_rank: how many are above it; a lower bound unless `rank_is_exact`.
    suggested_rank: None for a zero matrix and where no rank is clear; reason: why this one.
    suggested_center: where M is mostly one component, and that is a mean, the --center that takes
        it off, for the rest to be seen; center_share: how much of ‖M‖_F² that takes off.
    suggested_step: the constant step size 0.5/σ₁ (units 1/M), None where that is no finite
        number.
    center: what M is without, of A, the matrix that was given; uncentered_norm: ‖A‖_F where that
        is another.
    nonzeros: entries that are not zero, of A.
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
    suggested_center: str | None
    center_share: float | None
    center: str
    uncentered_norm: float | None

    @property
    def energy(self) -> tuple[float, ...]:
        """Σ_{i≤k} σ_i² / ‖M‖_F² for k = 1, 2, …"""
        if self.norm == 0:
            return (0.0,) * len(self.singular_values)
        shares = (np.array(self.singular_values) / self.norm) ** 2
        return tuple(float(min(share, 1.0)) for share in np.cumsum(shares))


def inspect_matrix(
    matrix: Array | MatrixSource | Target | Held,
    *,
    leading: int = LEADING,
    center: str = "none",
    doing: Doing = NOTHING,
) -> Inspection:
    """Norm, singular values, numerical rank, and what they suggest for a run.

    matrix: d1×d2, an array, an opened file or a Target. leading: how many singular values are
    computed when min(d1, d2) > 1500, by ARPACK, to working precision; up to there LAPACK gives all.
    center: what is taken off the matrix first. doing: told how far it is.

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
    found = held(matrix, "float64").centred(center)
    with looked_at(found, doing) as target:
        return _inspection(target, found.shape, leading, center, doing)


def _inspection(
    target: Counted, shape: tuple[int, int], leading: int, center: str, doing: Doing
) -> Inspection:
    with doing.now("spectrum"):
        seen = look(target, shape, leading)
    first = float(seen.values[0])
    step = METHODS[PLAIN].step_size(first, 0.0, max(shape)) if seen.rank > 0 else math.inf
    suggested, reason = seen.suggested()
    kind, share = None, None
    alone = seen.rank > 1 and (suggested == 1 or first >= CLEAR_GAP * float(seen.values[1]))
    if alone and center == "none":
        kind, share = of_means(target, shape, seen.values)
    return Inspection(
        shape=shape,
        norm=seen.norm,
        nonzeros=target.nonzeros,
        singular_values=tuple(float(value) for value in seen.values),
        complete=seen.complete,
        rank_tolerance=seen.zero,
        numerical_rank=seen.rank,
        rank_is_exact=seen.exact_rank is not None,
        suggested_rank=suggested,
        reason=reason,
        suggested_step=step if math.isfinite(step) else None,
        suggested_center=kind,
        center_share=share,
        center=center,
        uncentered_norm=None if center == "none" else whole_norm(target),
    )
