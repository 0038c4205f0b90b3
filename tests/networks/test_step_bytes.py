"""What a step of the engine allocates, at any size: next to nothing, recorded or not."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from small_networks import points, weights

from mfact.host.threads import Workers
from mfact.methods.adam import AdamForm
from mfact.methods.torch_form import TorchForm
from mfact.networks.activations import Linear, Relu
from mfact.networks.architecture import Architecture
from mfact.networks.batches import Batches
from mfact.networks.engine import NetworkEngine
from mfact.networks.layers import Conv, Dense, Flatten, Pool
from mfact.networks.losses import LOSSES
from mfact.networks.machine import DualMachine, Machine
from mfact.networks.measure import Measure

LEAST_BYTES = 128 * 1024
"""Figure 2's first layer has 800 KB; blocks of 32 KB are scaled at a time, one a worker."""

HEAVY = TorchForm(0.9, True, 0.01)
"""With every part of the method's form."""

ADAM = AdamForm(0.01)


def dense(*units, inputs, activation=None):
    activation = activation or Relu()
    inner = [Dense(n, activation) for n in units[:-1]]
    return Architecture.of([*inner, Dense(units[-1])], (inputs,))


def grids():
    layers = [
        Conv(8, (3, 3), (1, 1), (1, 1), Relu(), True), Pool("max", (2, 2)),
        Conv(16, (3, 3), (1, 1), (1, 1), Relu(), True), Flatten(), Dense(10, bias=True),
    ]  # fmt: skip
    return Architecture.of(layers, (1, 28, 28))


def shared():
    rng = np.random.default_rng(0)
    few, many = rng.integers(0, 50, (100, 300)), rng.permutation(400 * 100).reshape(400, 100)
    layers = [Dense(100, Relu(), share=few), Dense(400, Relu(), share=many), Dense(10)]
    return Architecture.of(layers, (300,))


CASES = {
    "dual": (lambda: dense(100, 100, 10, inputs=1000), 1000, DualMachine, None, TorchForm()),
    "dual, momentum": (lambda: dense(100, 100, 10, inputs=1000), 1000, DualMachine, None, HEAVY),
    "primal": (lambda: dense(100, 100, 10, inputs=1000), 1000, Machine, None, TorchForm()),
    "primal, momentum": (lambda: dense(100, 100, 10, inputs=1000), 1000, Machine, None, HEAVY),
    "primal, adam": (lambda: dense(100, 100, 10, inputs=1000), 1000, Machine, None, ADAM),
    "batches": (lambda: dense(100, 100, 10, inputs=1000), 1000, Machine, 300, HEAVY),
    "grids": (grids, 64, Machine, 32, HEAVY),
    "grids, adam": (grids, 64, Machine, 32, ADAM),
    "shared": (shared, 60, Machine, None, HEAVY),
    "shared, adam": (shared, 60, Machine, None, ADAM),
}


class Marked(Batches):
    """Batches that note what has been allocated where each step begins, and its peak since."""

    def rows(self, step):
        now, highest = tracemalloc.get_traced_memory()
        self.notes.append((now, highest))
        tracemalloc.reset_peak()
        return super().rows(step)


def steps_bytes(net, count, form, batch, method, *, recorded):
    """The peak of each step within a block, above what there was where it began."""
    with Workers(2) as workers:
        X, Y = points(net, count, "squared")
        made = form(net, X, Y, LOSSES["squared"], workers)
        batches = Marked(count, batch)
        batches.notes = []
        engine = NetworkEngine(
            Measure.of(made), method, batches, lambda steps: np.full(len(steps), recorded)
        )
        engine.block = 6
        state = engine.start(weights(net))
        state = engine.advance(state, np.full(6, 1e-4)).state
        batches.notes.clear()
        tracemalloc.start()
        try:
            engine.advance(state, np.full(6, 1e-4))
        finally:
            tracemalloc.stop()
    # Not the first, which frees a ledger that was not traced, nor the last, which comes after a
    # copy of the state.
    return [peak - before for (before, _), (_, peak) in pairwise(batches.notes[1:])]


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("recorded", [False, True], ids=["plain", "recorded"])
def test_a_step_allocates_next_to_nothing(kind, recorded):
    net, *rest = CASES[kind]
    found = steps_bytes(net(), *rest, recorded=recorded)
    assert len(found) == 4
    assert max(found) < LEAST_BYTES


@pytest.mark.parametrize("method", [HEAVY, ADAM], ids=["momentum", "adam"])
@pytest.mark.parametrize("recorded", [False, True], ids=["plain", "recorded"])
def test_many_units_take_a_few_numbers_each(recorded, method):
    """The ledger's, sixteen or fewer, and as many where a row is recorded; of 24 MB of weights
    nothing.
    """
    found = steps_bytes(dense(2000, 10, inputs=1500), 40, Machine, 20, method, recorded=recorded)
    assert max(found) < LEAST_BYTES + (1 + recorded) * 16 * 8 * 2000


@pytest.mark.parametrize("form", [DualMachine, Machine])
@pytest.mark.parametrize("recorded", [False, True], ids=["plain", "recorded"])
def test_matrix_laws_take_some_of_their_own_size(recorded, form):
    """D is n×n, and a few of them are made at each step: no more than twelve."""
    net = dense(100, 100, 10, inputs=1000, activation=Linear())
    method = HEAVY if form is DualMachine else ADAM
    found = steps_bytes(net, 500, form, None, method, recorded=recorded)
    assert max(found) < LEAST_BYTES + 12 * 2 * 8 * 100**2
