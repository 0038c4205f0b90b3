"""Architecture strings: the layers they mean, and what is refused."""

import re
from dataclasses import replace
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_architectures import architectures, plain, text_of

from mfact.errors import MfactError, SettingsError
from mfact.networks.activations import BROKEN, Leaky, Linear, Relu, Square
from mfact.networks.architecture import Architecture
from mfact.networks.layers import Conv, Dense, Flatten, Pool
from mfact.networks.spec import broken, parse


@given(net=architectures())
def test_the_text_of_a_network_means_that_network(net):
    assert plain(parse(text_of(net), prod(net.given))) == plain(net)


@pytest.mark.parametrize(
    ("text", "inputs", "given_", "layers"),
    [
        ("100r-100r-10", 7, (7,), [Dense(100, Relu()), Dense(100, Relu()), Dense(10)]),
        ("100q-3a.1b-2br", 7, (7,),
         [Dense(100, Square()), Dense(3, Leaky(0.1), True), Dense(2, Relu(), True)]),
        ("1000-100r-10", 7, (7,), [Dense(1000), Dense(100, Relu()), Dense(10)]),
        ("1000:100r-10", 1000, (1000,), [Dense(100, Relu()), Dense(10)]),
        ("5:5-5", 5, (5,), [Dense(5), Dense(5)]),
        ("1x28x28-c16k3s2p1r-max2-flat-10", 784, (1, 28, 28),
         [Conv(16, (3, 3), (2, 2), (1, 1), Relu()), Pool("max", (2, 2)), Flatten(), Dense(10)]),
        ("2×9:c4a.25p1k3b-avg3-flat-3", 18, (2, 1, 9),
         [Conv(4, (1, 3), (1, 1), (0, 1), Leaky(0.25), True), Pool("avg", (1, 3)), Flatten(),
          Dense(3)]),
    ],
)  # fmt: skip
def test_what_a_text_means(text, inputs, given_, layers):
    net = Architecture.of(layers, given_)
    assert plain(parse(text, inputs)) == plain(net)
    if ":" in text or "x" in text:
        assert plain(parse(text)) == plain(net)


REFUSED = [
    ("100tanh-10", "tanh, which does not scale.*--show-broken tanh runs it as a contrast"),
    ("100Sigmoid-10", "sigmoid.*--show-broken sigmoid"),
    ("c16k3p1gelu-flat-10", "gelu.*--show-broken gelu"),
    ("100silu-10", "--show-broken silu"),
    ("100swish-10", "--show-broken silu runs silu, which is like it"),
    ("elu-10", "--show-broken elu"),
    ("100-softplus-10", "--show-broken softplus"),
    ("100relu6-10", "--show-broken relu6 runs it"),
    ("100hardtanh-10", "--show-broken relu6 runs relu6"),
    ("100-bn-10", "batch normalization.*leave it out"),
    ("100-BatchNorm1d-10", "batch normalization"),
    ("100-LayerNorm-10", "layer normalization"),
    ("attention-10", "attention"),
    ("100-dropout-10", "dropout"),
    ("100-10-softmax", "part of the loss here: leave it out, and give --loss softmax"),
    ("100relu-10", "write 100r"),
    ("1x4x4:c3k3p1=1-flat-10", "pads with '1', a constant.*pad with zeros"),
    ("1x4x4:c3k3p1v0.5r-flat-10", None),
    ("10", "one layer keeps no law.*100r-10"),
    ("16:10", "one layer keeps no law"),
    ("16-10r-10", "the 16 in front .* may be the input.*write 16:10r-10 .*, 16:16-10r-10 "),
    ("15:10-10", "input of 15, which is 15 features, and X has 16.*leave it out"),
    ("3x5-c3k3-flat-4", "input of 3×5, which is 15 features"),
    ("1x4x4-c3k5-flat-4", "kernel of 5×5 does not fit on a grid of 4×4.*smaller kernel"),
    ("1x4x4-max5-flat-4-4", "window of 5×5 does not fit"),
    ("1x4x4-10-10", "needs a vector.*put flat before it"),
    ("c3k3-flat-4", "begin the layers with the input's shape"),
    ("1x4x4-c3k3-c3k2", "ends on a grid.*flat"),
    ("100a1.5-10", "no layer"),
    ("100a.0-10", "leaky ReLU of slope .0.*between 0 and 1"),
    ("100a-10", "100a.1 leaky"),
    ("100rr-10", "says one thing twice"),
    ("100rq-10", "says one thing twice"),
    ("100bb-10", "says one thing twice"),
    ("100k3-10", "no layer"),
    ("1x4x4:c3k3k2-flat-10", "no layer"),
    ("1x4x4:c3-flat-10", "no kernel.*c3k3"),
    ("1x4x4:max2r-flat-10-10", "pooling layer with more than its size.*write max2,"),
    ("1x4x4:c3k0-flat-10", "size of 0"),
    ("0-10", "size of 0"),
    ("2147483648-10", "size of 2147483648: give one from 1 to 2147483647"),
    ("9" * 5000 + "-10", "5000 digits"),
    ("10-" + "9" * 11, "size of 99999999999"),
    ("16:", "no layers"),
    (":10-10", "no shape of an input.*1000:"),
    ("16:16:10-10", "no layer"),
    ("1x1x4x4:10-10", "no shape of an input"),
    ("", "no layer"),
    ("100--10", "no layer"),
    ("１00-10", "no layer"),  # a digit of another script
    ("10\x1b[2J-10", "no layer"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "pattern"), REFUSED)
def test_what_is_refused(text, pattern):
    with pytest.raises(SettingsError) as caught:
        parse(text, 16)
    message = str(caught.value)
    assert message.isprintable()
    assert caught.value.way_out
    assert len(message) < 300
    assert re.search(pattern or ".", message), message


def test_both_ways_out_of_an_input_that_could_be_a_layer_work():
    with pytest.raises(SettingsError) as caught:
        parse("16-10r-10", 16)
    first, second = re.findall(r"16:\S+", caught.value.way_out)
    assert parse(first, 16).shapes == ((10, 16), (10, 10))
    assert parse(second, 16).shapes == ((16, 16), (10, 16), (10, 10))


def test_without_x_the_text_says_the_size_of_the_input():
    with pytest.raises(SettingsError, match="size of its input: begin it with that, as 1000:5r-2"):
        parse("5r-2")
    assert parse("5r-2", default=3).shapes == parse("3:5r-2", default=4).shapes == ((5, 3), (2, 5))


@given(text=st.one_of(st.text(max_size=30), st.text("0123456789-:xcksprqab.maxvgflt", max_size=30)))
def test_any_text_is_a_network_or_refused_in_one_line(text):
    try:
        found = parse(text, 16)
    except MfactError as error:
        found = error
    if isinstance(found, Architecture):
        assert prod(found.given) == 16
    else:
        assert str(found).isprintable()
        assert found.way_out


@given(net=architectures(), name=st.sampled_from(list(BROKEN)))
def test_the_broken_network_differs_in_its_hidden_activations_alone(net, name):
    contrast = broken(net, name)
    weighted = [(a.layer, b.layer) for a, b in zip(net.weighted, contrast.weighted, strict=True)]
    for _, layer in weighted[:-1]:
        assert layer.activation is BROKEN[name]
    assert plain(weighted[-1][0]) == plain(weighted[-1][1])
    for ours, theirs in weighted:
        same = [plain(replace(layer, activation=Linear())) for layer in (ours, theirs)]
        assert same[0] == same[1]
    assert (contrast.given, contrast.shapes) == (net.given, net.shapes)
    assert all(joint.degree is None for joint in contrast.joints)


def test_a_contrast_has_to_be_known():
    with pytest.raises(SettingsError, match="choose one of tanh, sigmoid, gelu"):
        broken(parse("4r-2", 3), "relu")
