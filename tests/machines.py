"""Small networks of each kind on drawn points, for tests that want one and not its numbers."""

from __future__ import annotations

from math import prod

import numpy as np

from mfact.host.threads import Workers
from mfact.networks.activations import Leaky, Linear, Relu, Square
from mfact.networks.architecture import Architecture
from mfact.networks.layers import Conv, Dense, Flatten, Pool
from mfact.networks.losses import LOSSES
from mfact.networks.machine import Machine

SHARE = np.array([[1, 2, 0, 3, 1, 2], [2, 1, 3, 0, 2, 1], [4, 4, 5, 5, 6, 6], [6, 5, 4, 6, 5, 4]])
MASK = (np.arange(30).reshape(5, 6) % 3 > 0) * 1.0

SMOOTH = {
    "linear": ([Dense(5), Dense(4), Dense(2)], (6,)),
    "linear, biases": ([Dense(5, bias=True), Dense(2, bias=True)], (6,)),
    "square": ([Dense(5, Square()), Dense(2)], (6,)),
    "masked": ([Dense(5, mask=MASK), Dense(2)], (6,)),
    "shared": ([Dense(4, Square(), share=SHARE), Dense(2)], (6,)),
    "conv": ([Conv(3, (3, 3)), Pool("avg", (2, 2)), Flatten(), Dense(2)], (1, 6, 6)),
}
"""∇L is smooth."""

KINKED = {
    "ReLU": ([Dense(5, Relu()), Dense(4, Relu()), Dense(2)], (6,)),
    "leaky, biases": ([Dense(5, Leaky(0.1), bias=True), Dense(2)], (6,)),
    "conv, ReLU": (
        [Conv(3, (3, 3), activation=Relu()), Pool("max", (2, 2)), Flatten(), Dense(2)],
        (1, 6, 6),
    ),
    "linear, then ReLU": ([Dense(5, Linear()), Dense(4, Relu()), Dense(2)], (6,)),
}
"""∇L jumps."""

NETWORKS = SMOOTH | KINKED


def drawn(layers, given, loss="squared", *, points=20, seed=0, dtype="float64"):
    """A machine on drawn points, and weights of about unit norm a unit to start from."""
    rng = np.random.default_rng(seed)
    net = Architecture.of(layers, given)
    X = rng.standard_normal((points, prod(given))).astype(dtype)
    Y = rng.standard_normal((points, net.outputs)).astype(dtype)
    Y = {"logistic": np.sign(Y), "softmax": rng.integers(0, net.outputs, points)}.get(loss, Y)
    machine = Machine(net, X, Y, LOSSES[loss], Workers(1))
    weights = [rng.standard_normal(shape) / np.sqrt(prod(shape[1:])) for shape in net.shapes]
    for part, weight in zip(net.parts, weights, strict=True):
        mask = getattr(part.stage.layer, "mask", None)
        if mask is not None and part.name.startswith("W"):
            weight *= mask
    return machine, weights


def flat(weights):
    """All of them as one vector."""
    return np.concatenate([np.ravel(part) for part in weights])
