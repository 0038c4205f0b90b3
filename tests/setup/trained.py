"""Train the network of data/network and write its checkpoints, as safetensors.

An autoencoder of the handwritten digits, 64-16-16-64 with ReLU and biases, by stochastic gradient
descent on 32 of them a step. `python tests/setup/trained.py FOLDER` (the Makefile's recipe) writes
step-1000, step-1001, step-1100 and step-2000 there, under the names that torch gives the layers of
an nn.Sequential.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np

import mfact

sys.path.append(str(Path(__file__).parents[1]))
from tensor_files import safetensors_of

STEPS = (1000, 1001, 1100, 2000)
NAMES = {"W": "weight", "b": "bias"}
DIGITS = Path(__file__).parents[2] / "data" / "digits.npy"


def checkpoint(steps: int) -> dict[str, np.ndarray]:
    """The weights after so many steps, by torch's names: a ReLU stands between two layers."""
    X = np.load(DIGITS) / 16.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a limit was reached
        run = mfact.network(X, X, "64:16rb-16rb-64b", step_size=0.02, start="kaiming", seed=1,
                            batch=32, dtype="float32", max_iter=steps)  # fmt: skip
    parts = ([*name.split("/"), W] for name, W in run.weights.items())
    return {f"{2 * (int(h) - 1)}.{NAMES[kind]}": W for kind, h, W in parts}


def main(folder: str) -> None:
    Path(folder).mkdir(exist_ok=True)
    for steps in STEPS:
        content = safetensors_of(checkpoint(steps), format="pt")
        Path(folder, f"step-{steps}.safetensors").write_bytes(content)


if __name__ == "__main__":
    main(*sys.argv[1:])
