"""SVD coordinates: M in the bases is diag(σ), a step costs O(K r²), and the gap is exact."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy  # its parts are slow to import, and are when they are used

from mfact.core import Array, Optimum, Target, eps_of, unit_of
from mfact.krylov.basis import Basis
from mfact.krylov.hidden import hidden_value
from mfact.problems.optimum import fitted_rank, optimum_of, zero_in


@dataclass(frozen=True)
class Spectrum:
    """B = Φ diag(σ) Ψᵀ, padded to K×K, and how well it stands for M.

    sigma: K values, descending, in units of M. tail: ‖M‖_F² − ‖B‖_F², formed directly when the
    difference would be rounding. rank: r; k: of the leading r the values that are not zero (see
    mfact.problems.optimum). residuals: for each i ≤ r + 1 the norm of (M q_i − σ_i p_i,
    Mᵀp_i − σ_i q_i) over the Ritz pair. probes, degrees: Basis's. d: max(d1, d2). rounding:
    of a singular value, √d ε_a σ₁. leak_left, leak_right: Basis's, in these coordinates.
    """

    phi: Array
    sigma: Array
    psi: Array
    tail: float
    rank: int
    k: int
    residuals: Array
    probes: tuple[tuple[int, int], ...]
    degrees: int
    d: int
    rounding: float
    leak_left: Array
    leak_right: Array

    @classmethod
    def of(cls, basis: Basis, rank: int, target: Target) -> Spectrum:
        """The SVD of the basis' B. Raises scipy's LinAlgError if LAPACK does not converge."""
        size = basis.size
        padded = padded_square(basis.B, size)
        phi, sigma, psi_t = scipy.linalg.svd(padded, check_finite=False, overwrite_a=True)
        psi = psi_t.T
        tail = squared_tail(basis, target)
        leak_left, leak_right = leaks(basis)
        leak_left, leak_right = leak_left @ psi, leak_right @ phi
        kept = slice(0, rank + 1)
        residuals = np.sqrt(
            np.sum(leak_left[:, kept] ** 2, axis=0) + np.sum(leak_right[:, kept] ** 2, axis=0)
        )
        return cls(
            phi,
            sigma,
            psi,
            tail,
            rank,
            fitted_rank(sigma, rank, zero_in(target, float(sigma[0]))),
            residuals,
            basis.probes,
            basis.degrees,
            max(target.shape),
            math.sqrt(max(target.shape)) * eps_of(target, float(sigma[0])) * float(sigma[0]),
            leak_left,
            leak_right,
        )

    @cached_property
    def hidden(self) -> float:
        """A bound on the singular values of M beside the r largest of sigma."""
        return self._beyond(self.rank)

    def _beyond(self, skip: int) -> float:
        unseen = math.sqrt(max(self.tail, 0.0))  # what no basis vector touches
        after = float(self.sigma[skip]) if len(self.sigma) > skip else 0.0
        found = hidden_value(self.sigma, skip, self.probes, self.degrees, self.d)
        return min(found, after + unseen)

    @cached_property
    def floor(self) -> float:
        """½Σ_{i>k}σ_i² with the part of M outside the bases: the least loss that B can see."""
        return 0.5 * (float(np.sum(self.sigma[self.k :] ** 2)) + self.tail)

    @property
    def unit(self) -> float:
        """½σ_k², in which gaps are told."""
        return unit_of(float(self.sigma[self.k - 1]))

    @cached_property
    def surplus(self) -> float:
        """½Σ_{k<i≤r}σ_i²: what floor lies above ½Σ_{i>r}σ_i², over which excesses are told."""
        return 0.5 * float(np.sum(self.sigma[self.k : self.rank] ** 2))

    @property
    def shortfall(self) -> float:
        """How far floor may lie above the least loss for M itself, in units of M².

        Each Ritz value with residual ρ lies within min(ρ, ρ²/(σ_i − σ_{r+1})) of a singular value,
        so that ½Σ(σ_i(M)² − σ_i²) ≤ Σ σ_i min(ρ_i, ρ_i²/gap_i), up to ρ² itself; and singular
        values that the bases do not show, each up to `hidden`, would take the place of these.

        Source: Weyl's inequality, and Parlett 1980, Section 11.7 for the quadratic bound.
        """
        top = self.sigma[: self.rank]
        after = float(self.sigma[self.rank]) if len(self.sigma) > self.rank else 0.0
        off = self.residuals[: len(top)]
        error = _ritz_error(off, top - after)
        unseen = np.maximum(self.hidden**2 - top**2, 0.0)
        return float(np.sum(top * error + error**2) + 0.5 * np.sum(unseen))

    @property
    def errors(self) -> Array:
        """How far σ_1 … σ_{r+1} may be from those of M.

        Ritz values are bounds from below. From above: their residuals, quadratically where the
        next value is known to be apart, and what may be hidden.
        """
        top = self.sigma[: self.rank + 1]
        padded = np.append(self.sigma, 0.0)[: self.rank + 2]
        gaps = np.abs(np.diff(padded))[: len(top)]
        before = np.append(np.inf, gaps)[: len(top)]
        off = self.residuals[: len(top)]
        error = _ritz_error(off, np.minimum(gaps, before) - off)
        error = np.maximum(error, self.hidden - top)
        if len(top) > self.rank:
            last = max(off[-1], self._beyond(self.rank + 1) - top[-1])
            error[-1] = min(last, max(self.hidden - top[-1], 0.0))
        return np.asarray(np.maximum(error, self.rounding))

    @cached_property
    def optimum(self) -> Optimum:
        """What these coordinates know of the best approximation of rank r."""
        return optimum_of(
            self.sigma[: self.rank + 1],
            self.k,
            floor=self.floor,
            errors=self.errors,
            error=self.shortfall,
        )


def _ritz_error(off: Array, room: Array) -> Array:
    """min(ρ, ρ²/room), ρ where there is no room."""
    apart = room > off
    return np.asarray(np.where(apart, off**2 / np.where(apart, room, 1.0), off))


def padded_square(B: Array, size: int) -> Array:
    """B with zero rows or columns added, Fortran order: the padding stays zero in every step."""
    padded = np.zeros((size, size), order="F")
    padded[: B.shape[0], : B.shape[1]] = B
    return padded


def leaks(basis: Basis) -> tuple[Array, Array]:
    """leak_left·E and leak_right·E' as dense matrices over all K coordinates."""
    size, k1, k2 = basis.size, basis.left.known, basis.right.known
    left = np.zeros((len(basis.leak_left), size))
    left[:, k2 - basis.last_right : k2] = basis.leak_left
    right = np.zeros((len(basis.leak_right), size))
    right[:, k1 - basis.last_left : k1] = basis.leak_right
    return left, right


def squared_tail(basis: Basis, target: Target) -> float:
    """‖M − L B Qᵀ‖_F²: by subtraction while that keeps eight digits, else by one more pass."""
    total = target.norm**2
    tail = total - float(np.sum(basis.B.astype(np.float64) ** 2))
    if tail > 1e8 * eps_of(target) * total:
        return tail
    L = basis.left.basis
    return target.residual_norm(L @ basis.B.astype(L.dtype), basis.right.basis) ** 2


def negative_curvature(z: Array, sigma: Array, weight: float) -> tuple[float, float]:
    """(ρ, L): bounds −ρ ≤ Hessian ≤ L at the point z = [Xᵀ, Yᵀ], in units of M.

    With rows 1 = the leading r and 2 = the rest, a = ‖X₁Y₁ᵀ − Σ₁‖, s = min σ_r(X₁), σ_r(Y₁),
    n = max ‖X₁‖, ‖Y₁‖ and e = max ‖X₂‖, ‖Y₂‖, the form ‖dU Vᵀ + U dVᵀ‖² + 2⟨R, dU dVᵀ⟩ is at
    least that of the matrix [[−a, −2ne], [−2ne, s² − e² − σ_{r+1}]] in (‖d₁‖, ‖d₂‖); the balance
    term adds at least −(λ/2)‖D‖. Near the optimum ρ goes to zero.

    Source: mfact, derived.
    """
    r = min(z.shape[1], z.shape[2])
    X1, Y1, X2, Y2 = z[0, :, :r], z[1, :, :r], z[0, :, r:], z[1, :, r:]
    if not np.isfinite(z).all():
        return math.inf, math.inf
    a = float(np.linalg.norm(X1.T @ Y1 - np.diag(sigma[:r])))
    spread = np.linalg.eigvalsh(np.stack([X1 @ X1.T, Y1 @ Y1.T]))
    s2, n = max(0.0, float(spread[:, 0].min())), math.sqrt(max(0.0, float(spread[:, -1].max())))
    e = max(float(np.linalg.norm(X2)), float(np.linalg.norm(Y2)))
    after = float(sigma[r]) if len(sigma) > r else 0.0
    b, c = 2 * n * e, s2 - e**2 - after
    least = (c - a) / 2 - math.hypot((c + a) / 2, b)
    D = float(np.linalg.norm(z[0] @ z[0].T - z[1] @ z[1].T)) if weight else 0.0
    rho = max(0.0, -least) + weight / 2 * D
    top = (1 + weight) * 2 * (n + e) ** 2 + a + max(after, e**2)
    return rho, top
