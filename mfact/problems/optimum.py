"""The least loss that rank r allows, by Eckart and Young, and the unit in which a gap is told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mfact.core import Array, Optimum, Target, whole_norm

CLEAR_GAP = 10.0
"""Singular values before such a ratio σ_i/σ_{i+1} are the signal, those after it are not."""

INDISTINCT = 1e-13
"""Relative difference of squared singular values below which two of them count as equal."""


class Gap(NamedTuple):
    """A gap, how far the exact one may lie from it, and the least gap that a saddle may have."""

    value: float
    error: float
    saddle: float


def zero_below(
    norm: float, sigma_1: float, shape: tuple[int, int], stored: float, arithmetic: float
) -> float:
    """max(½ε_s‖M‖_F, √max(d1, d2)·ε_a σ₁): up to here a singular value counts as zero.

    norm: ‖M‖_F. stored, arithmetic: ε_s of the kind M is stored in, ε_a of the arithmetic.
    Rounding each entry to ε_s/2 of itself moves no singular value by more than ½ε_s‖M‖_F, and
    rounding in products moves them by about the second term: what lies below may be either.
    This is the one rule of numerical rank.
    Source: Weyl 1912 for the bound; mfact, derived.

    >>> zero_below(2.0, 1.0, (4, 3), 2**-10, 2**-52) == 2**-10
    True
    """
    return max(0.5 * stored * norm, math.sqrt(max(shape)) * arithmetic * sigma_1)


def zero_in(target: Target, sigma_1: float, shape: tuple[int, int] | None = None) -> float:
    """zero_below() for the M behind a target, in its own arithmetic; sigma_1: of M. Where M is
    A − abᵀ it is A that is stored, and multiplied.

    shape: of the whole matrix, where the target is without its empty rows and columns.
    """
    eps, shape = float(np.finfo(target.dtype).eps), target.shape if shape is None else shape
    largest = math.hypot(sigma_1, target.offset)
    return zero_below(whole_norm(target), largest, shape, target.stored_eps, eps)


def numerical_rank(values: Sequence[float] | Array, zero: float) -> int:
    """How many of the singular values are above `zero`.

    >>> numerical_rank([3.0, 1.0, 1e-20], 1e-15)
    2
    """
    return int(np.count_nonzero(np.asarray(values, float) > zero))


def known_rank(
    values: Sequence[float] | Array, zero: float, most: int, rest: float = math.inf
) -> int | None:
    """The numerical rank, where the leading singular values tell it, else None.

    They do where the last of them counts as zero, where there are no others, `most` in all, or
    where the others count as zero together: rest, their sum of squares, as far as it is known.

    >>> known_rank([3.0, 1.0], 1e-15, 2), known_rank([3.0, 1.0], 1e-15, 5)
    (2, None)
    """
    rank = numerical_rank(values, zero)
    tells = rank < len(values) or len(values) >= most or rest <= zero**2
    return rank if tells and len(values) else None


def fitted_rank(values: Sequence[float] | Array, rank: int, zero: float) -> int:
    """k: how many of the leading r singular values there are to fit, at least 1."""
    return max(numerical_rank(np.asarray(values)[:rank], zero), 1)


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


def optimum_of(
    values: Sequence[float] | Array,
    k: int,
    *,
    floor: float,
    errors: Sequence[float] | Array | float = 0.0,
    error: float = 0.0,
) -> Optimum:
    """From σ₁ ≥ σ₂ ≥ … ≥ σ_{r+1}, the last left out where M has only r; see mfact.core.Optimum.

    >>> found = optimum_of([3.0, 2.0, 1.0], 2, floor=0.5)
    >>> found.gap(0.5), found.gap(2.5), found.saddle, found.sure(0.9) < 0.75
    (0.0, 1.0, 0.75, True)
    """
    sigma = np.asarray(values, float)
    off = np.broadcast_to(np.asarray(errors, float), sigma.shape)
    saddle = 1.0
    if len(sigma) > k and sigma[k - 1] > 0:
        seen = 1 - (float(sigma[k]) / float(sigma[k - 1])) ** 2
        surely = 1 - (float(sigma[k] + off[k]) / float(sigma[k - 1])) ** 2
        # A value that equals σ_k takes its place at no loss: that is an optimum too. One that
        # is hardly known must not make the bound zero.
        saddle = max(surely, 0.1 * seen) if seen > INDISTINCT else 1.0
    return Optimum(tuple(sigma.tolist()), tuple(off.tolist()), k, floor, error, saddle)


def attainable(norm: float, sigma_k: float, arithmetic: float) -> float:
    """(ε_a‖M‖_F/σ_k)²: the least gap that the arithmetic can tell from zero.

    >>> attainable(1.0, 1.0, 1e-7) == 1e-7**2
    True
    """
    return (arithmetic * norm / sigma_k) ** 2 if sigma_k > 0 else 0.0


def offset_error(target: Target, optimum: Optimum, gap: float) -> float:
    """How far such a gap may be from that of M = A − abᵀ for the rounding of A: 0 where M is held.

    Of M and M + E the excess Δ of UVᵀ over the optimum M_k differs by ⟨UVᵀ − M_k, E⟩ at most, M_k
    that of either, which is √(2k)‖UVᵀ − M_k‖_F‖E‖ and, ‖UVᵀ − M_k‖_F being about √(2Δ), in units of
    a gap 2e√(2k·gap) + 4ke², e = ‖E‖/σ_k. ‖E‖ is that of zero_below(), √max(d1, d2)·ε‖abᵀ‖_F.
    Source: Eckart and Young 1936; mfact, derived.
    """
    e = _offset_in(target, optimum)
    return 2 * e * math.sqrt(2 * optimum.k * gap) + 4 * optimum.k * e**2


def offset_gap(target: Target, optimum: Optimum) -> float:
    """40ke², of which that is half: the least gap that a matrix less its means can tell."""
    return 40 * optimum.k * _offset_in(target, optimum) ** 2


def _offset_in(target: Target, optimum: Optimum) -> float:
    sigma_k = optimum.values[optimum.k - 1]
    off = math.sqrt(max(target.shape)) * float(np.finfo(target.dtype).eps) * target.offset
    return off / sigma_k if sigma_k > 0 else 0.0
