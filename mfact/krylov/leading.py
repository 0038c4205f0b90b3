"""The leading singular values of a target, with an error bound from their residuals."""

from __future__ import annotations

import numpy as np

from mfact.core import Array, Target

DENSE_LIMIT = 512


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
