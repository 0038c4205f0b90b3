"""The leading singular values of a target, with an error bound from their residuals."""

from __future__ import annotations

import math

import numpy as np

from mfact.core import Array, Factors, Target
from mfact.krylov.basis import LEAST_PROBES, Basis
from mfact.krylov.hidden import hidden_value
from mfact.krylov.spectrum import Spectrum

DENSE_LIMIT = 512


SIGMA_1_ACCURACY = 1e-3
"""Relative residual of the leading Ritz pair at which σ₁ is known well enough for a step size:
σ₁ itself is then known to about the square of it."""


def leading_values(target: Target, count: int) -> tuple[Array, float]:
    """(σ₁ … σ_count, error of each), by an SVD, or by Lanczos for larger matrices.

    count is cut to min(d1, d2). For each computed triple (σ, x, y) a singular value of M lies
    within √((‖My − σx‖² + ‖Mᵀx − σy‖²)/2) of σ; error is the largest of these, and at least
    a few units of rounding of σ₁.
    Source: Weyl 1912 for the Hermitian matrix [[0, M], [Mᵀ, 0]].

    >>> from mfact.targets.dense import DenseTarget
    >>> leading_values(DenseTarget(np.diag([3.0, 1.0, 2.0])), 2)[0].round(9).tolist()
    [3.0, 2.0]
    """
    d1, d2 = target.shape
    count = min(count, d1, d2)
    dtype, unit = target.dtype, float(np.finfo(target.dtype).eps)
    if min(d1, d2) <= DENSE_LIMIT:
        # One side of M against the identity; the other product is of width 0.
        if d1 <= d2:
            M = target.products(np.eye(d1, dtype=dtype), np.zeros((d2, d1), dtype))[1].T
        else:
            M = target.products(np.zeros((d1, d2), dtype), np.eye(d2, dtype=dtype))[0]
        values = np.linalg.svd(M, compute_uv=False)
        return values[:count].astype(float), 8 * unit * float(values[0])

    from scipy.sparse.linalg import LinearOperator, svds

    left, right = np.zeros((d1, 1), dtype), np.zeros((d2, 1), dtype)

    def times(v: Array) -> Array:
        return target.products(left, v.reshape(-1, 1).astype(dtype))[0].ravel()

    def transposed(u: Array) -> Array:
        return target.products(u.reshape(-1, 1).astype(dtype), right)[1].ravel()

    operator = LinearOperator((d1, d2), matvec=times, rmatvec=transposed, dtype=dtype)
    rng = np.random.default_rng(20180604)
    start = rng.standard_normal(min(d1, d2)).astype(dtype)
    X, values, Yt = svds(operator, k=count, v0=start)
    order = np.argsort(values)[::-1]
    X, values, Y = X[:, order], values[order].astype(float), Yt[order].T
    MY, MtX = target.products(np.ascontiguousarray(X), np.ascontiguousarray(Y))
    off = np.sqrt(
        (np.sum((MY - X * values) ** 2, axis=0) + np.sum((MtX - Y * values) ** 2, axis=0)) / 2
    )
    return values, max(float(off.max()), 8 * unit * float(values[0]))


def largest_value(
    target: Target, point: Factors, most: int = 40, *, drawn: bool
) -> tuple[Basis, float, float]:
    """Bases that hold `point`, extended until σ₁ is known: (basis, σ₁, error).

    drawn: the point is random; one from elsewhere may miss the leading singular vectors, and σ₁
    with them, so that random columns join it. σ₁ is the largest Ritz value, a lower bound; with the
    pair's residual ρ, some singular value lies within min(ρ, ρ²/(σ₁ − σ₂)) of it, and one that
    the bases do not show may be larger.

    Source: Golub and Kahan 1965; Parlett 1980, Section 11.7.
    """
    width = max(point.U.shape[1], LEAST_PROBES)
    basis = Basis.begin(point.U, point.V, target.norm, drawn=drawn).probed(width)
    sigma_1 = error = 0.0
    if target.norm == 0:
        return basis, 0.0, 0.0
    for _ in range(most):
        if basis.exhausted:
            unseen = target.norm**2 - float(np.vdot(basis.B, basis.B))
            if unseen <= 1e-6 * target.norm**2 or basis.size >= min(target.shape):
                break
            basis = basis.probed(width)
        basis = basis.extend(target)
        sigma_1, error, residual = _leading(basis, target)
        if basis.passes >= 3 and residual <= SIGMA_1_ACCURACY * sigma_1:
            break
    return basis, sigma_1, error


def _leading(basis: Basis, target: Target) -> tuple[float, float, float]:
    """σ₁ of B with its error bound and the residual of its pair."""
    if 0 in basis.B.shape:
        return 0.0, 0.0, math.inf
    phi, sigma, psi_t = np.linalg.svd(basis.B, full_matrices=False)
    k1, k2 = basis.B.shape
    right = basis.leak_left @ psi_t[0, k2 - basis.last_right :]
    left = basis.leak_right @ phi[k1 - basis.last_left :, 0]
    residual = math.hypot(float(np.linalg.norm(right)), float(np.linalg.norm(left)))
    apart = float(sigma[0] - sigma[1]) if len(sigma) > 1 else float(sigma[0])
    error = min(residual, residual**2 / apart) if apart > 0 else residual
    hidden = hidden_value(sigma, 1, basis.probes, basis.passes, max(target.shape))
    hidden = min(hidden, math.sqrt(max(target.norm**2 - float(np.sum(sigma[1:] ** 2)), 0.0)))
    return float(sigma[0]), max(error, hidden - float(sigma[0])), residual


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
