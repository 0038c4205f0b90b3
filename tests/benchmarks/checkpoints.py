"""The balance of a checkpoint against reading it with PyTorch and summing squares there.

All are run in turn, in one process, and the least of each is compared.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from measure import Rounds
from table import Goal, Work, seconds

import mfact

LAYERS, WIDTH = 8, 2048
MOST = 2.0
"""Seconds that the balance of 134 MB may take."""


def checkpoints(rounds: Rounds) -> Work:
    """Eight layers of 2048², float32, as torch.save writes them and as safetensors."""
    import torch
    from safetensors.torch import load_file, save_file

    W = {f"{h}.weight": torch.randn(WIDTH, WIDTH) for h in range(LAYERS)}
    with tempfile.TemporaryDirectory() as folder:
        pickled, plain = Path(folder, "w.pt"), Path(folder, "w.safetensors")
        torch.save(W, pickled)
        save_file(W, plain)
        works: dict[str, Callable[[], Any]] = {
            "mfact.balance, torch": lambda: mfact.balance(pickled),
            "torch.load and sums": lambda: _sums(torch.load(pickled, weights_only=True)),
            "mfact.balance, safetensors": lambda: mfact.balance(plain),
            "load_file and sums": lambda: _sums(load_file(plain)),
        }
        taken = rounds.in_turn(works)
    least = {name: min(times) for name, times in taken.items()}
    return Work(
        f"The balance of {LAYERS} layers of {WIDTH}×{WIDTH} in float32",
        "134 MB, in the cache; the sums are of squares of rows and columns, in float64, by PyTorch."
        f" Wall time, the least of {rounds.count} rounds in turn.",
        ("way", "seconds"),
        [(name, seconds(value)) for name, value in least.items()],
        dict(taken),
        [Goal(name, value, MOST, 0.5, unit=" s") for name, value in least.items() if "mf" in name],
    )


def _sums(W: dict[str, Any]) -> list[Any]:
    layers = [each.double().square() for each in W.values()]
    return [first.sum(1) - second.sum(0) for first, second in pairwise(layers)]
