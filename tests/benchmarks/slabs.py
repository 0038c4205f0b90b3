"""What it costs to read a matrix in slabs, layout by layout, by one thread and by two."""

from __future__ import annotations

import resource
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from measure import Rounds, have
from table import Goal, Work, seconds

from mfact.matrices.slabs import Slabs
from mfact.matrices.source import open_matrix

SIDE = 8000
SLAB_BYTES = 16 << 20
RANK = 10
GZIP = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
LAYOUTS: dict[str, dict[str, Any]] = {
    "contiguous": {},
    "rows 64×8000": {"chunks": (64, SIDE)},
    "square 512×512": {"chunks": (512, 512)},
    "columns 8000×32": {"chunks": (SIDE, 32)},
    "gzip, rows": {"chunks": (64, SIDE), **GZIP},
    "gzip, columns": {"chunks": (SIDE, 32), **GZIP},
    "gzip, checksum": {"chunks": (64, SIDE), **GZIP, "fletcher32": True},
    "lzf, rows": {"chunks": (64, SIDE), "compression": "lzf", "shuffle": True},
}


def slabs(rounds: Rounds) -> Work:
    """A matrix of 256 MB in float32, read through, by h5py and in slabs."""
    rng = np.random.default_rng(0)
    M = np.round(rng.standard_normal((SIDE, SIDE), np.float32), 2)
    layouts = dict(LAYOUTS)
    if have("hdf5plugin"):
        import hdf5plugin

        layouts["zstd, rows"] = {"chunks": (64, SIDE), **hdf5plugin.Zstd()}
    with tempfile.TemporaryDirectory() as folder:
        readings: dict[tuple[str, str], Callable[[], object]] = {}
        for number, (name, options) in enumerate(layouts.items()):
            path = Path(folder) / f"{number}.h5"
            with h5py.File(path, "w") as file:
                file.create_dataset("M", data=M, **options)
            cut = open_matrix(str(path)).slabs(SLAB_BYTES)
            assert cut is not None
            readings[name, "h5py"] = partial(by_h5py, path, cut)
            readings[name, "1"] = partial(by_slabs, cut, 1)
            readings[name, "2"] = partial(by_slabs, cut, 2)
            readings[name, "pass"] = partial(by_slabs, cut, 1, products)
        taken: dict[tuple[str, str], list[tuple[float, float]]] = {key: [] for key in readings}
        for _ in range(rounds.count):
            for key, read in readings.items():
                started = time.perf_counter(), processor()
                read()
                taken[key].append((time.perf_counter() - started[0], processor() - started[1]))
    wall, cpu = ({k: min(t[at] for t in times) for k, times in taken.items()} for at in (0, 1))
    ways = ("h5py", "1", "2", "pass")
    return Work(
        "256 MB of float32 in an HDF5 file, read in slabs",
        f"In the page cache; wall and processor seconds, the least of {rounds.count} rounds in "
        "turn, by h5py's read_direct, by one and two threads, and by one thread that multiplies "
        f"each slab by {RANK} columns on both sides.",
        ("layout", *ways, *(f"CPU {way}" for way in ways)),
        [
            (name, *(seconds(of[name, way]) for of in (wall, cpu) for way in ways))
            for name in layouts
        ],
        {f"{name}, {way}": times for (name, way), times in taken.items()},
        [
            Goal("pass over columns, of contiguous (CPU)",
                 cpu["columns 8000×32", "pass"] / cpu["contiguous", "pass"], 2, 1.5),
            Goal("gzip by 2 threads of 1", wall["gzip, rows", "2"] / wall["gzip, rows", "1"],
                 0.65, 0.55),
        ],
    )  # fmt: skip


def products(part: np.ndarray) -> None:
    """Both products of a slab, in tiles that stay in the cache."""
    high, wide = (np.ones((length, RANK), part.dtype) for length in part.shape)
    for row in range(0, len(part), 256):
        for column in range(0, part.shape[1], 256):
            tile = part[row : row + 256, column : column + 256]
            tile @ wide[: tile.shape[1]]
            tile.T @ high[: tile.shape[0]]


def by_slabs(cut: Slabs, threads: int, use: Callable[[np.ndarray], None] | None = None) -> None:
    """All slabs, each into the room of its thread, and used there."""
    numbers, taking, failed = count(), threading.Lock(), []

    def work() -> None:
        room = np.empty(cut.room, np.uint8)
        try:
            while True:
                with taking:
                    slab = next(numbers)
                if slab >= len(cut.cuts) - 1:
                    return
                part = file.fetch(slab, room)
                if use is not None:
                    use(part)
        except Exception as error:
            failed.append(error)

    with cut.opened(threads) as file:
        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    if failed:
        raise failed[0]


def by_h5py(path: Path, cut: Slabs) -> None:
    """The same parts of the dataset, each into the same room."""
    room = np.empty(cut.room, np.uint8)
    with h5py.File(path) as file:
        for slab, (start, end) in enumerate(zip(cut.cuts, cut.cuts[1:], strict=False)):
            own = slice(start, end)
            lines = cut.cuts[slab + 1] - cut.cuts[slab]
            shape = (SIDE, lines) if cut.columns else (lines, SIDE)
            part = room[: 4 * SIDE * lines].view(np.float32).reshape(shape)
            file["M"].read_direct(part, (slice(None), own) if cut.columns else own)


def processor() -> float:
    """Seconds of this process and of those it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)
