"""From factors of a matrix to coordinates in which the matrix is diagonal, by a full SVD."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mfact.core import Array
from mfact.errors import DataError
from mfact.gradient_flow.small import stack


class Svd(NamedTuple):
    """M = left diag(sigma) rightᵀ: d1×k, (k,), d2×k with k = min(d1, d2)."""

    left: Array
    sigma: Array
    right: Array

    @classmethod
    def of(cls, M: Array) -> Svd:
        """The thin SVD of M; raises DataError for a matrix of zeros."""
        left, sigma, right = np.linalg.svd(M, full_matrices=False)
        if not sigma[0] > 0.0:
            raise DataError("every entry of the matrix is zero", "pass a matrix with a signal")
        return cls(left, sigma, right.T)

    def enter(self, U: Array, V: Array) -> tuple[Array, Array]:
        """(σ, Z): the point (U, V) in SVD coordinates, Z of shape (2, k', r), σ of length k'.

        What of U, V lies outside the singular vectors is held by at most r more rows with σ = 0,
        so that every norm and product is that of the full matrices. U is d1×r, V is d2×r.
        Source: mfact, derived.

        >>> sigma, Z = Svd.of(np.diag([3.0, 1.0])[:, :1]).enter(np.ones((2, 1)), np.ones((1, 1)))
        >>> sigma.tolist(), np.abs(Z[:, :, 0]).tolist()
        ([3.0, 0.0], [[1.0, 1.0], [1.0, 0.0]])
        """
        X, Y = _rows(self.left, U), _rows(self.right, V)
        more = max(len(X), len(Y))
        pad = [np.pad(factor, ((0, more - len(factor)), (0, 0))) for factor in (X, Y)]
        return np.pad(self.sigma, (0, more - len(self.sigma))), stack(*pad)


def _rows(basis: Array, factor: Array) -> Array:
    """basisᵀ·factor, and below it the triangular factor of what is outside the basis."""
    inside = basis.T @ factor
    if basis.shape[0] == basis.shape[1]:
        return inside
    outside = factor - basis @ inside
    return np.vstack([inside, np.linalg.qr(outside, mode="r")])
