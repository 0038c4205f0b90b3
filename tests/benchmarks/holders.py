"""A matrix of 2 GB by everyone who can hold it: passes, bytes, seconds and peak memory."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from measure import Rounds, have
from table import Goal, Work, seconds

from mfact.core import Array

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build" / "bench"
SHAPE, RANK = (20_000, 12_500), 10
BLOCK = 500
MOST_ROUNDS = 3
"""Of runs that take half a minute each."""
DENSE = "in memory"


def npy(path: Path, blocks: Callable[[], Any]) -> None:
    """In rows, as numpy.save would."""
    whole = np.lib.format.open_memmap(path, "w+", np.float64, SHAPE)
    for rows, block in blocks():
        whole[rows] = block
    whole.flush()


def hdf5(**options: Any) -> Callable[[Path, Callable[[], Any]], None]:
    def write(path: Path, blocks: Callable[[], Any]) -> None:
        with h5py.File(path, "w") as file:
            whole = file.create_dataset("M", SHAPE, np.float64, **options)
            for rows, block in blocks():
                whole[rows] = block

    return write


def zarr(path: Path, blocks: Callable[[], Any]) -> None:
    import zarr as library

    whole = library.create_array(path, shape=SHAPE, chunks=(BLOCK, 2500), dtype=np.float64)
    for rows, block in blocks():
        whole[rows] = block


FILES: dict[str, Callable[[Path, Callable[[], Any]], None]] = {
    "M.npy": npy,
    "contiguous.h5": hdf5(),
    "chunks.h5": hdf5(chunks=(BLOCK, 500)),
    "M.zarr": zarr,
}
HELD = {
    DENSE: ("memory", "M.npy"),
    "its file, NPY": ("file", "M.npy"),
    "its file, HDF5": ("file", "contiguous.h5"),
    f"its file, HDF5 in chunks {BLOCK}×500": ("file", "chunks.h5"),
    f"its file, Zarr in chunks {BLOCK}×2500": ("file", "M.zarr"),
    "1 worker": ("1", "M.npy"),
    "2 workers": ("2", "M.npy"),
    "2 workers, HDF5 in chunks": ("2", "chunks.h5"),
    "a device: torch, CPU": ("torch", "M.npy"),
}
"""Name -> as holding.py knows the holder, and the file that M is in."""


def holders(rounds: Rounds) -> Work:
    """`mfact.solve` in a process of its own for each holder; the least of some rounds."""
    files = {name: kept(name) for name in FILES if name != "M.zarr" or have("zarr")}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in HELD}
    for _ in range(min(rounds.count, MOST_ROUNDS)):
        for name, (holder, file) in HELD.items():
            if file in files and (told := _child(holder, files[file])) is not None:
                found[name].append(told)
    found = {name: told for name, told in found.items() if told}
    best = {name: min(told, key=lambda one: one["seconds"]) for name, told in found.items()}
    for one in best.values():
        one["distance"] = _distance(best[DENSE]["factors"], one["factors"])
        one["bits"] = _digest(one["factors"])
    columns = ("passes", "seconds", "peak", "worker_peak", "read", "distance", "bits")
    data = {name: {key: one[key] for key in ("steps", *columns)} for name, one in best.items()}
    return Work(
        f"{SHAPE[0]}×{SHAPE[1]} by every holder",
        f"2 GB of float64, rank {RANK} and noise, r = {RANK}, to a gap of 1e-10, each in a process"
        f" of its own; the least of {min(rounds.count, MOST_ROUNDS)} rounds in turn, wall time,"
        " with reading and the start of a cluster, without that of Python. Peaks are resident"
        " memory of this process and of its fullest child; GB are read by all, and what a child"
        f" hands on by two; the distance is of U and V from those {DENSE}.",
        ("M in", "passes", "seconds", "peak MiB", "of a child", "GB read", "distance", "bits"),
        [(name, *_cells(one)) for name, one in data.items()],
        data,
        [
            *(Goal(f"{name}: distance", one["distance"], 1e-12, unit="")
              for name, one in data.items() if name != DENSE),
            Goal("other bits by workers than from the file", sum(
                data[one]["bits"] != data[other]["bits"] for one, other in (
                    ("1 worker", "its file, NPY"), ("2 workers", "its file, NPY"),
                    ("2 workers, HDF5 in chunks", f"its file, HDF5 in chunks {BLOCK}×500"),
                )), 0, unit=""),
        ],
    )  # fmt: skip


def _cells(one: dict[str, Any]) -> tuple[str, ...]:
    peaks = (f"{one[key] / 2**20:.0f}" for key in ("peak", "worker_peak"))
    return (
        f"{one['passes']:g}", seconds(one["seconds"]), *peaks, f"{one['read'] / 1e9:.1f}",
        f"{one['distance']:.1e}", one["bits"],
    )  # fmt: skip


def kept(name: str) -> Path:
    """The matrix in one of FILES, made once."""
    path = KEPT / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        begun = path.with_name(f"begun-{name}")
        FILES[name](begun, _blocks)
        begun.rename(path)
    return path


def _blocks() -> Any:
    """Rows of ΦΣΨᵀ + 0.5·N(0, 1)/√(d1·d2), σ from 5 to 1, so many at a time."""
    rng = np.random.default_rng(0)
    Phi, Psi = (np.linalg.qr(rng.standard_normal((d, RANK)))[0] for d in SHAPE)
    Phi *= np.geomspace(5, 1, RANK)
    for top in range(0, SHAPE[0], BLOCK):
        rows = slice(top, top + BLOCK)
        noise = 0.5 / np.sqrt(SHAPE[0] * SHAPE[1]) * rng.standard_normal((BLOCK, SHAPE[1]))
        yield rows, Phi[rows] @ Psi.T + noise


def _child(holder: str, path: Path) -> dict[str, Any] | None:
    factors = path.with_name(f"{holder}-{path.name}.npz")
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("holding.py")), holder, str(path),
         str(factors)],
        cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8", check=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    return None if told is None else {**told, "factors": factors}


def _factors(path: Path) -> list[Array]:
    with np.load(path) as both:
        return [both["U"], both["V"]]


def _distance(one: Path, other: Path) -> float:
    """The larger of ‖U − U'‖_F/‖U‖_F and of V's."""
    pairs = zip(_factors(one), _factors(other), strict=True)
    return float(max(np.linalg.norm(a - b) / np.linalg.norm(a) for a, b in pairs))


def _digest(path: Path) -> str:
    return hashlib.sha256(b"".join(each.tobytes() for each in _factors(path))).hexdigest()[:6]
