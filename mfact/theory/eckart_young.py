"""How far a loss is from the optimum ½Σ_{i>r}σ_i² of Eckart and Young, with bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mfact.core import Array


class Spaces(NamedTuple):
    """M = [[A, B], [C, E]] in orthonormal bases of the spaces of U and V, A r×r.

    values: σ(A), decreasing. coupling: bound on ‖B‖₂ and ‖C‖₂. misfit: ‖UVᵀ − A‖_F in the
    bases. tau: bound on ‖E‖₂.
    """

    values: Array
    coupling: float
    misfit: float
    tau: float


def shift(coupling: float, distance: float) -> float:
    """How far coupling can move a singular value: 2c² / (η + √(η² + 4c²)), at most c.

    The off-diagonal blocks of [[A, B], [C, E]] have norm c = max(‖B‖₂, ‖C‖₂), and the singular
    values of A are at least η = distance above those of E (η ≤ 0: not, the shift is c).
    Source: Li and Li 2005, for the Hermitian matrix [[0, M], [Mᵀ, 0]].

    >>> round(shift(1e-3, 1.0) * 1e6, 3), shift(0.5, 0.0)
    (1.0, 0.5)
    """
    distance = max(distance, 0.0)
    if coupling == 0:
        return 0.0
    return 2 * coupling**2 / (distance + math.sqrt(distance**2 + 4 * coupling**2))


def gap_from_values(
    loss: float, norm: float, values: Sequence[float] | Array, error: float, unit: float
) -> tuple[float, float]:
    """(f − ½Σ_{i>r}σ_i²) / ½‖M‖_F², and its error, from σ₁ … σ_r known to ± error.

    loss: f. norm: ‖M‖_F. unit: of rounding, which the difference of squares brings in.
    Source: Eckart and Young 1936.

    >>> gap_from_values(2.5, 8**0.5, [2.0], 0.0, 0.0)[1]
    0.0
    """
    values = np.asarray(values, float)
    gap = (2 * loss - (norm**2 - float(np.sum(values**2)))) / norm**2
    off = float(np.sum(2 * values * error + error**2)) / norm**2
    return gap, off + 8 * unit


def gap_interval(
    loss: float,
    norm: float,
    rank: int,
    *,
    surely: float = 0.0,
    spaces: Spaces | None = None,
    leading: tuple[Array, float] | None = None,
    unit: float = 0.0,
) -> tuple[float, float]:
    """The middle and half width of the interval in which the relative gap lies.

    loss: f. norm: ‖M‖_F. rank: r. surely: a decrease of f that is known to be possible.
    leading: (σ₁ … σ_r or more, error of each). spaces: without singular values, when the spaces
    of U and V hold the leading ones: η = σ_r(A) − τ > 0. Then each σ_i(M) ≤ σ_i(A) + δ with
    δ = shift(coupling, η), and all that lies off the core cancels:
    f − ½Σ_{i>r}σ_i² ≤ ½(‖UVᵀ − A‖_F² + Σ_{i≤r}(2σ_i(A)δ + δ²)), A in the bases.
    unit: of rounding.
    Source: mfact, derived from Li and Li 2005 and Eckart and Young 1936.

    >>> gap_interval(1.0, 2.0, 1)
    (0.25, 0.25)
    """
    if norm == 0:
        return (0.0, 0.0) if loss == 0 else (math.inf, 0.0)
    low, high = max(2 * surely / norm**2, 0.0), 2 * loss / norm**2
    # Fewer than r directions say nothing of the r-th singular value.
    if spaces and len(spaces.values) == rank and spaces.values[-1] > spaces.tau:
        delta = shift(spaces.coupling, float(spaces.values[-1]) - spaces.tau)
        extra = float(np.sum(2 * spaces.values * delta + delta**2))
        high = min(high, (spaces.misfit**2 + extra) / norm**2 + 8 * unit**2)
    if leading is not None:
        gap, error = gap_from_values(loss, norm, leading[0][:rank], leading[1], unit)
        low, high = max(low, gap - error), min(high, gap + error)
    high = max(low, high)
    return 0.5 * (low + high), 0.5 * (high - low)
