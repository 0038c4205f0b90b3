"""Tensors into layers: by their names, their shapes and the lengths of their biases."""

from __future__ import annotations

import random

import numpy as np
import pytest
from branched_networks import BRANCHED
from hypothesis import given
from hypothesis import strategies as st
from of_torch import nn, state_dict
from plain_networks import PLAIN

from mfact.errors import DataError
from mfact.pairing.layers import layers_of
from mfact.pairing.layouts import Unsaid, unsaid
from mfact.pairing.leftovers import by_reason
from mfact.pairing.named import Name
from mfact.pairing.pairing import paired
from mfact.pairing.places import places_of
from mfact.pairing.row import in_a_row

NAMES = {
    "features.0.weight": (("features", "0"), "weight"),
    "module.features.0.bias": (("features", "0"), "bias"),
    "_orig_mod.module.fc.weight": (("fc",), "weight"),
    "layer1._orig_mod.conv1.weight": (("layer1", "conv1"), "weight"),
    "params/Dense_0/kernel": (("Dense_0",), "kernel"),
    "batch_stats/BatchNorm_0/mean": (("BatchNorm_0",), "mean"),
    "dense_1/kernel:0": (("dense_1",), "kernel"),
    "fc1_weight": (("fc1",), "weight"),
    "W1": (("1",), "W"),
    "b_12": (("12",), "b"),
    "W/3": (("3",), "W"),
    "weights.0": (("0",), "weights"),
    "net/w": (("net",), "w"),
    "lstm.weight_ih_l0": (("lstm",), "weight_ih_l0"),
    "attn.in_proj_weight": (("attn", "in_proj"), "weight"),
    "fc.parametrizations.weight.original0": (("fc",), "parametrizations.weight.original0"),
    "fc.weight_v": (("fc",), "weight_v"),
    "lstm/recurrent_kernel": (("lstm",), "recurrent_kernel"),
    "cls_token": ((), "cls_token"),
    "weight": ((), "weight"),
    "module": ((), "module"),
    "..": ((), ".."),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_taken_apart(name):
    assert Name.of(name)[:2] == NAMES[name]


@given(st.text(max_size=12))
def test_any_name_can_be_taken_apart(name):
    assert isinstance(Name.of(name), Name)


def layers(**shapes):
    """The layers of a file of such tensors; "int8 3 4" for another kind than float32."""
    tensors = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    return {layer.label: layer for layer in layers_of(state_dict(tensors))}


def axes(weight, name="a", bias=None):
    (layer,) = layers(**{name: weight}, **({} if bias is None else {
        name.replace("weight", "bias").replace("kernel", "bias"): bias})).values()  # fmt: skip
    return layer.kind, layer.axes and layer.axes.letters, layer.why


@pytest.mark.parametrize(
    ("name", "weight", "bias", "kind", "letters"),
    [
        ("a.weight", (5, 3), None, "dense", "oi"),
        ("a.weight", (5, 3), (5,), "dense", "oi"),
        ("c_fc.weight", (3, 5), (5,), "dense", "io"),
        ("a.kernel", (3, 5), (5,), "dense", "io"),
        ("a/kernel", (3, 5), None, "dense", "io"),
        ("a.weight", (5, 3, 2), (5,), "convolution", "oik"),
        ("a.weight", (5, 3, 2, 2, 2), None, "convolution", "oik"),
        ("a.kernel", (2, 2, 3, 5), (5,), "convolution", "kio"),
        ("depthwise_conv2d.kernel", (2, 2, 3, 4), (12,), "convolution", "kgo"),
        ("a.kernel", (2, 2, 3, 4), (12,), "convolution", "kgo"),
        ("depthwise.kernel", (2, 2, 1, 4), (4,), "convolution", "kio"),
        ("deconv.weight", (3, 5, 2, 2), None, "transposed convolution", "iok"),
        ("upconv3.weight", (4, 5, 2, 2), (10,), "transposed convolution", "giok"),
        ("a.weight", (3, 5, 2, 2), (5,), "transposed convolution", "iok"),
        ("conv2d_transpose.kernel", (2, 2, 5, 3), (5,), "transposed convolution", "koi"),
        ("ConvTranspose_0.kernel", (2, 2, 3, 5), (5,), "transposed convolution", "kio"),
        ("a.weight", (5,), (5,), "normalization", "o"),
        ("norm.weight", (5,), None, "normalization", "o"),
        ("a.weight", (3, 4, 4), (3, 4, 4), "normalization", None),
    ],
)
def test_the_shape_of_a_layer_says_its_kind_and_how_it_lies(name, weight, bias, kind, letters):
    assert axes(weight, name, bias) == (kind, letters, "")


@pytest.mark.parametrize(
    ("name", "weight", "bias", "reason"),
    [
        ("a.weight", (5, 3), (4,), "a bias of 4 does not fit 5×3"),
        ("up.weight", (4, 4, 2, 2), (4,), "a convolution or a transposed one"),
        ("up.weight", (8, 4, 2, 2), None, "a convolution or a transposed one"),
        ("conv2d_transpose.kernel", (2, 2, 5, 5), (5,), "units×inputs or inputs×units"),
        ("a.weight", (2, 2, 2, 2, 2, 2), None, "of shape 2×2×2×2×2×2"),
        ("a.weight", (0, 3), None, "of shape 0×3"),
        ("a.weight", (), None, "no layer that is known"),
        ("a.weight", (5,), None, "no layer that is known"),
        ("a.weight", (5,), (3,), "no layer that is known"),
        ("self_attn.q_proj.weight", (4, 4), (4,), "attention"),
        ("attn.c_attn.weight", (4, 12), (12,), "attention"),
        ("MultiHeadDotProductAttention_0.out.kernel", (4, 2, 8), (8,), "attention"),
        ("lstm.weight_ih_l0", (16, 4), None, "a recurrent cell"),
        ("gru_cell.kernel", (4, 16), (16,), "a recurrent cell"),
        ("wte.weight", (50, 4), None, "an embedding"),
        ("Embed_0.embedding", (50, 4), None, "an embedding"),
        ("pos_embed", (1, 50, 4), None, "an embedding"),
        ("cls_token", (1, 1, 4), None, "an embedding"),
        ("mlp.gate_proj.weight", (8, 4), None, "a gate"),
        ("downsample.0.weight", (8, 4, 1, 1), None, "on a skip"),
        ("fc_tanh.weight", (8, 4), None, "by its name beside tanh"),
        ("gelu_mlp.fc.weight", (8, 4), None, "by its name beside gelu"),
        ("fc.weight_v", (8, 4), None, "its weight is made of others"),
        ("fc.parametrizations.weight.original1", (8, 4), None, "its weight is made of others"),
        ("mixer.dt_proj.weight", (8, 4), None, "a state space layer"),
        ("exp_avg.fc.weight", (8, 4), None, "the state of an optimizer"),
        ("bn.running_mean", (8,), None, ""),
        ("logit_scale", (), None, "no layer that is known"),
        ("inv_freq", (4,), None, "buffers"),
    ],
)
def test_what_takes_no_part_says_why(name, weight, bias, reason):
    said = axes(weight, name, bias)[2]
    assert said.startswith(reason)
    assert said or reason == ""


def test_numbers_that_gradient_descent_does_not_move_are_no_weights():
    held = {"fc.weight": np.zeros((3, 4), np.int8), "bn.num_batches_tracked": np.zeros((), int),
            "gain.weight": np.zeros(1, np.float32)}  # fmt: skip
    found = {layer.label: layer.why for layer in layers_of(state_dict(held))}
    assert found["fc"] == "of kind int8, which gradient descent does not move"
    assert found["bn"].startswith("buffers")
    assert found["gain"].startswith("slopes of an activation")


def test_a_layer_that_holds_more_than_is_known_is_left_out():
    found = layers(**{"fc.weight": (3, 4), "fc.bias": (3,), "fc.temperature": (3,)})
    assert found["fc"].why == "it holds temperature besides, which is not known"


def test_weights_that_do_not_say_how_they_lie_are_told_by_biases_or_by_sizes_that_meet():
    U = Unsaid
    assert unsaid([U((6, 8), 8), U((8, 8), 8), U((8, 8), None)]) == "keras"
    assert unsaid([U((8, 6), 8), U((8, 8), None)]) == "torch"
    assert unsaid([U((6, 8), None), U((8, 3), None)]) == "keras"
    assert unsaid([U((8, 6), None), U((3, 8), None)]) == "torch"
    assert unsaid([U((8, 8), None), U((8, 8), 8)]) == ""
    assert unsaid([U((8, 6), 8), U((6, 8), 8)]) == ""


def test_numbers_that_two_layers_share_take_no_part():
    square = {name: nn.Linear(6, 6) for name in ("fc1", "fc2", "fc3")}
    net = nn.ModuleDict({"embed": nn.Embedding(9, 6), **square, "out": nn.Linear(6, 9)})
    net["out"].weight = net["embed"].weight
    net["fc3"].weight = net["fc2"].weight
    file = state_dict(net)
    found = {layer.label: layer.why for layer in layers_of(file)}
    assert found["embed"] == "tied: its numbers are those of out.weight"
    assert found["out"] == "tied: its numbers are those of embed.weight"
    assert found["fc2"] == "tied: its numbers are those of fc3.weight"
    with pytest.raises(DataError):
        paired(file)


@pytest.mark.parametrize("name", {**PLAIN, **BRANCHED})
@pytest.mark.parametrize("order", [None, random.Random(0)])
def test_every_tensor_is_in_a_joint_or_left_out(name, order):
    file = state_dict({**PLAIN, **BRANCHED}[name][0](), order=order)
    found = layers_of(file)
    row = in_a_row(found, told=file.in_order)
    now = {layer.path: layer for layer in row.layers}
    found = [now.get(layer.path, layer) for layer in found]
    places = places_of(row, found)
    groups = by_reason(found, places, row.loose)
    left = [name for group in groups.values() for held in group.values() for name in held]
    joined = [slot.tensor for place in places if place.joint is not None
              for slot in place.joint.slots]  # fmt: skip
    assert len(left) == len(set(left))
    assert {*left} | {*joined} == {*file.named}
    assert not {*left} & {*joined}
