"""Gradient descent as the paper writes it, and what an SVD says of where it ends: the truth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mfact.problems.optimum import zero_below
from mfact.theory.eckart_young import known_optimum

EPS = 2.0**-52


def objective(M, U, V, weight=0.0):
    """½‖UVᵀ − M‖_F² + (λ/8)‖UᵀU − VᵀV‖_F², objective (3) for λ = weight, (1) for 0."""
    return 0.5 * np.sum((U @ V.T - M) ** 2) + weight / 8 * np.sum((U.T @ U - V.T @ V) ** 2)


def gradient(M, U, V, weight=0.0):
    """Its derivatives by U and V: (RV + (λ/2)UD, RᵀU − (λ/2)VD)."""
    R = U @ V.T - M
    if not weight:
        return R @ V, R.T @ U
    D = U.T @ U - V.T @ V
    return R @ V + weight / 2 * U @ D, R.T @ U - weight / 2 * V @ D


def gradient_norm(M, U, V, weight=0.0):
    return np.hypot(*(np.linalg.norm(G) for G in gradient(M, U, V, weight)))


def hessian(M, U, V, weight=0.0):
    """Its second derivatives by the entries of U and then V, row after row, from the definition."""
    R, D = U @ V.T - M, U.T @ U - V.T @ V
    columns = []
    for e in np.eye(U.size + V.size):
        dU, dV = e[: U.size].reshape(U.shape), e[U.size :].reshape(V.shape)
        dR = dU @ V.T + U @ dV.T
        dD = dU.T @ U + U.T @ dU - dV.T @ V - V.T @ dV
        HU = dR @ V + R @ dV + weight / 2 * (dU @ D + U @ dD)
        HV = dR.T @ U + R.T @ dU - weight / 2 * (dV @ D + V @ dD)
        columns.append(flat((HU, HV)))
    return np.array(columns)


def flat(point):
    """The entries of U and then V, row after row."""
    return np.concatenate([part.ravel() for part in point])


def flow(M, rank, weight=0.0):
    """(U, V)' = −∇f as solve_ivp wants it: of the time and the entries in one vector."""
    d1, d2 = M.shape

    def slope(_, z):
        U, V = z[: d1 * rank].reshape(d1, rank), z[d1 * rank :].reshape(d2, rank)
        return -flat(gradient(M, U, V, weight))

    return slope


def iterates(M, U, V, steps, weight=0.0):
    """(U, V) at t = 0, 1, … by the steps of (9), or of (3) with λ = weight; one more than steps."""
    yield U, V
    for eta in steps:
        G_U, G_V = gradient(M, U, V, weight)
        U, V = U - eta * G_U, V - eta * G_V
        yield U, V


def plain_loop(M, U, V, steps, weight=0.0):
    """All of them."""
    return list(iterates(M, U, V, steps, weight))


def exact_loop(M, U, V, steps, weight=0.0):
    """The same in extended precision (64 bits of mantissa), rounded at the end."""
    wide = [np.asarray(x, np.longdouble) for x in (M, U, V)]
    points = iterates(*wide, np.asarray(steps, np.longdouble), np.longdouble(weight))
    return [(A.astype(float), B.astype(float)) for A, B in points]


class Scalars(NamedTuple):
    """The run of rank 1 on M = σ₁u*v*ᵀ of any size: a = uᵀu*, p = ‖u⊥‖, b = vᵀv*, q = ‖v⊥‖."""

    a: float
    p: float
    b: float
    q: float

    def residual_squared(self, sigma: float) -> float:
        """‖uvᵀ − M‖_F², from the four blocks of uvᵀ − M in the bases (u*, u⊥), (v*, v⊥)."""
        a, p, b, q = self
        return (a * b - sigma) ** 2 + (a * q) ** 2 + (p * b) ** 2 + (p * q) ** 2


def scalar_iterates(start: Scalars, sigma: float, eta: float) -> Iterator[Scalars]:
    """The same iterates at rank 1, in plain Python, at t = 0, 1, 2, … without end.

    a₊ = a(1 − η‖v‖²) + ησ₁b, u⊥₊ = (1 − η‖v‖²)u⊥, and the mirror image, with
    ‖u‖² = a² + p² and ‖v‖² = b² + q². Source: mfact, derived.
    """
    now = start
    while True:
        yield now
        a, p, b, q = now
        shrink_u, shrink_v = 1 - eta * (b * b + q * q), 1 - eta * (a * a + p * p)
        now = Scalars(
            a * shrink_u + eta * sigma * b,
            p * abs(shrink_u),
            b * shrink_v + eta * sigma * a,
            q * abs(shrink_v),
        )


def truth(M, r):
    """(k, σ, ½σ_k²) from an SVD; k counts those of the leading r that are not zero to rounding."""
    sigma = np.linalg.svd(M, compute_uv=False)
    zero = max(0.5 * EPS * np.linalg.norm(M), max(M.shape) ** 0.5 * EPS * sigma[0])
    k = max(np.count_nonzero(sigma[:r] > zero), 1)
    return k, sigma, 0.5 * sigma[k - 1] ** 2


def exact_gap(M, U, V):
    """max(0, f − ½Σ_{i>k}σ_i²)/(½σ_k²), to rounding of f."""
    k, sigma, unit = truth(M, U.shape[1])
    return max(objective(M, U, V) - 0.5 * np.sum(sigma[k:] ** 2), 0.0) / unit


def optimum(M, r):
    """The optimum of rank r, its singular values from LAPACK."""
    _, sigma, _ = truth(M, r)
    norm = float(np.linalg.norm(M))
    zero = zero_below(norm, sigma[0], M.shape, EPS, EPS)
    return known_optimum(sigma, 8 * EPS * sigma[0], norm, r, zero, EPS)
