"""The leading singular values and pairs of a target: σ₁ for a step size, a few, or all of them."""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import LinAlgError, svdvals

from mfact.core import Array, Factors, Sliced, Target
from mfact.errors import DataError
from mfact.krylov.basis import LEAST_PROBES, Basis
from mfact.krylov.hidden import hidden_value
from mfact.krylov.spectrum import Spectrum

SIGMA_1_ACCURACY = 1e-3
"""Relative residual of the leading Ritz pair at which σ₁ is known well enough for a step size:
σ₁ itself is then known to about the square of it."""

ALL_UP_TO = 512
"""min(d1, d2) to which all values cost less than a few."""

SLICE_CELLS = 1 << 17
"""Of a slice of M that is dense at a time, where the shorter side is short."""

FOLDING = 6
"""Copies of a slice and of the triangular factor beside it that are there at a time."""


def all_values(target: Sliced) -> Array:
    """σ₁ ≥ σ₂ ≥ …, all min(d1, d2) of them, by LAPACK.

    A dense copy of M that is long is folded, slice by slice, into R of M = QR, whose singular
    values are M's; RᵀR of a sparse QR would square the condition number.
    Raises DataError where LAPACK does not converge.

    >>> from mfact.targets.dense import DenseTarget
    >>> all_values(DenseTarget(np.diag([3.0, 1.0, 2.0]))).round(9).tolist()
    [3.0, 2.0, 1.0]
    """
    small, large = sorted(target.shape)
    height = _height(small)
    try:
        if large <= FOLDING * (height + small):
            (whole,) = target.slices(large)
            # The transpose of an array in C order is one that LAPACK can work in.
            return np.asarray(svdvals(whole.T, overwrite_a=True), np.float64)
        R = np.zeros((0, small), target.dtype)
        for rows in target.slices(height):
            R = np.asarray(np.linalg.qr(np.vstack([R, rows]), mode="r"))
        return np.asarray(svdvals(R), np.float64)
    except LinAlgError as error:
        raise _not_computed(error) from error


def leading_values(target: Sliced, count: int, all_up_to: int = ALL_UP_TO) -> tuple[Array, float]:
    """(σ₁ ≥ σ₂ ≥ …, error of each): all where min(d1, d2) ≤ all_up_to, else `count` by Lanczos.

    count is cut to min(d1, d2) − 1 there. For each computed triple (σ, x, y) a singular value of M
    lies within √((‖My − σx‖² + ‖Mᵀx − σy‖²)/2) of σ; error is the largest of these, and at least
    a few units of rounding of σ₁. The start is fixed, so that the same M gives the same digits.
    Raises DataError where they cannot be computed.
    Source: Weyl 1912 for the Hermitian matrix [[0, M], [Mᵀ, 0]].
    """
    (d1, d2), dtype = target.shape, target.dtype
    unit = float(np.finfo(dtype).eps)
    if min(d1, d2) <= all_up_to:
        values = all_values(target)
        return values, 8 * unit * float(values[0])

    from scipy.sparse.linalg import ArpackError, LinearOperator, svds

    left, right = np.zeros((d1, 0), dtype), np.zeros((d2, 0), dtype)

    def times(v: Array) -> Array:
        return target.products(left, v.reshape(-1, 1).astype(dtype))[0].ravel()

    def transposed(u: Array) -> Array:
        return target.products(u.reshape(-1, 1).astype(dtype), right)[1].ravel()

    operator = LinearOperator((d1, d2), matvec=times, rmatvec=transposed, dtype=dtype)
    start = np.random.default_rng(20180604).standard_normal(min(d1, d2)).astype(dtype)
    try:
        X, values, Yt = svds(operator, k=min(count, min(d1, d2) - 1), v0=start)
    except ArpackError as error:
        raise _not_computed(error) from error
    order = np.argsort(values)[::-1]
    X, values, Y = X[:, order], values[order].astype(float), Yt[order].T
    MY, MtX = target.products(np.ascontiguousarray(X), np.ascontiguousarray(Y))
    off = np.linalg.norm(np.vstack([MY - X * values, MtX - Y * values]), axis=0) / math.sqrt(2)
    return values, max(float(off.max()), 8 * unit * float(values[0]))


def leading_bytes(
    shape: tuple[int, int], count: int, all_up_to: int = ALL_UP_TO, entries: int | None = None
) -> int:
    """Bytes that leading_values() holds beside M at most, M being float64.

    entries: of M, stored ones, where it comes without its empty rows and columns.
    """
    small, large = sorted(d if entries is None else min(d, max(entries, 1)) for d in shape)
    needed, width = 128 * (small + large), min(small, all_up_to)
    if small <= all_up_to or entries is not None:
        # A sparse matrix may have fewer occupied rows or columns than these.
        needed += width * min(large, FOLDING * (_height(width) + width)) + 2 * width**2
    if small > all_up_to:
        # ARPACK's basis, the vectors that it gives, and their products.
        k = min(count, small - 1)
        basis = min(small, max(2 * k + 1, 20))
        needed += small * (basis + 8) + 6 * k * (small + large) + 3 * basis**2
    return 8 * needed


def _height(width: int) -> int:
    """Rows of a slice."""
    return max(2 * width, SLICE_CELLS // width)


def _not_computed(error: Exception) -> DataError:
    return DataError(f"the singular values could not be computed ({error})", "scale the matrix")


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
