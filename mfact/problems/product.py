"""The singular values of UVᵀ, from the Gram matrices that every step has."""

from __future__ import annotations

import math

import numpy as np

from mfact.core import Array, Kind

KNOWN = 0.05
"""Of a singular value: how far it may be off; what may be farther off is not told."""

CHUNK = 1 << 14
"""Entries of the matrices taken at once, so that all that is made of them stays in the cache."""


def gram_rounding(dtype: Kind, rows: int) -> float:
    """A bound on the rounding of UᵀU, in units of its trace: (4 + √d/64)ε, d = rows.

    Measured: up to 2ε for d = 100, 4ε for d = 10⁵, 8ε for d = 10⁶.
    """
    return (4 + math.sqrt(rows) / 64) * float(np.finfo(dtype).eps)


def product_values(grams: Array, rounding: float) -> Array:
    """σ_1 … σ_r of UVᵀ at n points, descending, n×r, units of M; NaN where rounding hides them.

    grams: n×2×r×r, (UᵀU, VᵀV). rounding: of these, in units of their traces.

    With UᵀU = LLᵀ and VᵀV = NNᵀ they are those of LᵀN = PSQᵀ. Let y = Lp and x = Nq belong to
    σ; then UᵀU x = σy and VᵀV y = σx, and changes dA and dC of the two Gram matrices move it by
    (xᵀdA x + yᵀdC y)/(2σ). So rounding moves it by up to u(‖U‖²‖x‖² + ‖V‖²‖y‖²)/(2σ), all norms
    Frobenius: u‖U‖‖V‖ where the factors are balanced, up to √u‖U‖‖V‖ where a column of U is
    large and that of V small. A value that this may move by more than KNOWN of itself is not
    told, nor are those below it, of which the place is not known.
    Source: mfact, derived, by first-order perturbation of AC y = σ²y.

    >>> product_values(np.array([[np.diag([4.0, 1.0]), np.diag([9.0, 1e-40])]]), 1e-15)
    array([[ 6., nan]])
    """
    step = max(1, CHUNK // grams.shape[2] ** 2)
    parts = [_values(grams[i : i + step], rounding) for i in range(0, len(grams), step)]
    return np.concatenate([np.zeros((0, grams.shape[2])), *parts])


def _values(grams: Array, rounding: float) -> Array:
    grams = np.asarray(grams, float)
    sizes = np.trace(grams, axis1=2, axis2=3)
    # The shift is within the rounding, and leaves no eigenvalue below zero.
    shift = rounding * np.eye(grams.shape[2])
    try:
        L = np.linalg.cholesky(grams / np.where(sizes > 0, sizes, 1.0)[..., None, None] + shift)
        P, s, Qt = np.linalg.svd(L[:, 0].swapaxes(1, 2) @ L[:, 1])
    except np.linalg.LinAlgError:  # at one of them
        if len(grams) == 1:
            return np.full(grams.shape[::3], np.nan)
        return np.concatenate([_values(each[None], rounding) for each in grams])
    y, x = L[:, 0] @ P, L[:, 1] @ Qt.swapaxes(1, 2)
    # σ times how far it may be off: by the rounding, and by as much again for the shift.
    moved = rounding * (np.sum(x**2, axis=1) + np.sum(y**2, axis=1))
    known = np.logical_and.accumulate(moved <= KNOWN * s**2, axis=1)
    values: Array = np.where(known, s, np.nan) * np.sqrt(sizes[:, :1]) * np.sqrt(sizes[:, 1:])
    values[(sizes == 0).any(axis=1)] = 0.0
    return values
