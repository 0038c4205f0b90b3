"""Chains that are named: their laws, and what is refused."""

from __future__ import annotations

import pytest
from branched_networks import BRANCHED
from of_torch import nn, pairs, relu, slopes, state_dict, worst
from plain_networks import PLAIN, L, named
from with_torch import torch

from mfact.errors import SettingsError
from mfact.pairing.given import chained

CLOSE = 1e-12


def made(build, shape):
    torch.manual_seed(7)
    return build().double(), torch.randn(shape, dtype=torch.float64)


def known(name):
    build, shape, _ = {**PLAIN, **BRANCHED}[name]
    return made(build, shape)


@pytest.mark.parametrize(
    ("name", "chains", "expected"),
    [
        ("mlp", ["0.weight,2.weight,4.weight"], ["0 > 2", "2 > 4"]),
        ("mlp", ["2,4"], ["2 > 4"]),
        ("mlp", [" 0 , 2.weight ", "2,4"], ["0 > 2", "2 > 4"]),
        ("vgg", ["features.3,classifier.0"], ["features.3 > classifier.0"]),
        ("normalized", ["1,3", "4.weight,7.weight"], ["1 > 3", "4 > 7"]),
        ("two heads", ["trunk.2,action", "trunk.2,score"], ["trunk.2 > action and score"]),
        ("vae", ["fc1,fc21", "fc1,fc22"], ["fc1 > fc21 and fc22"]),
        ("u-net", ["dec,out", "mid,up"], ["dec > out", "mid > up"]),
        ("gated", ["layers.0.up_proj,layers.0.down_proj"],
         ["layers.0.up_proj > layers.0.down_proj"]),
        ("gated, numbered", ["layers.1.w3,layers.1.w2"], ["layers.1.w3 > layers.1.w2"]),
        ("lists", ["bns.0,convs.1.weight", "bns.1,out"], ["bns.0 > convs.1", "bns.1 > out"]),
        ("recurrent", ["fc1,fc2"], ["fc1 > fc2"]),
        ("side by side", [], []),
    ],
)  # fmt: skip
def test_what_is_named_is_joined_and_its_law_stands(name, chains, expected):
    net, inputs = known(name)
    file = state_dict(net)
    chain = chained(file, chains)
    assert pairs(chain) == expected
    assert chain.order == "as --chain names them"
    assert [left.why for left in chain.left_out] == ["not named by --chain"]
    assert worst(chain, slopes(net, inputs)) < CLOSE


def test_layers_whose_outputs_are_added_are_one_joint_with_what_draws_from_their_sum():
    net, inputs = made(
        lambda: named(lambda net, x: net.out(relu(net.a(x) + net.b(x.abs()))),
                      a=L(6, 5), b=L(6, 5), out=L(5, 3)), (9, 6),
    )  # fmt: skip
    chain = chained(state_dict(net), ["a,out", "b,out"])
    assert pairs(chain) == ["a and b > out"]
    (joint,) = chain.joints
    assert {slot.tensor for slot in joint.slots} == {"a.weight", "a.bias", "b.weight", "b.bias",
                                                     "out.weight"}  # fmt: skip
    assert worst(chain, slopes(net, inputs)) < CLOSE


def test_attention_has_a_law_of_values_against_outputs_for_whoever_names_them():
    def head():
        def way(net, x):
            q, k, v = net.q_proj(x), net.k_proj(x), net.v_proj(x)
            return net.o_proj((q @ k.mT).softmax(-1) @ v)

        return named(way, q_proj=L(6, 4), k_proj=L(6, 4), v_proj=L(6, 4, bias=False),
                     o_proj=L(4, 6))  # fmt: skip

    net, inputs = made(head, (3, 5, 6))
    chain = chained(state_dict(net), ["v_proj,o_proj"])
    assert worst(chain, slopes(net, inputs)) < CLOSE


@pytest.mark.parametrize("rename", ["module.{}".format, "_orig_mod.{}".format])
def test_names_are_taken_with_and_without_what_stands_around_the_network(rename):
    file = state_dict(PLAIN["mlp"][0](), rename=rename)
    for text in ("0,2", rename("0.weight,") + rename("2.weight"), rename("0,") + rename("2")):
        assert pairs(chained(file, [text])) == ["0 > 2"]


NORMALIZED = {"fc1.weight": (4, 3), "norm.weight": (4,), "norm.bias": (4,), "fc2.weight": (2, 4),
              "odd": (3, 2), "a\x1b[2J.weight": (3, 3), "norm.running_mean": (4,)}  # fmt: skip

REFUSED = [
    ("mlp", "0", "'0' does not name two layers: write two names, as --chain fc1,fc2"),
    ("mlp", "0,", "'0,' does not name two layers"),
    ("mlp", "0,2,0", "names '0' twice: name each layer once"),
    ("mlp", "0,fc9", r"names 'fc9', which net\.pt does not hold: name its layers: 0, 2, 4$"),
    ("many", "0,1", "name its layers: 0, 2, 4, 6, 8 and 8 more"),
    ("mlp", "0.bias,2", "names '0.bias', which has no units and inputs: name the weights"),
    ("mlp", "0,4", "names '0' and '4', of which the sizes do not meet: 8 units against 5 inputs"),
    ("mlp", "2,0", "5 units against 6 inputs: name two layers"),
    (NORMALIZED, "fc1,norm", "no law of single units stands across a normalization: begin a chain"
     " with it: norm and the layer behind it"),
    (NORMALIZED, "norm.running_mean,fc2", "'norm.running_mean', which has no units"),
    (NORMALIZED, "fc1,x\x1b[2J", r"names 'x\\x1b\[2J', which net.pt does not hold"),
    ({}, "a,b", "give a file with weights"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "message"), REFUSED)
def test_what_cannot_be_joined_is_refused(name, text, message):
    held = PLAIN[name][0]() if isinstance(name, str) else {
        each: torch.zeros(shape) for each, shape in name.items()}  # fmt: skip
    with pytest.raises(SettingsError, match=message) as told:
        chained(state_dict(held), [text])
    assert str(told.value).isprintable()


def test_a_tensor_of_a_name_that_says_nothing_is_read_as_units_times_inputs():
    file = state_dict({"theta_a": torch.zeros(3, 2), "theta_c": torch.zeros(4, 3, 2, 2)})
    assert chained(file, ["theta_a,theta_c"]).joints[0].drawn[0].shape == (4, 3, 4)


def test_tied_numbers_are_refused():
    net = nn.ModuleDict({"embed": nn.Embedding(9, 6), "fc": L(6, 6), "out": L(6, 9)})
    net["out"].weight = net["embed"].weight
    with pytest.raises(SettingsError, match=r"'out', and embed\.weight is the same numbers"):
        chained(state_dict(net), ["fc,out"])
