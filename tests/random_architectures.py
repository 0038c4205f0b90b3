"""Random architectures, as values and as text, and what two of them have in common."""

from dataclasses import is_dataclass
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from mfact.networks.activations import BROKEN, Leaky, Linear, Relu, Square
from mfact.networks.architecture import Architecture
from mfact.networks.layers import Conv, Dense, Flatten, Pool

SLOPES = st.integers(1, 99).map(lambda n: n / 100)
ACTIVATIONS = st.one_of(
    st.sampled_from([Linear(), Relu(), Square()]), SLOPES.map(lambda slope: Leaky(slope))
)


def plain(value):
    """A network, or a part of one, as nested tuples that compare; arrays by kind and values."""
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, *value.ravel().tolist())
    if isinstance(value, Architecture):
        return value.given, tuple(plain(stage.layer) for stage in value.stages)
    if is_dataclass(value):
        fields = tuple((name, plain(getattr(value, name))) for name in value.__dataclass_fields__)
        return (type(value).__name__, *fields)
    return value


@st.composite
def architectures(draw, arrays=False, broken=False):
    """Networks of two dense layers or more, some behind convolutions on a plane or a line.

    arrays: masks and maps of shared weights among them. broken: activations that do not scale.
    """
    known = [ACTIVATIONS, st.sampled_from(list(BROKEN.values()))] if broken else [ACTIVATIONS]
    activations = st.one_of(*known)
    given, layers = (draw(st.integers(1, 6)),), []
    if draw(st.booleans()):
        is_line = draw(st.booleans())
        across = 1 if is_line else draw(st.integers(4, 9))
        given = (draw(st.integers(1, 3)), across, draw(st.integers(4, 9)))
        pair = (lambda n, one: (one, n)) if is_line else (lambda n, one: (n, n))
        conv = Conv(
            draw(st.integers(1, 4)),
            pair(draw(st.integers(1, 3)), 1),
            pair(draw(st.integers(1, 2)), 1),
            pair(draw(st.integers(0, 2)), 0),
            draw(activations),
            draw(st.booleans()),
        )
        # A small grid with a long stride leaves a single place.
        most = min(2, *conv.shape(given)[2 if is_line else 1 :])
        kind = draw(st.sampled_from(["max", "avg"]))
        layers = [conv, Pool(kind, pair(draw(st.integers(1, most)), 1)), Flatten()]
    shape = given
    for layer in layers:
        shape = layer.shape(shape)
    for _ in range(draw(st.integers(2, 4))):
        units, extra = draw(st.integers(1, 6)), {}
        kind = draw(st.sampled_from(["mask", "share", ""])) if arrays else ""
        rng = np.random.default_rng(draw(st.integers(0, 99)))
        if kind == "mask":
            extra = {"mask": rng.integers(0, 2, (units, *shape)) > 0}
        if kind == "share":
            numbers = np.resize([1, 2, 0, 3], units * shape[0])  # no number without those below
            extra = {"share": rng.permutation(numbers).reshape(units, -1)}
        layers.append(Dense(units, draw(activations), draw(st.booleans()), **extra))
        shape = (units,)
    return Architecture.of(layers, given)


def text_of(net):
    """The architecture string of a network without arrays, with its input in front."""
    is_line = len(net.given) == 3 and net.given[1] == 1
    given = net.given[::2] if is_line else net.given
    words = []
    for layer in (stage.layer for stage in net.stages):
        phi = layer.activation
        letter = {"ReLU": "r", "square": "q", "linear": ""}.get(phi.name, "a")
        if letter == "a":
            letter += f"{phi.slope:g}".removeprefix("0")
        if isinstance(layer, Dense):
            words.append(f"{layer.units}{letter}{'b' if layer.bias else ''}")
        elif isinstance(layer, Conv):
            k, s, p = layer.kernel[1], layer.stride[1], layer.padding[1]
            bias = "b" if layer.bias else ""
            words.append(f"c{layer.channels}k{k}s{s}p{p}{bias}{letter}")
        elif isinstance(layer, Pool):
            words.append(f"{layer.kind}{layer.size[1]}")
        else:
            words.append("flat")
    return f"{'x'.join(map(str, given))}:{'-'.join(words)}"


@st.composite
def shared_networks(draw, most, activations=ACTIVATIONS):
    """Two to four dense layers, some of them of up to `most` shared weights."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    sizes = draw(st.lists(st.integers(1, 7), min_size=3, max_size=5))
    layers = []
    for inputs, units in pairwise(sizes):
        share = rng.integers(0, draw(st.integers(2, most)), (units, inputs))
        share[0, 0] = 1  # a layer without any weight is none
        tied = share if draw(st.booleans()) else None
        layers.append(Dense(units, draw(activations), draw(st.booleans()), share=tied))
    return Architecture.of(layers, (sizes[0],))
