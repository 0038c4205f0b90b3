"""A matrix of known singular values for runs that end in every way, and points of it."""

from __future__ import annotations

import numpy as np
from matrices import holding, matrix
from oracles import objective

SIGMA = np.array([4, 3, 2.5, 2, 1.5, 1, 0.7, 0.4])
M, PHI, PSI = matrix(np.random.default_rng(0), (30, 20), SIGMA)
NORM = float(np.linalg.norm(M))


def planted(*pairs, size=1.0):
    """U and V that hold these singular pairs of M: stationary when size is 1."""
    return holding(PHI, SIGMA, PSI, list(pairs), size=size)


def true_gap(result):
    """The relative Eckart–Young gap of the factors that were returned."""
    rank = result.U.shape[1]
    excess = objective(M, result.U, result.V) - 0.5 * np.sum(SIGMA[rank:] ** 2)
    return excess / (0.5 * NORM**2)
