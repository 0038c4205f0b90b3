"""How far a loss is from the optimum ½Σ_{i>k}σ_i² of Eckart and Young, with bounds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mfact.core import Array, Optimum
from mfact.problems.optimum import fitted_rank, optimum_of, shift


class Spaces(NamedTuple):
    """M = [[A, B], [C, E]] in orthonormal bases of the spaces of U and V, A r×r.

    values: σ(A), decreasing. coupling: bound on ‖B‖₂ and ‖C‖₂. misfit: ‖UVᵀ − A‖_F in the
    bases. tau: bound on ‖E‖₂.
    """

    values: Array
    coupling: float
    misfit: float
    tau: float


def known_optimum(
    values: Array, error: float, norm: float, rank: int, zero: float, unit: float
) -> Optimum:
    """The optimum of rank r from σ₁ … σ_{r+1} known to ± error.

    norm: ‖M‖_F. zero: see mfact.problems.optimum. unit: of rounding, which the difference of
    squares brings in.
    Source: Eckart and Young 1936.

    >>> round(known_optimum(np.array([2.0, 1.0]), 0.0, 5**0.5, 1, 0.0, 0.0).gap(2.5), 9)
    1.0
    """
    k = fitted_rank(values, rank, zero)
    top = values[:k]
    floor = 0.5 * max(norm**2 - float(np.sum(top**2)), 0.0)
    off = 0.5 * float(np.sum(2 * top * error + error**2)) + 4 * unit * norm**2
    return optimum_of(values[: rank + 1], k, floor=floor, errors=error, error=off)


def excess_bounds(
    loss: float,
    rank: int,
    *,
    surely: float = 0.0,
    spaces: Spaces | None = None,
    optimum: Optimum | None = None,
) -> tuple[float, float, float | None]:
    """(low, high, δ): f − ½Σ_{i>k}σ_i² lies between low and high, in units of M².

    loss: f. rank: r. surely: a decrease of f that is known to be possible. optimum: where it is
    known. spaces: without singular values, when the spaces of U and V hold the leading ones:
    η = σ_r(A) − τ > 0. Then each σ_i(M) ≤ σ_i(A) + δ with δ = shift(coupling, η), and all that
    lies off the core cancels:
    f − ½Σ_{i>r}σ_i² ≤ ½(‖UVᵀ − A‖_F² + Σ_{i≤r}(2σ_i(A)δ + δ²)), A in the bases. δ is None where
    the spaces do not hold them.
    Source: mfact, derived from Li and Li 2005 and Eckart and Young 1936.

    >>> excess_bounds(1.0, 1)
    (0.0, 1.0, None)
    """
    low, high, delta = max(surely, 0.0), loss, None
    # Fewer than r directions say nothing of the r-th singular value.
    if spaces and len(spaces.values) == rank and spaces.values[-1] > spaces.tau:
        delta = shift(spaces.coupling, float(spaces.values[-1]) - spaces.tau)
        extra = float(np.sum(2 * spaces.values * delta + delta**2))
        high = min(high, 0.5 * (spaces.misfit**2 + extra))
    if optimum is not None:
        above, k = loss - optimum.floor, optimum.k
        # A decrease may be towards the rank r, whose floor lies below that of k by the values
        # between them: they count as zero, and are there all the same.
        idle = zip(optimum.values[k:rank], optimum.errors[k:rank], strict=True)
        low = max(low - 0.5 * sum((value + off) ** 2 for value, off in idle), 0.0)
        low, high = max(low, above - optimum.error), min(high, above + optimum.error)
    return low, max(low, high), delta
