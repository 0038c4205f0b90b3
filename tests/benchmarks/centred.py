"""What centring costs: a pass and its memory, readings of a file, and whole runs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from contestants import SEED, Found
from measure import Rounds, peak_above
from sparse import heavy_tailed
from table import Goal, Work

from mfact.core import RIGHT, Array, Normal, Result
from mfact.host.threads import ALONE, Workers, cores
from mfact.matrices.source import open_matrix
from mfact.run.solve import solve
from mfact.settings import CENTERS
from mfact.targets.centred import Centred
from mfact.targets.dense import DenseTarget
from mfact.targets.door import held
from mfact.targets.sparse import SparseTarget

KINDS = [kind for kind in CENTERS if kind != "none"]
SHAPES = ((4000, 3000), (40_000, 300))
WIDTHS = (10, 20)
RANK = 10
MOST = 1.1
"""Of a pass that takes nothing off, in time and in memory; of a run of a matrix centred by hand,
beside the pass that takes the means.
"""


class Part(NamedTuple):
    """name: of what was measured. pairs: by kind, in this unit, without centring and with it.
    most: goal on their ratio; where there is none, they may be apart by one.
    """

    name: str
    unit: str
    pairs: dict[str, tuple[float, float]]
    most: float | None = MOST

    @property
    def row(self) -> tuple[str, ...]:
        least = min(without for without, _ in self.pairs.values())
        cells = (
            f"{took - without:+.3g}" if self.most is None else f"{took / without:.2f}"
            for without, took in self.pairs.values()
        )
        return self.name, f"{least:.3g} {self.unit}", *cells

    @property
    def goals(self) -> list[Goal]:
        if self.most is None:
            more = max(took - without for without, took in self.pairs.values())
            return [Goal(f"{self.name}, more", more, 1, unit=f" {self.unit}")]
        worst = max(took / without for without, took in self.pairs.values())
        return [Goal(f"{self.name}, the worst kind", worst, self.most)]


def centred(rounds: Rounds) -> Work:
    """Passes with means taken off against those without; runs against those centred by hand."""
    parts = [*_passes(rounds), *_files(), *_runs(rounds)]
    return Work(
        "A matrix less its means",
        "Passes against the same without centring, runs against those of a matrix centred by hand,"
        f" the least of which is shown; the least of {rounds.count} rounds in turn"
        f"{', processor time' if rounds.cpu else ''}. Memory as NumPy allocates it.",
        ("what", "without", *KINDS),
        [part.row for part in parts],
        {part.name: part.pairs for part in parts},
        [goal for part in parts for goal in part.goals],
    )


def _passes(rounds: Rounds) -> Iterator[Part]:
    """Products and the normal product of all holders, and what these allocate."""
    for name, target, workers in _targets():
        ways = {"none": target} | {kind: Centred(target, kind, workers) for kind in KINDS}
        for k in WIDTHS:
            works = {kind: _works(way, k) for kind, way in ways.items()}
            for what in ("products", "normal"):
                each = {kind: partial(_found, of[what]) for kind, of in works.items()}
                timed = rounds.paired(each, {})
                least = {kind: 1e3 * min(t.seconds) for kind, t in timed.items()}
                yield Part(f"{name}, k = {k}: {what}", "ms", _against(least))
            if workers.count == 1:
                peak = {kind: peak_above(of["normal"])[0] / 2**20 for kind, of in works.items()}
                yield Part(f"{name}, k = {k}: memory of normal", "MiB", _against(peak))


def _against(found: dict[str, float]) -> dict[str, tuple[float, float]]:
    return {kind: (found["none"], found[kind]) for kind in KINDS}


def _targets() -> Iterator[tuple[str, Normal, Workers]]:
    sparse = heavy_tailed()
    with Workers(cores()) as workers:
        name = f"sparse 1e5×1e5, float64, {workers.count} workers"
        yield name, SparseTarget(sparse, None, workers), workers
    for kind in (np.float64, np.float32):
        dtype = np.dtype(kind).name
        yield f"sparse 1e5×1e5, {dtype}", SparseTarget(sparse.astype(kind)), ALONE
        for shape in SHAPES:
            M = np.random.default_rng(0).standard_normal(shape).astype(kind)
            for order in ("C", "F"):
                yield f"{shape[0]}×{shape[1]} {order}, {dtype}", DenseTarget(M.copy(order)), ALONE


def _works(target: Normal, k: int) -> dict[str, Callable[[], tuple[Array, ...]]]:
    rng = np.random.default_rng(1)
    U, V = (rng.standard_normal((length, k)).astype(target.dtype) for length in target.shape)
    # The side that leads alone, as in all passes of a run but the first.
    at = (U[:, :0], V) if target.leads == RIGHT else (U, V[:, :0])
    return {"products": lambda: target.products(U, V), "normal": lambda: target.normal(*at)}


def _found(work: Callable[[], tuple[Array, ...]]) -> Found:
    return Found(*work()[:2])


def _files() -> Iterator[Part]:
    """Runs of a matrix that stays in its file: passes as they are counted, and bytes read."""
    A = _matrix((4000, 1000))
    with tempfile.TemporaryDirectory() as folder:
        for order in ("C", "F"):
            path, hand = Path(folder) / "A.npy", Path(folder) / "M.npy"
            np.save(path, A.copy(order))
            found = {}
            for kind in KINDS:
                np.save(hand, _by_hand(A, kind).copy(order))
                found[kind] = tuple(zip(_read(hand), _read(path, kind), strict=True))
            for at, what in enumerate(("passes", "readings")):
                pairs = {kind: both[at] for kind, both in found.items()}
                yield Part(f"NPY of 4000×1000 {order}: {what}", what, pairs, None)


def _read(path: Path, center: str = "none") -> tuple[float, float]:
    """Passes of a run, and the bytes that the process read meanwhile, in files' worth."""
    matrix = held(open_matrix(str(path)), "float64").streamed()
    assert matrix is not None
    before = _bytes_read()
    result = _solved(matrix, center)
    worth = (_bytes_read() - before) / path.stat().st_size
    return result.summary["passes"], round(worth, 2)


def _bytes_read() -> int:
    line = Path("/proc/self/io").read_text().splitlines()[0]
    return int(line.removeprefix("rchar: "))


def _runs(rounds: Rounds) -> Iterator[Part]:
    """Whole runs, in memory; what a run may take has the one pass in it."""
    for shape in ((300, 200), *SHAPES):
        A = _matrix(shape)
        works: dict[str, Callable[[], Found]] = {}
        for kind in KINDS:
            works[f"{kind}, by hand"] = partial(_run, _by_hand(A, kind))
            works[kind] = partial(_run, A, kind)
        timed = rounds.paired(works, {})
        seconds = {name: 1e3 * min(t.seconds) for name, t in timed.items()}
        passes = {name: float(t.found.passes or 0) for name, t in timed.items()}
        name = f"run of {shape[0]}×{shape[1]}, r = {RANK}"
        more = 1 + 1 / min(passes.values())
        yield Part(f"{name}: time", "ms", _hands(seconds), MOST * more)
        yield Part(f"{name}: passes", "passes", _hands(passes), None)


def _hands(found: dict[str, float]) -> dict[str, tuple[float, float]]:
    return {kind: (found[f"{kind}, by hand"], found[kind]) for kind in KINDS}


def _run(M: Array, center: str = "none") -> Found:
    result = _solved(M, center)
    return Found(result.U, result.V, passes=result.summary["passes"])


def _solved(M: Any, center: str) -> Result:
    return solve(M, rank=RANK, seed=SEED, schedule="constant", center=center)


def _by_hand(A: Array, kind: str) -> Array:
    axis = {"columns": 0, "rows": 1, "mean": None}[kind]
    M: Array = A - A.mean(axis=axis, keepdims=True)
    return M


def _matrix(shape: tuple[int, int]) -> Array:
    """σ = 2 … 1 in units of the noise's norm, and a mean of two of its entries."""
    rng = np.random.default_rng(0)
    left, right = (np.linalg.qr(rng.standard_normal((d, RANK)))[0] for d in shape)
    noise = rng.standard_normal(shape)
    size = np.sqrt(shape[0]) + np.sqrt(shape[1])
    M: Array = (left * (size * np.linspace(4, 2, RANK))) @ right.T + noise + 2.0
    return M
