"""A step of a network on the BLAS core against the same step of PyTorch, written with autograd.

All steps of a row are taken in turn, in one process, and the least of each is compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from measure import Rounds
from table import Goal, Work

from mfact.core import Array
from mfact.host.threads import Workers
from mfact.networks.activations import Relu
from mfact.networks.architecture import Architecture, Stage
from mfact.networks.kernels import kernel
from mfact.networks.layers import Conv, Dense, Flatten, Pool
from mfact.networks.losses import LOSSES
from mfact.networks.machine import DualMachine, Machine, is_faster_dual
from mfact.networks.tiles import GRID_TILE, small_buffers

Step = Callable[[], object]
STEPS = 200
ETA = 0.01
KINDS = {"float64": np.float64, "float32": np.float32}
DENSE = ((1000, 1000, 0.65), (4000, 500, 0.15), (200, 2000, 1.0))
"""n₀, m, and what a step may take of PyTorch's; the first is Figure 2."""
CONVOLUTIONS = ((1, 28, 16, 3, 192), (16, 14, 32, 3, 192), (3, 32, 16, 5, 64))
"""C, H = W, K, kernel, points."""
MOST = {"float64": 0.5, "float32": 2.0}
"""What a convolution may take of PyTorch's, whose float32 kernels need no patches."""


def networks(rounds: Rounds) -> Work:
    """n₀-100r-100r-10, full batch, squared loss: a step with the ledger of every neuron."""
    rows, data, goals = [], {}, []
    for n0, m, most in DENSE:
        for kind, dtype in KINDS.items():
            for threads in (1, 2):
                with Workers(threads) as workers:
                    net, X, Y, W = _figure_2(n0, m, dtype)
                    pair = _mfact(net, X, Y, W, "squared", workers), _torch_dense(X, Y, W, threads)
                    name = f"n₀ = {n0}, m = {m}, {kind}, {_threads(threads)}"
                    row, data[name], goal = _raced(name, pair, STEPS, most, rounds)
                rows.append(row)
                goals.append(goal)
    return Work(
        "A step of a network: n₀-100r-100r-10",
        "Gradient descent on all points, with what each step adds to the balance of every neuron; "
        f"PyTorch by autograd.grad, without. Milliseconds, the least of {STEPS} steps.",
        HEADER, rows, data, goals,
    )  # fmt: skip


def convolutions(rounds: Rounds) -> Work:
    """One layer forward and back, its input's gradient among it; and a small network of two."""
    rows, data, goals = [], {}, []
    for kind, dtype in KINDS.items():
        for C, H, K, k, m in CONVOLUTIONS:
            name = f"{C}×{H}×{H}, {K} kernels of {k}×{k}, m = {m}, {kind}"
            pair = _layer(C, H, K, k, m, dtype)
            row, data[name], goal = _raced(name, pair, STEPS // 4, MOST[kind], rounds)
            rows.append(row)
            goals.append(goal)
        name = f"c16k3p1r-max2-c32k3p1r-max2-flat-10, m = 192, {kind}"
        with Workers(1) as workers:
            pair = _grids(192, dtype, workers)
            row, data[name], goal = _raced(name, pair, STEPS // 4, MOST[kind] * 2, rounds)
        rows.append(row)
    return Work(
        "Convolutions",
        "Forward and back with the input's gradient, one thread; the network as a whole step. "
        f"Milliseconds, the least of {STEPS // 4}.",
        HEADER, rows, data, goals,
    )  # fmt: skip


HEADER = ("", "mfact", "PyTorch", "ratio", "of the medians")


def _raced(
    name: str, pair: tuple[Step, Step], count: int, most: float, rounds: Rounds
) -> tuple[tuple[str, ...], dict[str, list[float]], Goal]:
    """A row, the seconds, and the goal of two that take their steps in turn."""
    clock = time.process_time if rounds.cpu else time.perf_counter
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(-2, count):
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


def _threads(count: int) -> str:
    return f"{count} thread{'s' * (count > 1)}"


def _figure_2(n0: int, m: int, dtype: type) -> tuple[Architecture, Array, Array, list[Array]]:
    rng = np.random.default_rng(0)
    net = Architecture.of([Dense(100, Relu()), Dense(100, Relu()), Dense(10)], (n0,))
    X, Y = rng.uniform(-0.5, 0.5, (m, n0)), rng.standard_normal((m, 10))
    W = [(1e-2 * rng.standard_normal(shape)).astype(dtype) for shape in net.shapes]
    return net, X.astype(dtype), Y.astype(dtype), W


def _mfact(
    net: Architecture, X: Array, Y: Array, W: Sequence[Array], loss: str, workers: Workers
) -> Step:
    """A step of the machine that is the faster one, and what it adds to every neuron's balance."""
    dual = not net.has_grids and is_faster_dual(net, len(X))
    machine = (DualMachine if dual else Machine)(net, X, Y, LOSSES[loss], workers)
    machine.start(W)

    def squares() -> list[Array]:
        """Of the rows and columns of each layer's gradient."""
        found, slopes = [], machine.rest_slope
        if isinstance(machine, DualMachine):
            D, _, *DK = machine.first_slope
            parts = [
                np.einsum("ij,ij->i", D[:, cut], part)
                for cut, part in zip(machine.cuts, DK, strict=True)
            ]
            found.append(sum(parts))
        for slope in slopes:
            if slope.ndim > 1:
                flat = slope.reshape(len(slope), -1)
                found += [np.einsum("ij,ij->i", flat, flat), np.einsum("ij,ij->j", flat, flat)]
        return found

    def step() -> None:
        machine.evaluate()
        squares()
        for part, slope in zip(machine.point, machine.slope, strict=True):
            np.multiply(slope, ETA, out=slope)
            part -= slope

    return step


def _torch_dense(X: Array, Y: Array, W: Sequence[Array], threads: int) -> Step:
    import torch

    W1, W2, W3 = parts = [torch.tensor(each, requires_grad=True) for each in W]
    x, y = torch.tensor(np.ascontiguousarray(X.T)), torch.tensor(np.ascontiguousarray(Y.T))

    def loss() -> torch.Tensor:
        f = W3 @ torch.relu(W2 @ torch.relu(W1 @ x))
        return ((f - y) ** 2).sum() / (2 * len(X))

    return _descent(parts, loss, threads)


def _descent(parts: list, loss: Callable, threads: int) -> Step:
    import torch

    def step() -> None:
        torch.set_num_threads(threads)
        slopes = torch.autograd.grad(loss(), parts)
        with torch.no_grad():
            for part, slope in zip(parts, slopes, strict=True):
                part -= ETA * slope

    return step


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


def _grids(m: int, dtype: type, workers: Workers) -> tuple[Step, Step]:
    import torch

    F, rng = torch.nn.functional, np.random.default_rng(0)
    net = Architecture.of(
        [Conv(16, (3, 3), (1, 1), (1, 1), Relu()), Pool("max", (2, 2)),
         Conv(32, (3, 3), (1, 1), (1, 1), Relu()), Pool("max", (2, 2)), Flatten(), Dense(10)],
        (1, 28, 28),
    )  # fmt: skip
    X, Y = rng.standard_normal((m, 784)).astype(dtype), rng.integers(0, 10, m)
    W = [(0.1 * rng.standard_normal(shape)).astype(dtype) for shape in net.shapes]
    first, second, last = parts = [torch.tensor(each, requires_grad=True) for each in W]
    x, y = torch.tensor(X).reshape(m, 1, 28, 28), torch.tensor(Y)

    def loss() -> torch.Tensor:
        h = F.max_pool2d(torch.relu(F.conv2d(x, first, padding=1)), 2)
        h = F.max_pool2d(torch.relu(F.conv2d(h, second, padding=1)), 2)
        return F.cross_entropy(F.linear(h.flatten(1), last), y)

    return _mfact(net, X, Y, W, "softmax", workers), _descent(parts, loss, 1)
