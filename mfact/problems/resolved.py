"""M in its own singular coordinates: as a target that says its gap, and what it leaves open."""

from __future__ import annotations

import math

import numpy as np

from mfact.core import Array, Optimum
from mfact.problems.diagonal import excess
from mfact.problems.optimum import Gap, fitted_rank, optimum_of, shift, zero_in


class Resolved:
    """diag(σ) as a target of k×k, for factors in singular coordinates.

    sigma: k values in decreasing order. unresolved: bound on the norm of M outside of them.
    coupling: bound on what connects inside and outside. norm: ‖M‖_F; None: that of sigma. offset:
    see mfact.core.Target.
    """

    dtype = np.dtype(np.float64)
    stored_eps = 0.0

    def __init__(
        self,
        sigma: Array,
        unresolved: float,
        coupling: float,
        norm: float | None,
        offset: float = 0.0,
    ) -> None:
        self.offset = offset
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

    def gap(self, X: Array, Y: Array, optimum: Optimum | None = None) -> Gap:
        """Of factors k×r; optimum: where more is known of it than self.optimum() tells."""
        known = self.optimum(X.shape[1]) if optimum is None else optimum
        surplus = 0.5 * math.fsum(self.sigma[known.k : X.shape[1]] ** 2)
        above = excess(self.sigma, X, Y) - surplus
        return Gap(max(above, 0.0) / known.unit, known.gap_error, known.saddle)
