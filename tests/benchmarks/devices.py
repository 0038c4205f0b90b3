"""Passes and whole solves with M in torch's arrays, on the CPU and on CUDA, against M here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from measure import Rounds, have
from table import Goal, Work, seconds

import mfact
from mfact.core import Array, Normal
from mfact.host.memory import available_bytes
from mfact.targets.dense import DenseTarget
from mfact.targets.device.target import DeviceTarget

SHAPES = ((2000, 1500), (8000, 6000))
LARGE = (20_000, 15_000)
"""Only where there is a device that it is worth."""
COLUMNS = (10, 40)
RANK = 10
HERE = "here"


def devices(rounds: Rounds) -> Work:
    """The pass that takes two degrees, and a run to a gap of 1e-10; float64 and float32."""
    on_cuda = have("torch") and _cuda() is not None
    held = SHAPES + (
        (LARGE,) if on_cuda and 3 * 8 * LARGE[0] * LARGE[1] < available_bytes() else ()
    )
    names = [HERE, *(["torch, CPU"] if have("torch") else []), *([_cuda()] if on_cuda else [])]
    rows, data, goals = [], {}, []
    for shape in held:
        for dtype in ("float64", "float32"):
            M = _matrix(shape, dtype)
            targets = {name: _held(M, name) for name in names}
            works: dict[str, dict[str, Callable[[], object]]] = {}
            for k in COLUMNS:
                V = np.random.default_rng(1).standard_normal((shape[1], k)).astype(dtype)
                none = np.empty((shape[0], 0), dtype)
                works[f"pass, k = {k}"] = {
                    name: partial(each.normal, none, V) for name, each in targets.items()
                }
            works["solve"] = {name: partial(_solved, each) for name, each in targets.items()}
            for what, contestants in works.items():
                taken = rounds.in_turn(contestants)
                least = {name: min(each) for name, each in taken.items()}
                title = f"{shape[0]}×{shape[1]}, {dtype}, {what}"
                data[title] = taken
                ratios = (f"{least[name] / least[HERE]:.2f}×" for name in names[1:])
                rows.append((title, *(seconds(least[name]) for name in names), *ratios))
            for name in names[1:]:
                goals.append(_waits(f"{shape[0]}×{shape[1]}, {dtype}, {name}", _held(M, name)))
    return Work(
        "A dense matrix on a device",
        f"Wall seconds, the least of {rounds.count} rounds in turn, and of the time here. A pass "
        "takes M V and Mᵀ(M V); a solve is of rank 10 with a constant step, M being held already.",
        ("work", *names, *(f"{name}, of here" for name in names[1:])),
        rows,
        data,
        goals,
    )


def _cuda() -> str | None:
    """The name of the CUDA device that torch sees."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def _matrix(shape: tuple[int, int], dtype: str) -> Array:
    """Of rank 10, with σ₁/σ₁₀ about 1 and noise below it."""
    rng = np.random.default_rng(0)
    left, right = (rng.standard_normal((length, RANK)) / length**0.5 for length in shape)
    noise = rng.standard_normal(shape, np.float32) * np.float32(0.1 / sum(shape) ** 0.5)
    return (left @ right.T + noise).astype(dtype)


def _held(M: Array, name: str) -> Any:
    if name == HERE:
        return DenseTarget(M)
    import torch

    return DeviceTarget(torch.asarray(M, device="cpu" if name == "torch, CPU" else "cuda"))


def _solved(target: Normal) -> Any:
    return mfact.solve(target, rank=RANK, seed=1, schedule="constant", dtype=target.dtype.name)


def _waits(name: str, target: Any) -> Goal:
    """How often the host waited for the device, beyond once a pass."""
    passes = _solved(target).summary["passes"]
    return Goal(f"{name}: synchronizations, passes", target.synchronizations - passes, 2, unit="")
