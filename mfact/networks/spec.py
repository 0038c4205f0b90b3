"""Networks as text: `100r-100r-10`, `1x28x28-c16k3s2p1r-max2-flat-10`."""

from __future__ import annotations

import re
from dataclasses import replace
from math import prod

from mfact.errors import SettingsError
from mfact.networks.activations import BROKEN, Activation, Leaky, Linear, Relu, Square
from mfact.networks.architecture import Architecture
from mfact.networks.layers import Conv, Dense, Flatten, Layer, Pair, Pool, Shape
from mfact.networks.refused import named, refuse_by_name
from mfact.words import by, shown

MOST = 2**31
"""Of a size: no layer of so many fits in a memory, and int() reads as many digits as there are."""

_NUMBER = "[0-9]+"
_INPUT = re.compile(rf"{_NUMBER}(?:[x×]{_NUMBER}){{0,2}}")
_WORD = re.compile(rf"(?P<kind>c|max|avg|(?=[0-9]))(?P<size>{_NUMBER})(?P<more>.*)|flat")
_MORE = re.compile(rf"([ksp])({_NUMBER})|(a)((?:0?\.)[0-9]{{1,17}})|([rqb])")
_WAYS = "write 100 linear, 100r ReLU, 100a.1 leaky, 100q square, c16k3s2p1r, max2, avg2 or flat"
_MEANT = {
    "relu": "100r", "leaky": "100a.1", "leakyrelu": "100a.1", "square": "100q", "linear": "100",
    "dense": "100", "fc": "100", "conv": "c16k3", "conv1d": "c16k3", "conv2d": "c16k3",
    "maxpool": "max2", "avgpool": "avg2", "flatten": "flat", "bias": "100b",
}  # fmt: skip
"""What layers that there are have for names in other tools."""


def parse(text: str, inputs: int | None = None, default: int | None = None) -> Architecture:
    """The network of an architecture string, read from left to right, `-` between its layers.

    `100` is a linear layer of 100 neurons, `100r` ReLU, `100a.1` leaky ReLU of slope 0.1, `100q`
    the square; `c16k3s2p1r` a convolution of 16 channels, kernel 3, stride 2 and 1 zero on each
    side; `max2` and `avg2` pool windows of 2, `flat` makes a vector of a grid; `b` adds a bias.

    The input's size is that of X, inputs, and may stand first, to be checked: `1000:100r-10`. The
    colon tells it from a linear layer, which `1000-100r-10` has: of 1000, as many as features, it
    could be either, and is refused. A shape can be nothing else, so that `1x28x28-c16k3r-flat-10`
    needs no colon. `CxL` is for convolutions along one axis: a grid of C×1×L, `k3` a kernel 1×3.

    inputs: the number of features of X; None where there is no X, and the text says it. default:
    what it is where neither does.
    Raises SettingsError for what is no layer, or does not scale, and where sizes do not meet.

    >>> parse("2x8-c3k3r-avg2-flat-4", 16).shapes
    ((3, 2, 1, 3), (4, 9))
    """
    text = text.strip()
    first, rest = _cut(text, default if inputs is None else inputs)
    shape = tuple(_size(number, first) for number in re.split("[x×]", first)) if first else ()
    given = given_shape(
        shape, inputs, default, shown(text),
        f"begin it with that, as 1000:{shown(text, quoted=False)}",
    )  # fmt: skip
    if not rest:
        raise SettingsError(f"{shown(text)} has no layers", "write some, as 100r-100r-10")
    return Architecture.of([_layer(word, len(shape) == 2) for word in rest.split("-")], given)


def given_shape(
    said: Shape, inputs: int | None, default: int | None, where: str, way_out: str
) -> Shape:
    """The shape of a point: as it is said, or that of X, inputs; of a line C×L that of a grid.

    where: who says it. Raises SettingsError where nobody says it, or the two differ.
    """
    if not said:
        size = default if inputs is None else inputs
        if size is None:
            raise SettingsError(f"{where} does not say the size of its input", way_out)
        return (size,)
    if inputs is not None and prod(said) != inputs:
        raise SettingsError(
            f"{where} begins with an input of {by(said)}, which is {prod(said)}"
            f" features, and X has {inputs}",
            f"give a shape of {inputs} features, or leave it out",
        )
    return (said[0], 1, said[1]) if len(said) == 2 else said


def broken(net: Architecture, name: str) -> Architecture:
    """The same layers with the activation `name` after each that has weights, but for the last.

    Raises SettingsError for a name that is none of BROKEN.

    >>> [stage.layer.activation.name for stage in broken(parse("4r-4r-2", 3), "tanh").stages]
    ['tanh', 'tanh', 'linear']
    """
    if name not in BROKEN:
        raise SettingsError(
            f"{shown(name)} is no activation that breaks the laws",
            f"choose one of {', '.join(BROKEN)}",
        )
    layers: list[Layer] = [stage.layer for stage in net.stages]
    for index in [i for i, layer in enumerate(layers) if isinstance(layer, (Dense, Conv))][:-1]:
        layer = layers[index]
        assert isinstance(layer, (Dense, Conv))
        layers[index] = replace(layer, activation=BROKEN[name])
    return Architecture.of(layers, net.given)


def _cut(text: str, inputs: int | None) -> tuple[str, str]:
    """(the input's shape, "" where it is not said; the layers)."""
    first, colon, rest = text.partition(":")
    if colon:
        if not _INPUT.fullmatch(first):
            raise SettingsError(
                f"{shown(first)} is no shape of an input", "write 1000:, 2x128: or 1x28x28:"
            )
        return first, rest
    first, _, rest = text.partition("-")
    if not first.isdecimal() and _INPUT.fullmatch(first):
        return first, rest
    if rest and first == str(inputs):
        raise SettingsError(
            f"the {first} in front of {shown(text, quoted=False)} may be the input, which has as"
            " many features, or a linear layer",
            f"write {first}:{shown(rest, quoted=False)} for the first,"
            f" {first}:{shown(text, quoted=False)} for the second",
        )
    return "", text


def _layer(word: str, is_line: bool) -> Layer:
    found = _WORD.fullmatch(word)
    if found is None:
        raise _unknown(word)
    if word == "flat":
        return Flatten()
    kind, size, more = found["kind"], _size(found["size"], word), found["more"]
    sizes, activation, bias = _options(word, more, "ksp" if kind == "c" else "")

    def pair(n: int, across: int) -> Pair:
        return (across, n) if is_line else (n, n)

    if kind in ("max", "avg"):
        if more:
            raise SettingsError(
                f"{shown(word)} is a pooling layer with more than its size",
                f"write {kind}{size}, and the activation behind the layer before it",
            )
        return Pool(kind, pair(size, 1))
    if kind != "c":
        return Dense(size, activation, bias)
    if "k" not in sizes:
        raise SettingsError(f"{shown(word)} has no kernel", f"give its size, as c{size}k3")
    kernel: Pair = pair(sizes["k"], 1)
    return Conv(size, kernel, pair(sizes.get("s", 1), 1), pair(sizes.get("p", 0), 0),
                activation, bias)  # fmt: skip


def _options(word: str, more: str, named: str) -> tuple[dict[str, int], Activation, bool]:
    """What follows the size of a layer, each at most once and in any order."""
    sizes: dict[str, int] = {}
    activation: Activation | None = None
    bias, place = False, 0
    while place < len(more):
        found = _MORE.match(more, place)
        if found is None:
            raise _unknown(word)
        letter, number, _, slope, plain = found.groups()
        if letter:
            if letter in sizes or letter not in named:
                raise _unknown(word)
            sizes[letter] = _size(number, word, least=0 if letter == "p" else 1)
        elif plain == "b" and not bias:
            bias = True
        elif plain != "b" and activation is None:
            activation = _leaky(slope, word) if slope else Relu() if plain == "r" else Square()
        else:
            raise SettingsError(f"{shown(word)} says one thing twice", "give each once, as 100rb")
        place = found.end()
    return sizes, activation or Linear(), bias


def _leaky(slope: str, word: str) -> Leaky:
    if not 0 < float(slope) < 1:
        raise SettingsError(
            f"{shown(word)} is a leaky ReLU of slope {slope}", "give one between 0 and 1, as 100a.1"
        )
    return Leaky(float(slope))


def _size(number: str, word: str, least: int = 1) -> int:
    size = int(number) if len(number) <= 10 else MOST
    if not least <= size < MOST:
        raise SettingsError(
            f"{shown(word)} has a size of {shown(number, quoted=False)}",
            f"give one from {least} to {MOST - 1}",
        )
    return size


def _unknown(word: str) -> SettingsError:
    refuse_by_name(word)
    meant = _MEANT.get(named(word))
    return SettingsError(f"{shown(word)} is no layer", f"write {meant}" if meant else _WAYS)
