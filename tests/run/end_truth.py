"""What the end of a run is, recomputed from its factors, the matrix and its SVD alone."""

from __future__ import annotations

import numpy as np
from oracles import gradient_norm

from mfact.core import Outcome
from mfact.run.solve import solve


def from_factors(folder, M, U, V, weight=0.0, **options):
    """A run from these factors, through a file."""
    np.savez(folder / "start.npz", U=U, V=V)
    start = str(folder / "start.npz")
    return solve(M, rank=U.shape[1], start=start, **options_of(weight), **options)


class Truth:
    """Of the factors of a result for M; start: (U, V) of step 0, for the drift.

    k, floor and unit are those of the gap: σ_k is the last of the leading r that is above
    √max(d1, d2) ε σ₁, the floor is ½Σ_{i>k}σ_i², the unit ½σ_k².
    """

    def __init__(self, M, result, weight=0.0, start=None):
        M = np.asarray(M, float)
        U, V = result.U.astype(float), result.V.astype(float)
        sigma, rank = np.linalg.svd(M, compute_uv=False), U.shape[1]
        eps = float(np.finfo(result.U.dtype).eps)
        zero = max(M.shape) ** 0.5 * eps * sigma[0]
        self.k = max(int(np.sum(sigma[:rank] > zero)), 1)
        self.floor, self.unit = 0.5 * np.sum(sigma[self.k :] ** 2), 0.5 * sigma[self.k - 1] ** 2
        D = U.T @ U - V.T @ V
        residual, norm = np.linalg.norm(U @ V.T - M), np.linalg.norm(M)
        self.sigma, self.loss = sigma, 0.5 * residual**2
        self.gap = max(self.loss - self.floor, 0.0) / self.unit
        size_U, size_V = np.sum(U**2), np.sum(V**2)
        size = size_U + size_V
        # Sums of terms of a size are known to a few units of it, and factors to distance_bound.
        few = 64 * eps + 4 * result.summary["distance_bound"]
        off = few * (norm + size)
        self.rounding = off * residual + off**2 + few * self.loss
        pairs = {
            "loss": (self.loss, self.rounding),
            "relative_residual": (residual / norm, self.rounding / max(residual, off) / norm + few),
            "gradient_norm": (
                gradient_norm(M, U, V, weight),
                4 * few * size**0.5 * (norm + size),
            ),
            "imbalance": (np.linalg.norm(D), few * size),
            "relative_imbalance": (np.linalg.norm(D) / norm, few * size / norm),
            "penalty": (weight / 8 * np.sum(D**2), few * weight * size**2),
        }
        if size_V > 0:
            pairs["norm_ratio"] = (size_U / size_V, few * size_U / size_V)
        if start is not None:
            D0 = start.U.T @ start.U - start.V.T @ start.V
            began = np.sum(start.U**2) + np.sum(start.V**2)
            pairs["drift"] = (np.linalg.norm(D - D0), few * (size + began))
        self.numbers = {name: value for name, (value, _) in pairs.items()}
        self.allowed = {name: allowed for name, (_, allowed) in pairs.items()}


def held(result, truth):
    """The summary has the numbers of its factors, to eight digits where they are differences."""
    for name, value in truth.numbers.items():
        off, allowed = abs(result.summary[name] - value), truth.allowed[name] + 1e-8 * abs(value)
        assert off <= allowed, (name, result.summary[name], value, allowed)


def held_gap(result, truth):
    """And their gap, to what it may be off by."""
    said, bound = result.summary["gap"], result.summary["gap_bound"]
    allowed = bound + truth.rounding / truth.unit + 1e-8 * truth.gap
    assert abs(said - truth.gap) <= allowed, (said, truth.gap, allowed)


def options_of(weight):
    return {"objective": "balanced", "balance_weight": weight} if weight else {}


def tells_one_story(result):
    """Outcome, verdict and claims agree, and a limit is no success."""
    claims = {claim.name: claim.verdict for claim in result.claims}
    verdict = result.summary.get("verdict")
    said = {"global optimum": "holds", "strict saddle": "violated", "inconclusive": "inconclusive"}
    assert claims.get("global-optimum") == said.get(verdict)
    if result.outcome is Outcome.GLOBAL_OPTIMUM:
        assert verdict == "global optimum"
    if result.outcome is Outcome.SADDLE:
        assert verdict == "strict saddle"
    tol = result.settings["tol"]["value"]
    if result.outcome.exit_code == 3 and verdict == "global optimum":
        assert result.summary["gap"] <= tol
