"""The laws of every kind of network: ⟨v, C∇L⟩ = 0 by torch's gradients and by the machine's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from random_architectures import shared_networks
from small_networks import ACTIVATIONS, KINDS, gradient, machine, network, points, weights
from torch_networks import evaluated

from mfact.host.threads import Workers
from mfact.networks.activations import BROKEN, Linear, Relu
from mfact.networks.architecture import Architecture
from mfact.networks.laws import Laws
from mfact.networks.layers import Conv, Dense, Flatten, Pool
from mfact.networks.losses import LOSSES
from mfact.networks.machine import DualMachine
from mfact.networks.measure import Measure

CLOSE = 1e-13
"""Relative to ‖v‖‖∇L‖: sums of a few hundred products, each rounded to 1e-16."""


def conv_1d(channels, kernel, length, stride=1):
    """g_h of a convolution in one dimension as a dense layer: a Toeplitz block a channel."""
    out = (length - kernel) // stride + 1
    g = np.zeros((channels * out, length), int)
    for unit in range(channels * out):
        channel, at = divmod(unit, out)
        for k in range(kernel):
            g[unit, at * stride + k] = 1 + channel * kernel + k
    return g


def defect(net, v, g):
    """Largest |⟨v, C∇L⟩| over the laws, relative."""
    size = np.sqrt(sum(np.sum(each**2) for each in v) * sum(np.sum(each**2) for each in g))
    worst = max(np.abs(Q).max() for Q in Laws.of(net).form(v, g))
    return worst / size if worst else 0.0  # there is no gradient where every ReLU is off


def torch_gradient(net, loss, v, seed=0):
    X, Y = points(net, 30, loss, seed)
    return evaluated(net, loss, v, X, Y)[2]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_law_moves_in_first_order(kind, activation, loss):
    net = network(kind, ACTIVATIONS[activation])
    v = weights(net)
    assert defect(net, v, torch_gradient(net, loss, v)) < CLOSE
    made = machine(net, loss, 30, Workers(1))
    made.evaluate()
    assert defect(net, v, gradient(made)) < CLOSE


@given(net=shared_networks(most=9))
def test_no_law_of_random_shared_weights_moves_in_first_order(net):
    v = weights(net)
    assert defect(net, v, torch_gradient(net, "squared", v)) < CLOSE


def test_a_toeplitz_layer_keeps_what_the_convolution_keeps():
    """One law a channel, of the same weights: g_h finds what a convolution knows."""
    tied = Architecture.of([Dense(12, Relu(), share=conv_1d(2, 3, 8)), Dense(3)], (8,))
    conv = Architecture.of([Conv(2, (1, 3), activation=Relu()), Flatten(), Dense(3)], (1, 1, 8))
    v = weights(tied)
    kernels = (v[0].reshape(2, 1, 1, 3), v[1])
    assert Laws.of(tied).count == Laws.of(conv).count == 2
    for mine, theirs in zip(
        Laws.of(tied).form(v, v), Laws.of(conv).form(kernels, kernels), strict=True
    ):
        np.testing.assert_allclose(mine, theirs, rtol=1e-14)


def test_a_law_of_units_is_what_theorem_2_1_says():
    net = network("biases", Relu())
    W1, b1, W2, b2, W3, _ = v = weights(net)
    first, second = Laws.of(net).form(v, v)
    np.testing.assert_allclose(first, (W1**2).sum(1) + b1**2 - (W2**2).sum(0), rtol=1e-13)
    np.testing.assert_allclose(second, (W2**2).sum(1) + b2**2 - (W3**2).sum(0), rtol=1e-13)


def test_a_unit_that_nothing_draws_from_keeps_what_feeds_it():
    share = np.array([[1, 2, 0], [2, 1, 0]])
    net = Architecture.of([Dense(3, Relu()), Dense(2, share=share)], (4,))
    W1, v2 = v = weights(net)
    (Q,) = Laws.of(net).form(v, v)
    tied, alone = (W1[:2] ** 2).sum() - (v2**2).sum(), (W1[2] ** 2).sum()
    np.testing.assert_allclose(Q, [tied, alone], rtol=1e-13)


MATRIX = {
    "dense": ((6,), [Dense(5), Dense(4)], 5),
    "biases": ((6,), [Dense(5, bias=True), Dense(4, bias=True)], 5),
    "conv": (
        (2, 7, 6),
        [Conv(4, (3, 2), (2, 1), (1, 1), bias=True), Conv(3, (2, 2), (1, 2), (1, 0)), Flatten()],
        4,
    ),
    "average": (
        (2, 8, 6), [Conv(4, (3, 3), padding=(1, 1)), Pool("avg", (2, 3)), Flatten(), Dense(3)], 4,
    ),
    "average, conv": (
        (2, 9, 8), [Conv(3, (2, 3)), Pool("avg", (2, 2)), Conv(4, (2, 2)), Flatten()], 3,
    ),
    "flat": ((1, 6, 6), [Conv(3, (3, 3)), Flatten(), Dense(4)], 3),
}  # fmt: skip
"""Linear activations between two layers, and how many units there are."""


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", MATRIX)
def test_the_matrix_law_across_linear_activations(kind, loss):
    shape, layers, units = MATRIX[kind]
    net = Architecture.of(layers, shape)
    v = weights(net)
    (D,) = Laws.of(net).form(v, v)
    assert D.shape == (units, units)
    assert Laws.of(net).count == units * (units + 1) // 2
    assert defect(net, v, torch_gradient(net, loss, v)) < CLOSE
    made = machine(net, loss, 30, Workers(1))
    made.evaluate()
    assert defect(net, v, gradient(made)) < CLOSE


NOT_MATRIX = {
    "max": ((2, 8, 6), [Conv(4, (3, 3)), Pool("max", (2, 2)), Flatten(), Dense(3)]),
    "mask": ((6,), [Dense(5), Dense(4, mask=(np.arange(20).reshape(4, 5) % 3 > 0) * 1.0)]),
    "mask first": ((6,), [Dense(5, mask=(np.arange(30).reshape(5, 6) % 4 > 0) * 1.0), Dense(4)]),
    "ReLU": ((6,), [Dense(5, Relu()), Dense(4)]),
}


@pytest.mark.parametrize("kind", NOT_MATRIX)
def test_the_matrix_law_is_not_claimed_where_it_does_not_hold(kind):
    """And the diagonal is: off it, the same form moves in first order."""
    shape, layers = NOT_MATRIX[kind]
    net = Architecture.of(layers, shape)
    assert not net.joints[0].is_matrix
    v = weights(net)
    g = torch_gradient(net, "squared", v)
    assert defect(net, v, g) < CLOSE
    law = Laws.of(net).each[0]
    D = law.first.row_gram(v, g) - law.second.column_gram(v, g)
    size = np.linalg.norm(law.first.row_gram(v, g))
    assert np.abs(np.diagonal(D)).max() < CLOSE * size
    assert np.abs(D + D.T).max() > 1e-2 * size


def test_the_matrix_law_is_not_claimed_of_shared_weights():
    share = np.array([[1, 2, 0, 1], [2, 1, 3, 0]])
    net = Architecture.of([Dense(4), Dense(2, share=share)], (5,))
    assert not net.joints[0].is_matrix


@pytest.mark.parametrize("form", [None, DualMachine])
@pytest.mark.parametrize("name", BROKEN)
def test_what_does_not_scale_keeps_no_law(name, form):
    """relu6 is a ReLU up to 6: its inputs must be large."""
    net = network("biases", BROKEN[name])
    made = machine(net, "squared", 30, Workers(1), *([form] if form else []))
    factor = 8.0 if name == "relu6" else 1.0
    made.start([factor * each for each in weights(net)])
    sums = made.evaluate()
    measure = Measure.of(made)
    found = measure.columns(measure.balance(), measure.balance(), sums.output)
    assert found["first_order"] > 1e-2
    assert found["euler"] > 1e-3
    v = made.weights()
    X, Y = points(net, 30, "squared")
    assert defect(net, v, evaluated(net, "squared", v, X, Y)[2]) > 1e-4


@pytest.mark.parametrize("activation", ["tanh", "square"])
def test_the_activation_of_the_output_belongs_to_the_loss(activation):
    last = {**BROKEN, **ACTIVATIONS}[activation]
    for layers, shape in (
        ([Dense(5, Relu(), True), Dense(3, last, True)], (6,)),
        ([Conv(3, (2, 2), activation=Relu()), Conv(2, (1, 1), activation=last), Flatten()],
         (1, 4, 4)),
        ([Dense(5, Relu()), Dense(3, last, share=np.arange(15).reshape(3, 5) % 4)], (6,)),
    ):  # fmt: skip
        net = Architecture.of(layers, shape)
        assert all(joint.degree for joint in net.joints)
        made = machine(net, "squared", 30, Workers(1))
        sums = made.evaluate()
        measure = Measure.of(made)
        found = measure.columns(measure.balance(), measure.balance(), sums.output)
        assert found["first_order"] < CLOSE
        assert found["euler"] < CLOSE


def test_a_linear_activation_alone_is_not_enough_for_a_matrix():
    """Between layers 1 and 2 it is linear, between 2 and 3 it is not."""
    net = Architecture.of([Dense(4, Linear()), Dense(4, Relu()), Dense(2)], (3,))
    assert [joint.is_matrix for joint in net.joints] == [True, False]
