"""The table of a network: shapes, free parameters, and the laws that stand between its layers."""

from math import prod

import numpy as np
import pytest
from hypothesis import given
from random_architectures import architectures

from mfact.networks.architecture import Architecture
from mfact.networks.layers import Dense
from mfact.networks.spec import broken, parse
from mfact.networks.table import table


def test_a_network_of_every_kind_of_layer():
    net = parse("1x28x28-c16k3s2p1-avg2-c8k3rb-max2-flat-50-20qb-10")
    assert [tuple(row) for row in table(net)] == [
        ("input", "1×28×28", 0, "", ""),
        ("conv 16, kernel 3×3, stride 2×2, padding 1×1", "16×14×14", 144, "", "matrix 16×16"),
        ("average pooling 2×2", "16×7×7", 0, "", ""),
        ("conv 8, kernel 3×3, bias", "8×5×5", 8 * 144 + 8, "ReLU", "8 channels"),
        ("max pooling 2×2", "8×2×2", 0, "", ""),
        ("flatten", "32", 0, "", ""),
        ("dense 50", "50", 1600, "", "matrix 50×50"),
        ("dense 20, bias", "20", 1020, "square", "20 neurons"),
        ("dense 10", "10", 200, "", ""),
    ]


def test_a_contrast_has_no_laws_and_says_why():
    rows = table(broken(parse("3r-1-2", 4), "tanh"))
    assert [row.laws for row in rows] == ["", *["none: tanh does not scale"] * 2, ""]


def test_masks_and_shared_weights():
    share = np.array([[1, 2, 2], [0, 1, 2]])
    layers = [Dense(3, mask=np.eye(3, 4)), Dense(2, share=share), Dense(1)]
    net = Architecture.of(layers, (4,))
    rows = table(net)
    assert [row.parameters for row in rows] == [0, 3, 2, 2]
    assert [row.laws for row in rows] == ["", "by components", "by components", ""]
    assert [row.laws for row in table(net, lambda h: h)] == ["", "1 group", "2 groups", ""]
    unshared = table(Architecture.of([layers[0], Dense(1)], (4,)))
    assert unshared[1].laws == "3 neurons"  # a mask leaves the diagonal law alone


@given(net=architectures())
def test_free_parameters_are_those_of_the_point(net):
    assert sum(row.parameters for row in table(net)) == sum(map(prod, net.shapes))


@pytest.mark.parametrize("text", ["1r-1", "1-1"])
def test_one_is_one(text):
    assert table(parse(f"2:{text}"))[1].laws in ("1 neuron", "matrix 1×1")
