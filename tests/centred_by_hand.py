"""A matrix without its means, made by hand in extended precision, and matrices to take them off."""

from __future__ import annotations

import numpy as np
from matrices import matrix

KINDS = ("mean", "columns", "rows")


def means(A, kind):
    """d2, d1 or one of them, as a row, a column or a cell of extended precision."""
    wide = np.asarray(A, np.longdouble)
    axis = {"mean": None, "columns": 0, "rows": 1}[kind]
    return wide.mean(axis=axis, keepdims=True)


def by_hand(A, kind):
    """A less its means, in extended precision."""
    return np.asarray(A, np.longdouble) - means(A, kind)


def offset(A, kind):
    """The norm of what is taken off."""
    return float(np.linalg.norm((means(A, kind) + np.zeros(A.shape)).astype(float)))


def shifted(rng, shape, sigma, noise, offset, scale=1.0):
    """offset, and scale·√(d1 d2) times ΦΣΨᵀ + noise: entries of the size of scale·σ."""
    M, _, _ = matrix(rng, shape, sigma)
    M = np.sqrt(shape[0] * shape[1]) * M + noise * rng.standard_normal(shape)
    return offset + scale * M
