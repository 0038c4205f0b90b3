"""Joints known from an architecture: those of its laws, of a file too, and what is refused."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from of_torch import pairs, state_dict, worst
from random_architectures import architectures
from with_torch import torch

from mfact.errors import DataError, SettingsError
from mfact.networks.activations import BROKEN, Relu
from mfact.networks.architecture import Architecture
from mfact.networks.laws import Laws
from mfact.networks.layers import Conv, Dense, Flatten
from mfact.networks.spec import parse
from mfact.pairing.laid_out import chain_of, factor_chain, laid_out
from mfact.pairing.pairing import paired

CLOSE = 1e-12


def weights(net, seed):
    """Those of each part, zero where a mask is."""
    rng = np.random.default_rng(seed)
    held = []
    for part in net.parts:
        mask = getattr(part.stage.layer, "mask", None)
        v = rng.standard_normal(part.shape)
        held.append(v if mask is None or part.name.startswith("b") else v * mask)
    return held


def without_shares(net):
    return all(getattr(stage.layer, "share", None) is None for stage in net.weighted)


@given(net=architectures(arrays=True).filter(without_shares), seed=st.integers(0, 99))
def test_the_joints_of_an_architecture_are_those_of_its_laws(net, seed):
    v, g = weights(net, seed), weights(net, seed + 1)
    names = {part.name: f"run:/{part.name}" for part in net.parts}
    chain = chain_of(net, names)
    held = dict(zip(names.values(), zip(v, g, strict=True), strict=True))
    for joint, (fed, drawn), law in zip(
        chain.joints, Laws.of(net).sides(v, g), Laws.of(net).each, strict=True
    ):
        mine = sum(slot.sums(*held[slot.tensor]) for slot in joint.slots if slot not in joint.drawn)
        theirs = sum(slot.sums(*held[slot.tensor]) for slot in joint.drawn)
        scale = sum(slot.sums(*map(np.abs, held[slot.tensor])).max() for slot in joint.slots)
        np.testing.assert_allclose(mine, fed, rtol=0, atol=1e-13 * scale)
        np.testing.assert_allclose(theirs, drawn, rtol=0, atol=1e-13 * scale)
        assert (joint.degree, joint.units) == (law.degree, law.units)


def file_names(net):
    """What torch calls the parts in a Sequential."""
    kinds = {"W": "weight", "b": "bias"}
    return {part.name: f"{part.name[2:]}.{kinds[part.name[0]]}" for part in net.parts}


def as_file(net, values, *, last=False, order=None):
    """A state dict of an architecture, as torch saves it, or with channels last."""
    held = {}
    for name, v in zip(file_names(net).values(), values, strict=True):
        if last:
            name = name.replace("weight", "kernel")
            v = np.moveaxis(v, (0, 1), (-1, -2)) if v.ndim > 1 else v
        held[name] = torch.tensor(v.copy())
    return state_dict(held, order=order)


@given(net=architectures(arrays=True).filter(without_shares), seed=st.integers(0, 99))
def test_weights_of_a_file_are_laid_out_as_an_architecture_says(net, seed):
    v = weights(net, seed)
    laid, direct = laid_out(as_file(net, v), net), chain_of(net, file_names(net))
    assert [joint.slots for joint in laid.joints] == [joint.slots for joint in direct.joints]
    assert [joint.degree for joint in laid.joints] == [joint.degree for joint in direct.joints]
    assert laid.order == "in the order of the file, as --layers says"
    sizes = [joint.units for joint in laid_out(as_file(net, v, last=True), net).joints]
    assert sizes == [joint.units for joint in direct.joints]


@given(net=architectures(), seed=st.integers(0, 99))
def test_names_and_sizes_tell_of_a_plain_network_what_its_architecture_does(net, seed):
    """But for degrees, which no file tells; in any order of its tensors."""
    plain = chain_of(net, file_names(net))
    for order in (None, random.Random(seed)):
        found = paired(as_file(net, weights(net, seed), order=order))
        assert [joint.slots for joint in found.joints] == [joint.slots for joint in plain.joints]
        assert [joint.note for joint in found.joints] == [joint.note for joint in plain.joints]


def test_a_flattened_grid_with_channels_last_is_cut_as_it_lies():
    net = parse("2x5x5-c3k2-flat-4")
    (joint,) = laid_out(as_file(net, weights(net, 0), last=True), net).joints
    assert joint.drawn[0].shape == (16, 3, 4)
    assert joint.note == "16 columns a channel"


MLP = {"0.weight": (8, 6), "0.bias": (8,), "2.weight": (3, 8)}
CONV = {"a.weight": (3, 2, 2, 2), "b.weight": (4, 48)}


@pytest.mark.parametrize(
    ("held", "spec", "message"),
    [
        (MLP, "6:8r-8r-3", "net.pt holds 2 layers with weights, 0, 2, and --layers says 3"),
        (MLP, "6:7rb-3", "layer 1 of --layers has weights of 7×6, and 0 of 8×6: say what 0 is"),
        (MLP, "6:8r-3", "layer 1 of --layers has no bias, and 0 has one: add b to it, as 100rb"),
        (MLP, "6:8rb-3b", "layer 2 of --layers has a bias, and 2 none: leave its b out"),
        (CONV, "2x5x5-c3k3-flat-4", "layer 1 of --layers has weights of 3×2×3×3, and a of 3×2×2×2"),
        ({"a.kernel": (6, 8), "b.kernel": (8, 3)}, "6:7-3", "7×6, and a of 6×8, inputs×units"),
        ({**MLP, "bn.weight": (8,), "bn.bias": (8,)}, "6:8rb-3",
         r"holds bn \(normalization\), which --layers cannot say: leave --layers out"),
        ({**MLP, "attn.qkv.weight": (9, 3)}, "6:8rb-3", r"attn.qkv \(attention, of which no law"),
        ({"W1": (5, 5), "W2": (5, 5)}, "5:5r-5", "W1 may be units×inputs or inputs×units"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_what_layers_says_is_refused(held, spec, message):
    file = state_dict({name: torch.zeros(shape) for name, shape in held.items()})
    with pytest.raises(SettingsError, match=message):
        laid_out(file, parse(spec))


def test_a_weight_that_does_not_say_how_it_lies_is_read_as_layers_says():
    held = {"W1": torch.zeros(5, 4), "W2": torch.zeros(4, 5)}
    assert laid_out(state_dict(held), parse("4:5r-4")).joints[0].units == 5
    assert laid_out(state_dict(held), parse("5:4r-5")).joints[0].units == 4


def test_numbers_outside_a_mask_are_refused():
    mask = np.array([[1, 0, 1], [1, 1, 0]])
    net = Architecture.of([Dense(2, Relu(), mask=mask), Dense(2)], (3,))
    held = {"a.weight": torch.tensor(mask * 2.0), "b.weight": torch.ones(2, 2)}
    assert len(laid_out(state_dict(held), net).joints) == 1
    held["a.weight"][0, 1] = 1e-30
    with pytest.raises(
        DataError, match=r"a\.weight is not 0 where the mask of layer 1 of --layers is, at 1 of 2"
    ):
        laid_out(state_dict(held), net)


def test_shared_weights_and_activations_that_do_not_scale_are_refused_by_name():
    share = np.array([[1, 2, 0], [2, 1, 3]])
    net = Architecture.of([Dense(2, Relu(), share=share), Dense(2)], (3,))
    with pytest.raises(SettingsError, match="layer 1 has shared weights"):
        chain_of(net, {part.name: part.name for part in net.parts})
    with pytest.raises(SettingsError, match="layer 1 has shared weights"):
        laid_out(state_dict({}), net)
    for layers in ([Dense(4, BROKEN["tanh"]), Dense(3, Relu()), Dense(2)],
                   [Conv(2, (2, 2), activation=BROKEN["tanh"]), Flatten(), Dense(3, Relu()),
                    Dense(2)]):  # fmt: skip
        net = Architecture.of(layers, (1, 3, 3) if len(layers) > 3 else (5,))
        chain = chain_of(net, {part.name: part.name for part in net.parts})
        assert pairs(chain) == ["W/2 > W/3"]
        assert chain.left_out[0].why == "tanh between them does not scale"
    net = Architecture.of([Dense(4, BROKEN["gelu"]), Dense(2)], (5,))
    with pytest.raises(SettingsError, match="no law stands in this network: gelu between them"):
        chain_of(net, {part.name: part.name for part in net.parts})


def test_the_factors_of_a_matrix_are_two_layers():
    rng = np.random.default_rng(0)
    U, V, M = rng.standard_normal((5, 3)), rng.standard_normal((4, 3)), np.ones((5, 4))
    (joint,) = factor_chain(U.shape, V.shape).joints
    R = U @ V.T - M
    held = {"U": (U, R @ V), "V": (V, R.T @ U)}
    assert worst(factor_chain(U.shape, V.shape), held) < CLOSE
    assert joint.units == 3
