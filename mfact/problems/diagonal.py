"""The objective and its derivatives where M is a diagonal matrix.

In bases in which M = diag(σ), with σ of length k, a point (U, V) is two k×r matrices X, Y, held
here as one array Z of shape (2, k, r) with Z[0] = X and Z[1] = Y, or several points at once as
(…, 2, k, r). Every derivative of the gradient then costs O(k r²) through XᵀX and YᵀY.

The objective is f + (λ/8)‖D‖_F², f = ½‖XYᵀ − diag(σ)‖_F², D = XᵀX − YᵀY; λ is `weight`, and zero
for the plain objective (1). With S the stacked Gram matrices and A(S) = (1 − λ/2) S[::-1] + (λ/2) S
its gradient is Z A(S) − σ∘Z[::-1]: a cubic polynomial, whose derivatives are the methods below.

How far f is above the optimum, ½Σ_{i>r}σ_i², is told without a difference of large numbers: with
rows 1 = the leading r and 2 = the rest, A_i = X_iᵀX_i and C_i = Y_iᵀY_i, twice that is

    ‖X₁Y₁ᵀ − Σ₁‖_F² + ⟨A₁, C₂⟩ + ⟨A₂, C₁ + C₂⟩ − 2⟨Σ₂X₂, Y₂⟩
where every term goes to zero at the optimum, so that a gap of 1e-25 is still a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mfact.core import Array
from mfact.problems.factorization import sharpness, unbalance

Product = Callable[[Array, Array], Array]
Pair = Iterable[Array]


def stack(X: Array, Y: Array) -> Array:
    """Z of shape (…, 2, k, r) from X and Y, with rows of zeros below the one that has fewer."""
    rows = max(X.shape[-2], Y.shape[-2])
    Z = np.zeros((*X.shape[:-2], 2, rows, X.shape[-1]))
    Z[..., 0, : X.shape[-2], :], Z[..., 1, : Y.shape[-2], :] = X, Y
    return Z


def turned(Z: Array) -> Array:
    """(…, 2, k, r) from the (…, 2, r, k) of the engines, and back: a view."""
    return Z.swapaxes(-1, -2)


def _swap(Z: Array) -> Array:
    """(Y, X) from (X, Y), for any number of points."""
    return Z[..., ::-1, :, :]


# -- the gradient and its derivatives -------------------------------------------------------------


@dataclass(frozen=True)
class Diagonal:
    """The objective in coordinates in which M = diag(σ).

    sigma: (k,), non-increasing, non-negative. weight: λ ≥ 0 of the balance term.

    Source: equations (1) and (3) of Du, Hu, Lee 2018; the Gram form is mfact's, derived.

    >>> problem = Diagonal(np.array([2.0, 1.0]), weight=0.0)
    >>> Z = stack(np.array([[1.0], [0.0]]), np.array([[1.0], [0.0]]))
    >>> problem.at(Z).gradient[:, 0, 0]
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
        k, r = Z.shape[-2:]
        # NumPy's loops run over the last axis: over all of a matrix they are few.
        return self.sigma.repeat(r).reshape(k, r) * _swap(Z)

    def at(self, Z: Array, gram: Array | None = None) -> Jet:
        """The gradient at Z, with what its derivatives need. gram: S, where it is known."""
        mixed = self.mix(gram_of(Z) if gram is None else gram)
        gradient = np.matmul(Z, mixed)
        gradient -= self.cross(Z)
        return Jet(self, Z, mixed, gradient)

    def descended(self, Z: Array, step_sizes: Iterable[float]) -> Array:
        """Z after the steps Z ← Z − η∇(Z), one for each η; not finite where they diverge.

        >>> Diagonal(np.ones(1), 0.0).descended(np.full((2, 1, 1), 0.5), [0.5]).ravel()
        array([0.6875, 0.6875])
        """
        with np.errstate(over="ignore", invalid="ignore"):
            for eta in step_sizes:
                Z = Z - eta * self.at(Z).gradient
        return Z

    def sharpness(self, Z: Array) -> float:
        """A bound on the curvature at the minimum that the flow from one point Z reaches.

        For (1) the largest is √(d² + 4σ²) over the singular pairs, d of D, which is at most
        2σ₁ + ‖D‖_F; for (3) D decays, and 2σ₁ max(1, λ) remains. Source: mfact, derived.
        """
        balanced = sharpness(self.weight) * float(self.sigma[0])
        return balanced + float(np.linalg.norm(unbalance(*Z)))

    def scalars(self, Z: Array) -> Scalars:
        """What is recorded of one point Z."""
        imbalance = float(np.linalg.norm(unbalance(*Z)))
        return Scalars(
            loss_excess=excess(self.sigma, *Z),
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

    problem: Diagonal
    Z: Array
    mixed: Array
    gradient: Array

    def slope(self, P: Array) -> Direction:
        """The derivative of the gradient in the direction P of shape (2, k, r): H P."""
        mixed = self._mixed(self.Z, P)
        HP = np.matmul(P, self.mixed)
        HP += np.matmul(self.Z, mixed)
        HP -= self.problem.cross(P)
        return Direction(P, mixed, HP)

    def bend(self, p: Direction, q: Direction) -> Array:
        """The second derivative of the gradient in the directions p and q, symmetric in them."""
        second: Array = np.matmul(self.Z, self._mixed(p.P, q.P))
        if p is q:
            second += np.matmul(p.P, 2.0 * p.mixed)
        else:
            second += np.matmul(p.P, q.mixed)
            second += np.matmul(q.P, p.mixed)
        return second

    def _mixed(self, P: Array, Q: Array) -> Array:
        half = np.matmul(turned(P), Q)
        return self.problem.mix(half + turned(half))


class Direction(NamedTuple):
    """A direction P, the derivative of the mixed Gram matrices along it, and H P."""

    P: Array
    mixed: Array
    HP: Array


# -- the excess over the optimum ------------------------------------------------------------------


def excess(sigma: Array, X: Array, Y: Array) -> float:
    """f − ½Σ_{i>r}σ_i² of one point by the entries of E = XYᵀ − diag(σ_1 … σ_r), O(k²r).

    ½‖E‖_F² − Σ_{i>r}σ_i E_ii, in units of M². Source: mfact, derived.

    >>> excess(np.array([3.0, 1.0]), np.array([[2.0], [0.0]]), np.array([[1.0], [0.0]]))
    0.5
    """
    E, head = X @ Y.T, np.arange(min(X.shape[1], len(sigma)))
    tail = float(np.diagonal(E)[len(head) :] @ sigma[len(head) :])
    E[head, head] -= sigma[head]
    return float(0.5 * np.vdot(E, E)) - tail


def excesses(sigma: Array, Z: Array) -> Array:
    """The same of n points, n×2×k×r, by their Gram matrices, O(k r²) each.

    Where columns of X keep what the same columns of Y have lost, Gram matrices are large and their
    inner products small: there the entries of XYᵀ are formed.
    """
    h = min(Z.shape[2:])
    first, rest = grams(Z, h)
    twice = twice_excess(sigma, *(A.swapaxes(0, 1) for A in (Z, first, rest)))
    if Z.shape[2] > h:
        x1, y1, x2, y2 = (np.sqrt(inner(A, A)) for S in (first, rest) for A in (S[:, 0], S[:, 1]))
        lost = h * np.finfo(Z.dtype).eps * (x1 * y2 + x2 * (y1 + y2))
        poor = ~(lost <= 1e-3 * twice) & np.isfinite(lost)
        if poor.any():
            twice[poor] = [2 * excess(sigma, *z) for z in Z[poor]]
    return np.asarray(0.5 * twice)


def grams(Z: Array, h: int) -> tuple[Array, Array]:
    """Gram matrices, each …×r×r: of the first h rows, and of the rest."""
    return gram_of(Z[..., :h, :]), gram_of(Z[..., h:, :])


def twice_excess(sigma: Array, Z: Pair, first: Pair, rest: Pair) -> Array:
    """Twice the excess of n points from grams(), where h ≤ r values of sigma are to be fitted.

    sigma: none for the last rows, where it is shorter. Z, first, rest: of X and of Y, each n×….
    """
    (X, Y), (A1, C1), (A2, C2) = Z, first, rest
    h, k = min(X.shape[2], len(sigma)), len(sigma)
    fit = X[:, :h] @ turned(Y[:, :h]) - np.diag(sigma[:h])
    tail = inner(X[:, h:k] * sigma[h:, None], Y[:, h:k]) if k > h else None
    return combined(inner, fit, A1, A2, C2, C1 + C2, tail)


def inner(A: Array, B: Array) -> Array:
    """⟨A, B⟩ of n pairs of matrices."""
    return np.asarray(np.einsum("nij,nij->n", A, B))


def combined(
    inner: Product, fit: Array, A1: Array, A2: Array, C2: Array, C: Array, tail: Array | None
) -> Array:
    """‖fit‖² + ⟨A₁, C₂⟩ + ⟨A₂, C⟩ − 2·tail: twice the excess, as it stands above; C = C₁ + C₂."""
    twice = inner(fit, fit)
    twice += inner(A1, C2)
    twice += inner(A2, C)
    if tail is not None:
        twice -= 2 * tail
    return twice


def gram_of(Z: Array) -> Array:
    """XᵀX of each of any number of matrices, …×r×r."""
    return np.asarray(np.matmul(turned(Z), Z))
