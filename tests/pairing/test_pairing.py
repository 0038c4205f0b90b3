"""Joints found by names and sizes: at each of them the law stands, by torch's autograd."""

from __future__ import annotations

import random
from contextlib import suppress
from time import perf_counter

import pytest
from branched_networks import BRANCHED
from of_torch import pairs, relu, slopes, state_dict, why, worst
from plain_networks import PLAIN, L, named
from with_torch import torch

from mfact.errors import DataError
from mfact.pairing.given import chained
from mfact.pairing.pairing import paired

CLOSE = 1e-12
"""Relative: sums of some thousand products, each rounded to 1e-16."""


def made(build, shape):
    """In float64, at weights that do not depend on the order of tests; and inputs."""
    torch.manual_seed(7)
    return build().double(), torch.randn(shape, dtype=torch.float64)


@pytest.mark.parametrize("name", PLAIN)
def test_each_layer_that_feeds_the_next_is_joined_with_it(name):
    build, shape, expected = PLAIN[name]
    net, inputs = made(build, shape)
    chain = paired(state_dict(net))
    assert pairs(chain) == expected
    assert chain.order == "in the order of the file"
    assert worst(chain, slopes(net, inputs)) < CLOSE


@pytest.mark.parametrize("name", PLAIN)
def test_names_tell_the_order_where_the_file_does_not(name):
    build, shape, expected = PLAIN[name]
    chain = paired(state_dict(made(build, shape)[0], order=random.Random(5)))
    assert pairs(chain) == expected
    assert chain.order == "by name, numbers as numbers"


@pytest.mark.parametrize("name", BRANCHED)
def test_nothing_is_joined_where_no_law_stands(name):
    """Nor is anything left out that a file in order tells."""
    build, shape, expected = BRANCHED[name]
    net, inputs = made(build, shape)
    if not expected:
        with pytest.raises(DataError):
            paired(state_dict(net))
        return
    chain = paired(state_dict(net))
    assert worst(chain, slopes(net, inputs)) < CLOSE
    assert pairs(chain) == expected


@pytest.mark.parametrize("name", {**PLAIN, **BRANCHED})
def test_nothing_is_joined_by_names_alone_where_no_law_stands(name):
    build, shape, _ = {**PLAIN, **BRANCHED}[name]
    net, inputs = made(build, shape)
    found = slopes(net, inputs)
    for seed in range(3):
        with suppress(DataError):
            chain = paired(state_dict(net, order=random.Random(seed)))
            assert worst(chain, found) < CLOSE


@pytest.mark.parametrize("name", BRANCHED)
def test_where_nothing_is_joined_the_way_out_names_what_can_be(name):
    net = BRANCHED[name][0]()
    for file in (state_dict(net), state_dict(net, order=random.Random(1))):
        text = ""
        try:
            paired(file)
        except DataError as error:
            text = error.way_out.partition("--chain ")[2]
        assert not text or len(chained(file, [text]).joints) == 1


def test_of_a_gated_layer_the_way_out_names_the_two_that_keep_a_law():
    shapes = {"w1": (9, 6), "w2": (6, 9), "w3": (9, 6)}
    held = {f"mlp.{name}.weight": torch.zeros(shape) for name, shape in shapes.items()}
    with pytest.raises(DataError, match=r"--chain mlp\.w3\.weight,mlp\.w2\.weight$"):
        paired(state_dict(held))


def test_a_file_with_nothing_to_name_says_so():
    for held in ({"fc.weight": torch.zeros(3, 4)}, {"a.weight": torch.zeros(3, 4),
                 "b.weight": torch.zeros(5, 7)}, {"step": torch.tensor(3)}, {}):  # fmt: skip
        with pytest.raises(DataError, match="give the weights of a network") as told:
            paired(state_dict(held))
        assert "--chain" not in str(told.value)


@pytest.mark.parametrize(
    "rename",
    [
        "module.{}".format, "_orig_mod.{}".format, "_orig_mod.module.{}".format,
        lambda name: name.replace("features.", "features._orig_mod."),
    ],
)  # fmt: skip
def test_what_is_put_around_a_network_is_not_part_of_its_names(rename):
    build, shape, expected = PLAIN["vgg"]
    net, inputs = made(build, shape)
    chain = paired(state_dict(net, rename=rename))
    assert pairs(chain) == expected
    assert worst(chain, slopes(net, inputs, rename)) < CLOSE


def test_an_average_beside_its_network_is_not_joined_with_it():
    net = PLAIN["series"][0]().state_dict()
    both = {**net, **{f"module.{name}": each + 1 for name, each in net.items()}}
    chain = paired(state_dict(both))
    assert pairs(chain) == [*PLAIN["series"][2],
                            *[each.replace("layers", "module.layers") for each in
                              PLAIN["series"][2]]]  # fmt: skip


def test_sizes_that_do_not_meet_are_told():
    sizes = [(30, 9), (4, 20), (5, 4)]
    chain = paired(state_dict({f"{2 * i}.weight": torch.zeros(n) for i, n in enumerate(sizes)}))
    assert pairs(chain) == ["2 > 4"]
    assert why(chain, "^0 and 2$") == "30 units against 20 inputs"


@pytest.mark.parametrize(
    ("name", "what", "reason"),
    [
        ("normalized", "^0 and 1$", "scaled away by the normalization 1"),
        ("normalized", "^3 and 4, and 1 more like it$",
         "no law of single units stands across the normalization 4"),
        ("blocks", "^blocks.0 and blocks.1$",
         "may be joined by a skip; name them with --chain if they are not"),
        ("blocks", "^inp and blocks.0$",
         "may be joined by a skip; name them with --chain if they are not"),
        ("vision", r"^blocks.0.norm2 and blocks.0.mlp.fc1, and 1 more",
         "a skip may draw from the normalization too"),
        ("vision", r"^blocks.0.norm1 and blocks.0.attn.qkv",
         "no law is known of what draws from it"),
        ("vision", r"^blocks.0.attn.qkv, blocks.0.attn.proj, ",
         "attention, of which no law is audited here"),
        ("two heads", "^trunk.2 and action$", "score may draw from the same units"),
        ("vae", "^fc22 and fc3$", "fc21 may feed the same units"),
        ("residual", "num_batches_tracked",
         "buffers and counters, which gradient descent does not move"),
        ("recurrent", "lstm", "a recurrent cell, whose weights act at every step"),
        ("two towers", "right.4.bias", "feed no units that a known layer draws from"),
        ("generator", "^7$", "a convolution or a transposed one: neither its name nor its bias"
         " says which"),
        ("defined apart", "^fc0 and fc1, and 1 more like it$",
         "bn1 may stand between: nothing says where it does"),
    ],
)  # fmt: skip
def test_what_is_left_out_says_why(name, what, reason):
    assert why(paired(state_dict(BRANCHED[name][0]())), what) == reason


def test_factors_of_low_rank_have_a_law_of_their_own():
    def adapted():
        part = named(
            lambda net, x: net.base_layer(x) + net.lora_B(net.lora_A(x)),
            base_layer=L(6, 6),
            lora_A=L(6, 2, bias=False),
            lora_B=L(2, 6, bias=False),
        )
        return named(lambda net, x: net.fc2(relu(net.fc1(x))), fc1=part, fc2=L(6, 3))  # fmt: skip

    net, inputs = made(adapted, (9, 6))
    chain = paired(state_dict(net))
    assert pairs(chain) == ["fc1.lora_A > fc1.lora_B"]
    assert worst(chain, slopes(net, inputs)) < CLOSE
    assert (
        why(chain, "fc1.base_layer") == "adapted by factors of low rank, which feed the same units"
    )


def test_a_large_file_takes_no_time():
    held = {}
    for i in range(400):
        for name, shape in (("q_proj", (8, 8)), ("up_proj", (16, 8)), ("down_proj", (8, 16))):
            held[f"layers.{i}.{name}.weight"] = torch.zeros(shape)
        held[f"layers.{i}.norm.weight"] = torch.zeros(8)
    for order in (None, random.Random(0)):
        began = perf_counter()
        assert len(paired(state_dict(held, order=order)).joints) == 400
        assert perf_counter() - began < 5
