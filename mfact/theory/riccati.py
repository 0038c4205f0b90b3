"""How the factors grow under gradient flow, in closed form: the curves behind the forecast."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mfact.core import Array

SINGULAR = 1e-14
"""Of the largest singular value of A₁: below it a direction is missing in the start."""

STEP = 0.4
"""Of the Runge–Kutta method, in units of 1/‖P + Q‖, and of 1/λ of it for λ > 1."""

MOST_STEPS, LATEST = 1000, 1e30
"""Of it; and the flow time, in units of 1/σ₁, up to which an end is looked for."""

LARGEST = 700.0
"""Exponents of e that are numbers."""


@dataclass(frozen=True)
class Growth:
    """The balanced part of gradient flow from A₀, in singular coordinates of M.

    A = (ΦᵀU + ΨᵀV)/2, N×k, follows dA/dτ = (Σ − AAᵀ)A as long as ΦᵀU and ΨᵀV stay close, and
    AAᵀ = e^{Στ}A₀ [I + A₀ᵀΣ⁻¹(e^{2Στ} − I)A₀]⁻¹ A₀ᵀe^{Στ}.
    With A₀ = [I; T]A₁ (leading k rows first) and L = e^{Σ₂τ} T e^{−Σ₁τ}, no exponent grows:
    AAᵀ = [I; L] K⁻¹ [I; L]ᵀ, K = Σ₁⁻¹(I − e^{−2Σ₁τ}) + e^{−Σ₁τ}(A₁A₁ᵀ)⁻¹e^{−Σ₁τ}
    + Lᵀ Σ₂⁻¹(I − e^{−2Σ₂τ}) L. Rows for which M has nothing are like modes with σ = 0, of which
    only the Gram matrix counts.

    sigma: N values in decreasing order, N ≥ k. inverse: (A₁A₁ᵀ)⁻¹. ratio: T. outside: TᵀT of the
    rows for which M has nothing.
    Source: Fukumizu 1998 for the Riccati solution; this form: mfact, derived.
    """

    sigma: Array
    inverse: Array
    ratio: Array
    outside: Array

    @classmethod
    def of(cls, sigma: Array, A: Array, rest: Array, k: int, most: int) -> Growth | None:
        """From A₀, N×r, r ≥ k: its columns in the row space of A₁, which are those that grow.

        rest: r×r, the Gram matrix of further rows, for which M has nothing. most: of the k modes
        only the slowest are kept; when these grow, the others have, and e^{−στ} of them is 0. None
        when a leading direction is missing in A₀, or so nearly that 1/s₀ is no number.
        """
        _, s, Ct = np.linalg.svd(A[:k], full_matrices=False)
        if not s[-1] > SINGULAR * s[0]:
            return None
        solve = Ct.T @ np.linalg.inv(A[:k] @ Ct.T)
        first = max(k - most, 0)
        inverse, outside = (
            (solve.T @ S @ solve)[first:, first:] for S in (np.eye(len(rest)), rest)
        )
        ratio = (A[k:] @ solve)[:, first:]
        if not all(np.isfinite(part).all() for part in (inverse, ratio, outside)):
            return None
        return cls(np.asarray(sigma[first:], float), inverse, ratio, outside)

    @classmethod
    def typical(cls, sigma: Array, k: int, s0: float, outside: float, most: int) -> Growth | None:
        """Where s0 alone is known: each mode starts from it, k + 1 as the k-th, none from others.

        sigma: k + 1 values, or k where the next is zero. outside: the squared norm of a column
        off the singular directions. As of; nothing to invert, whatever k is.
        """
        if not (s0 > 0 and math.isfinite(max(1.0, outside) / s0)):
            return None
        first = max(k - most, 0)
        inverse = np.eye(k - first) / s0
        ratio = np.eye(1, k - first, k - first - 1)[: len(sigma) - k]
        return cls(np.asarray(sigma[first:], float), inverse, ratio, inverse * outside)

    @property
    def s0(self) -> float:
        """σ_min(A₁)², from which the slowest mode grows; units of M."""
        return float(1 / np.linalg.eigvalsh(self.inverse)[-1])

    def excess(self, tau: float) -> float:
        """‖AAᵀ − Σ‖_F² − Σ_{i>k}σ_i² at flow time τ, by blocks, so that nothing cancels.

        >>> growth = Growth.of(np.array([1.0]), np.array([[1e-3]]), np.zeros((1, 1)), 1, 9)
        >>> round(growth.excess(0.0), 5), growth.excess(20.0) < 1e-20
        (1.0, True)
        """
        k = len(self.inverse)
        top, rest = self.sigma[:k], self.sigma[k:]
        fall = np.exp(-top * tau)
        # Never above the largest exponent difference, so that e^{Σ₂τ} alone is not formed.
        L = self.ratio * np.exp(np.minimum(rest[:, None] * tau - top * tau, LARGEST))
        start = fall[:, None] * self.inverse * fall
        gram = fall[:, None] * self.outside * fall
        late = L.T @ (2 * saturated(rest, tau)[:, None] * L) + 2 * tau * gram
        K = np.diag(2 * saturated(top, tau)) + start + late
        try:
            inverse = np.linalg.inv(K)
        except np.linalg.LinAlgError:  # beside a mode that all but lacks rounding hides the others
            inverse = np.linalg.inv(K + np.finfo(float).eps * np.linalg.norm(K) * np.eye(k))
        off = inverse @ (np.diag(fall**2) - (start + late) * top)  # K⁻¹ − Σ₁
        LK = L @ inverse
        corner = LK @ L.T
        total = np.vdot(off, off) + 2 * np.vdot(LK, LK) + np.vdot(corner, corner)
        apart = gram @ inverse
        total += 2 * np.vdot(inverse, apart) + np.vdot(apart.T, apart)
        total += 2 * np.vdot(LK.T @ LK, gram)
        return max(float(total - 2 * np.vdot(np.diagonal(corner), rest)), 0.0)


@dataclass(frozen=True)
class Spare:
    """The columns that M has nothing for, where r is above its rank: how UVᵀ forgets them.

    P = UᵀU and Q = VᵀV of the part of the factors off the leading k singular directions, in the
    columns that A₁ maps to nothing, obey dP/dτ = −(1 − λ/2)(PQ + QP) − λP², and its mirror image.
    For λ = 0, D = P − Q stays, and P = [e^{−Dτ}P₀⁻¹e^{−Dτ} + D⁻¹(I − e^{−2Dτ})]⁻¹, Q the same of
    −D: fast where D is large, and like 1/(2τ) where it is zero. For λ = 1, S = P + Q obeys
    dS/dτ = −S² and P = GP₀G, Q = GQ₀G with G = (I + τS₀)^{−1/2}. For other λ there is no closed
    form, and the equations are solved by Runge–Kutta steps.

    P, Q: at τ = 0. weight: λ. Source: mfact, derived.
    """

    P: Array
    Q: Array
    weight: float

    @classmethod
    def of(cls, A: Array, U: Array, V: Array, weight: float) -> Spare | None:
        """From A₁ (k×r) and the Gram matrices of the rest of U and V; None when r = k."""
        k, r = A.shape
        if r == k:
            return None
        N = np.linalg.svd(A)[2][k:].T
        return cls(N.T @ U @ N, N.T @ V @ N, weight)

    def time_to(self, goal: float, unit: float, accuracy: float) -> float:
        """The flow time at which ‖UVᵀ‖_F² = tr(PQ) of this part comes down to the goal."""
        if self.weight in (0, 1):
            return time_to(self.excess, goal, unit, accuracy)
        P, Q, tau, excess = self.P, self.Q, 0.0, float(np.sum(self.P * self.Q))
        for _ in range(MOST_STEPS):
            if excess <= goal:
                return tau
            step = STEP / (max(1.0, self.weight) * float(np.linalg.norm(P + Q)))
            P, Q = _runge_kutta(P, Q, step, self.weight)
            before, excess = excess, max(float(np.sum(P * Q)), 1e-300 * excess)
            part = math.log(before / goal) / math.log(before / excess) if excess < goal else 1.0
            tau += part * step
        return tau * math.sqrt(excess / goal)  # what is balanced by now falls like 1/τ²

    def excess(self, tau: float) -> float:
        """tr(PQ) at flow time τ, for λ = 0 or 1.

        >>> one = np.ones((1, 1))
        >>> Spare(one, one, 0.0).excess(0.5), round(Spare(2 * one, one, 0.0).excess(9.0), 7)
        (0.25, 0.0)
        >>> round(Spare(one, one, 1.0).excess(0.5), 7)
        0.25
        """
        if self.weight:
            s, W = np.linalg.eigh(self.P + self.Q)
            G = 1 / np.sqrt(1 + tau * np.maximum(s, 0.0))
            P, Q = (G[:, None] * (W.T @ S @ W) * G for S in (self.P, self.Q))
        else:
            # Each by its own formula: P − D would lose what is left of Q where D is large.
            d, W = np.linalg.eigh(self.P - self.Q)
            P, Q = _decayed(W.T @ self.P @ W, d, tau), _decayed(W.T @ self.Q @ W, -d, tau)
        return max(float(np.sum(P * Q)), 0.0)


def _decayed(P: Array, d: Array, tau: float) -> Array:
    """P(τ) for λ = 0, in the coordinates in which D is diag(d)."""
    values, W = np.linalg.eigh(P)
    if not values[-1] > 0:
        return np.zeros_like(P)
    floor = np.maximum(values, SINGULAR * values[-1])
    # Scaled by s = max(1, e^{−dτ}), so that no entry overflows.
    rise = np.minimum(np.maximum(-d * tau, 0.0), LARGEST)
    fall = np.exp(np.minimum(-d * tau, LARGEST) - rise)
    K = fall[:, None] * ((W / floor) @ W.T) * fall
    K += np.diag(2 * integral(d, tau, rise))
    return np.asarray(np.linalg.inv(K) * np.exp(-rise[:, None] - rise))


def _runge_kutta(P: Array, Q: Array, step: float, weight: float) -> tuple[Array, Array]:
    """One step of the classical method for both equations."""

    def slope(P: Array, Q: Array) -> Array:
        both = (1 - weight / 2) * (P @ Q + Q @ P)
        return -np.stack([both + weight * (P @ P), both + weight * (Q @ Q)])

    at = np.stack([P, Q])
    a = slope(*at)
    b = slope(*(at + 0.5 * step * a))
    c = slope(*(at + 0.5 * step * b))
    d = slope(*(at + step * c))
    after = at + step / 6 * (a + 2 * b + 2 * c + d)
    return after[0], after[1]


def saturated(d: Array, tau: float) -> Array:
    """integral() for d ≥ 0."""
    x = 2 * d * tau
    return np.asarray(np.where(x < 1e-12, tau, -np.expm1(-x) / np.maximum(2 * d, 1e-300)))


def integral(d: Array, tau: float | Array, rise: Array | float = 0.0) -> Array:
    """e^{−2·rise}(1 − e^{−2dτ})/(2d), τ at d = 0; rise: max(−dτ, 0), so that no entry overflows."""
    x = 2 * d * tau
    small = np.abs(x) < 1e-12
    safe = np.where(small, 1.0, x)
    value = np.where(
        safe > 0,
        -np.expm1(-np.maximum(safe, 0.0)) / safe,
        -np.expm1(np.minimum(safe, 0.0)) / np.where(safe < 0, -safe, 1.0),
    )
    return np.asarray(tau * np.where(small, np.exp(-2 * rise), value))


def time_to(
    excess: Callable[[float], float], goal: float, unit: float, accuracy: float = 1e-12
) -> float:
    """The flow time at which a falling excess comes down to the goal; inf when it never does.

    unit: a flow time to begin with, 1/σ₁. accuracy: relative, of the flow time.

    >>> round(time_to(lambda tau: np.exp(-tau), 0.5, 1.0), 6)
    0.693147
    """
    if excess(0.0) <= goal:
        return 0.0
    high = unit
    while excess(high) > goal:
        high *= 2
        if high > LATEST * unit:
            return float("inf")
    low = high / 2 if high > unit else 0.0
    while high - low > accuracy * high:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if excess(middle) > goal else (low, middle)
    return high
