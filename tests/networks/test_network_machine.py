"""The machines that steps act on: same bits by any workers, next to nothing allocated."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from small_networks import ACTIVATIONS, machine, network, points, weights

from mfact.host.threads import Workers
from mfact.networks.activations import Leaky, Linear, Relu
from mfact.networks.architecture import Architecture
from mfact.networks.layers import Conv, Dense, Flatten, Pool
from mfact.networks.losses import LOSSES
from mfact.networks.machine import DualMachine, Machine


@pytest.mark.parametrize("form", [Machine, DualMachine])
@pytest.mark.parametrize("loss", LOSSES)
def test_same_bits_for_any_number_of_workers(loss, form):
    assert_same_bits(network("biases", ACTIVATIONS["ReLU"]), loss, 1003, form)


@pytest.mark.parametrize("kind", ["stride, padding", "max", "avg", "share"])
def test_same_bits_of_other_layers_and_of_batches(kind):
    net = network(kind, ACTIVATIONS["leaky"])
    assert_same_bits(net, "softmax", 107, Machine)
    assert_same_bits(net, "softmax", 107, Machine, np.random.default_rng(1).permutation(107)[:70])


def assert_same_bits(net, loss, count, form, rows=None):
    """Of three steps, by their sums and points."""
    found = []
    for number in (1, 2, 4):
        with Workers(number) as workers:
            made = machine(net, loss, count, workers, form)
            sums = []
            for _ in range(3):
                sums.append(made.evaluate(rows))
                for part, slope in zip(made.point, made.slope, strict=True):
                    part -= 0.1 * slope
            found.append((sums, made.kept()))
    for sums, point in found[1:]:
        assert sums == found[0][0]
        assert all(np.array_equal(a, b) for a, b in zip(point, found[0][1], strict=True))


@pytest.mark.parametrize("kind", ["dense", "biases"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_dual_form_steps_as_the_weights_do(kind, activation):
    """Its weights after 20 steps are those of the other form, within the rounding of both."""
    net = network(kind, ACTIVATIONS[activation])
    ends = []
    for form in (Machine, DualMachine):
        made = machine(net, "squared", 35, Workers(1), form)
        for _ in range(20):
            made.evaluate()
            for part, slope in zip(made.point, made.slope, strict=True):
                part -= 0.002 * slope
        ends.append([part.copy() for part in made.weights()])
    for primal, dual in zip(*ends, strict=True):
        np.testing.assert_allclose(dual, primal, rtol=0, atol=1e-12 * np.abs(primal).max())


def test_what_is_kept_is_gone_back_to():
    """load(kept()) gives the same bits, in either form, in a machine of its own."""
    net = network("biases", Linear())
    for form in (Machine, DualMachine):
        made = machine(net, "squared", 35, Workers(1), form)
        made.evaluate()
        for part, slope in zip(made.point, made.slope, strict=True):
            part -= 0.1 * slope
        kept, before = made.kept(), made.evaluate()
        other = machine(net, "squared", 35, Workers(1), form)
        other.start([2 * part for part in weights(net)])
        other.load(kept)
        assert other.evaluate() == before
        assert all(map(np.array_equal, made.weights(), other.weights()))


def test_outputs_are_those_of_the_loss():
    """½Σ‖f − y‖²/m of outputs() is what evaluate() says, with the chunks put together."""
    for kind in ("biases", "avg"):
        net = network(kind, ACTIVATIONS["square"])
        made = machine(net, "squared", 301, Workers(2))
        E = made.outputs() - made.Y.T
        assert made.evaluate().loss == pytest.approx(0.5 * np.vdot(E, E) / 301, rel=1e-14)


LEAST_BYTES = 128 * 1024
"""Buffers in which NumPy casts are 64 KiB a thread; one array of Figure 2's step has 800 KB."""


def figure_2(activation, loss="squared", dtype=float):
    net = Architecture.of([Dense(100, activation), Dense(100, activation), Dense(10)], (1000,))
    X, Y = points(net, 1000, loss)
    return net, X.astype(dtype), Y if loss == "softmax" else Y.astype(dtype)


def grids(activation, bias=True):
    layers = [
        Conv(8, (3, 3), (1, 1), (1, 1), activation, bias), Pool("max", (2, 2)),
        Conv(16, (3, 3), (1, 1), (1, 1), activation, bias), Pool("avg", (2, 2)),
        Flatten(), Dense(10, bias=bias),
    ]  # fmt: skip
    return Architecture.of(layers, (1, 28, 28))


def peak(made, rows=None):
    """Bytes allocated at the peak of an evaluate() that is not the first."""
    made.start(weights(made.net))
    made.evaluate(rows)
    tracemalloc.start()
    try:
        made.evaluate(rows)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dtype", [float, np.float32])
@pytest.mark.parametrize("activation", [Relu(), Leaky(0.1)], ids=lambda each: each.name)
@pytest.mark.parametrize("form", [Machine, DualMachine])
def test_a_step_of_figure_2_allocates_next_to_nothing(form, activation, dtype):
    net, X, Y = figure_2(activation, dtype=dtype)
    with Workers(2) as workers:
        assert peak(form(net, X, Y, LOSSES["squared"], workers)) < LEAST_BYTES


@pytest.mark.parametrize("loss", ["logistic", "softmax"])
def test_nor_do_the_other_losses_or_batches(loss):
    net, X, Y = figure_2(Relu(), loss)
    with Workers(2) as workers:
        made = Machine(net, X, Y, LOSSES[loss], workers)
        assert peak(made) < LEAST_BYTES
        assert peak(made, np.random.default_rng(0).permutation(1000)[:900]) < LEAST_BYTES


def test_nor_do_masks_and_shares():
    rng = np.random.default_rng(0)
    mask = (rng.random((100, 1000)) < 0.5).astype(float)
    few, many = rng.integers(0, 50, (100, 100)), rng.permutation(10 * 100 * 100).reshape(1000, 100)
    net = Architecture.of(
        [Dense(100, Relu(), mask=mask), Dense(100, Relu(), share=few), Dense(1000, share=many),
         Dense(10)],
        (1000,),
    )  # fmt: skip
    X, Y = points(net, 500, "squared")
    assert peak(Machine(net, X, Y, LOSSES["squared"], Workers(1))) < LEAST_BYTES


@pytest.mark.parametrize("activation", [Relu(), Leaky(0.1), ACTIVATIONS["square"], Linear()],
                         ids=lambda each: each.name)  # fmt: skip
def test_nor_does_a_network_on_grids(activation):
    net = grids(activation)
    X, Y = points(net, 101, "softmax")
    with Workers(2) as workers:
        made = Machine(net, X, Y, LOSSES["softmax"], workers)
        assert peak(made) < LEAST_BYTES
        assert peak(made, np.arange(70)) < LEAST_BYTES


def test_what_diverges_is_as_silent_as_its_caller_asks():
    """errstate of the caller holds in the workers; here each warning would be an error."""
    net = network("biases", ACTIVATIONS["square"])
    for number in (1, 2):
        with Workers(number) as workers, np.errstate(all="ignore"):
            made = machine(net, "squared", 300, workers)
            made.start([1e200 * part for part in weights(net)])
            assert not np.isfinite(made.evaluate().loss)
    assert np.getbufsize() == 8192
