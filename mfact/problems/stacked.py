"""The plain objective at many points at once, where M is a diagonal matrix."""

from __future__ import annotations

import numpy as np

from mfact.core import Array, Evaluation, Point
from mfact.problems.diagonal import grams, twice_excess


class Stacked:
    """f − ½Σ_{i>r}σ_i² at n points, f = ½‖UVᵀ − diag(σ)‖_F², as a step needs it.

    values: the k non-zero σ, non-increasing. A point is (U, V), n×d1×r and n×d2×r with d1, d2 ≥ k,
    and zeros pad diag(σ).
    """

    def __init__(self, values: Array) -> None:
        self.values, self.column = values, values[:, None]

    def fitted(self, part: Array) -> int:
        """How many of the values r columns are to fit."""
        return min(int(part.shape[2]), self.values.size)

    def evaluate(self, point: Point) -> Evaluation:
        """seen: 2×n×r×r, the Gram matrices; value: with all its digits near the optimum."""
        U, V = point
        k, h = self.values.size, self.fitted(U)
        first, rest = zip(grams(U, h), grams(V, h), strict=True)
        A, C = first[0] + rest[0], first[1] + rest[1]
        G_U, G_V = U @ C, V @ A
        G_U[:, :k] -= self.column * V[:, :k]
        G_V[:, :k] -= self.column * U[:, :k]
        excess = 0.5 * twice_excess(self.values, point, first, rest)
        return Evaluation(excess, (G_U, G_V), (A - C,), np.array([A, C]))

    def stiffness(self, seen: Array) -> float:
        """0: there is no balance term."""
        return 0.0
