"""Convolutions on tiles of points against those of PyTorch.

Both are run in turn, in one process, and the least of each is compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from measure import Rounds
from table import Goal, Work

from mfact.core import Array
from mfact.networks.architecture import Stage
from mfact.networks.kernels import kernel
from mfact.networks.layers import Conv
from mfact.networks.tiles import GRID_TILE, small_buffers

Step = Callable[[], object]
ROUNDS = 50
KINDS = {"float64": np.float64, "float32": np.float32}
SHAPES = ((1, 28, 16, 3, 192), (16, 14, 32, 3, 192), (3, 32, 16, 5, 64))
"""C, H = W, K, kernel, points."""
MOST = {"float64": 0.5, "float32": 2.0}
"""What a convolution may take of PyTorch's, whose float32 kernels need no patches."""


def convolutions(rounds: Rounds) -> Work:
    """One layer forward and back, its input's gradient among it."""
    rows, data, goals = [], {}, []
    for kind, dtype in KINDS.items():
        for C, H, K, k, m in SHAPES:
            name = f"{C}×{H}×{H}, {K} kernels of {k}×{k}, m = {m}, {kind}"
            row, data[name], goal = _raced(name, _layer(C, H, K, k, m, dtype), MOST[kind], rounds)
            rows.append(row)
            goals.append(goal)
    return Work(
        "Convolutions",
        "Forward and back with the input's gradient, one thread. "
        f"Milliseconds, the least of {ROUNDS}.",
        ("", "mfact", "PyTorch", "ratio", "of the medians"), rows, data, goals,
    )  # fmt: skip


def _raced(
    name: str, pair: tuple[Step, Step], most: float, rounds: Rounds
) -> tuple[tuple[str, ...], dict[str, list[float]], Goal]:
    """A row, the seconds, and the goal of two that take their steps in turn."""
    clock = time.process_time if rounds.cpu else time.perf_counter
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(-2, ROUNDS):
        for step, seconds in zip(pair, taken, strict=True):
            started = clock()
            step()
            if number >= 0:
                seconds.append(clock() - started)
    mine, theirs = (min(seconds) for seconds in taken)
    middle = float(np.median(taken[0]) / np.median(taken[1]))
    row = (
        name,
        f"{mine * 1e3:.2f}",
        f"{theirs * 1e3:.2f}",
        f"{mine / theirs:.3f}",
        f"{middle:.3f}",
    )
    return row, {"mfact": taken[0], "torch": taken[1]}, Goal(name, mine / theirs, most)


def _layer(C: int, H: int, K: int, k: int, m: int, dtype: type) -> tuple[Step, Step]:
    """A layer on its tiles; and in PyTorch on all points at once, as is fastest there."""
    import torch

    rng, width = np.random.default_rng(0), GRID_TILE // np.dtype(dtype).itemsize
    layer = Conv(K, (k, k), (1, 1), (k // 2, k // 2))
    each = kernel(Stage(layer, (C, H, H), layer.shape((C, H, H))), width, np.dtype(dtype))
    X = [rng.standard_normal((C, H, H, width)).astype(dtype) for _ in range(m // width)]
    deltas = [rng.standard_normal((K, H, H, width)).astype(dtype) for _ in X]
    into = [np.empty_like(x) for x in X]
    V = rng.standard_normal((K, C, k, k)).astype(dtype)
    more, total = np.empty_like(V), np.empty_like(V)

    def mine() -> None:
        total[...] = 0
        with small_buffers():
            for x, delta, slope in zip(X, deltas, into, strict=True):
                each.forward(x, (V,))
                each.backward(delta, x, (V,), (more,), slope)
                np.add(total, more, out=total)

    def whole(tiles: list[Array]) -> torch.Tensor:
        joined = np.concatenate(tiles, axis=3).transpose(3, 0, 1, 2)
        return torch.tensor(np.ascontiguousarray(joined))

    x, v, delta = whole(X).requires_grad_(), torch.tensor(V, requires_grad=True), whole(deltas)

    def theirs() -> tuple[torch.Tensor, ...]:
        torch.set_num_threads(1)
        z = torch.nn.functional.conv2d(x, v, padding=k // 2)
        return torch.autograd.grad(z, (x, v), delta)

    return mine, theirs
