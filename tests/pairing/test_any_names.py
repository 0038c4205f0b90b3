"""Random files: whatever is joined has its law, and any names, shapes and kinds are one line."""

from __future__ import annotations

import random
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from of_torch import defects, slopes, state_dict
from random_networks import network
from with_torch import torch

from mfact.chains.joints import Chain
from mfact.errors import DataError, MfactError
from mfact.pairing.given import chained
from mfact.pairing.pairing import paired
from mfact.tensors.state_dict import StateDict, Tensor

FEW, MANY = 150, 2000

PARTS = st.sampled_from([
    "conv1", "conv2", "fc", "fc1", "0", "1", "2", "10", "bn1", "norm", "layer1", "blocks", "attn",
    "module", "_orig_mod", "W", "W1", "b1", "weights", "w1", "w2", "w3", "up", "deconv", "embed",
    "lora_A", "lora_B", "gate", "shortcut", "actor", "critic", "lstm", "q", "k", "res", "é", "\x1b",
    "conv2_block1_0_conv", "", "a b", "params", "running_mean", "dense_1", "base_layer",
])  # fmt: skip
ROLES = st.sampled_from([
    "weight", "bias", "kernel", "scale", "gamma", "beta", "running_mean", "running_var", "W", "b",
    "num_batches_tracked", "weight_g", "weight_ih_l0", "embedding", "mask", "step", "0",
])  # fmt: skip
NAMES = st.builds(lambda path, mark, role: mark.join([*path, role]),
                  st.lists(PARTS, max_size=3), st.sampled_from("./_"), ROLES)  # fmt: skip
SHAPES = st.lists(st.sampled_from([0, 1, 2, 2, 3, 3, 4, 4, 8]), max_size=6).map(tuple)
KINDS = st.sampled_from(["float32", "float32", "float64", "bfloat16", "int64", "bool"])


@st.composite
def files(draw):
    names = draw(st.lists(NAMES | st.text(max_size=6), max_size=14, unique=True))
    storages = st.sampled_from(["", "", "", "a", "b"])
    tensors = [
        Tensor(name, shape := draw(SHAPES), draw(KINDS), lambda shape=shape: np.zeros(shape),
               draw(storages)) for name in names
    ]  # fmt: skip
    return StateDict(None, "any.pt", "torch", tuple(tensors), draw(st.booleans()), dict)


@pytest.mark.parametrize(
    "seeds",
    [range(FEW), pytest.param(range(FEW, MANY), marks=pytest.mark.slow)],
    ids=["few", "many"],
)
def test_of_random_networks_nothing_is_joined_where_no_law_stands(seeds):
    joined, wrong = 0, []
    for seed in seeds:
        torch.manual_seed(seed)
        net, inputs = network(random.Random(seed))
        found = slopes(net, inputs)
        for order in (None, random.Random(seed)):
            with suppress(DataError):
                for joint in paired(state_dict(net, order=order)).joints:
                    told = defects(Chain((joint,), (), ""), found)
                    joined += 1
                    wrong += [(seed, name) for name, each in told.items() if each > 1e-10]
    assert joined > len(seeds)
    assert wrong == []


def require_sound(chain, file):
    """Its slots are of the tensors' sizes, and no tensor has two laws on one side."""
    sides = [[], []]
    for joint in chain.joints:
        for slot in joint.slots:
            assert np.prod(slot.shape) == np.prod(file.named[slot.tensor].shape)
            assert slot.units == joint.units
        sides[0] += [slot.tensor for slot in (*joint.fed, *([joint.bias] if joint.bias else []))]
        sides[1] += [slot.tensor for slot in joint.drawn]
    assert all(len(side) == len(set(side)) for side in sides)
    assert {*chain.tensors} <= {*file.named}


@given(files())
def test_any_file_is_paired_or_refused_in_one_line(file):
    said = ""
    try:
        chain = paired(file)
        said = "".join(f"{left.what}{left.why}" for left in chain.left_out)
    except MfactError as error:
        _, _, text = error.way_out.partition("--chain ")
        said = str(error)
        chain = chained(file, [text] if text else [])
    assert said.isprintable()
    require_sound(chain, file)


@given(files(), st.data())
def test_any_names_are_joined_or_refused_in_one_line(file, data):
    known = st.sampled_from([tensor.name for tensor in file.tensors] or ["a"])
    pairs = st.lists(known | st.text(max_size=3), max_size=3).map(",".join)
    names = data.draw(st.lists(pairs, max_size=3))
    with suppress(MfactError):
        require_sound(chained(file, names), file)
