"""How far two pairs of factors are apart, modulo the rotation that their product does not see."""

from __future__ import annotations

import math

import numpy as np

from mfact.core import Array, Factors


def procrustes(A: Factors, B: Factors) -> Array:
    """The rotation Q in O(r) that brings B closest to A, r×r.

    min ‖U_A − U_B Q‖_F² + ‖V_A − V_B Q‖_F²: Q = WZᵀ with WΣZᵀ = U_BᵀU_A + V_BᵀV_A.
    (UQ, VQ) and (U, V) have the same product and the same D up to rotation, and gradient
    descent from them takes the same steps, rotated. Source: Schönemann 1966.

    >>> A = Factors(np.eye(3, 2), np.eye(2))
    >>> turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    >>> np.allclose(procrustes(A, Factors(A.U @ turn, A.V @ turn)), turn.T)
    True
    """
    W, _, Zt = np.linalg.svd(B.U.T @ A.U + B.V.T @ A.V)
    Q: Array = W @ Zt
    return Q


def factor_distance(A: Factors, B: Factors) -> float:
    """Distance of two pairs of factors modulo rotation, relative to the size of A.

    >>> A = Factors(np.eye(3, 2), np.eye(2))
    >>> factor_distance(A, Factors(-A.U, -A.V))
    0.0
    """
    if np.array_equal(A.U, B.U) and np.array_equal(A.V, B.V):
        return 0.0  # the best rotation would only bring its own rounding
    Q = procrustes(A, B)
    off = math.hypot(np.linalg.norm(A.U - B.U @ Q), np.linalg.norm(A.V - B.V @ Q))
    return _relative(off, math.hypot(np.linalg.norm(A.U), np.linalg.norm(A.V)))


def product_distance(A: Factors, B: Factors) -> float:
    """‖U_AV_Aᵀ − U_BV_Bᵀ‖_F / ‖U_AV_Aᵀ‖_F, without forming a product of full size.

    [U_A, −U_B] = Q₁T₁ and [V_A, V_B] = Q₂T₂ make it ‖T₁T₂ᵀ‖_F.

    >>> A = Factors(np.eye(3, 2), np.eye(2))
    >>> round(product_distance(A, Factors(2 * A.U, A.V)), 12)
    1.0
    """
    if np.array_equal(A.U, B.U) and np.array_equal(A.V, B.V):
        return 0.0
    T1, T2 = np.linalg.qr(np.hstack([A.U, -B.U]))[1], np.linalg.qr(np.hstack([A.V, B.V]))[1]
    size = math.sqrt(max(float(np.sum((A.U.T @ A.U) * (A.V.T @ A.V))), 0.0))
    return _relative(float(np.linalg.norm(T1 @ T2.T)), size)


def _relative(off: float, size: float) -> float:
    return float(off / size) if size > 0 else (0.0 if off == 0 else math.inf)
