"""3,000 steps of torch.optim itself, and of mfact: the same weights, the same ledger."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
import pytest
from small_networks import points, weights
from torch_networks import loss, outputs
from with_torch import torch

from mfact.host.threads import Workers
from mfact.methods.adam import AdamForm
from mfact.methods.torch_form import TorchForm
from mfact.networks.activations import Leaky, Linear, Relu
from mfact.networks.architecture import Architecture
from mfact.networks.batches import Batches
from mfact.networks.engine import NetworkEngine
from mfact.networks.laws import Laws
from mfact.networks.layers import Dense
from mfact.networks.losses import LOSSES
from mfact.networks.machine import DualMachine, Machine
from mfact.networks.measure import Measure

STEPS, POINTS = 3000, 40
CLOSE = 1e-12
"""Of ‖W‖², about 50, or of ‖W‖: STEPS roundings of 1e-16. Runs with larger steps come to lie
elsewhere in the end, by 1e-7 of ‖W‖ at the edge of stability, where rounding grows.
"""

LENGTHS = pytest.mark.parametrize("count", [300, pytest.param(STEPS, marks=pytest.mark.slow)])


class Case(NamedTuple):
    form: TorchForm | AdamForm
    step_size: float
    batch: int | None = None
    power: float = 0.0

    @property
    def step_sizes(self):
        return _step_sizes(self.step_size, self.power)


@functools.cache
def _step_sizes(first, power):
    return first / (1.0 + np.arange(STEPS)) ** power


CASES = {
    "gradient descent": Case(TorchForm(), 0.02),
    "batches": Case(TorchForm(), 0.05, 8),
    "decay": Case(TorchForm(decay=0.01), 0.05),
    "batches, decay": Case(TorchForm(decay=0.01), 0.05, 8),
    "momentum": Case(TorchForm(0.9), 0.003),
    "momentum, decay": Case(TorchForm(0.9, decay=0.01), 0.02),
    "batches, momentum, decay, decaying": Case(TorchForm(0.9, decay=0.01), 0.02, 7, 0.3),
    "Nesterov": Case(TorchForm(0.9, True), 0.005),
    "batches, Nesterov, decay": Case(TorchForm(0.9, True, 0.01), 0.01, 8),
    "batches, Nesterov, decaying": Case(TorchForm(0.9, True), 0.02, 8, 0.3),
    "Adam": Case(AdamForm(), 0.002),
    "batches, Adam, decay": Case(AdamForm(0.01), 0.002, 8),
    "batches, Adam, decaying": Case(AdamForm(), 0.01, 7, 0.3),
}

NET = Architecture.of(
    [Dense(8, Relu(), True), Dense(7, Linear(), True), Dense(6, Leaky(0.1), True),
     Dense(3, bias=True)],
    (9,),
)  # fmt: skip


def run(case, count, form=Machine):
    """The weights and the ledger after so many steps, and the largest audit."""
    X, Y = points(NET, POINTS, "squared")
    made = form(NET, X, Y, LOSSES["squared"], Workers(1))
    batches = Batches(POINTS, case.batch, seed=3)
    engine = NetworkEngine(Measure.of(made), case.form, batches, lambda steps: steps % 100 == 0)
    state, audit = engine.start(weights(NET)), 0.0
    while state.step < count:
        segment = engine.advance(state, case.step_sizes[state.step : count])
        audit = max(audit, np.nanmax(segment.rows["audit"]))
        state = segment.state
    return engine.weights(state), state.ledger, audit


class Torch:
    """The same run by torch.optim; if it is asked for, with the ledger of its directions."""

    def __init__(self, case, *, booked):
        self.case, self.booked, form = case, booked, case.form
        self.X, self.Y = (torch.tensor(each) for each in points(NET, POINTS, "squared"))
        self.parts = [torch.tensor(W, requires_grad=True) for W in weights(NET)]
        if isinstance(form, AdamForm):
            self.steps = torch.optim.Adam(self.parts, lr=1.0, weight_decay=form.decay)
        else:
            self.steps = torch.optim.SGD(
                self.parts, lr=1.0, momentum=form.momentum, nesterov=form.nesterov,
                weight_decay=form.decay,
            )  # fmt: skip
        self.laws, self.batches = Laws.of(NET), Batches(POINTS, case.batch, seed=3)
        self.start = self.balance()
        self.entries, self.memory = [0 * Q for Q in self.start], form.opened(self.start)

    def arrays(self):
        return [part.detach().numpy().copy() for part in self.parts]

    def balance(self):
        return self.laws.form(self.arrays(), self.arrays())

    def step(self, t):
        eta, rows = float(self.case.step_sizes[t]), self.batches.rows(t)
        rows = slice(None) if rows is None else torch.tensor(rows)
        self.steps.param_groups[0]["lr"] = eta
        self.steps.zero_grad()
        loss("squared", outputs(NET, self.parts, self.X[rows]), self.Y[rows]).backward()
        if not self.booked:
            self.steps.step()
            return
        if isinstance(self.case.form, AdamForm):
            added = self.two_lines(t, eta)
        else:
            added = self.by_the_law(eta)
        self.entries = [E + more for E, more in zip(self.entries, added, strict=True)]

    def two_lines(self, t, eta):
        """−2η⟨v, Cd⟩ + η²⟨d, Cd⟩, d of what torch keeps."""
        v = self.arrays()
        self.steps.step()
        kept = [self.steps.state[p] for p in self.parts]
        m = [each["exp_avg"].numpy() / (1 - 0.9 ** (t + 1)) for each in kept]
        s = [each["exp_avg_sq"].numpy() / (1 - 0.999 ** (t + 1)) for each in kept]
        d = [a / (np.sqrt(b) + 1e-8) for a, b in zip(m, s, strict=True)]
        both = zip(self.laws.form(v, d), self.laws.form(d, d), strict=True)
        return [-2 * eta * first + eta**2 * second for first, second in both]

    def by_the_law(self, eta):
        form = self.case.form
        g = [
            p.grad.numpy() + form.decay * v for p, v in zip(self.parts, self.arrays(), strict=True)
        ]
        drags = tuple(form.decay * (Q + E) for Q, E in zip(self.start, self.entries, strict=True))
        self.steps.step()
        d = u = g
        if form.momentum:
            d = u = [self.steps.state[p]["momentum_buffer"].numpy() for p in self.parts]
        if form.nesterov:
            d = [a + form.momentum * b for a, b in zip(g, u, strict=True)]
        squares, crossed = self.laws.form(d, d), self.laws.form(d, u)
        added, self.memory = form.entries(drags, squares, crossed, eta, self.memory)
        return added


@functools.cache
def torch_run(name, count):
    other = Torch(CASES[name], booked=count < STEPS)
    for t in range(count):
        other.step(t)
    return other, other.arrays(), other.balance()


def size(W):
    return float(sum(np.vdot(each, each) for each in W))


def assert_near(W, V):
    assert np.sqrt(size([a - b for a, b in zip(W, V, strict=True)]) / size(V)) < CLOSE


def assert_closed(start, entries, Q, W):
    for D, E, now in zip(start, entries, Q, strict=True):
        assert np.abs(now - D - E).max() < CLOSE * size(W)


@LENGTHS
@pytest.mark.parametrize("name", CASES)
def test_the_steps_and_the_ledger_are_those_of_torch(name, count):
    W, ledger, audit = run(CASES[name], count)
    _, V, Q = torch_run(name, count)
    assert_near(W, V)
    assert_closed(ledger.start, ledger.entries, Q, V)
    assert audit < CLOSE * size(W)


@pytest.mark.parametrize("name", CASES)
def test_the_ledger_closes_on_the_weights_and_directions_of_torch(name):
    other, W, Q = torch_run(name, 300)
    assert max(np.abs(now - D).max() for now, D in zip(Q, other.start, strict=True)) > 1e-3
    assert_closed(other.start, other.entries, Q, W)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        *((name, 300) for name in CASES if CASES[name].batch is None and name != "Adam"),
        pytest.param("momentum, decay", STEPS, marks=pytest.mark.slow),
    ],
)
def test_the_dual_form_takes_the_same_steps_and_keeps_the_same_ledger(name, count):
    W, ledger, _ = run(CASES[name], count)
    V, other, audit = run(CASES[name], count, DualMachine)
    assert_near(V, W)
    assert_closed([0 * E for E in ledger.entries], ledger.entries, other.entries, W)
    assert audit < CLOSE * size(W)
