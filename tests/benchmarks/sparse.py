"""A pass over a sparse matrix: the grid of blocks against row blocks, and on all cores."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from contestants import Found
from measure import Rounds
from table import Goal, Work, seconds

from mfact.core import Array
from mfact.host.threads import cores, working
from mfact.targets.sparse import SparseTarget

ENTRIES = 10_000_000
LINES = 100_000
STEEPNESS = 0.7
"""Of the degrees: the i-th largest is about i to this power below the first."""

WIDTHS = {10: 0.55, 20: 0.35, 40: 0.3}
"""Columns of a factor, and what a pass may cost of one by row blocks."""

GRID, ROWS, SCIPY = "grid", "row blocks, each used for both", "scipy, M V and MᵀU"
BLOCK = 500_000


def sparse_pass(rounds: Rounds) -> Work:
    """M V and MᵀU, each contestant in turn; the least of the rounds is compared."""
    M = heavy_tailed()
    rng = np.random.default_rng(1)
    rows, data, goals = [], {}, []
    held, target = _held(M)
    shared = f"{GRID}, {cores()} workers"
    with working() as workers:
        both = SparseTarget(M, None, workers)
        marks = np.linspace(0, M.nnz, 1 + M.nnz // BLOCK)[1:-1]
        cuts = [0, *np.searchsorted(M.indptr, marks), LINES]
        blocks = [(slice(a, b), M[a:b]) for a, b in pairwise(cuts)]
        for k, most in WIDTHS.items():
            U, V = (rng.standard_normal((LINES, k)) for _ in range(2))
            timed = rounds.paired(_contestants(M, blocks, U, V, {GRID: target, shared: both}), {})
            least = {name: min(t.seconds) for name, t in timed.items()}
            rows += [
                (name, str(k), seconds(value), f"{value / least[GRID]:.2f}")
                for name, value in least.items()
            ]
            data[str(k)] = {name: t.seconds for name, t in timed.items()}
            goals.append(Goal(f"grid over row blocks, k = {k}", least[GRID] / least[ROWS], most))
            if cores() > 1 and not rounds.cpu:
                share = least[shared] / least[GRID]
                goals.append(Goal(f"{cores()} workers over one, k = {k}", share, 0.75))
    goals.append(Goal("held, bytes an entry", held / M.nnz, 12 * 1.3, unit=""))
    return Work(
        f"A pass over a sparse matrix of {M.nnz:,} entries",
        f"{LINES:,}×{LINES:,}, degrees by Zipf; M V and MᵀU with k columns; the least of "
        f"{rounds.count} rounds in turn{', processor time' if rounds.cpu else ''}.",
        ("contestant", "k", "seconds", "against the grid"),
        rows,
        data | {"held_bytes": held, "entries": M.nnz},
        goals,
    )


def _held(M: Any) -> tuple[int, SparseTarget]:
    """Bytes that a target has beyond M, and the target."""
    tracemalloc.start()
    target = SparseTarget(M)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return held, target


def _contestants(
    M: Any, blocks: list[tuple[slice, Any]], U: Array, V: Array, targets: dict[str, SparseTarget]
) -> dict[str, Callable[[], Found]]:
    def row_blocks() -> Found:
        forward, backward = np.empty((LINES, V.shape[1])), np.zeros((LINES, U.shape[1]))
        for part, block in blocks:
            forward[part] = block @ V
            backward += block.T @ U[part]
        return Found(forward, backward)

    grids = {
        name: (lambda target=target: Found(*target.products(U, V)))
        for name, target in targets.items()
    }
    return {**grids, ROWS: row_blocks, SCIPY: lambda: Found(M @ V, M.T @ U)}


def heavy_tailed() -> Any:
    """Normal entries at places that are drawn by Zipf's law, the lines in no order."""
    from scipy.sparse import csr_array

    rng = np.random.default_rng(0)
    shares = np.cumsum(np.arange(1, LINES + 1) ** -STEEPNESS)
    rows, columns = (
        rng.permutation(LINES)[np.searchsorted(shares, shares[-1] * rng.random(ENTRIES))]
        for _ in range(2)
    )
    places = np.unique(rows * LINES + columns)
    indices = (places % LINES).astype(np.int32)
    pointers = np.searchsorted(places, LINES * np.arange(LINES + 1)).astype(np.int32)
    return csr_array((rng.standard_normal(len(places)), indices, pointers), shape=(LINES, LINES))
