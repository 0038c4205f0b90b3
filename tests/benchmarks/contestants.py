"""The ways to a rank-r factorization that are timed against each other.

Each takes a `Problem` and returns what it found; all start, where they start, from the same point.
The plain loops are given the optimum for nothing, so that they can stop on the same gap.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

GAP = 1e-10
PLAIN = "plain NumPy loop"
REDUCED = "mfact, reduced engine"
SEED = 1


@dataclass(frozen=True)
class Problem:
    """M, the rank asked for, what is known about M, and the start (U, V)."""

    name: str
    M: np.ndarray
    rank: int
    sigma: np.ndarray
    optimum: float
    start_scale: float

    @property
    def start(self) -> tuple[np.ndarray, np.ndarray]:
        """The gaussian start of `mfact solve --seed 1`: the same numbers."""
        rng = np.random.default_rng(SEED)
        U, V = (rng.standard_normal((d, self.rank)) for d in self.M.shape)
        return self.start_scale * U, self.start_scale * V

    @property
    def unit(self) -> float:
        """½σ_r², the share of the weakest component that is to be fitted."""
        return 0.5 * float(self.sigma[self.rank - 1]) ** 2

    def gap(self, U: np.ndarray, V: np.ndarray) -> float:
        """(½‖UVᵀ − M‖² − ½Σ_{i>r}σ_i²) / ½σ_r², in blocks of rows."""
        rows = 500
        loss = sum(
            0.5 * np.sum((U[i : i + rows] @ V.T - self.M[i : i + rows]) ** 2)
            for i in range(0, self.M.shape[0], rows)
        )
        return float((loss - self.optimum) / self.unit)


@dataclass(frozen=True)
class Found:
    """The factors, and the steps or passes behind them.

    seconds: of solving alone, where a clock inside took them. share: what to multiply the
    seconds of the call by, where only a part of the work was done.
    """

    U: np.ndarray
    V: np.ndarray
    steps: int | None = None
    passes: float | None = None
    seconds: float | None = None
    share: float = 1.0
    detail: str = ""


def matrix(
    d1: int,
    d2: int,
    rank: int,
    noise: float,
    condition: float,
    *,
    signal: float = 1.0,
    known: bool = True,
) -> Problem:
    """M = ΦΣΨᵀ + noise·N(0, 1)/√(d1·d2), as `mfact generate` makes it.

    Φ, Ψ random, σ geometric from signal·condition down to signal.
    known: whether the optimum is computed, from the eigenvalues of MᵀM.
    """
    rng = np.random.default_rng(0)
    Phi, Psi = (np.linalg.qr(rng.standard_normal((d, rank)))[0] for d in (d1, d2))
    sigma = signal * np.geomspace(condition, 1, rank)
    M = (Phi * sigma) @ Psi.T
    optimum = 0.0
    if noise:
        M += noise / math.sqrt(d1 * d2) * rng.standard_normal((d1, d2))
    if noise and known:
        values = np.linalg.eigvalsh(M.T @ M)[::-1]
        sigma, optimum = np.sqrt(values[: rank + 1]), 0.5 * float(values[rank:].sum())
    name = f"{d1}×{d2}, r={rank}, {f'noise {noise:g}' if noise else 'exact rank'}, κ={condition:g}"
    return Problem(name, M, rank, sigma, optimum, 1e-2 / math.sqrt(d1))


def constant(problem: Problem) -> Callable[[int], float]:
    eta = 0.5 / float(problem.sigma[0])
    return lambda _: eta


def power(problem: Problem, delta: float) -> Callable[[int], float]:
    first = 0.3 / float(problem.sigma[0])
    return lambda t: first * (t + 1) ** -(0.5 + delta)


def plain_numpy(
    problem: Problem, step_size: Callable[[int], float], tol: float = GAP, steps: int = 10**6
) -> Found:
    """Ten lines of NumPy, with the cheapest gradient and the loss that comes with it."""
    M, (U, V), half = problem.M, problem.start, 0.5 * np.vdot(problem.M, problem.M)
    for t in range(steps + 1):
        MV, MtU, UtU, VtV = M @ V, M.T @ U, U.T @ U, V.T @ V
        loss = half - np.vdot(U, MV) + 0.5 * np.vdot(UtU, VtV)
        if loss - problem.optimum <= tol * problem.unit or t == steps:
            break
        eta = step_size(t)
        U, V = U - eta * (U @ VtV - MV), V - eta * (V @ UtU - MtU)
    return Found(U, V, steps=t, passes=t + 1)


def wide_numpy(
    problem: Problem, step_size: Callable[[int], float], tol: float = GAP, steps: int = 10**6
) -> Found:
    """The same loop with the factors kept transposed, which OpenBLAS multiplies faster."""
    M, half = problem.M, 0.5 * np.vdot(problem.M, problem.M)
    U, V = (np.ascontiguousarray(A.T) for A in problem.start)
    for t in range(steps + 1):
        MV, MtU, UtU, VtV = V @ M.T, U @ M, U @ U.T, V @ V.T
        loss = half - np.vdot(U, MV) + 0.5 * np.vdot(UtU, VtV)
        if loss - problem.optimum <= tol * problem.unit or t == steps:
            break
        eta = step_size(t)
        U, V = U - eta * (VtV @ U - MV), V - eta * (UtU @ V - MtU)
    return Found(U.T, V.T, steps=t, passes=t + 1)


def torch_autograd(
    problem: Problem, step_size: Callable[[int], float], tol: float = GAP, steps: int = 10**6
) -> Found:
    """Gradient descent as it is written in PyTorch: the loss in full, its gradient by autograd."""
    import torch

    M = torch.from_numpy(problem.M)
    U, V = (torch.from_numpy(A).requires_grad_() for A in problem.start)
    stop = problem.optimum + tol * problem.unit
    for t in range(steps + 1):
        loss = 0.5 * torch.sum((U @ V.T - M) ** 2)
        if loss.item() <= stop or t == steps:
            break
        grad_U, grad_V = torch.autograd.grad(loss, (U, V))
        with torch.no_grad():
            U -= step_size(t) * grad_U
            V -= step_size(t) * grad_V
    return Found(U.detach().numpy(), V.detach().numpy(), steps=t)


def svds(problem: Problem) -> Found:
    """scipy.sparse.linalg.svds as it comes: ARPACK to machine precision."""
    from scipy.sparse.linalg import svds as truncated

    u, s, vt = truncated(problem.M, k=problem.rank, rng=np.random.default_rng(SEED))
    return Found(u * s, vt.T)


def randomized(problem: Problem) -> Found:
    """sklearn.utils.extmath.randomized_svd with n_iter="auto", its default."""
    from sklearn.utils.extmath import randomized_svd

    u, s, vt = randomized_svd(problem.M, problem.rank, n_iter="auto", random_state=SEED)
    return Found(u * s, vt.T)


def mfact_solve(problem: Problem, engine: str, **settings: Any) -> Found:
    """`mfact.solve` on the array, from the same start as the loops, to the same gap."""
    from mfact.run.solve import solve
    from mfact.settings import RunSettings

    chosen = {
        "schedule": "constant",
        "step_size": 0.5 / float(problem.sigma[0]),
        "tol": GAP,
        "threads": int(os.environ.get("OPENBLAS_NUM_THREADS", "1")),  # as the others have
    }
    asked = RunSettings(
        rank=problem.rank,
        engine=engine,
        start_scale=problem.start_scale,
        seed=SEED,
        **{**chosen, **settings},
    )
    result = solve(problem.M, asked)
    known = result.summary
    return Found(
        result.U,
        result.V,
        steps=known.get("iterations"),
        passes=known.get("passes"),
        seconds=known.get("seconds"),
        detail=result.outcome.sentence,
    )
