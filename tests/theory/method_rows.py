"""Loops of other methods as the literature writes them, and the rows that a run records of them."""

from __future__ import annotations

import numpy as np
from matrices import gaussian, noisy
from oracles import gradient, objective
from recorded import information, told

SHAPE, SIGMA = (12, 9), (1.0, 0.5)
MOMENTUM, DAMPING = 0.7, 0.5


def balance(P, Q=None):
    """D of a pair, or the bilinear form of two."""
    Q = P if Q is None else Q
    S = P[0].T @ Q[0] - P[1].T @ Q[1]
    return 0.5 * (S + S.T)


def log_det(v, damping):
    sides = (np.linalg.slogdet(X.T @ X + damping * np.eye(X.shape[1]))[1] for X in v)
    first, second = sides
    return first - second


def directions(method, M, v):
    """d of each step in turn, told the point and its gradient; u beside it where there is one."""
    u = m = s = None
    t = 0
    while True:
        g = gradient(M, *v)
        t += 1
        if method in ("momentum", "nesterov"):
            u = g if u is None else [MOMENTUM * a + b for a, b in zip(u, g, strict=True)]
            d = u
            if method == "nesterov":
                d = [b + MOMENTUM * a for a, b in zip(u, g, strict=True)]
            v = yield d, u
        elif method == "scaled":
            ridge = DAMPING * np.linalg.norm(v[0] @ v[1].T - M) * np.eye(v[0].shape[1])
            grams = (v[1].T @ v[1] + ridge, v[0].T @ v[0] + ridge)
            d = [np.linalg.solve(K, G.T).T for G, K in zip(g, grams, strict=True)]
            v = yield d, d
        else:
            m = [0.1 * b + (0 if m is None else 0.9 * a) for a, b in zip(m or g, g, strict=True)]
            s = [
                1e-3 * b**2 + (0 if s is None else 0.999 * a)
                for a, b in zip(s or g, g, strict=True)
            ]
            d = [
                a / (1 - 0.9**t) / (np.sqrt(b / (1 - 0.999**t)) + 1e-8)
                for a, b in zip(m, s, strict=True)
            ]
            v = yield d, d


def recorded_by(method, M, v, step_sizes):
    """Every row; what the ledger says is told by the recursion that the claim states."""
    rows: dict[str, list[float]] = {}
    D_0, ledger, line_1, P, lag = balance(v), 0.0 * balance(v), 0.0 * balance(v), 0.0, 0.0
    steps, damping = directions(method, M, v), 0.0
    d, u = next(steps)
    kept_0 = moves = entries = 0.0
    for t, eta in enumerate(step_sizes):
        g, D = gradient(M, *v), balance(v)
        row = {
            "step": float(t),
            "step_size": eta,
            "loss": objective(M, *v),
            "gradient_norm": np.hypot(*map(np.linalg.norm, g)),
            "imbalance": np.linalg.norm(D),
            "drift": np.linalg.norm(D - D_0),
            "size_U": np.sum(v[0] ** 2),
            "size_V": np.sum(v[1] ** 2),
            "audit": np.linalg.norm(D - D_0 - ledger),
            "move": eta * np.hypot(*map(np.linalg.norm, d)),
        }
        after = [x - eta * y for x, y in zip(v, d, strict=True)]
        if method in ("momentum", "nesterov"):
            P = MOMENTUM * (P - lag)
            lag = eta * balance(d, u)
            X = MOMENTUM * P if method == "nesterov" else P
            ledger = ledger - 2 * eta * X + eta**2 * balance(d)
        else:
            row["first_order"] = np.linalg.norm(line_1)
            line_1 = line_1 - 2 * eta * balance(v, d)
            ledger = ledger - 2 * eta * balance(v, d) + eta**2 * balance(d)
        if method == "scaled":
            now = DAMPING * np.linalg.norm(v[0] @ v[1].T - M)
            moves += log_det(v, now) - log_det(v, damping) if t else 0.0
            damping, kept = now, log_det(v, now) - moves
            kept_0 = kept if t == 0 else kept_0
            sides = [np.linalg.cond(X.T @ X + now * np.eye(X.shape[1])) for X in v]
            row |= {
                "log_det": kept,
                "log_det_drift": abs(kept - kept_0),
                "log_det_ledger": abs(entries),
                "log_det_audit": abs(kept - kept_0 - entries),
                "condition": max(sides),
            }
            entries += log_det(after, now) - log_det(v, now)
        for name, value in row.items():
            rows.setdefault(name, []).append(value)
        v = after
        d, u = steps.send(v)
    return {name: np.array(values) for name, values in rows.items()}


KEEPS = {"scaled": "log det", "adam": ""}
STEPS = {"momentum": 0.3, "nesterov": 0.3, "scaled": 0.3, "adam": 0.01}


def seen_by(method, count=300, step_size=None):
    """Facts and rows of a run by that method."""
    rng = np.random.default_rng(7)
    M = noisy(rng, SHAPE, SIGMA, 0.02)
    start = gaussian(rng, SHAPE, len(SIGMA), 0.1)
    facts = told(
        information(M, len(SIGMA), "constant", 0.1),
        method=method,
        keeps=KEEPS.get(method, "D"),
        lasting=1 / (1 - MOMENTUM) if method in ("momentum", "nesterov") else 1.0,
    )
    eta = STEPS[method] if step_size is None else step_size
    return facts, recorded_by(method, M, start, [eta] * count)
