"""From factors of a matrix to coordinates in which the matrix is diagonal, by a full SVD."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import svd

from mfact.core import Array, Sliced
from mfact.errors import DataError
from mfact.problems.diagonal import stack


class Svd(NamedTuple):
    """M = left diag(sigma) rightᵀ: d1×k, (k,), d2×k with k = min(d1, d2)."""

    left: Array
    sigma: Array
    right: Array

    @classmethod
    def of(cls, target: Sliced) -> Svd:
        """The thin SVD of M in float64; raises DataError for a matrix of zeros."""
        (tall,) = target.slices(max(target.shape))
        # The transpose of an array in C order is one that LAPACK can work in.
        short, sigma, long = svd(tall.T, full_matrices=False, overwrite_a=True)
        if not sigma[0] > 0.0:
            raise DataError("every entry of the matrix is zero", "pass a matrix with a signal")
        wide = target.shape[0] < target.shape[1]
        return cls(short, sigma, long.T) if wide else cls(long.T, sigma, short)

    def enter(self, U: Array, V: Array) -> tuple[Array, Array]:
        """(σ, Z): the point (U, V) in SVD coordinates, Z of shape (2, k', r), σ of length k'.

        What of U, V lies outside the singular vectors is held by at most r more rows with σ = 0,
        so that every norm and product is that of the full matrices. U is d1×r, V is d2×r.
        Source: mfact, derived.

        >>> from mfact.targets.dense import DenseTarget
        >>> M = DenseTarget(np.array([[3.0], [0.0]]))
        >>> sigma, Z = Svd.of(M).enter(np.ones((2, 1)), np.ones((1, 1)))
        >>> sigma.tolist(), np.abs(Z[:, :, 0]).tolist()
        ([3.0, 0.0], [[1.0, 1.0], [1.0, 0.0]])
        """
        X, Y = _rows(self.left, U), _rows(self.right, V)
        Z = stack(X, Y)
        return np.pad(self.sigma, (0, Z.shape[1] - len(self.sigma))), Z


def _rows(basis: Array, factor: Array) -> Array:
    """basisᵀ·factor, and below it the triangular factor of what is outside the basis."""
    inside = basis.T @ factor
    if basis.shape[0] == basis.shape[1]:
        return inside
    outside = factor - basis @ inside
    return np.vstack([inside, np.linalg.qr(outside, mode="r")])
