"""Passes over a dense matrix in memory: workers against one, and against two whole products."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from measure import Rounds
from table import Goal, Work
from threadpoolctl import threadpool_limits

from mfact.core import RIGHT, Array
from mfact.host.threads import ALONE, Workers, cores
from mfact.targets.dense import DenseTarget

LEAST_ROUNDS = 7
WORKERS = min(2, cores())
SPINNING = 0.1
"""Seconds for which BLAS's threads may go on waiting for work, on a core that others need."""
SHARES = {10: 0.72, 20: 0.65, 40: 0.6}
"""Columns, and what two workers may take of the time of one."""
LARGE = (8000, 6000)
SHAPES = ((2000, 1500), (4000, 3000), LARGE, (20_000, 500), (500, 20_000))
ONE, ALL = "1 worker", f"{WORKERS} workers"
NUMPY, NUMPY_ALL = "NumPy, 1 thread", f"NumPy, {WORKERS} threads"
NORMAL, NORMAL_ALL, HALVES = "normal", f"normal, {WORKERS} workers", "products of k/2 twice"


def passes(rounds: Rounds) -> Work:
    """M V and MᵀU at once; the normal product Mᵀ(M V) against two passes of half the columns."""
    rows, data, goals = [], {}, []
    with Workers(WORKERS) as workers:
        for shape in SHAPES:
            M = np.random.default_rng(0).standard_normal(shape)
            for dtype in (np.float64, np.float32) if shape == (4000, 3000) else (np.float64,):
                held = M.astype(dtype, copy=False)
                for k, share in SHARES.items():
                    least = _least(held, k, workers, max(rounds.count, LEAST_ROUNDS))
                    name = f"{shape[0]}×{shape[1]}, {np.dtype(dtype).name}, k = {k}"
                    data[name] = least
                    rows.append((name, *(f"{1e3 * taken:.1f}" for taken in least.values())))
                    if shape == LARGE and WORKERS == 2:
                        goals += [
                            Goal(f"{name}: 2 workers, of 1", least[ALL] / least[ONE], share),
                            Goal(f"{name}: of {NUMPY_ALL}", least[ALL] / least[NUMPY_ALL], 0.55),
                        ]
                    if k == 20:
                        ratio = least[NORMAL] / least[HALVES]
                        goals.append(Goal(f"{name}: {NORMAL}, of {HALVES}", ratio, 1.0, 0.9))
    return Work(
        "Passes over a dense matrix",
        f"milliseconds, the least of {max(rounds.count, LEAST_ROUNDS)} rounds in turn; wall time.",
        ("matrix", ONE, ALL, NUMPY, NUMPY_ALL, NORMAL, NORMAL_ALL, HALVES),
        rows,
        data,
        goals,
    )


def _least(M: Array, k: int, workers: Workers, count: int) -> dict[str, float]:
    """Seconds of each contestant, the least of its rounds."""
    rng = np.random.default_rng(1)
    U, V = (rng.standard_normal((length, k)).astype(M.dtype) for length in M.shape)
    alone, shared = DenseTarget(M, None, ALONE), DenseTarget(M, None, workers)
    # The side that leads alone, as in all passes of a run but the first.
    at = (U[:, :0], V) if alone.leads == RIGHT else (U, V[:, :0])
    half = U[:, : k // 2], V[:, : k // 2]
    contestants: dict[str, tuple[int, Callable[[], object]]] = {
        ONE: (1, lambda: alone.products(U, V)),
        ALL: (1, lambda: shared.products(U, V)),
        NUMPY: (1, lambda: (M @ V, M.T @ U)),
        NUMPY_ALL: (WORKERS, lambda: (M @ V, M.T @ U)),
        NORMAL: (1, lambda: alone.normal(*at)),
        NORMAL_ALL: (1, lambda: shared.normal(*at)),
        HALVES: (1, lambda: (alone.products(*half), alone.products(*half))),
    }
    least = dict.fromkeys(contestants, np.inf)
    for _ in range(count):
        for name, (threads, contestant) in contestants.items():
            with threadpool_limits(threads):
                started = time.perf_counter()
                contestant()
                least[name] = min(least[name], time.perf_counter() - started)
            if threads > 1:
                time.sleep(SPINNING)
    return least
