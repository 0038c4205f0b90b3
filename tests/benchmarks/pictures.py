"""Pictures as processes, beside what their imports take, and what recording the modes costs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measure import Rounds
from table import Goal, Work, seconds

import mfact

START = "from mfact.cli.main import main; main()"
IMPORTS = "import numpy, h5py, click, matplotlib.figure, matplotlib.backends.backend_svg"
"""What no picture can do without."""

ONE, FIFTY = 1.5, 5.0
"""Seconds that a picture of one run of 1,000 rows may take, and one of 50 runs."""

MODES = 1.02
"""What a run with its modes may take, in times of one without."""


def pictures(rounds: Rounds) -> Work:
    """`mfact plot` of one run and of fifty."""
    rng = np.random.default_rng(1)
    M = rng.standard_normal((60, 40))
    with tempfile.TemporaryDirectory() as folder:
        runs = [Path(folder, f"{seed}.run.h5") for seed in range(50)]
        for seed, path in enumerate(runs):
            mfact.solve(M, 3, seed=seed, schedule="constant", tol=0.0, tol_gradient=0.0,
                        min_iter=1000, max_iter=1000).save(path)  # fmt: skip
        works = {
            "the imports alone": ("-c", IMPORTS),
            "mfact plot, 1 run": _plot(runs[:1], folder),
            "mfact plot --kind ledger, 1 run": _plot(runs[:1], folder, "--kind", "ledger"),
            "mfact plot, 50 runs": _plot(runs, folder),
        }
        taken = rounds.in_turn({name: lambda w=words: _process(w) for name, words in works.items()})
    least = {name: min(times) for name, times in taken.items()}
    bars = {name: FIFTY if "50" in name else ONE for name in least if "plot" in name}
    return Work(
        "Pictures of runs of 1,000 rows, as SVG",
        f"Each a process of its own; wall time, the least of {rounds.count} rounds in turn.",
        ("what", "seconds"),
        [(name, seconds(value)) for name, value in least.items()],
        dict(taken),
        [Goal(name, least[name], bar, 0.5, unit=" s") for name, bar in bars.items()],
    )


def modes(rounds: Rounds) -> Work:
    """Runs that record their modes by themselves, against the same without."""
    rng = np.random.default_rng(1)
    shapes = {"2000×1500, r = 10, constant": (2000, 1500, 10, "constant"),
              "400×300, r = 5, power": (400, 300, 5, "power")}  # fmt: skip
    works: dict[str, Callable[[], Any]] = {}
    for name, (d1, d2, r, schedule) in shapes.items():
        M = rng.standard_normal((d1, r)) @ rng.standard_normal((r, d2))
        M += 0.5 * rng.standard_normal((d1, d2))
        for kind in ("auto", "off"):
            works[f"{name}, modes {kind}"] = lambda M=M, r=r, s=schedule, k=kind: mfact.solve(
                M, r, seed=1, schedule=s, modes=k
            )
    taken = rounds.in_turn(works)
    least = {name: min(times) for name, times in taken.items()}
    ratios = {name: least[f"{name}, modes auto"] / least[f"{name}, modes off"] for name in shapes}
    return Work(
        "What recording σ_i(UVᵀ) costs",
        f"Wall time of mfact.solve, the least of {rounds.count} rounds in turn.",
        ("run", "seconds"),
        [(name, seconds(value)) for name, value in least.items()],
        dict(taken),
        [Goal(name, value, MODES) for name, value in ratios.items()],
    )


def _plot(runs: list[Path], folder: str, *words: str) -> tuple[str, ...]:
    output = str(Path(folder, "picture.svg"))
    return ("-c", START, "plot", *map(str, runs), "-o", output, "-q", *words)


def _process(words: tuple[str, ...]) -> None:
    subprocess.run([sys.executable, *words], check=True)
