"""torch's networks compute the same before and after, whatever stands between their layers."""

from __future__ import annotations

import numpy as np
import pytest
from joints_by_hand import badly_scaled, dense
from with_torch import torch

from mfact.chains.joints import Chain, Joint, Slot
from mfact.chains.rescale import rescaled

nn = torch.nn


class Squared(nn.Module):
    def forward(self, z):
        return z * z


class Residual(nn.Module):
    """A stream without normalization: x₁ = W_0x + b, x₂ = x₁ + W_2φ(W_1x₁), f = W_3x₂."""

    def __init__(self):
        super().__init__()
        sizes = [(5, 8), (8, 12), (12, 8), (8, 3)]
        self.w = nn.ModuleList([nn.Linear(*size) for size in sizes])

    def forward(self, x):
        x = self.w[0](x)
        return self.w[3](x + self.w[2](torch.relu(self.w[1](x))))


def chain(*joints):
    return Chain(tuple(joints), (), "by hand")


def fed(name, units, rest):
    return Slot(f"{name}.weight", (units, rest), (0,))


def drawn(name, out, units, rest=1):
    return Slot(f"{name}.weight", (out, units, rest), (1,))


def bias(name, units):
    return Slot(f"{name}.bias", (units,), (0,))


def conv_net():
    """Padded, strided, pooled twice and flattened."""
    return nn.Sequential(
        nn.Conv2d(2, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3, padding=1),
        nn.LeakyReLU(0.1), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(32, 10), nn.ReLU(),
        nn.Linear(10, 3),
    )  # fmt: skip


def grouped_net():
    """Grouped, depthwise, and of degree 2."""
    return nn.Sequential(
        nn.Conv2d(2, 6, 1), nn.ReLU(), nn.Conv2d(6, 4, 3, groups=2), Squared(),
        nn.Conv2d(4, 4, 3, groups=4, bias=False), nn.ReLU(), nn.Conv2d(4, 3, 1), nn.Flatten(),
    )  # fmt: skip


def transposed_net():
    return nn.Sequential(
        nn.ConvTranspose2d(2, 6, 2, stride=2), nn.ReLU(), nn.ConvTranspose2d(6, 4, 2, groups=2),
        nn.ReLU(), nn.Conv2d(4, 2, 3), nn.Flatten(),
    )  # fmt: skip


def normalized_net():
    """Of each batch normalization its own scale and shift feed the units."""
    return nn.Sequential(
        nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 4, 3), nn.BatchNorm2d(4),
        nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3),
    )  # fmt: skip


IMAGE = (2, 8, 8)
NETS = {
    "biases": (
        lambda: nn.Sequential(
            nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 24), nn.ReLU(), nn.Linear(24, 4)
        ),
        dense([10, 32, 24, 4]),
        (10,),
    ),
    "deep, leaky": (
        lambda: nn.Sequential(
            *(part for _ in range(11) for part in (nn.Linear(16, 16), nn.LeakyReLU(0.2))),
            nn.Linear(16, 16),
        ),
        dense([16] * 13),
        (16,),
    ),
    "square": (
        lambda: nn.Sequential(
            nn.Linear(10, 12), Squared(), nn.Linear(12, 8), Squared(), nn.Linear(8, 4)
        ),
        dense([10, 12, 8, 4], 2),
        (10,),
    ),
    "convolution": (
        conv_net,
        chain(
            Joint("0", "3", 6, (fed("0", 6, 18),), (drawn("3", 8, 6, 9),), bias("0", 6)),
            Joint("3", "7", 8, (fed("3", 8, 54),), (drawn("7", 10, 8, 4),), bias("3", 8)),
            Joint("7", "9", 10, (fed("7", 10, 32),), (drawn("9", 3, 10),), bias("7", 10)),
        ),
        IMAGE,
    ),
    "groups": (
        grouped_net,
        chain(
            Joint(
                "0", "2", 6, (fed("0", 6, 2),),
                (Slot("2.weight", (2, 2, 3, 9), (0, 2)),), bias("0", 6),
            ),
            Joint("2", "4", 4, (fed("2", 4, 27),), (fed("4", 4, 9),), bias("2", 4), 2),
            Joint("4", "6", 4, (fed("4", 4, 9),), (drawn("6", 3, 4),)),
        ),
        IMAGE,
    ),
    "transposed": (
        transposed_net,
        chain(
            Joint("0", "2", 6, (drawn("0", 2, 6, 4),), (fed("2", 6, 8),), bias("0", 6)),
            Joint(
                "2", "4", 4, (Slot("2.weight", (2, 3, 2, 4), (0, 2)),), (drawn("4", 2, 4, 9),),
                bias("2", 4),
            ),
        ),
        IMAGE,
    ),
    "normalized": (
        normalized_net,
        chain(
            Joint("1", "3", 6, (Slot("1.weight", (6,), (0,)),), (drawn("3", 4, 6, 9),),
                  bias("1", 6), note="scale and shift of a normalization"),
            Joint("4", "8", 4, (Slot("4.weight", (4,), (0,)),), (drawn("8", 3, 4, 4),),
                  bias("4", 4), note="scale and shift of a normalization"),
        ),
        IMAGE,
    ),
    "residual": (
        Residual,
        chain(
            Joint("w.1", "w.2", 12, (fed("w.1", 12, 8),), (drawn("w.2", 8, 12),), bias("w.1", 12)),
            Joint(
                "writers", "readers", 8, (fed("w.0", 8, 5), fed("w.2", 8, 12), bias("w.2", 8)),
                (drawn("w.1", 12, 8), drawn("w.3", 3, 8)), bias("w.0", 8),
            ),
        ),
        (5,),
    ),
}  # fmt: skip


def network(make):
    torch.manual_seed(0)
    net = make().double().eval()
    for name, tensor in net.state_dict().items():
        if "running" in name or "bias" in name:
            tensor.copy_(torch.rand(tensor.shape, dtype=torch.float64) + 0.5)
    return net


def arrays(net):
    return {name: tensor.numpy().copy() for name, tensor in net.state_dict().items()}


def outputs(net, values, X):
    state = net.state_dict() | {name: torch.tensor(W) for name, W in values.items()}
    net.load_state_dict({name: tensor.double() for name, tensor in state.items()})
    with torch.no_grad():
        return net(X).numpy()


def change(f, then):
    return np.abs(then - f).max() / np.abs(f).max()


@pytest.mark.parametrize("decades", [0, 1.5])
@pytest.mark.parametrize("name", NETS)
def test_the_function_is_the_same_and_the_weights_are_least(name, decades):
    """decades: units off by 10^±1.5, and layers besides, so that scales lie 1e6 apart."""
    make, given, shape = NETS[name]
    net = network(make)
    X = torch.randn(20, *shape, dtype=torch.float64)
    values = badly_scaled(given, arrays(net), decades)
    f = outputs(net, values, X)
    found = rescaled(given, values)
    assert found.settled
    assert found.sweeps <= 40
    assert found.values.keys() == set(given.tensors)
    assert change(f, outputs(net, found.values, X)) < 1e-14
    assert found.after < (0.1 if decades else 1) * found.before
    if name == "normalized":  # the statistics of the batch, too, are taken before scale and shift
        net.train()
        f = outputs(net, values, X)
        assert change(f, outputs(net, found.values, X)) < 1e-14


@pytest.mark.parametrize("name", ["biases", "deep, leaky", "square", "convolution", "residual"])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_rounding_to_the_stored_kind_moves_the_function_within_the_bound(name, kind):
    make, given, shape = NETS[name]
    net = network(make)
    X = torch.randn(20, *shape, dtype=torch.float64)
    found = rescaled(given, arrays(net))
    f = outputs(net, found.values, X)
    rounded = {k: torch.tensor(W).to(kind).double().numpy() for k, W in found.values.items()}
    off = np.abs(outputs(net, rounded, X) - f)
    absolute = {k: np.abs(W) for k, W in arrays(net).items()}
    largest = outputs(net, absolute | {k: np.abs(W) for k, W in found.values.items()}, X.abs())
    unit = 2.0**-24 if kind is torch.float32 else 2.0**-8
    # The outputs' own rounding is 1e-16 of the same sums.
    assert np.all(off <= found.change(unit) * largest + 1e-13 * largest)
    assert off.max() > 0
