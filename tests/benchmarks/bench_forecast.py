"""The forecast beside plain runs: iterations to relative residual 1e-2, rank 3, 60×40.

Run it with `python tests/benchmarks/bench_forecast.py`; it takes a few minutes, nearly all of
them for the plain loops. Each cell is measured / forecast (ratio); "-" is beyond the limit.
"""

from __future__ import annotations

import argparse
import math

import numpy as np

from mfact.schedules import Constant, PowerDecay
from mfact.theory.forecast import Start, forecast

SHAPE, RANK, TOL = (60, 40), 3, 1e-2


def plain(M, U, V, schedule, limit):
    """Steps of gradient descent in plain NumPy until ‖UVᵀ − M‖ ≤ TOL ‖M‖, or None."""
    goal = TOL * np.linalg.norm(M)
    for t in range(limit):
        R = U @ V.T - M
        if np.linalg.norm(R) <= goal:
            return t
        eta = schedule(t)
        U, V = U - eta * R @ V, V - eta * R.T @ U
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=400_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    columns = ("constant", "δ=.05", "δ=.1", "δ=.2")
    print("| κ | start std | " + " | ".join(columns) + " |")
    print("| --- " * (2 + len(columns)) + "|")
    for kappa in (1.5, 5.0):
        for std in (1e-2, 1e-4):
            rng = np.random.default_rng(options.seed)
            Phi, Psi = (np.linalg.qr(rng.standard_normal((d, RANK)))[0] for d in SHAPE)
            sigma = np.geomspace(1, 1 / kappa, RANK)
            M = Phi * sigma @ Psi.T
            U, V = (std * rng.standard_normal((d, RANK)) for d in SHAPE)
            P, values, Qt = np.linalg.svd(M, full_matrices=False)
            start = Start((P.T @ U)[:RANK], (Qt @ V)[:RANK], U.T @ U, V.T @ V)
            gap = TOL**2 * np.sum(values**2) / values[RANK - 1] ** 2
            schedules = (Constant(0.3), *(PowerDecay(0.3, 0.5 + d) for d in (0.05, 0.1, 0.2)))
            cells = []
            for schedule in schedules:
                expected = forecast(values[:RANK], RANK, schedule, gap, start=start).iterations
                measured = plain(M, U, V, schedule, options.limit)
                ratio = math.nan if measured is None else measured / expected
                count = f">{options.limit}" if measured is None else str(measured)
                cells.append(f"{count} / {expected:.0f} ({ratio:.2f})")
            print(f"| {kappa:g} | {std:g} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
