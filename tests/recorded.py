"""Plain gradient descent that records what a run records: the truth for claims and checks."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
from oracles import gradient, iterates, objective

from mfact.problems.optimum import zero_below
from mfact.schedules import Constant
from mfact.theory.facts import Facts

TOLD = Facts(
    norm=1.0, sigma_1=1.0, rank=1, shape=(12, 9), dtype="float64", objective="plain", weight=0.0,
    method="gradient-descent", schedule=Constant(1.0), start="gaussian", scale=0.1, tol=1e-10,
    engine="direct",
)  # fmt: skip


def told(facts=TOLD, **change):
    """Facts with some of them changed; the schedule by its name, ε as one of its own."""
    name = change.pop("schedule", facts.schedule.name)
    eps = change.pop("eps", facts.schedule.eps)
    return replace(facts, schedule=Constant(1.0, name, eps), **change)


def record(M, U, V, steps, count, weight=0.0, pair=None):
    """The rows of the plain loop with step sizes steps(t), and its last factors."""
    rows = {name: [] for name in ("step", "step_size", "loss", "penalty", "gradient_norm")}
    rows |= {n: [] for n in ("imbalance", "drift", "size_U", "size_V", "ledger", "audit")}
    if pair is not None:
        rows |= {"alignment_U": [], "alignment_V": []}
    points = iterates(M, U, V, map(steps, range(count)), weight)
    D0 = U.T @ U - V.T @ V
    ledger = np.zeros_like(D0)
    for t, (U, V) in enumerate(points):
        D, P = U.T @ U - V.T @ V, U.T @ U + V.T @ V
        G_U, G_V = gradient(M, U, V, weight)
        eta = steps(t)
        row = {
            "step": float(t),
            "step_size": eta,
            "loss": objective(M, U, V),
            "penalty": weight / 8 * np.sum(D**2),
            "gradient_norm": np.sqrt(np.sum(G_U**2) + np.sum(G_V**2)),
            "imbalance": np.linalg.norm(D),
            "drift": np.linalg.norm(D - D0),
            "size_U": np.sum(U**2),
            "size_V": np.sum(V**2),
            "ledger": np.linalg.norm(ledger),
            "audit": np.linalg.norm(D - D0 - ledger),
        }
        if pair is not None:
            row["alignment_U"], row["alignment_V"] = (
                abs(pair[0] @ U).item(),
                abs(pair[1] @ V).item(),
            )
        for name, value in row.items():
            rows[name].append(value)
        ledger = ledger + eta**2 * (G_U.T @ G_U - G_V.T @ G_V)
        ledger = ledger - eta * weight / 2 * (D @ P + P @ D)
    return {name: np.array(values) for name, values in rows.items()}, U, V


def information(M, rank, schedule, std, eps=None, objective="plain", weight=1.0):
    """What a run tells its monitors before the first step."""
    sigma = np.linalg.svd(M, compute_uv=False)
    return told(
        norm=float(np.linalg.norm(M)),
        sigma_1=float(sigma[0]),
        rank=rank,
        shape=M.shape,
        objective=objective,
        weight=weight if objective == "balanced" else 0.0,
        schedule=schedule,
        eps=eps,
        scale=std,
        numerical_rank=int(np.sum(sigma > 1e-10 * sigma[0])),
        singular_values=tuple(float(s) for s in sigma[: rank + 1]),
        zero=zero_below(0.0, float(sigma[0]), M.shape, 0.0, 2.0**-52),
    )


def blocks(rows, *cuts):
    """The rows cut at the given places."""
    edges = [0, *cuts, len(rows["step"])]
    return [{n: v[a:b] for n, v in rows.items()} for a, b in itertools.pairwise(edges)]
