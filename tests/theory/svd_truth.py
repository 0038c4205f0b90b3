"""The gap of factors from all singular values of M, and what a certificate is told."""

from __future__ import annotations

import numpy as np
from oracles import objective

from mfact.theory.eckart_young import known_optimum

ROUNDING = 1e-13  # of gaps of matrices of this size: a few hundred units


def unit_of(sigma, rank):
    """In which a gap is told."""
    return 0.5 * sigma[rank - 1] ** 2


def known(values, off, M, rank):
    """What certify is told of singular values that are known to ± off."""
    unit = float(np.finfo(float).eps)
    return {"optimum": known_optimum(values, off, np.linalg.norm(M), rank, 1e-15, unit)}


def true_gap(M, U, V):
    """From all singular values of M, computed here; M has rank r or more."""
    sigma, rank = np.linalg.svd(M, compute_uv=False), U.shape[1]
    excess = objective(M, U, V, 0.0) - 0.5 * np.sum(sigma[rank:] ** 2)
    return excess / unit_of(sigma, rank)
