"""∇L is that of torch's autograd: every kind of layer × activation × loss, in every form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_networks import ACTIVATIONS, KINDS, gradient, machine, network, points, weights
from torch_networks import evaluated

from mfact.host.threads import Workers
from mfact.networks.activations import BROKEN, Leaky, Relu
from mfact.networks.architecture import Architecture
from mfact.networks.layers import Conv, Dense, Flatten, Pool
from mfact.networks.losses import LOSSES
from mfact.networks.machine import DualMachine, Machine, suits

CLOSE = 1e-12
"""Relative to the largest entry: sums of a few hundred products, each rounded to 1e-16."""

LARGE = 263
"""Points of several chunks, which neither 4 nor 8 divides."""


def assert_equal(made, sums, truth):
    """What evaluate() found is what torch found."""
    value, output, slopes = truth
    assert abs(sums.loss - value) <= CLOSE * max(abs(value), 1)
    assert abs(sums.output - output) <= CLOSE * max(abs(output), 1)
    for mine, theirs in zip(gradient(made), slopes, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=CLOSE * np.abs(theirs).max())


def assert_as_torch(net, loss, count, kind=Machine, rows=None, seed=0):
    made = machine(net, loss, count, Workers(1), kind, seed)
    X, Y = points(net, count, loss, seed)
    if rows is not None:
        X, Y = X[rows], Y[rows]
    assert_equal(made, made.evaluate(rows), evaluated(net, loss, weights(net, seed + 1), X, Y))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_of_every_kind(kind, activation, loss):
    net = network(kind, ACTIVATIONS[activation])
    for count in (1, 43):
        assert_as_torch(net, loss, count)
        if not suits(net, batch=False):
            assert_as_torch(net, loss, count, DualMachine)
    assert_as_torch(net, loss, 43, rows=np.random.default_rng(5).permutation(43)[:21])


@pytest.mark.parametrize("form", [Machine, DualMachine])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", ["dense", "biases"])
def test_of_several_chunks(kind, activation, loss, form):
    assert_as_torch(network(kind, ACTIVATIONS[activation]), loss, LARGE, form)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", ["mask", "share", "stride, padding", "max"])
def test_of_several_chunks_in_other_layers(kind, loss):
    assert_as_torch(network(kind, Relu()), loss, LARGE)


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("kind", ["biases", "stride, padding"])
def test_of_activations_that_do_not_scale(kind, name):
    net = network(kind, BROKEN[name])
    assert_as_torch(net, "squared", 19)
    if kind == "biases":
        assert_as_torch(net, "softmax", 19, DualMachine)


def test_batches_of_several_sizes_one_after_another():
    net = network("conv1d", Leaky(0.2))
    made = machine(net, "softmax", 60, Workers(1))
    X, Y = points(net, 60, "softmax")
    for rows in (np.arange(7), np.arange(60), np.array([3, 3, 59]), np.arange(7)[::-1], None):
        taken = slice(None) if rows is None else rows
        truth = evaluated(net, "softmax", weights(net), X[taken], Y[taken])
        assert_equal(made, made.evaluate(rows), truth)


@given(data=st.data())
def test_of_any_dense_network(data):
    sizes = data.draw(st.lists(st.integers(1, 9), min_size=3, max_size=6))
    kinds = [*ACTIVATIONS.values()]
    layers = [
        Dense(n, data.draw(st.sampled_from(kinds[:3])), data.draw(st.booleans())) for n in sizes[1:]
    ]
    net = Architecture.of(layers, (sizes[0],))
    loss, count = data.draw(st.sampled_from([*LOSSES])), data.draw(st.integers(1, 300))
    for form in (Machine, DualMachine):
        assert_as_torch(net, loss, count, form, seed=data.draw(st.integers(0, 99)))


@given(data=st.data())
def test_of_any_network_on_grids(data):
    def two(least, most):
        return (data.draw(st.integers(least, most)), data.draw(st.integers(least, most)))

    activation = data.draw(st.sampled_from([*ACTIVATIONS.values()]))
    first = Conv(data.draw(st.integers(1, 4)), two(1, 4), two(1, 3), two(0, 2), activation,
                 data.draw(st.booleans()))  # fmt: skip
    shape = (data.draw(st.integers(1, 3)), *two(4, 9))
    size = tuple(data.draw(st.integers(1, n)) for n in first.shape(shape)[1:])
    pool = Pool(data.draw(st.sampled_from(["max", "avg"])), size)
    last = Conv(2, (1, 1), (1, 1), two(0, 1), activation)
    net = Architecture.of([first, pool, last, Flatten(), Dense(3)], shape)
    loss, count = data.draw(st.sampled_from([*LOSSES])), data.draw(st.integers(1, 40))
    assert_as_torch(net, loss, count, seed=data.draw(st.integers(0, 99)))


@pytest.mark.parametrize("activation", [Relu(), Leaky(0.3)], ids=lambda each: each.name)
@pytest.mark.parametrize("form", [Machine, DualMachine])
def test_at_exactly_zero(activation, form):
    """φ'(0) is 0 of ReLU and α of leaky; whole numbers make many z that are 0."""
    net = Architecture.of([Dense(6, activation), Dense(5, activation), Dense(3)], (4,))
    rng = np.random.default_rng(2)
    X, Y = rng.integers(-1, 2, (30, 4)).astype(float), rng.standard_normal((30, 3))
    W = [rng.integers(-1, 2, shape).astype(float) for shape in net.shapes]
    assert np.mean(X @ W[0].T == 0) > 0.1
    made = form(net, X, Y, LOSSES["squared"], Workers(1))
    made.start(W)
    assert_equal(made, made.evaluate(), evaluated(net, "squared", W, X, Y))


def test_the_first_of_equal_ones_is_the_largest():
    """As torch has it; whole numbers make ties in almost every window."""
    net = Architecture.of(
        [Conv(3, (2, 2), activation=Relu()), Pool("max", (2, 3)), Flatten(), Dense(3)], (1, 5, 8)
    )
    rng = np.random.default_rng(3)
    X, Y = rng.integers(-1, 2, (20, 40)).astype(float), rng.standard_normal((20, 3))
    W = [rng.integers(-1, 2, shape).astype(float) for shape in net.shapes]
    made = Machine(net, X, Y, LOSSES["squared"], Workers(1))
    made.start(W)
    assert_equal(made, made.evaluate(), evaluated(net, "squared", W, X, Y))


def test_losses_of_large_outputs():
    """Where the exponential of an output is not a number any more."""
    net = Architecture.of([Dense(2), Dense(3)], (2,))
    for loss in ("logistic", "softmax"):
        X, Y = points(net, 9, loss)
        W = [900 * each for each in weights(net)]
        made = Machine(net, X, Y, LOSSES[loss], Workers(1))
        made.start(W)
        assert_equal(made, made.evaluate(), evaluated(net, loss, W, X, Y))
