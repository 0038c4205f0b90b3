"""The singular values of a target: a few leading ones, or all of them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.linalg import LinAlgError, svdvals

from mfact.core import Array, Factors, Sliced, Target
from mfact.errors import DataError
from mfact.krylov.columns import LEAST_PROBES
from mfact.krylov.hidden import hidden_value
from mfact.krylov.leading import first_basis, outside_of

Enough = Callable[[Array, float], bool]
"""Whether leading values that are known to such an error tell what is asked of them."""

ALL_UP_TO = 512
"""min(d1, d2) to which all values cost less than a few."""

SETTLED = 1e-13
"""Residual of the leading values, in units of σ₁, at which they are taken. Of a few passes more or
less: they fall by a factor of ten or more in each. Where M is a difference, see _settled."""

LOOK_EVERY = 2
"""Passes between two looks, whose price grows with the cube of the columns."""

MOST_BYTES, LEAST_COLUMNS = 64 << 20, 100
"""Of bases that are for leading values alone, on both sides, and columns that they may always have.
Twenty values of noise, which lie close together, take 840 columns; those of 1/i 200."""

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


def leading_values(
    target: Sliced,
    count: int,
    all_up_to: int = ALL_UP_TO,
    enough: Enough = lambda values, error: False,
) -> tuple[Array, float]:
    """(σ₁ ≥ σ₂ ≥ …, error of each): all where min(d1, d2) ≤ all_up_to, else `count` of them, or
    fewer and to a larger error where these are enough.

    count is cut to min(d1, d2) − 1 there. For each computed triple (σ, x, y) a singular value of M
    lies within √((‖My − σx‖² + ‖Mᵀx − σy‖²)/2) of σ; error is the largest of these, and at least
    a few units of rounding: of σ₁ where M itself is decomposed, which is formed entry by entry, and
    of what is held where they come of products. They come from bases of random columns, and from
    Lanczos with restarts, ten times the passes, where bases of most_columns() do not hold them. The
    starts are fixed, so that the same M gives the same digits.
    Raises DataError where they cannot be computed.
    Source: Weyl 1912 for the Hermitian matrix [[0, M], [Mᵀ, 0]].
    """
    unit = float(np.finfo(target.dtype).eps)
    if min(target.shape) <= all_up_to:
        values = all_values(target)
        # Means are float64, and rounded to the kind of the entries where that is narrower.
        narrow = 0.5 * unit * target.offset if unit > np.finfo(float).eps else 0.0
        return values, 8 * unit * float(values[0]) + narrow
    count = min(count, min(target.shape) - 1)
    values, off = _by_bases(target, count, enough) or _by_restarts(target, count)
    return values, max(off, _rounding(target, values))


def _by_bases(target: Target, count: int, enough: Enough) -> tuple[Array, float] | None:
    """Ritz values of bases that begin with random columns and grow until these are settled, or
    enough; None where they come to neither.

    Before, the leading values are those Ritz values above which nothing can hide; each is as near
    to its own as the residuals are together.
    Source: Kahan 1967 for residuals of orthonormal vectors.
    """
    rng, columns = np.random.default_rng(20180604), max(LEAST_PROBES // 2, -(-count // 2))
    point = Factors(*(rng.standard_normal((d, columns)).astype(target.dtype) for d in target.shape))
    basis = first_basis(target, point, target.norm, drawn=True)
    most, d = most_columns(target.shape), max(target.shape)
    square = float(np.finfo(target.dtype).tiny) ** 0.25  # MᵀM must be numbers
    if not square < target.norm < 1 / square:
        return None
    while not basis.exhausted and max(basis.columns_next) <= most:
        basis = basis.extend(target)
        if min(basis.B.shape) < count or (basis.passes % LOOK_EVERY and not basis.exhausted):
            continue
        phi, sigma, psi_t = np.linalg.svd(basis.B)
        values, off = sigma[:count], outside_of(basis, phi, psi_t, count)
        if np.max(off) <= _settled(target, float(sigma[0])):
            return values, float(np.max(off))
        error = float(np.linalg.norm(off)) + _rounding(target, values)
        hidden = hidden_value(sigma, count, basis.probes, basis.degrees, d)
        known = values[values > hidden + error]
        if len(known) and enough(known, error):
            return known, error
    return None


def _rounding(target: Target, values: Array) -> float:
    """Of values that come of products."""
    unit = float(np.finfo(target.dtype).eps)
    return 8 * unit * math.hypot(float(values[0]), target.offset)


def _settled(target: Target, sigma_1: float) -> float:
    """SETTLED, or what rounding in products leaves of a difference (optimum.zero_below)."""
    unit = math.sqrt(max(target.shape)) * float(np.finfo(target.dtype).eps)
    return max(SETTLED * sigma_1, unit * target.offset)


def _by_restarts(target: Target, count: int) -> tuple[Array, float]:
    """The same by ARPACK, in little memory."""
    (d1, d2), dtype = target.shape, target.dtype
    from scipy.sparse.linalg import ArpackError, LinearOperator, svds

    left, right = np.zeros((d1, 0), dtype), np.zeros((d2, 0), dtype)

    def times(v: Array) -> Array:
        return target.products(left, v.reshape(-1, 1).astype(dtype))[0].ravel()

    def transposed(u: Array) -> Array:
        return target.products(u.reshape(-1, 1).astype(dtype), right)[1].ravel()

    operator = LinearOperator((d1, d2), matvec=times, rmatvec=transposed, dtype=dtype)
    start = np.random.default_rng(20180604).standard_normal(min(d1, d2)).astype(dtype)
    try:
        X, values, Yt = svds(operator, k=count, v0=start)
    except ArpackError as error:
        raise _not_computed(error) from error
    order = np.argsort(values)[::-1]
    X, values, Y = X[:, order], values[order].astype(float), Yt[order].T
    MY, MtX = target.products(np.ascontiguousarray(X), np.ascontiguousarray(Y))
    off = np.linalg.norm(np.vstack([MY - X * values, MtX - Y * values]), axis=0) / math.sqrt(2)
    return values, float(off.max())


def most_columns(shape: tuple[int, int]) -> int:
    """Of bases for leading values alone, on either side."""
    return max(LEAST_COLUMNS, MOST_BYTES // (8 * sum(shape)))


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
        # Bases, which are copied as they grow, and the decomposition of B; or else ARPACK's basis,
        # the vectors that it gives, and their products.
        k, columns = min(count, small - 1), min(most_columns(shape), small + 2 * count)
        basis = min(small, max(2 * k + 1, 20))
        restarted = small * (basis + 8) + 6 * k * (small + large) + 3 * basis**2
        needed += max(3 * columns * (small + large) + 6 * columns**2, restarted)
    return 8 * needed


def _height(width: int) -> int:
    """Rows of a slice."""
    return max(2 * width, SLICE_CELLS // width)


def _not_computed(error: Exception) -> DataError:
    return DataError(f"the singular values could not be computed ({error})", "scale the matrix")
