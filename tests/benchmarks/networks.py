"""Steps of a network as `mfact network` takes them against those of PyTorch, by autograd.

Blocks of both are taken in turn, in one process, and the least of each is compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from measure import Rounds
from table import Goal, Work

from mfact.core import Array
from mfact.host.threads import Workers
from mfact.methods.torch_form import TorchForm
from mfact.networks.activations import Relu
from mfact.networks.architecture import Architecture
from mfact.networks.batches import Batches
from mfact.networks.engine import NetworkEngine
from mfact.networks.layers import Conv, Dense, Flatten, Pool
from mfact.networks.losses import LOSSES
from mfact.networks.machine import DualMachine, Machine, is_faster_dual, suits
from mfact.networks.measure import Measure
from mfact.run.recorder import is_recorded

Step = Callable[[], object]
STEPS, LEAST_BLOCKS = 200, 12
"""Of each contestant, at least."""
RUN = 10_000
"""Steps of the run whose rows are recorded."""
ETA = 0.01
KINDS = {"float64": np.float64, "float32": np.float32}
DENSE = ((1000, 1000, 0.65), (4000, 500, 0.15), (200, 2000, 1.0))
"""n₀, m, and what a step may take of PyTorch's; the first is Figure 2."""
GRIDS = "c16k3p1r-max2-c32k3p1r-max2-flat-10, m = 192"


def networks(rounds: Rounds) -> Work:
    """n₀-100r-100r-10, full batch, squared loss; and a small network of convolutions."""
    rows, data, goals = [], {}, []
    for n0, m, most in DENSE:
        for kind, dtype in KINDS.items():
            for threads in (1, 2):
                with Workers(threads) as workers:
                    net, X, Y, W = _figure_2(n0, m, dtype)
                    mine, theirs = (
                        Trained(net, X, Y, W, "squared", workers),
                        _torch_dense(X, Y, W, threads),
                    )
                    name = f"n₀ = {n0}, m = {m}, {kind}, {_threads(threads)}"
                    row, data[name], ratio = _trained(name, mine, theirs, rounds)
                rows.append(row)
                goals.append(Goal(name, ratio, most))
    for kind, dtype in KINDS.items():
        with Workers(1) as workers:
            name = f"{GRIDS}, {kind}"
            row, data[name], _ = _trained(name, *_grids(192, dtype, workers), rounds)
        rows.append(row)
    return Work(
        "Steps of a network: n₀-100r-100r-10",
        "Gradient descent on all points, with what each step adds to the balance of every neuron; "
        f"in a run: of {RUN:,} steps, with the rows that it records, at which W₁ is formed and "
        "every law measured. PyTorch by autograd.grad, without. Milliseconds, the least of "
        f"blocks, {STEPS} steps or more of each.",
        HEADER, rows, data, goals,
    )  # fmt: skip


HEADER = ("", "step", "recorded", "in a run", "PyTorch", "step ×", "in a run ×")


def _trained(
    name: str, mine: Trained, theirs: Step, rounds: Rounds
) -> tuple[tuple[str, ...], dict[str, list[float]], float]:
    """A row, the seconds, and the ratio of a step: of blocks against as many steps of PyTorch, of
    a step, of one whose row is recorded, and of those of a run by the mean.
    """
    clock = time.process_time if rounds.cpu else time.perf_counter
    taken: dict[str, list[float]] = {"plain": [], "recorded": [], "torch": []}
    turns, count = max(LEAST_BLOCKS, STEPS // mine.engine.block), mine.engine.block

    def many() -> None:
        for _ in range(count):
            theirs()

    runs: dict[str, Callable[[], object]] = {
        "plain": lambda: mine.block(recorded=False),
        "recorded": lambda: mine.block(recorded=True),
        "torch": many,
    }
    for number in range(-1, turns):
        for what, run in runs.items():
            started = clock()
            run()
            if number >= 0:
                taken[what].append((clock() - started) / count)
    plain, recorded, torch = (min(seconds) for seconds in taken.values())
    # The first row of a block is recorded in either case.
    more = (recorded - plain) * count / max(count - 1, 1)
    step = plain - more / count
    mean = step + mine.share() * more
    told = [f"{1e3 * each:.2f}" for each in (step, step + more, mean, torch)]
    row = (name, *told, f"{step / torch:.3f}", f"{mean / torch:.3f}")
    return row, taken, step / torch


def _threads(count: int) -> str:
    return f"{count} thread{'s' * (count > 1)}"


def _figure_2(n0: int, m: int, dtype: type) -> tuple[Architecture, Array, Array, list[Array]]:
    rng = np.random.default_rng(0)
    net = Architecture.of([Dense(100, Relu()), Dense(100, Relu()), Dense(10)], (n0,))
    X, Y = rng.uniform(-0.5, 0.5, (m, n0)), rng.standard_normal((m, 10))
    W = [(1e-2 * rng.standard_normal(shape)).astype(dtype) for shape in net.shapes]
    return net, X.astype(dtype), Y.astype(dtype), W


class Trained:
    """Blocks of steps as `mfact network` takes them: the ledger of every neuron at each step, the
    laws measured at those that are recorded.
    """

    def __init__(
        self, net: Architecture, X: Array, Y: Array, W: Sequence[Array], loss: str, workers: Workers
    ) -> None:
        dual = not suits(net, batch=False) and is_faster_dual(net, len(X))
        machine = (DualMachine if dual else Machine)(net, X, Y, LOSSES[loss], workers)
        self.recorded = False
        self.engine = NetworkEngine(
            Measure.of(machine), TorchForm(), Batches(len(X)),
            lambda steps: np.full(len(steps), self.recorded),
        )  # fmt: skip
        self.state = self.engine.start(W)
        self.sizes = np.full(self.engine.block, ETA)

    def block(self, *, recorded: bool) -> None:
        """Takes one, all rows recorded or none but its first."""
        self.recorded = recorded
        self.state = self.engine.advance(self.state, self.sizes).state

    def share(self) -> float:
        """Of the rows of a run of RUN steps, those that are recorded or begin a block."""
        steps = np.arange(RUN)
        return float(np.mean(is_recorded(steps, None) | (steps % self.engine.block == 0)))


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


def _grids(m: int, dtype: type, workers: Workers) -> tuple[Trained, Step]:
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

    return Trained(net, X, Y, W, "softmax", workers), _descent(parts, loss, 1)
