"""M in its own singular coordinates: as a target, and what it leaves unresolved."""

from __future__ import annotations

from typing import Any

import numpy as np

from mfact.core import Array
from mfact.theory.eckart_young import shift


class Spectral:
    """diag(σ) as a target of k×k, for factors in singular coordinates.

    sigma: k values in decreasing order. unresolved: bound on the norm of M outside of them.
    coupling: bound on what connects inside and outside. norm: ‖M‖_F; None: that of sigma.
    """

    dtype: np.dtype[Any] = np.dtype(float)

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

    def gap(self, X: Array, Y: Array) -> tuple[float, float]:
        """The relative gap and its error; see certify_spectral for the sum."""
        r, s = X.shape[1], self.sigma
        Z = X @ Y.T
        diagonal = np.diag(Z).copy()
        rest = diagonal[r:] @ s[r:]
        inner = np.arange(min(r, len(s)))
        Z[inner, inner] -= s[:r]
        excess = float(np.sum(Z**2)) - 2 * float(rest)
        # Values outside that are larger than σ_r, or pushed above it, would lower the optimum.
        top = np.zeros(r)
        top[: len(s[:r])] = s[:r]
        moved = shift(self.coupling, float(top[-1]) - self.unresolved)
        lower = np.maximum(top, self.unresolved) + moved
        error = float(np.sum(lower**2 - top**2))
        return excess / self.norm**2, error / self.norm**2
