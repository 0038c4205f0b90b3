"""Matrix factorization: objective (1), or (3) with its balance term."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from mfact.core import Array, Balance, Evaluation, Point, Target, eps_of
from mfact.errors import SettingsError
from mfact.targets.centred import FORMULAS
from mfact.trace import GRAMS

GRAM_LOSS_FLOOR = 1e-6
"""Below this part of ½‖M‖², the loss is no longer taken from Gram matrices."""

GRAM_ROUNDINGS = 1e4
"""Nor below so many roundings of that: there are more of these where M is a difference."""


@dataclass(frozen=True)
class Factorization:
    """½‖UVᵀ − M‖_F² + (λ/8)‖UᵀU − VᵀV‖_F², a Problem.

    target: holds M. weight: λ ≥ 0; 0 is the paper's (1), 1 its (3). center: what M is without, of
    mfact.settings.CENTERS.

    Raises SettingsError for a negative or non-finite weight.
    Source: Du, Hu, Lee 2018, equations (1), (3) and (8).

    >>> from mfact.targets.dense import DenseTarget
    >>> problem = Factorization(DenseTarget(np.eye(2)), 0.5)
    >>> problem.formula
    '½‖UVᵀ − M‖_F² + (0.5/8)‖UᵀU − VᵀV‖_F²'
    >>> at = problem.evaluate((np.eye(2, 1), np.eye(2, 1)))
    >>> round(at.value, 12), [G.ravel().tolist() for G in at.gradient]
    (0.5, [[0.0, 0.0], [0.0, 0.0]])
    """

    target: Target
    weight: float = 0.0
    center: str = "none"

    def __post_init__(self) -> None:
        if not (np.isfinite(self.weight) and self.weight >= 0):
            raise SettingsError(
                f"the balance weight is {self.weight}", "it must be a number of at least 0"
            )

    @property
    def formula(self) -> str:
        """The objective written out."""
        return formula(self.weight, self.center)

    @property
    def scale(self) -> float:
        """‖M‖_F, in the units of M and D."""
        return self.target.norm

    @property
    def sharpness(self) -> float:
        """The largest Hessian eigenvalue at a balanced optimum, in units of σ₁."""
        return sharpness(self.weight)

    def evaluate(self, point: Point) -> Evaluation:
        """f and the gradient of the objective, by one pass over M, or two where f is small.

        point: (U, V), d1×r and d2×r. seen: (UᵀU, VᵀV), 2×r×r.
        """
        U, V = point
        MV, MtU = self.target.products(U, V)
        G_U, G_V, A, C = gradient(U, V, MV, MtU, self.weight)
        loss = self._loss(U, V, MV, A, C)
        return Evaluation(loss, (G_U, G_V), (A - C,), np.array([A, C]))

    def balance(self, point: Point) -> Balance:
        """D = UᵀU − VᵀV, r×r."""
        return (unbalance(*point),)

    def crossed(self, point: Point, other: Point) -> Balance:
        """S of D = S(θ, θ): the symmetric part of UᵀU' − VᵀV', r×r, for (U, V) and (U', V')."""
        S = point[0].T @ other[0] - point[1].T @ other[1]
        return (0.5 * (S + S.T),)

    def pull(self, seen: Array) -> Balance:
        """−(λ/2)(DP + PD), P = UᵀU + VᵀV, r×r: zero for (1), because UᵀG_U = G_VᵀV.

        seen: …×2×r×r.
        """
        A, C = seen[..., 0, :, :], seen[..., 1, :, :]
        if not self.weight:
            return (np.zeros_like(A),)
        DP = (A - C) @ (A + C)
        return (-(self.weight / 2) * (DP + DP.swapaxes(-1, -2)),)

    def stiffness(self, seen: Array) -> float:
        return stiffness(self.weight, seen)

    def columns(self, seen: Array, values: Array, imbalance: Array) -> dict[str, Array]:
        """seen: n×2×r×r, the Gram matrices; values: n losses; imbalance: ‖D‖_F of each."""
        size_U, size_V = np.einsum("nsii->sn", seen)
        with np.errstate(divide="ignore", invalid="ignore"):
            return {
                "loss": values,
                "penalty": self.weight / 8 * imbalance**2,
                "relative_residual": np.sqrt(2 * np.maximum(values, 0)) / (self.scale or 1.0),
                "norm_ratio": size_U / size_V,
                "size_U": size_U,
                "size_V": size_V,
                GRAMS: seen,
            }

    def _loss(self, U: Array, V: Array, MV: Array, A: Array, C: Array) -> float:
        """½‖UVᵀ − M‖_F²: from Gram matrices where that is right, else from the residual."""
        total = self.scale**2
        loss = 0.5 * (total - 2 * float(np.vdot(U, MV)) + float(np.vdot(A, C)))
        floor = max(GRAM_LOSS_FLOOR, GRAM_ROUNDINGS * eps_of(self.target))
        if loss > 0.5 * floor * total or not np.isfinite(loss):
            return loss
        return 0.5 * self.target.residual_norm(U, V) ** 2


def stiffness(weight: float, seen: Array) -> float:
    """λ max(‖UᵀU‖₂, ‖VᵀV‖₂) of the Gram matrices, 2×r×r."""
    if not weight or not np.isfinite(seen).all():
        return weight and inf
    return weight * float(np.linalg.norm(seen, 2, axis=(-2, -1)).max())


def formula(weight: float, center: str = "none") -> str:
    """The objective written out, with the weight that stands before the norm, and what M is.

    >>> formula(0.0), formula(1.0)
    ('½‖UVᵀ − M‖_F²', '½‖UVᵀ − M‖_F² + (1/8)‖UᵀU − VᵀV‖_F²')
    """
    balance = f" + ({weight:g}/8)‖UᵀU − VᵀV‖_F²" if weight else ""
    less = f", {FORMULAS[center]}" if center in FORMULAS else ""
    return f"½‖UVᵀ − M‖_F²{balance}{less}"


def sharpness(weight: float) -> float:
    """The largest Hessian eigenvalue at a balanced optimum, in units of σ₁: 2 max(1, λ).

    Along the leading pair, dU = dV gives 2σ₁; dU = −dV moves D alone and gives 2λσ₁.
    Source: mfact, derived.
    """
    return 2.0 * max(1.0, weight)


def unbalance(U: Array, V: Array) -> Array:
    """D = UᵀU − VᵀV, r×r symmetric, in the units of M.

    >>> unbalance(np.eye(3, 2), 2 * np.eye(4, 2))
    array([[-3.,  0.],
           [ 0., -3.]])
    """
    D: Array = U.T @ U - V.T @ V
    return D


def gradient(
    U: Array, V: Array, MV: Array, MtU: Array, weight: float = 0.0
) -> tuple[Array, Array, Array, Array]:
    """(∂/∂U, ∂/∂V, UᵀU, VᵀV) from the products with M, in the Gram form.

    ∂/∂U = U(VᵀV) − MV + (λ/2)UD, ∂/∂V = V(UᵀU) − MᵀU − (λ/2)VD, D = UᵀU − VᵀV.
    U is d1×r, V is d2×r, MV is d1×r, MtU is d2×r.
    Source: Du, Hu, Lee 2018, equation (2); the balance term by differentiation.

    >>> M = np.diag([2.0, 1.0])
    >>> gradient(np.eye(2, 1), np.eye(2, 1), M[:, :1], M[:, :1])[0].ravel().tolist()
    [-1.0, 0.0]
    """
    A, C = U.T @ U, V.T @ V
    D = (weight / 2) * (A - C)
    return U @ (C + D) - MV, V @ (A - D) - MtU, A, C
