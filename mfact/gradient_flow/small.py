"""The objective and its derivatives where M is a diagonal matrix.

In bases in which M = diag(σ), with σ of length k, a point (U, V) is two k×r matrices X, Y, held
here as one array Z of shape (2, k, r) with Z[0] = X and Z[1] = Y, or several points at once as
(…, 2, k, r). Every derivative of the gradient then costs O(k r²) through XᵀX and YᵀY.

The objective is f + (λ/8)‖D‖_F², f = ½‖XYᵀ − diag(σ)‖_F², D = XᵀX − YᵀY; λ is `weight`, and zero
for the plain objective (1). With S the stacked Gram matrices and A(S) = (1 − λ/2) S[::-1] + (λ/2) S
its gradient is Z A(S) − σ∘Z[::-1]: a cubic polynomial, whose derivatives are the methods below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mfact.core import Array
from mfact.problems.factorization import sharpness
from mfact.problems.optimum import excess_of_product


def stack(X: Array, Y: Array) -> Array:
    """Z of shape (2, k, r) from X and Y, each k×r."""
    return np.ascontiguousarray(np.stack([X, Y]), dtype=np.float64)


def row_sizes(Z: Array) -> Array:
    """The largest entry of each row j of (X, Y) together, shape (…, 1, k, 1).

    A row is the amplitude of one singular pair, and the small ones decide when a plateau is left:
    errors are measured against this. Rows under 1e-8 of the largest count as that large.
    """
    rows = np.abs(Z).max(axis=(-3, -1), keepdims=True)
    sizes: Array = np.maximum(rows, 1e-8 * rows.max())
    return sizes


def _swap(Z: Array) -> Array:
    """(Y, X) from (X, Y), for any number of points."""
    return Z[..., ::-1, :, :]


@dataclass(frozen=True)
class Small:
    """The objective in coordinates in which M = diag(σ).

    sigma: (k,), non-increasing, non-negative. weight: λ ≥ 0 of the balance term.

    Source: equations (1) and (3) of Du, Hu, Lee 2018; the Gram form is mfact's, derived.

    >>> small = Small(np.array([2.0, 1.0]), weight=0.0)
    >>> Z = stack(np.array([[1.0], [0.0]]), np.array([[1.0], [0.0]]))
    >>> small.at(Z).gradient[:, 0, 0]
    array([-1., -1.])
    """

    sigma: Array
    weight: float

    def mix(self, gram: Array) -> Array:
        """A(S) = (1 − λ/2) S[::-1] + (λ/2) S, linear in the Gram pair S of shape (2, r, r)."""
        if self.weight == 0.0:
            return _swap(gram)
        half = 0.5 * self.weight
        return (1.0 - half) * _swap(gram) + half * gram

    def cross(self, Z: Array) -> Array:
        """σ∘Z[::-1], what M and its transpose do to (Y, X)."""
        return self.sigma[:, None] * _swap(Z)

    def at(self, Z: Array) -> Jet:
        """The gradient at Z, with what its derivatives need."""
        mixed = self.mix(np.matmul(Z.swapaxes(-1, -2), Z))
        return Jet(self, Z, mixed, np.matmul(Z, mixed) - self.cross(Z))

    def sharpness(self, Z: Array) -> float:
        """A bound on the curvature at the minimum that the flow from one point Z reaches.

        For (1) the largest is √(d² + 4σ²) over the singular pairs, d of D, which is at most
        2σ₁ + ‖D‖_F; for (3) D decays, and 2σ₁ max(1, λ) remains. Source: mfact, derived.
        """
        D = Z[0].T @ Z[0] - Z[1].T @ Z[1]
        balanced = sharpness(self.weight) * float(self.sigma[0])
        return balanced + float(np.linalg.norm(D))

    def scalars(self, Z: Array) -> Scalars:
        """Loss above the optimum, penalty, gradient norm, unbalance and norms at Z."""
        D = Z[0].T @ Z[0] - Z[1].T @ Z[1]
        imbalance = float(np.linalg.norm(D))
        return Scalars(
            loss_excess=excess_of_product(Z[0] @ Z[1].T, self.sigma, Z.shape[2]),
            penalty=0.125 * self.weight * imbalance**2,
            gradient_norm=float(np.linalg.norm(self.at(Z).gradient)),
            imbalance=imbalance,
            size_X=float(np.vdot(Z[0], Z[0])),
            size_Y=float(np.vdot(Z[1], Z[1])),
        )


class Scalars(NamedTuple):
    """What is recorded of a point.

    loss_excess: f − ½Σ_{i>r}σ_i², with all its digits near the optimum. penalty: (λ/8)‖D‖_F².
    gradient_norm: of the whole objective, in both factors. imbalance: ‖D‖_F.
    size_X, size_Y: ‖X‖_F², ‖Y‖_F².
    """

    loss_excess: float
    penalty: float
    gradient_norm: float
    imbalance: float
    size_X: float
    size_Y: float


class Jet(NamedTuple):
    """The gradient at one point, and the directional derivatives that share its Gram matrices."""

    small: Small
    Z: Array
    mixed: Array
    gradient: Array

    def slope(self, P: Array) -> Direction:
        """The derivative of the gradient in the direction P of shape (2, k, r): H P."""
        half = np.matmul(self.Z.swapaxes(-1, -2), P)
        mixed = self.small.mix(half + half.swapaxes(-1, -2))
        HP = np.matmul(P, self.mixed)
        HP += np.matmul(self.Z, mixed)
        HP -= self.small.cross(P)
        return Direction(P, mixed, HP)

    def bend(self, p: Direction, q: Direction) -> Array:
        """The second derivative of the gradient in the directions p and q, symmetric in them."""
        half = np.matmul(p.P.swapaxes(-1, -2), q.P)
        mixed = self.small.mix(half + half.swapaxes(-1, -2))
        second: Array = np.matmul(self.Z, mixed)
        second += np.matmul(p.P, q.mixed)
        second += np.matmul(q.P, p.mixed)
        return second


class Direction(NamedTuple):
    """A direction P, the derivative of the mixed Gram matrices along it, and H P."""

    P: Array
    mixed: Array
    HP: Array
