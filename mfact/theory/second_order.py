"""The numbers behind a certificate: gradient, gap and least curvature at one point."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mfact.core import Array, Factors, Optimum, Target, whole_norm
from mfact.problems.factorization import gradient, unbalance
from mfact.problems.resolved import Resolved
from mfact.theory.blocks import Blocks, bounded_gap
from mfact.theory.hessian import (
    Products,
    hessian_product,
    least_eigenpair,
    line_coefficients,
    line_minimum,
)
from mfact.theory.residual_pair import leading_pair


@dataclass(frozen=True)
class SecondOrder:
    """What is known of the objective F = f + (λ/8)‖D‖_F² at (U, V).

    gradient_norm: ‖∇F‖. loss: f = ½‖UVᵀ − M‖_F², in SVD coordinates of what they resolve.
    gap: max(0, f − ½Σ_{i>k}σ_i²)/(½σ_k²); the exact one lies within gap_error of it. saddle: the
        least gap of a saddle, as far as the singular values are known.
    curvature: the least value found of the Hessian's form on unit directions, the one along
        direction; an eigenvalue lies within curvature_residual of it.
    curvature_floor: the smallest eigenvalue is at least this, as far as Lanczos saw.
    line: c₁ … c₄ of F along direction. imbalance: ‖D‖_F. weight: λ. norm: ‖M‖_F.
    scale: σ₁, or an estimate from below. rounding: of a curvature. passes: over M.
    """

    gradient_norm: float
    loss: float
    gap: float
    gap_error: float
    saddle: float
    curvature: float
    curvature_residual: float
    curvature_floor: float
    direction: Factors
    line: tuple[float, float, float, float]
    imbalance: float
    weight: float
    norm: float
    scale: float
    rounding: float
    passes: int


def _outside(U: Array, V: Array, weight: float, tau: float) -> tuple[float, Array, Array]:
    """Least eigenvalue of [[VᵀV + (λ/2)D, −τI], [−τI, UᵀU − (λ/2)D]] and its vector (α, β)."""
    UtU, VtV, r = U.T @ U, V.T @ V, U.shape[1]
    D, cross = 0.5 * weight * (UtU - VtV), -tau * np.eye(r)
    values, vectors = np.linalg.eigh(np.block([[VtV + D, cross], [cross, UtU - D]]))
    return float(values[0]), vectors[:r, 0], vectors[r:, 0]


def _inside(U: Array, V: Array, balanced: bool) -> tuple[Array, Array] | None:
    """(G, H) such that (UG, VH) is flat to second order at an optimum, or unbalances for r = 1.

    A rotation of two columns (G = H skew) leaves UVᵀ and D as they are; for r = 1, or
    without a balancing term, U(1 + s), V(1 − s) leaves UVᵀ. None where it does not move.
    """
    r = U.shape[1]
    if r > 1 and balanced:
        G = np.zeros((r, r))
        G[0, 1], G[1, 0] = 1.0, -1.0
        H = G
    else:
        G, H = np.eye(r), -np.eye(r)
    size = math.hypot(np.linalg.norm(U @ G), np.linalg.norm(V @ H))
    return (G / size, H / size) if size > 0 else None


def _rayleigh(
    products: Products, U: Array, V: Array, direction: Factors, weight: float
) -> tuple[float, float, Factors]:
    """The Hessian's form along a unit direction, how far it is from an eigenvalue, and it."""
    H_U, H_V = hessian_product(products, U, V, *direction, weight)
    theta = float(np.sum(H_U * direction.U) + np.sum(H_V * direction.V))
    off = np.linalg.norm(H_U - theta * direction.U), np.linalg.norm(H_V - theta * direction.V)
    return theta, float(np.hypot(*off)), direction


def look(
    target: Target,
    U: Array,
    V: Array,
    *,
    weight: float,
    optimum: Optimum | None = None,
    loss: float | None = None,
    accuracy: float,
    refine: bool = False,
    resolved: Resolved | None = None,
) -> SecondOrder:
    """Gradient, gap and least curvature at (U, V); see certify for the method and arguments.

    resolved: the target, where it is one that says its gap and what it leaves unresolved.
    Where the factors are near rank-deficient, their spaces are cut at singular values of
    ‖∇F‖^{1/3}: what is cut changes the Hessian by its square, what is kept leaves a coupling of
    ‖∇F‖ over it, and the cut makes both of the order of ‖∇F‖^{2/3}. Source: mfact, derived.
    """
    passes = 0

    def products(A: Array, B: Array) -> tuple[Array, Array]:
        nonlocal passes
        passes += 1
        MB, MtA = target.products(A.astype(target.dtype), B.astype(target.dtype))
        return MB.astype(float), MtA.astype(float)

    U, V = U.astype(float), V.astype(float)
    norm, unit = float(target.norm), float(np.finfo(target.dtype).eps)
    whole = whole_norm(target)
    MV, MtU = products(U, V)
    grad = Factors(*gradient(U, V, MV, MtU, weight)[:2])
    size = math.hypot(np.linalg.norm(grad.U), np.linalg.norm(grad.V))
    if loss is None:
        passes += 1
        off = float(target.residual_norm(U.astype(target.dtype), V.astype(target.dtype)))
        loss = 0.5 * off**2
    blocks = Blocks.of(U, V, MV, MtU, max(size ** (1 / 3), 1e2 * math.sqrt(unit * whole)))

    def enough(tau: float, residual: float) -> bool:
        least = _outside(U, V, weight, tau)[0]
        if least > 0:  # not the escape direction: only its sign must be beyond doubt
            return residual <= max(accuracy, 0.2) * least
        return residual <= accuracy * max(-least, 1e-6 * max(tau, blocks.top))

    pair = leading_pair(products, target.shape, blocks.left, blocks.right, enough)
    value, alpha, beta = _outside(U, V, weight, pair.tau)
    zero = Factors(np.zeros_like(U), np.zeros_like(V))
    theta, theta_residual, direction = 0.0, 0.0, zero  # of M = 0 and zero factors
    mix = _inside(U, V, weight > 0)
    if mix is not None:
        G, H = mix
        known = MV @ H, MtU @ G  # M(VH) and Mᵀ(UG) without a pass
        along = Factors(U @ G, V @ H)
        theta, theta_residual, direction = _rayleigh(lambda *_: known, U, V, along, weight)
    if pair.tau > 0 and (mix is None or value < theta):
        along = Factors(np.outer(pair.x, alpha), np.outer(pair.y, beta))
        theta, theta_residual, direction = _rayleigh(products, U, V, along, weight)

    first = optimum.values[0] if optimum is not None and optimum.values else 0.0
    scale = max(blocks.top, pair.tau, first)
    if refine and mix is not None and theta_residual > accuracy * max(-theta, 1e-4 * scale):
        theta, theta_residual, direction = least_eigenpair(
            products, U, V, direction, weight, accuracy
        )

    slope = float(np.sum(grad.U * direction.U) + np.sum(grad.V * direction.V))
    rounding = 64 * unit * math.hypot(scale, target.offset)
    line = line_coefficients(U, V, *direction, slope, theta, weight)
    if line[3] <= 64 * unit:
        # dU dVᵀ is zero: a parabola that opens upwards, and the rest is rounding.
        line = (line[0], max(line[1], 0.0), 0.0, 0.0)
    imbalance = float(np.linalg.norm(unbalance(U, V)))
    spread = math.hypot(np.linalg.norm(U), np.linalg.norm(V))
    tau, extra = pair.tau + pair.residual, 0.0
    if resolved is not None:
        tau, extra = max(tau, resolved.unresolved), resolved.coupling
        gap = resolved.gap(U, V, optimum)
    else:
        # Of a slope and a curvature that are hardly more than rounding nothing is sure.
        steep = math.copysign(max(abs(line[0]) - rounding * spread, 0.0), line[0])
        sure = line_minimum((steep, line[1] + 0.5 * rounding, *line[2:]))
        surely = min(-sure[1], loss) - 0.125 * weight * imbalance**2
        gap = bounded_gap(target, loss, U.shape[1], surely, blocks.spaces(tau), optimum)
    floor = min(_outside(U, V, weight, tau)[0], -blocks.misfit - 0.5 * weight * imbalance)
    return SecondOrder(
        gradient_norm=size,
        loss=loss,
        gap=gap.value,
        gap_error=gap.error,
        saddle=gap.saddle,
        curvature=theta,
        curvature_residual=theta_residual,
        curvature_floor=floor - blocks.coupling - extra - 4 * blocks.dropped * spread,
        direction=direction,
        line=line,
        imbalance=imbalance,
        weight=weight,
        norm=norm,
        scale=scale,
        rounding=rounding,
        passes=passes,
    )
