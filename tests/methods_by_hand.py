"""Each method as its formulas have it, on whole matrices with R formed: the truth of its steps.

In whatever precision the arrays have: np.longdouble tells what float64 loses.
"""

from __future__ import annotations

import numpy as np
from oracles import gradient, iterates, objective


def divided(G, S):
    """GS⁻¹ for a symmetric positive S, by elimination: NumPy's own knows no long doubles."""
    S, X = np.array(S), np.array(G.T)
    for i in range(len(S)):
        for j in range(len(S)):
            if j != i:
                share = S[j, i] / S[i, i]
                S[j], X[j] = S[j] - share * S[i], X[j] - share * X[i]
    return (X / np.diagonal(S)[:, None]).T


def alternating(M, U, V, steps, weight=0.0):
    yield U, V
    for eta in steps:
        U = U - eta * gradient(M, U, V, weight)[0]
        V = V - eta * gradient(M, U, V, weight)[1]
        yield U, V


def heavy_ball(M, U, V, steps, weight=0.0, momentum=0.9):
    """Δ ← μΔ_{−1} η/η_{−1} − η∇f, θ ← θ + Δ: what torch's form is, in the steps themselves."""
    yield U, V
    moved, last = (np.zeros_like(U), np.zeros_like(V)), None
    for eta in steps:
        kept = 0.0 if last is None else momentum * eta / last
        slopes = gradient(M, U, V, weight)
        moved = tuple(kept * d - eta * g for d, g in zip(moved, slopes, strict=True))
        U, V, last = U + moved[0], V + moved[1], eta
        yield U, V


def nesterov(M, U, V, steps, weight=0.0, momentum=0.9):
    yield U, V
    kept_U, kept_V = np.zeros_like(U), np.zeros_like(V)
    for eta in steps:
        G_U, G_V = gradient(M, U, V, weight)
        kept_U, kept_V = momentum * kept_U + G_U, momentum * kept_V + G_V
        U, V = U - eta * (G_U + momentum * kept_U), V - eta * (G_V + momentum * kept_V)
        yield U, V


def scaled(M, U, V, steps, weight=0.0, damping=0.5, floor=0.0, least=0.0):
    yield U, V
    for eta in steps:
        G_U, G_V = gradient(M, U, V, weight)
        ridge = ridge_of(M, U, V, weight, damping, floor, least)
        p, q = divided(G_U, V.T @ V + ridge), divided(G_V, U.T @ U + ridge)
        U, V = U - eta * p, V - eta * q
        yield U, V


def alternating_scaled(M, U, V, steps, weight=0.0, damping=0.0, floor=0.0, least=0.0):
    yield U, V
    for eta in steps:
        ridge = ridge_of(M, U, V, weight, damping, floor, least)
        U = U - eta * divided(gradient(M, U, V, weight)[0], V.T @ V + ridge)
        V = V - eta * divided(gradient(M, U, V, weight)[1], U.T @ U + ridge)
        yield U, V


def ridge_of(M, U, V, weight, damping, floor, least):
    above = np.maximum(objective(M, U, V) - floor, 0)
    stiffest = max(np.linalg.norm(np.asarray(X.T @ X, float), 2) for X in (U, V)) if weight else 0
    return (np.sqrt(2 * damping**2 * above + least**2) + weight * stiffest) * np.eye(U.shape[1])


def adam(M, U, V, steps, weight=0.0, beta_1=0.9, beta_2=0.999, eps=1e-8):
    yield U, V
    point = [U, V]
    m, s = ([np.zeros_like(part) for part in point] for _ in range(2))
    for t, eta in enumerate(steps, 1):
        for i, g in enumerate(gradient(M, *point, weight)):
            m[i], s[i] = beta_1 * m[i] + (1 - beta_1) * g, beta_2 * s[i] + (1 - beta_2) * g**2
            mean, square = m[i] / (1 - beta_1**t), s[i] / (1 - beta_2**t)
            point[i] = point[i] - eta * mean / (np.sqrt(square) + eps)
        yield tuple(point)


LOOPS = {
    "gradient-descent": iterates,
    "alternating": alternating,
    "momentum": heavy_ball,
    "nesterov": nesterov,
    "scaled": scaled,
    "alternating-scaled": alternating_scaled,
    "adam": adam,
}


def by_hand(method, M, U, V, steps, weight=0.0, *, kind=float):
    """All points of a method with its parameters, one more than steps, rounded to float64."""
    names = {
        "momentum": ["momentum"],
        "nesterov": ["momentum"],
        "scaled": ["damping", "floor", "least"],
        "alternating-scaled": ["damping", "floor", "least"],
    }
    given = {name: kind(getattr(method, name)) for name in names.get(method.name, [])}
    wide = [np.asarray(x, kind) for x in (M, U, V)]
    with np.errstate(all="ignore"):
        points = LOOPS[method.name](*wide, np.asarray(steps, kind), kind(weight), **given)
        return [(A.astype(float), B.astype(float)) for A, B in points]
