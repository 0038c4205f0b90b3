"""Network runs from the command line that keep their state again and again, of every kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

# Loaded here once, and not by each child.
import mfact.cli.network
import mfact.report.network_page
import mfact.run.network.solve
import mfact.storage.network_runs  # noqa: F401

# Each takes a few tenths of a second.
RUNS: dict[str, list[object]] = {
    "dual": ["X.npy", "Y.npy", "--layers", "8r-6rb-3", "--step-size", 0.05,
             "--form", "dual", "--max-iter", 450, "--checkpoint-every", 40],
    "linear, momentum": ["X.npy", "Y.npy", "--layers", "7b-6-3", "--step-size", 0.02,
                         "--method", "momentum", "--form", "primal", "--max-iter", 350,
                         "--checkpoint-every", 50],
    "dual, nesterov": ["X.npy", "Y.npy", "--layers", "6-5r-3", "--step-size", 0.01, "--method",
                       "nesterov", "--weight-decay", 1e-3, "--form", "dual", "--max-iter", 350,
                       "--checkpoint-every", 70],
    "batches": ["X.npy", "labels.npy", "--layers", "8a.1-6r-3", "--loss", "softmax", "--batch", 7,
                "--method", "momentum", "--step-size", 0.05, "--start", "kaiming",
                "--schedule", "power", "--max-iter", 450, "--checkpoint-every", 41],
    "convolutions": ["images.npy", "labels.npy", "--layers", "1x6x6-c3k3p1rb-max2-flat-3",
                     "--loss", "softmax", "--step-size", 0.05, "--start", "kaiming",
                     "--max-iter", 300, "--checkpoint-every", 30],
    "shared, float32": ["X.npy", "Y.npy", "--layers", "shared.toml", "--step-size", 0.05,
                        "--dtype", "float32", "--max-iter", 350, "--checkpoint-every", 60],
    "adam": ["X.npy", "labels.npy", "--layers", "8-7r-3b", "--loss", "softmax", "--batch", 7,
             "--method", "adam", "--step-size", 0.01, "--weight-decay", 1e-3, "--start", "kaiming",
             "--schedule", "power", "--max-iter", 450, "--checkpoint-every", 41],
    "generated": ["--data", "gaussian", "--targets", "network", "--points-count", 30,
                  "--layers", "20:9r-9r-2", "--step-size", 0.05, "--max-iter", 350,
                  "--start", "paper-unbalanced", "--checkpoint-every", 60, "--every", 7],
}  # fmt: skip
NAMES = [pytest.param(name, marks=[pytest.mark.slow] if name != "batches" else []) for name in RUNS]
"""One of them is quick enough to stand for all."""
COMMON = ["--seed", 1, "--reproducible", "--checkpoint", "c.h5", "-o", "run.h5"]


def data(folder: Path) -> None:
    """X (40×12), Y (40×3), labels, images, and layers with a mask and shared weights."""
    rng = np.random.default_rng(7)
    np.save(folder / "X.npy", rng.standard_normal((40, 12)))
    np.save(folder / "Y.npy", rng.standard_normal((40, 3)))
    np.save(folder / "labels.npy", rng.integers(0, 3, 40))
    np.save(folder / "images.npy", rng.standard_normal((40, 1, 6, 6)))
    np.save(folder / "mask.npy", rng.random((6, 12)) < 0.6)
    np.save(folder / "share.npy", rng.integers(0, 9, (5, 6)))
    (folder / "shared.toml").write_text(
        '[[layer]]\nunits = 6\nactivation = "relu"\nmask = "mask.npy"\n'
        '[[layer]]\nunits = 5\nactivation = "relu"\nshare = "share.npy"\n[[layer]]\nunits = 3\n'
    )


def prepared(folder: Path, name: str) -> list[object]:
    """The data in the folder, and the command."""
    data(folder)
    return ["network", *RUNS[name], *COMMON]
