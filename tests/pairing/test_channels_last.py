"""Weights as Keras, Flax and NumPy lay them: the laws by torch's autograd of the same network."""

from __future__ import annotations

import random

import numpy as np
import pytest
from of_torch import pairs, relu, state_dict, worst
from with_torch import torch

from mfact.pairing.given import chained
from mfact.pairing.pairing import paired

F = torch.nn.functional
CLOSE = 1e-12


def held(**shapes):
    """Weights that lie as their names say, of the size that keeps activations near 1."""
    rng = np.random.default_rng(4)
    return {
        name: torch.tensor(rng.standard_normal(shape) / 2, requires_grad=True)
        for name, shape in shapes.items()
    }


def slopes(way, tensors, shape):
    """Each tensor and its slope of a loss of the network that `way` makes of them."""
    x = torch.tensor(np.random.default_rng(5).standard_normal(shape))
    out = way(x, *tensors.values())
    (out * torch.linspace(-1, 2, out.numel(), dtype=out.dtype).reshape(out.shape)).sum().backward()
    return {name: (each.detach().numpy(), each.grad.numpy()) for name, each in tensors.items()}


def conv(x, kernel, bias=None, groups=1):
    """Of a grid (…, C, H, W) with a kernel (kh, kw, in, out)."""
    return F.conv2d(x, kernel.permute(3, 2, 0, 1), bias, groups=groups)


def depthwise(x, kernel, bias):
    """A kernel (kh, kw, in, multiplier)."""
    kh, kw, c, m = kernel.shape
    return F.conv2d(x, kernel.permute(2, 3, 0, 1).reshape(c * m, 1, kh, kw), bias, groups=c)


def flat(x):
    """Channels last."""
    return x.permute(0, 2, 3, 1).flatten(1)


def keras(x, k1, b1, k2, b2, k3, b3, k4, b4):
    h = relu(depthwise(relu(conv(x, k1, b1)), k2, b2))
    return relu(flat(F.max_pool2d(h, 2)) @ k3 + b3) @ k4 + b4


KERAS = {
    "conv2d/kernel:0": (3, 3, 2, 4), "conv2d/bias:0": (4,),
    "depthwise_conv2d/kernel:0": (2, 2, 4, 3), "depthwise_conv2d/bias:0": (12,),
    "dense/kernel:0": (12 * 4, 5), "dense/bias:0": (5,),
    "dense_1/kernel:0": (5, 3), "dense_1/bias:0": (3,),
}  # fmt: skip


def flax(x, b1, k1, b2, s2, k3, b4, k4):
    h = conv(x, k1, b1)
    h = (h - h.mean((0, 2, 3), keepdim=True)) / h.std((0, 2, 3), keepdim=True)
    h = conv(relu(h * s2[:, None, None] + b2[:, None, None]), k3, groups=2)
    return flat(relu(h)) @ k4 + b4


FLAX = {
    "params/Conv_0/bias": (4,), "params/Conv_0/kernel": (3, 3, 3, 4),
    "params/BatchNorm_0/bias": (4,), "params/BatchNorm_0/scale": (4,),
    "params/Conv_1/kernel": (2, 2, 2, 6), "params/Dense_0/bias": (3,),
    "params/Dense_0/kernel": (6 * 25, 3),
}  # fmt: skip


def turned(x, k1, b1, k2, b2, k3):
    h = F.conv_transpose2d(x, k1.permute(3, 2, 0, 1), b1)
    return flat(conv(relu(F.conv_transpose2d(relu(h), k2.permute(3, 2, 0, 1), b2)), k3))


TURNED = {
    "conv2d_transpose/kernel": (2, 2, 5, 2), "conv2d_transpose/bias": (5,),
    "conv2d_transpose_1/kernel": (2, 2, 4, 5), "conv2d_transpose_1/bias": (4,),
    "out/kernel": (1, 1, 4, 3),
}  # fmt: skip

CASES = {
    "keras": (keras, KERAS, (4, 2, 7, 7),
              ["conv2d > depthwise_conv2d", "depthwise_conv2d > dense", "dense > dense_1"],
              ["in 4 groups", "4 columns a channel", ""]),
    "flax": (flax, FLAX, (4, 3, 8, 8), ["BatchNorm_0 > Conv_1", "Conv_1 > Dense_0"],
             ["scale and shift of a normalization, in 2 groups", "25 columns a channel"]),
    "transposed": (turned, TURNED, (4, 2, 4, 4),
                   ["conv2d_transpose > conv2d_transpose_1", "conv2d_transpose_1 > out"], ["", ""]),
    "by numpy": (
        lambda x, W1, b1, W2, W3: relu(relu(x @ W1 + b1) @ W2) @ W3,
        {"W1": (6, 7), "b1": (7,), "W2": (7, 7), "W3": (7, 3)}, (9, 6), ["W1 > W2", "W2 > W3"],
        ["", ""],
    ),
    "by numpy, from the left": (
        lambda x, W1, W2, W3: (W3 @ relu(W2 @ relu(W1 @ x.T))).T,
        {"W/1": (7, 6), "W/2": (7, 7), "W/3": (3, 7)}, (9, 6), ["W/1 > W/2", "W/2 > W/3"],
        ["", ""],
    ),
    "haiku": (
        lambda x, b1, w1, b2, w2: relu(flat(conv(x, w1, b1))) @ w2 + b2,
        {"net/conv2_d/b": (4,), "net/conv2_d/w": (3, 3, 2, 4), "net/linear/b": (3,),
         "net/linear/w": (4 * 9, 3)}, (4, 2, 5, 5), ["net/conv2_d > net/linear"],
        ["9 columns a channel"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("order", [None, random.Random(2)])
@pytest.mark.parametrize("case", CASES)
def test_the_laws_stand_however_the_weights_lie(case, order):
    way, shapes, inputs, expected, notes = CASES[case]
    tensors = held(**shapes)
    chain = paired(state_dict(tensors, order=order))
    told = dict(zip(pairs(chain), [joint.note for joint in chain.joints], strict=True))
    if order is None:
        assert told == dict(zip(expected, notes, strict=True))
    assert told.items() <= dict(zip(expected, notes, strict=True)).items()
    assert worst(chain, slopes(way, tensors, inputs)) < CLOSE


def test_weights_whose_layout_nothing_tells_are_read_as_units_times_inputs_where_they_are_named():
    tensors = held(W1=(5, 5), W2=(5, 5))
    found = slopes(lambda x, W1, W2: (W2 @ relu(W1 @ x.T)).T, tensors, (9, 5))
    chain = chained(state_dict(tensors), ["W1,W2"])
    assert chain.joints[0].note == "read as units×inputs"
    assert worst(chain, found) < CLOSE


def test_numbers_are_scaled_unit_by_unit_whatever_the_order_of_the_axes():
    """The function stays as it is: γ and β times c, the columns of what draws from them by c."""
    tensors = held(**FLAX)
    x = torch.tensor(np.random.default_rng(5).standard_normal((4, 3, 8, 8)))
    before = flax(x, *tensors.values())
    joint, _ = paired(state_dict(tensors)).joints
    scales = np.array([0.5, 2.0, 3.0, 7.0])
    now = {name: each.detach().numpy() for name, each in tensors.items()}
    for slot in joint.slots:
        each = 1 / scales if slot in joint.drawn else scales
        now[slot.tensor] = slot.scaled(now[slot.tensor], each)
    after = flax(x, *map(torch.tensor, now.values()))
    np.testing.assert_allclose(after.numpy(), before.detach().numpy(), rtol=1e-12)
