"""∇L against central differences, and each layer's adjoint identities: without another library."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_networks import ACTIVATIONS, KINDS, gradient, machine, network, weights

from mfact.host.threads import Workers
from mfact.networks.activations import BROKEN
from mfact.networks.architecture import Stage
from mfact.networks.kernels import kernel
from mfact.networks.layers import Conv, Dense, Flatten, Pool
from mfact.networks.losses import LOSSES
from mfact.networks.machine import DualMachine, Machine, suits

STEP = 1e-5
CLOSE = 1e-7
"""Relative to the length of ∇L. The error of the differences is about u·L/STEP = 1e-11 by rounding
and STEP²·L''' = 1e-10·L''' by curvature, and a square of a square has an L''' of hundreds.
"""


def assert_slope(net, loss, form=Machine):
    """⟨∇L, d⟩ is (L(w + hd) − L(w − hd)) / 2h along a random d of each part."""
    made = machine(net, loss, 21, Workers(1), form)
    at, rng = weights(net), np.random.default_rng(7)

    def value(k, d):
        made.start([part + d if i == k else part for i, part in enumerate(at)])
        return made.evaluate().loss

    made.evaluate()
    slopes = [part.copy() for part in gradient(made)]
    scale = np.sqrt(sum(np.vdot(part, part) for part in slopes))
    for k, part in enumerate(net.parts):
        d = rng.standard_normal(part.shape)
        mask = getattr(part.stage.layer, "mask", None)
        if mask is not None and part.name.startswith("W"):
            d *= mask
        d /= np.linalg.norm(d)
        difference = (value(k, STEP * d) - value(k, -STEP * d)) / (2 * STEP)
        assert abs(difference - np.vdot(slopes[k], d)) <= CLOSE * scale, part.name


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_of_every_kind(kind, activation, loss):
    net = network(kind, ACTIVATIONS[activation])
    assert_slope(net, loss)
    if not suits(net, batch=False):
        assert_slope(net, loss, DualMachine)


@pytest.mark.parametrize("name", BROKEN)
def test_of_activations_that_do_not_scale(name):
    assert_slope(network("biases", BROKEN[name]), "squared")
    assert_slope(network("max", BROKEN[name]), "squared")


def test_each_entry():
    """Of a network with everything on its way: no entry can hide behind a direction."""
    net = network("stride, padding", ACTIVATIONS["leaky"])
    made = machine(net, "softmax", 11, Workers(1))
    at = weights(net)
    made.evaluate()
    slopes = [part.copy() for part in gradient(made)]
    scale = np.sqrt(sum(np.vdot(part, part) for part in slopes))
    for k, part in enumerate(at):
        for i in np.ndindex(part.shape):
            values = []
            for h in (STEP, -STEP):
                moved = [each.copy() for each in at]
                moved[k][i] += h
                made.start(moved)
                values.append(made.evaluate().loss)
            difference = (values[0] - values[1]) / (2 * STEP)
            assert abs(difference - slopes[k][i]) <= CLOSE * scale


def adjoints(layer, shape, count, seed=0):
    """⟨z, δ⟩, ⟨x, dx⟩ and, of a layer with weights, ⟨W, dW⟩, with the size of their terms."""
    rng = np.random.default_rng(seed)
    stage = Stage(layer, shape, layer.shape(shape))
    each = kernel(stage, count, np.dtype(float))
    x = rng.standard_normal((*shape, count))
    parts = (rng.standard_normal(layer.weights(shape)),) if stage.is_weighted else ()
    grads, into = tuple(np.empty_like(part) for part in parts), np.empty_like(x)
    each.forward(x, parts)
    delta = rng.standard_normal(each.out.shape)
    found, size = [np.vdot(each.out, delta)], np.linalg.norm(each.out) * np.linalg.norm(delta)
    each.backward(delta, x, parts, grads, into)
    found.append(np.vdot(x, into))
    found += [np.vdot(W, g) for W, g in zip(parts, grads, strict=True)]
    return found, size


def assert_adjoint(layer, shape, count, seed):
    """Linear in x and in W, or, for the largest of a window, linear where it is taken."""
    found, size = adjoints(layer, shape, count, seed)
    assert np.ptp(found) <= 1e-14 * size  # ⟨z, δ⟩ is a sum of products, each rounded to 1e-16


two = st.tuples(st.integers(1, 4), st.integers(1, 4))
grids = st.tuples(st.integers(1, 3), st.integers(4, 9), st.integers(4, 9))
counts, seeds = st.integers(1, 9), st.integers(0, 99)


@given(shape=grids, kernel=two, stride=two, padding=two, count=counts, seed=seeds)
def test_of_a_convolution(shape, kernel, stride, padding, count, seed):
    zeros = (padding[0] - 1, padding[1] - 1)
    assert_adjoint(Conv(3, kernel, stride, zeros), shape, count, seed)


@given(shape=grids, kind=st.sampled_from(["max", "avg"]), size=two, count=counts, seed=seeds)
def test_of_a_pooling(shape, kind, size, count, seed):
    assert_adjoint(Pool(kind, size), shape, count, seed)


@given(given=st.integers(1, 20), units=st.integers(1, 20), count=counts, seed=seeds)
def test_of_a_dense_layer(given, units, count, seed):
    assert_adjoint(Dense(units), (given,), count, seed)


@given(shape=grids, count=counts, seed=seeds)
def test_of_a_flattened_grid(shape, count, seed):
    assert_adjoint(Flatten(), shape, count, seed)


@given(length=st.integers(3, 12), size=st.integers(1, 3), stride=st.integers(1, 4), seed=seeds)
def test_of_a_convolution_along_a_line(length, size, stride, seed):
    """A conv1d of C×L is one of C×1×L; beside it, the sum as it is written."""
    layer = Conv(2, (1, size), (1, stride))
    assert_adjoint(layer, (3, 1, length), 4, seed)
    rng = np.random.default_rng(seed)
    V, x = rng.standard_normal((2, 3, 1, size)), rng.standard_normal((3, 1, length, 4))
    stage = Stage(layer, (3, 1, length), layer.shape((3, 1, length)))
    each = kernel(stage, 4, np.dtype(float))
    each.forward(x, (V,))
    for t in range(stage.made[2]):
        seen = x[:, 0, t * stride : t * stride + size]
        z = np.einsum("kcj,cjb->kb", V[:, :, 0], seen)
        np.testing.assert_allclose(each.out[:, 0, t], z, rtol=0, atol=1e-14 * np.abs(z).max())
