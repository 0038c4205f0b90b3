"""Gradient descent as the paper writes it, and what stands around it in tests: an oracle."""

from __future__ import annotations

import numpy as np

from mfact.core import Factors
from mfact.problems.optimum import zero_below
from mfact.theory.eckart_young import known_optimum

EPS = 2.0**-52


def plain_loop(M, U, V, steps, weight=0.0):
    """The iterates of (9), or of (3) with λ = weight: len(steps) + 1 pairs (U, V)."""
    points = [(U, V)]
    for eta in steps:
        R, D = U @ V.T - M, U.T @ U - V.T @ V
        G_U = R @ V + weight / 2 * U @ D
        G_V = R.T @ U - weight / 2 * V @ D
        U, V = U - eta * G_U, V - eta * G_V
        points.append((U, V))
    return points


def exact_loop(M, U, V, steps, weight=0.0):
    """The same in extended precision (64 bits of mantissa), rounded at the end."""
    wide = [np.asarray(x, np.longdouble) for x in (M, U, V)]
    points = plain_loop(*wide, np.asarray(steps, np.longdouble), np.longdouble(weight))
    return [(A.astype(float), B.astype(float)) for A, B in points]


def drive(engine, state, steps, portion=lambda t: 1024):
    """Every state from `state` on, and all rows, as the loop of a run would see them."""
    states, rows = [], []
    t, end = state.step, state.step + len(steps)
    while t < end:
        most = portion(t)
        segment = engine.advance(state, steps[t - end :][:most])
        taken = len(segment.rows["step"])
        assert 1 <= taken <= most
        assert segment.rows["step"].tolist() == list(range(t, t + taken))
        states += [segment.state_at(i) for i in range(taken)]
        rows.append(segment.rows)
        state, t = segment.state, t + taken
    names = set().union(*rows)
    columns = {
        name: np.concatenate([r.get(name, np.full(len(r["step"]), np.nan)) for r in rows])
        for name in names
    }
    return [*states, state], columns


def distances(engine, states, points):
    """‖(U, V) − plain (U, V)‖ / ‖plain (U, V)‖ at each step."""
    off = []
    for state, (U, V) in zip(states, points, strict=True):
        got = state.coordinates.leave(state.point)
        size = np.hypot(np.linalg.norm(U), np.linalg.norm(V)) or 1.0
        off.append(np.hypot(np.linalg.norm(got.U - U), np.linalg.norm(got.V - V)) / size)
    return np.array(off)


def matrix(rng, shape, sigma):
    """M = ΦΣΨᵀ with the singular values sigma, zeros after them, and Φ, Ψ."""
    k = len(sigma)
    phi = np.linalg.qr(rng.standard_normal((shape[0], k)))[0]
    psi = np.linalg.qr(rng.standard_normal((shape[1], k)))[0]
    return (phi * np.asarray(sigma)) @ psi.T, phi, psi


def gaussian(rng, shape, rank, std):
    """A start with entries N(0, std²)."""
    return Factors(*(std * rng.standard_normal((d, rank)) for d in shape))


def truth(M, r):
    """(k, σ, ½σ_k²) from an SVD; k counts those of the leading r that are not zero to rounding."""
    sigma = np.linalg.svd(M, compute_uv=False)
    zero = max(0.5 * EPS * np.linalg.norm(M), max(M.shape) ** 0.5 * EPS * sigma[0])
    k = max(np.count_nonzero(sigma[:r] > zero), 1)
    return k, sigma, 0.5 * sigma[k - 1] ** 2


def exact_gap(M, U, V):
    """max(0, f − ½Σ_{i>k}σ_i²)/(½σ_k²), to rounding of f."""
    k, sigma, unit = truth(M, U.shape[1])
    return max(0.5 * np.sum((U @ V.T - M) ** 2) - 0.5 * np.sum(sigma[k:] ** 2), 0.0) / unit


def optimum(M, r):
    """The optimum of rank r, its singular values from LAPACK."""
    _, sigma, _ = truth(M, r)
    norm = float(np.linalg.norm(M))
    zero = zero_below(norm, sigma[0], M.shape, EPS, EPS)
    return known_optimum(sigma, 8 * EPS * sigma[0], norm, r, zero, EPS)
