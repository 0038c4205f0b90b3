"""Small network runs, their facts and rows, and what is claimed of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mfact.host.threads import Workers
from mfact.methods.torch_form import TorchForm
from mfact.networks.activations import Linear, Relu
from mfact.networks.architecture import Architecture
from mfact.networks.batches import Batches
from mfact.networks.engine import NetworkEngine
from mfact.networks.layers import Dense
from mfact.networks.losses import LOSSES
from mfact.networks.machine import DualMachine, Machine
from mfact.networks.measure import Measure
from mfact.schedules import Constant
from mfact.theory.network_claims import NetworkMonitor
from mfact.theory.network_facts import NetworkFacts

AUDITED = ["theorem-2.1", "theorem-2.2", "corollary-2.1", "theorem-2.3"]


def dense(first=None, second=None):
    """Three layers with biases; all laws stand between the first two."""
    return Architecture.of(
        [Dense(6, first or Linear(), True), Dense(5, second or Relu(), True), Dense(3)], (7,)
    )


def engine(net, dtype="float64", method=None, batch=None, form=Machine, every=1, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((40, int(np.prod(net.given)))).astype(dtype)
    Y = rng.standard_normal((40, net.outputs)).astype(dtype)
    made = form(net, X, Y, LOSSES["squared"], Workers(1))
    return NetworkEngine(
        Measure.of(made), method or TorchForm(), Batches(40, batch), lambda s: s % every == 0
    )


def facts_of(made, eta=0.02, **change):
    method, machine = made.method, made.machine
    momentum = method.momentum if method.is_linear else 0.0
    name = "adam" if not method.is_linear else "momentum" if momentum else "gradient-descent"
    told = NetworkFacts(
        joints=machine.net.joints, dtype=str(machine.dtype), points=40, schedule=Constant(eta),
        batch=made.batches.size, method=name, momentum=momentum, decay=method.decay,
        linear=method.is_linear, dual=isinstance(machine, DualMachine),
        scale=0.5 * np.mean(machine.Y**2) * 3,
    )  # fmt: skip
    return replace(told, **change)


def recorded(made, count=300, eta=0.02, size=0.4):
    """Rows of a run from a start of this size."""
    rng = np.random.default_rng(1)
    net, dtype = made.machine.net, made.machine.dtype
    W = [(size * rng.standard_normal(shape)).astype(dtype) for shape in net.shapes]
    state, found = made.start(W), []
    while state.step < count:
        segment = made.advance(state, np.full(count - state.step, eta))
        found.append(segment.rows)
        state = segment.state
    return {name: np.concatenate([rows[name] for rows in found]) for name in found[0]}


def claims_of(facts, *pieces):
    monitor = NetworkMonitor()
    monitor.start(facts)
    for rows in pieces:
        monitor.segment(rows)
    return {claim.name: claim for claim in monitor.claims()}


def run(made, eta=0.02, count=300, **change):
    return claims_of(facts_of(made, eta, **change), recorded(made, count, eta))
