"""What is minimized: objective (1), or (3) with its balance term."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfact.core import Array
from mfact.errors import SettingsError


@dataclass(frozen=True)
class Factorization:
    """½‖UVᵀ − M‖_F² + (λ/8)‖UᵀU − VᵀV‖_F².

    weight: λ ≥ 0; 0 is the paper's (1), 1 its (3).

    Raises SettingsError for a negative or non-finite weight.
    Source: Du, Hu, Lee 2018, equations (1), (3) and (8).

    >>> Factorization(0.0).formula
    '½‖UVᵀ − M‖_F²'
    >>> Factorization(1.0).formula
    '½‖UVᵀ − M‖_F² + (1/8)‖UᵀU − VᵀV‖_F²'
    """

    weight: float = 0.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.weight) and self.weight >= 0):
            raise SettingsError(
                f"the balance weight is {self.weight}", "it must be a number of at least 0"
            )

    @property
    def formula(self) -> str:
        """The objective written out, with the weight that stands before the norm."""
        if self.weight == 0:
            return "½‖UVᵀ − M‖_F²"
        return f"½‖UVᵀ − M‖_F² + ({self.weight:g}/8)‖UᵀU − VᵀV‖_F²"

    @property
    def sharpness(self) -> float:
        """The largest Hessian eigenvalue at a balanced optimum, in units of σ₁: 2 max(1, λ).

        Along the leading pair, dU = dV gives 2σ₁; dU = −dV moves D alone and gives 2λσ₁.
        Source: mfact, derived.
        """
        return 2.0 * max(1.0, self.weight)

    def gradient(
        self, U: Array, V: Array, MV: Array, MtU: Array
    ) -> tuple[Array, Array, Array, Array]:
        """(∂/∂U, ∂/∂V, UᵀU, VᵀV) from the products with M, in the Gram form.

        ∂/∂U = U(VᵀV) − MV + (λ/2)UD, ∂/∂V = V(UᵀU) − MᵀU − (λ/2)VD, D = UᵀU − VᵀV.
        U is d1×r, V is d2×r, MV is d1×r, MtU is d2×r.
        Source: Du, Hu, Lee 2018, equation (2); the balance term by differentiation.
        """
        A, C = U.T @ U, V.T @ V
        D = (self.weight / 2) * (A - C)
        return U @ (C + D) - MV, V @ (A - D) - MtU, A, C
