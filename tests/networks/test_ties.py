"""How many laws there are, against the null space over single units; and laws that mix layers."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_architectures import shared_networks
from small_networks import points, weights
from torch_networks import evaluated

from mfact.host.threads import Workers
from mfact.methods.torch_form import TorchForm
from mfact.networks import ties
from mfact.networks.activations import Relu, Square
from mfact.networks.architecture import Architecture
from mfact.networks.batches import Batches
from mfact.networks.engine import NetworkEngine
from mfact.networks.laws import Laws
from mfact.networks.layers import Conv, Dense, Flatten, Pool
from mfact.networks.losses import LOSSES
from mfact.networks.machine import Machine
from mfact.networks.measure import Measure


def used(layer, places):
    """Of a layer with weights: its outputs' shape, and (parameter, output, input) of each use; −1
    as input of a bias. places: numbers of the inputs, in their shape.
    """
    if isinstance(layer, Dense):
        g = layer.share
        if g is None:
            g = 1 + np.arange(layer.units * len(places)).reshape(layer.units, -1)
        found = [(g[i, j], i, places[j]) for i, j in np.ndindex(g.shape) if g[i, j]]
        return (layer.units,), found, np.arange(layer.units)
    (kh, kw), (sh, sw), (ph, pw) = layer.kernel, layer.stride, layer.padding
    shape = layer.shape(places.shape)
    units, found = np.arange(np.prod(shape)).reshape(shape), []
    for k, y, x in np.ndindex(shape):
        for c, i, j in product(range(len(places)), range(kh), range(kw)):
            row, column = y * sh + i - ph, x * sw + j - pw
            if 0 <= row < places.shape[1] and 0 <= column < places.shape[2]:
                found.append(((k, c, i, j), units[k, y, x], places[c, row, column]))
    return shape, found, units[:, 0, 0].repeat(np.prod(shape[1:]))


def nullity(net):
    """Of "all uses of a parameter have one factor, all units of a window one scale"."""
    rows, count, degree = [], 0, 1
    places = np.full(net.given, -1)
    last = net.weighted[-1]

    def factor(out, place):
        row = {}
        if out is not None:
            row[out] = 1
        if place >= 0:
            row[place] = row.get(place, 0) - degree
        return row

    for stage in net.stages:
        layer = stage.layer
        if isinstance(layer, Flatten):
            places = places.ravel()
        elif isinstance(layer, Pool):
            kh, kw = layer.size
            C, H, W = stage.made
            made = np.empty(stage.made, int)
            for c, y, x in np.ndindex(C, H, W):
                window = places[c, y * kh : (y + 1) * kh, x * kw : (x + 1) * kw].ravel()
                rows += [({window[0]: 1}, {place: 1}) for place in window[1:]]
                made[c, y, x] = window[0]
            places = made
        else:
            shape, found, of_bias = used(layer, places)
            inner = stage is not last
            by = {}
            for parameter, out, place in found:
                by.setdefault(parameter, []).append(factor(count + out if inner else None, place))
            if layer.bias and inner:
                for unit, parameter in enumerate(of_bias):
                    by.setdefault(("b", parameter), []).append({count + unit: 1})
            rows += [(first, other) for first, *others in by.values() for other in others]
            if not inner:
                break
            degree = layer.activation.degree
            places = count + np.arange(np.prod(shape)).reshape(shape)
            count += int(np.prod(shape))
    A = np.zeros((len(rows) + 1, count), int)
    for i, (first, other) in enumerate(rows):
        for row, sign in ((first, 1), (other, -1)):
            for unit, value in row.items():
                A[i, unit] += sign * value
    return count - np.linalg.matrix_rank(A)


@given(net=shared_networks(most=12, activations=st.sampled_from([Relu(), Square()])))
def test_every_law_of_random_shared_weights_is_found(net):
    assert Laws.of(net).count == nullity(net)


GRIDS = {
    "conv": ((2, 5, 4), [Conv(3, (3, 2), activation=Relu(), bias=True), Flatten(), Dense(2)], 3),
    "strides": (
        (1, 6, 5),
        [Conv(2, (2, 2), (2, 1), (1, 1), Relu()), Conv(3, (2, 1), (1, 2), activation=Square()),
         Flatten(), Dense(2)],
        5,
    ),
    "pools": (
        (1, 7, 6),
        [Conv(2, (2, 2), activation=Relu()), Pool("max", (2, 2)),
         Conv(2, (2, 1), activation=Relu()), Pool("avg", (1, 2)), Flatten(), Dense(3, Relu()),
         Dense(2)],
        7,
    ),
    "shared after flat": (
        (1, 4, 3),
        [Conv(3, (2, 2), activation=Relu()), Flatten(),
         Dense(3, Relu(), share=1 + np.arange(54).reshape(3, 18) // 4), Dense(2)],
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", GRIDS)
def test_every_law_on_grids_is_found(kind):
    shape, layers, count = GRIDS[kind]
    net = Architecture.of(layers, shape)
    assert Laws.of(net).count == nullity(net)
    assert count in (None, nullity(net))


def scaled_identity(activation=None):
    """W_2 = v·I: its one weight ties all units of a layer, and none of them must scale alike."""
    activation = activation or Relu()
    return Architecture.of([Dense(4, activation), Dense(4, activation, share=np.eye(4, dtype=int)),
                            Dense(3)], (5,))  # fmt: skip


def test_a_weight_tied_across_units_of_unequal_scale():
    """‖W_1[i, :]‖² − ‖W_3[:, i]‖² is kept of each i: three of these four are no component's."""
    net = scaled_identity()
    laws = Laws.of(net)
    assert [law.units for law in laws.each] == [1, 1]
    assert laws.count == nullity(net) == 5
    v = weights(net)
    W1, _, W3 = v
    paths = (W1**2).sum(axis=1) - (W3**2).sum(axis=0)
    # What is left of them when their mean, the sum of the components, is taken away.
    truth, found = paths - paths.mean(), laws.form(v, v)[-1]
    s = laws.mixed.scales[0]
    np.testing.assert_allclose(found, s @ truth, rtol=0, atol=1e-14)
    X, Y = points(net, 30, "squared")
    g = evaluated(net, "squared", v, X, Y)[2]
    assert np.abs(laws.form(v, g)[-1]).max() < 1e-14
    assert np.abs(laws.form(g, g)[-1]).max() > 1e-8


@pytest.mark.parametrize("activation", [Relu(), Square()])
def test_a_law_that_mixes_layers_closes(activation):
    net = scaled_identity(activation)
    X, Y = points(net, 30, "squared")
    made = Machine(net, X, Y, LOSSES["squared"], Workers(1))
    method = TorchForm(0.9, True, 0.01)
    engine = NetworkEngine(Measure.of(made), method, Batches(30, 7), lambda steps: steps % 10 == 0)
    state = engine.start([0.5 * each for each in weights(net)])
    while state.step < 500:
        state = engine.advance(state, np.full(50, 0.01)).state
    made.load(state.point)
    drift = Laws.of(net).form(made.point, made.point)[-1] - state.ledger.start[-1]
    assert len(drift) == nullity(net) - 2
    assert np.abs(drift).max() > 1e-4
    # 500 steps of a few roundings of the squares of weights, about 5.
    np.testing.assert_allclose(drift, state.ledger.entries[-1], rtol=0, atol=1e-13)


def test_what_would_take_long_is_not_looked_for(monkeypatch):
    monkeypatch.setattr(ties, "MOST_FLOPS", 100)
    laws = Laws.of(scaled_identity())
    assert (laws.looked, laws.mixed, laws.count) == (False, None, 2)
    assert Laws.of(Architecture.of([Dense(4), Dense(3)], (5,))).looked


def test_constraints_taken_in_by_blocks_find_the_same(monkeypatch):
    rng = np.random.default_rng(4)
    layers = [Dense(6, Relu(), share=1 + rng.permutation(36).reshape(6, 6) // 2) for _ in range(3)]
    net = Architecture.of(layers, (6,))
    monkeypatch.setattr(ties, "BLOCK", 5)
    assert Laws.of(net).count == nullity(net)
