"""The leading singular pairs of a target, from bases: σ₁ for a step size, and a spectral start."""

from __future__ import annotations

import math

import numpy as np

from mfact.core import Array, Factors, Target, eps_of
from mfact.krylov.basis import Basis
from mfact.krylov.columns import random_columns
from mfact.krylov.hidden import hidden_value
from mfact.krylov.spectrum import Spectrum
from mfact.targets.counted import leads_of

SIGMA_1_ACCURACY = 1e-3
"""Relative residual of the leading Ritz pair at which it can be no other than the leading one."""

LEAST_DEGREES = 4
"""That every run takes, whatever its bases may hold."""

STEADY = 16.0
"""Units of rounding by which σ₁ may still grow in a pass: the step size, and with it every iterate,
is then the same whatever holds M, and whichever side of it leads."""


def outside_of(basis: Basis, phi: Array, psi_t: Array, count: int) -> Array:
    """‖(M q − σp, Mᵀp − σq)‖/√2 of the leading Ritz pairs of B = Φ diag(σ) Ψᵀ."""
    k1, k2 = basis.B.shape
    right = basis.leak_left @ psi_t[:count, k2 - basis.last_right :].T
    left = basis.leak_right @ phi[k1 - basis.last_left :, :count]
    return np.asarray(np.linalg.norm(np.vstack([left, right]), axis=0) / math.sqrt(2))


def first_basis(target: Target, point: Factors, norm: float, *, drawn: bool) -> Basis:
    """The bases of largest_value() before their first pass. norm: ‖M‖_F."""
    basis = Basis.begin(point.U, point.V, norm, leads=leads_of(target), drawn=drawn)
    return basis.probed(random_columns(point.U.shape[1]))


def largest_value(
    target: Target, point: Factors, most: int = 40, *, drawn: bool, limit: float = math.inf
) -> tuple[Basis, float, float]:
    """Bases that hold `point`, extended until σ₁ is known: (basis, σ₁, error).

    drawn: the point is random; one from elsewhere may miss the leading singular vectors, and σ₁
    with them, so that random columns join it. σ₁ is the largest Ritz value, a lower bound; with the
    pair's residual ρ, some singular value lies within min(ρ, ρ²/(σ₁ − σ₂)) of it, and one that
    the bases do not show may be larger. limit: bytes beyond which they do not grow, once they have
    taken two passes.

    Source: Golub and Kahan 1965; Parlett 1980, Section 11.7.
    """
    basis = first_basis(target, point, target.norm, drawn=drawn)
    sigma, residual = np.zeros(1), math.inf
    if target.norm == 0:
        return basis, 0.0, 0.0
    for _ in range(most):
        before = float(sigma[0])
        if basis.degrees >= LEAST_DEGREES and basis.bytes_next > limit:
            break
        if basis.exhausted:
            unseen = target.norm**2 - float(np.vdot(basis.B, basis.B))
            if unseen <= 1e-6 * target.norm**2 or basis.size >= min(target.shape):
                break
            basis = basis.probed(random_columns(point.U.shape[1]))
        basis = basis.extend(target)
        if 0 in basis.B.shape:
            continue
        phi, sigma, psi_t = np.linalg.svd(basis.B, full_matrices=False)
        residual = math.sqrt(2) * float(outside_of(basis, phi, psi_t, 1)[0])
        first = float(sigma[0])
        steady = abs(first - before) <= STEADY * eps_of(target, first) * first
        if steady and residual <= SIGMA_1_ACCURACY * first:
            break
    return basis, float(sigma[0]), _error(basis, sigma, residual, target)


def _error(basis: Basis, sigma: Array, residual: float, target: Target) -> float:
    """How far σ₁ of B may be from that of M. residual: of its pair."""
    first, second = np.append(sigma, 0.0)[:2].tolist()
    error = min(residual, residual**2 / (first - second)) if first > second else residual
    hidden = hidden_value(sigma, 1, basis.probes, basis.degrees, max(target.shape))
    hidden = min(hidden, math.sqrt(max(target.norm**2 - float(np.sum(sigma[1:] ** 2)), 0.0)))
    rounding = 8 * eps_of(target, first) * first
    return float(max(error, hidden - first, rounding))


def leading_pairs(
    basis: Basis, target: Target, rank: int, most: int = 200
) -> tuple[Basis, Array, Array, Array]:
    """The leading singular pairs (Φ_r, σ, Ψ_r) of M, to a relative residual of 1e-10."""
    spectrum = Spectrum.of(basis, rank, target)
    for _ in range(most):
        if basis.exhausted or spectrum.residuals[:rank].max() <= 1e-10 * spectrum.sigma[0]:
            break
        basis = basis.extend(target)
        spectrum = Spectrum.of(basis, rank, target)
    phi, psi = basis.leave(
        spectrum.phi[: basis.left.known, :rank], spectrum.psi[: basis.right.known, :rank]
    )
    return basis, phi, spectrum.sigma[:rank], psi
