"""Second order: the Hessian of the objective, and the objective along a line."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mfact.core import Array, Factors

Products = Callable[[Array, Array], tuple[Array, Array]]


def hessian_product(
    products: Products, U: Array, V: Array, dU: Array, dV: Array, weight: float = 0.0
) -> Factors:
    """H·(dU, dV) at (U, V), one pass over M with r columns.

    The derivative of the gradient along (dU, dV):
    dU(VᵀV) + U(dVᵀV + VᵀdV) − M dV + (λ/2)(dU D + U D₁), and
    dV(UᵀU) + V(dUᵀU + UᵀdU) − MᵀdU − (λ/2)(dV D + V D₁), D₁ = dUᵀU + UᵀdU − dVᵀV − VᵀdV.
    Its form ⟨(dU, dV), H(dU, dV)⟩ is ‖dU Vᵀ + U dVᵀ‖_F² + 2⟨R, dU dVᵀ⟩
    + (λ/4)‖D₁‖_F² + (λ/2)⟨D, dUᵀdU − dVᵀdV⟩. Source: mfact, derived.

    >>> M, zero, e = np.diag([2.0, 1.0]), np.zeros((2, 1)), np.eye(2, 1)
    >>> hessian_product(lambda U, V: (M @ V, M.T @ U), zero, zero, e, e).U.ravel().tolist()
    [-2.0, 0.0]
    """
    MdV, MtdU = products(dU, dV)
    UtU, VtV = U.T @ U, V.T @ V
    first_U, first_V = dU.T @ U + U.T @ dU, dV.T @ V + V.T @ dV
    D, D1 = 0.5 * weight * (UtU - VtV), 0.5 * weight * (first_U - first_V)
    H_U = dU @ (VtV + D) + U @ (first_V + D1) - MdV
    H_V = dV @ (UtU - D) + V @ (first_U - D1) - MtdU
    return Factors(H_U, H_V)


def least_eigenpair(
    products: Products, U: Array, V: Array, start: Factors, weight: float, accuracy: float
) -> tuple[float, float, Factors]:
    """(θ, residual, direction): the smallest eigenvalue of the Hessian by Lanczos.

    An eigenvalue lies within residual = ‖H d − θ d‖ of θ = ⟨d, H d⟩, d the unit direction.
    One pass over M with r columns an iteration, from start on, until the residual is about
    accuracy times |θ|; when ARPACK gives up, start itself, with its residual.
    Source: Lanczos 1950, as scipy.sparse.linalg.eigsh.

    >>> M, zero, e = np.diag([2.0, 1.0]), np.zeros((2, 1)), np.ones((2, 1))
    >>> take = lambda U, V: (M @ V, M.T @ U)
    >>> round(least_eigenpair(take, zero, zero, Factors(e, e), 0.0, 1e-9)[0], 9)
    -2.0
    """
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    cut, size = U.size, U.size + V.size

    def split(z: Array) -> Factors:
        return Factors(z[:cut].reshape(U.shape), z[cut:].reshape(V.shape))

    def times(z: Array) -> Array:
        H = hessian_product(products, U, V, *split(z.ravel()), weight)
        return np.concatenate([H.U.ravel(), H.V.ravel()])

    z = np.concatenate([start.U.ravel(), start.V.ravel()])
    operator = LinearOperator((size, size), matvec=times, dtype=float)
    try:
        z = eigsh(operator, k=1, which="SA", v0=z, tol=accuracy, maxiter=300)[1][:, 0]
    except ArpackNoConvergence:
        z = z / np.linalg.norm(z)
    Hz = times(z)
    theta = float(z @ Hz)
    return theta, float(np.linalg.norm(Hz - theta * z)), split(z)


def line_coefficients(
    U: Array, V: Array, dU: Array, dV: Array, slope: float, curvature: float, weight: float = 0.0
) -> tuple[float, float, float, float]:
    """c₁ … c₄ of F(U + s dU, V + s dV) − F(U, V) = c₁s + c₂s² + c₃s³ + c₄s⁴, without M.

    F is the objective with its balancing term. slope: ⟨∇F, (dU, dV)⟩ = c₁. curvature: the
    Hessian's form along (dU, dV), 2c₂. With R(s) = R + sK₁ + s²K₂, K₁ = dU Vᵀ + U dVᵀ,
    K₂ = dU dVᵀ, and D(s) = D + sD₁ + s²D₂, D₂ = dUᵀdU − dVᵀdV:
    c₃ = ⟨K₁, K₂⟩ + (λ/4)⟨D₁, D₂⟩,  c₄ = ½‖K₂‖_F² + (λ/8)‖D₂‖_F².
    Source: mfact, derived.

    >>> one = np.ones((1, 1))
    >>> line_coefficients(0 * one, 0 * one, one, one, 0.0, -2.0)
    (0.0, -1.0, 0.0, 0.5)
    """
    A, B = dU.T @ dU, dV.T @ dV
    cross_U, cross_V = U.T @ dU, V.T @ dV
    D1 = cross_U + cross_U.T - cross_V - cross_V.T
    D2 = A - B
    c3 = np.sum(A * cross_V) + np.sum(cross_U * B) + 0.25 * weight * np.sum(D1 * D2)
    c4 = 0.5 * np.sum(A * B) + 0.125 * weight * np.sum(D2 * D2)
    return float(slope), 0.5 * float(curvature), float(c3), float(c4)


def line_minimum(coefficients: tuple[float, float, float, float]) -> tuple[float, float]:
    """(s, change): the global minimizer of c₁s + c₂s² + c₃s³ + c₄s⁴ and the value there.

    Among the real roots of the derivative; (0, 0) when no step decreases the objective.
    Raises ValueError when the polynomial has no minimum (c₄ ≤ 0 and c₃ or c₂ < 0).
    Source: mfact, derived.

    >>> line_minimum((0.0, -1.0, 0.0, 0.5))
    (1.0, -0.5)
    """
    c1, c2, c3, c4 = coefficients
    if c4 <= 0 and (c3 != 0 or c2 < 0):
        raise ValueError("the objective has no minimum along this line")
    roots = np.roots([4 * c4, 3 * c3, 2 * c2, c1])
    best = (0.0, 0.0)
    for s in sorted(roots[np.abs(roots.imag) <= 1e-6 * np.abs(roots)].real, reverse=True):
        value = float(s * (c1 + s * (c2 + s * (c3 + s * c4))))
        if value < best[1] * (1 + 1e-12):  # of ±s with equal values, the positive one
            best = float(s), value
    return best
