"""How the factors grow under gradient flow, in closed form: the curve behind the forecast."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mfact.core import Array


@dataclass(frozen=True)
class Growth:
    """The balanced part of gradient flow from A₀, in singular coordinates of M.

    A = (ΦᵀU + ΨᵀV)/2, N×r, follows dA/dτ = (Σ − AAᵀ)A as long as ΦᵀU and ΨᵀV stay close, and
    AAᵀ = e^{Στ}A₀ [I + A₀ᵀΣ⁻¹(e^{2Στ} − I)A₀]⁻¹ A₀ᵀe^{Στ}.
    With A₀ = [I; T]A₁ (leading r rows first) and L = e^{Σ₂τ} T e^{−Σ₁τ}, no exponent grows:
    AAᵀ = [I; L] K⁻¹ [I; L]ᵀ, K = Σ₁⁻¹(I − e^{−2Σ₁τ}) + e^{−Σ₁τ}(A₁A₁ᵀ)⁻¹e^{−Σ₁τ}
    + Lᵀ Σ₂⁻¹(I − e^{−2Σ₂τ}) L.

    sigma: N values in decreasing order, N ≥ r. inverse: (A₁A₁ᵀ)⁻¹. ratio: T.
    Source: Fukumizu 1998 for the Riccati solution; this form: mfact, derived.
    """

    sigma: Array
    inverse: Array
    ratio: Array

    @classmethod
    def of(cls, sigma: Array, A: Array) -> Growth:
        """From A₀, N×r. Raises LinAlgError when its leading r rows are singular."""
        r = A.shape[1]
        solve = np.linalg.inv(A[:r])
        return cls(np.asarray(sigma, float), solve.T @ solve, A[r:] @ solve)

    @property
    def s0(self) -> float:
        """σ_min(A₁)², from which the slowest mode grows; units of M."""
        return float(1 / np.linalg.eigvalsh(self.inverse)[-1])

    def excess(self, tau: float) -> float:
        """‖AAᵀ − Σ‖_F² − Σ_{i>r}σ_i² at flow time τ, by blocks, so that nothing cancels.

        >>> growth = Growth.of(np.array([1.0]), np.array([[1e-3]]))
        >>> round(growth.excess(0.0), 5), growth.excess(20.0) < 1e-20
        (1.0, True)
        """
        r = len(self.inverse)
        top, rest = self.sigma[:r], self.sigma[r:]
        fall = np.exp(-top * tau)
        # Never above the largest exponent difference, so that e^{Σ₂τ} alone is not formed.
        L = self.ratio * np.exp(np.minimum(rest[:, None] * tau - top * tau, 700.0))
        start = fall[:, None] * self.inverse * fall
        late = L.T @ (_saturating(rest, tau)[:, None] * L)
        K = np.diag(_saturating(top, tau)) + start + late
        inverse = np.linalg.inv(K)
        off = inverse @ (np.diag(fall**2) - (start + late) * top)  # K⁻¹ − Σ₁
        LK = L @ inverse
        corner = LK @ L.T
        total = np.sum(off**2) + 2 * np.sum(LK**2) + np.sum(corner**2)
        return max(float(total - 2 * np.sum(np.diag(corner) * rest)), 0.0)

    def time_to(self, excess: float, accuracy: float = 1e-12) -> float:
        """The flow time at which excess() comes down to the given value; inf when it never does.

        accuracy: relative, of the flow time. excess() decreases along the flow.
        Source: mfact, derived.
        """
        if self.excess(0.0) <= excess:
            return 0.0
        high = 1.0 / float(self.sigma[0])
        while self.excess(high) > excess:
            high *= 2
            if high * float(self.sigma[0]) > 1e12:
                return math.inf
        low = high / 2 if high * float(self.sigma[0]) > 1 else 0.0
        while high - low > accuracy * high:
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self.excess(middle) > excess else (low, middle)
        return high


def _saturating(sigma: Array, tau: float) -> Array:
    """(1 − e^{−2στ})/σ, 2τ at σ = 0."""
    small = sigma * tau < 1e-12
    safe = np.where(small, 1.0, sigma)
    value: Array = np.where(small, 2 * tau, -np.expm1(-2 * safe * tau) / safe)
    return value
