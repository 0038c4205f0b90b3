"""What it costs to read a matrix from a text table."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measure import Rounds
from table import Goal, Work, seconds

from mfact.matrices.source import open_matrix

SHAPES = ((10_000, 1000), (1_000_000, 10))
FORMATS = ("%.6g", "%.17g")
LOADTXT, PANDAS = "numpy.loadtxt", "pandas.read_csv, round_trip"


def tables(rounds: Rounds) -> Work:
    """Ten million numbers with names, wide and tall: against NumPy, and pandas where it is."""
    taken: dict[str, list[float]] = {}
    rows, goals = [], []
    for shape in SHAPES:
        for format in FORMATS:
            what = f"{shape[0]:,}×{shape[1]:,} as {format}"
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "M.csv"
                _write(path, shape, format)
                times = rounds.in_turn(_readers(path, shape))
                size = path.stat().st_size / 2**20
            least = {name: min(each) for name, each in times.items()}
            taken |= {f"{name}, {what}": each for name, each in times.items()}
            rows += [(what, f"{size:.0f}", name, seconds(value)) for name, value in least.items()]
            ratio = least["mfact"] / least[LOADTXT]
            goals.append(Goal(f"mfact, of {LOADTXT}, {what}", ratio, 1, 0.5))
    return Work(
        "A text table of 10,000,000 numbers",
        f"In the cache; wall time, the least of {rounds.count} rounds in turn.",
        ("table", "MiB", "reader", "seconds"),
        rows,
        taken,
        goals,
    )


def _readers(path: Path, shape: tuple[int, int]) -> dict[str, Callable[[], Any]]:
    columns = range(1, shape[1] + 1)
    readers: dict[str, Callable[[], Any]] = {
        "mfact": lambda: open_matrix(str(path)).read(),
        LOADTXT: lambda: np.loadtxt(path, delimiter=",", skiprows=1, usecols=columns),
    }
    try:
        import pandas
    except ImportError:
        return readers
    readers[PANDAS] = lambda: pandas.read_csv(
        path, index_col=0, float_precision="round_trip"
    ).to_numpy()
    return readers


def _write(path: Path, shape: tuple[int, int], format: str) -> None:
    M = np.random.default_rng(1).standard_normal(shape)
    line = "r%d," + ",".join([format] * shape[1]) + "\n"
    with path.open("w") as stream:
        stream.write("name," + ",".join(f"c{j}" for j in range(shape[1])) + "\n")
        for i, row in enumerate(M):
            stream.write(line % (i, *row))
