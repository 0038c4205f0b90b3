"""M in its own singular coordinates: as a target, and what it leaves unresolved."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mfact.core import Array, Optimum
from mfact.problems.optimum import excess_of_product, fitted_rank, optimum_of, zero_in
from mfact.theory.eckart_young import shift


class Spectral:
    """diag(σ) as a target of k×k, for factors in singular coordinates.

    sigma: k values in decreasing order. unresolved: bound on the norm of M outside of them.
    coupling: bound on what connects inside and outside. norm: ‖M‖_F; None: that of sigma.
    """

    dtype: np.dtype[Any] = np.dtype(float)
    stored_eps = 0.0

    def __init__(
        self, sigma: Array, unresolved: float, coupling: float, norm: float | None
    ) -> None:
        self.sigma, self.unresolved, self.coupling = sigma, unresolved, coupling
        self.shape: tuple[int, int] = (len(sigma), len(sigma))
        self.norm = float(np.linalg.norm(sigma)) if norm is None else norm

    def products(self, X: Array, Y: Array) -> tuple[Array, Array]:
        return self.sigma[:, None] * Y, self.sigma[:, None] * X

    def residual_norm(self, X: Array, Y: Array) -> float:
        Z = X @ Y.T
        Z[np.diag_indices_from(Z)] -= self.sigma
        return float(np.linalg.norm(Z))

    def optimum(self, rank: int) -> Optimum:
        """The optimum of rank r as far as these values and what they leave unresolved tell."""
        s, top = self.sigma, np.zeros(rank)
        top[: len(s[:rank])] = s[:rank]
        # Values outside that are larger than σ_r, or pushed above it, would lower the optimum.
        moved = shift(self.coupling, float(top[-1]) - self.unresolved)
        larger = np.maximum(top, self.unresolved) + moved
        k = fitted_rank(s, rank, zero_in(self, float(s[0])))
        off = max(self.unresolved - float(s[rank]) if len(s) > rank else 0.0, 0.0)
        return optimum_of(
            s[: rank + 1],
            k,
            floor=0.5 * max(self.norm**2 - float(np.sum(s[:k] ** 2)), 0.0),
            errors=off,
            error=0.5 * float(np.sum(larger**2 - top**2)),
        )

    def above(self, X: Array, Y: Array, k: int) -> float:
        """f − ½Σ_{i>k}σ_i² by blocks of XYᵀ; see certify_spectral for the sum. Units of M²."""
        r, s = X.shape[1], self.sigma
        return excess_of_product(X @ Y.T, s, r) - 0.5 * math.fsum(s[k:r] ** 2)
