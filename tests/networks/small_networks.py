"""Small networks of every kind, their points and their weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mfact.core import Array
from mfact.networks.activations import Activation, Leaky, Linear, Relu, Square
from mfact.networks.architecture import Architecture
from mfact.networks.layers import Conv, Dense, Flatten, Layer, Pool, Shape
from mfact.networks.losses import LOSSES
from mfact.networks.machine import DualMachine, Machine

ACTIVATIONS: dict[str, Activation] = {
    "linear": Linear(), "ReLU": Relu(), "leaky": Leaky(0.1), "square": Square(),
}  # fmt: skip

MASK = (np.arange(42).reshape(6, 7) % 3 > 0).astype(float)
SHARE = np.arange(42).reshape(6, 7) % 5
"""0 is a weight that is missing, and 1 to 4 are used several times."""

KINDS: dict[str, tuple[Shape, Callable[[Activation], Sequence[Layer]]]] = {
    "dense": ((9,), lambda a: [Dense(7, a), Dense(6, a), Dense(3)]),
    "biases": ((9,), lambda a: [Dense(7, a, True), Dense(6, a, True), Dense(3, bias=True)]),
    "mask": ((9,), lambda a: [Dense(7, a), Dense(6, a, True, mask=MASK), Dense(3)]),
    "share": ((9,), lambda a: [Dense(7, a), Dense(6, a, True, share=SHARE), Dense(3)]),
    "mask first": ((7,), lambda a: [Dense(6, a, mask=MASK), Dense(3)]),
    "share first": ((7,), lambda a: [Dense(6, a, share=SHARE), Dense(3)]),
    "conv": ((2, 5, 4), lambda a: [Conv(3, (3, 3), activation=a), Flatten(), Dense(3)]),
    "stride, padding": (
        (2, 8, 7),
        lambda a: [
            Conv(3, (3, 2), (2, 1), (1, 0), a, True), Conv(4, (2, 3), (1, 2), (0, 1), a, True),
            Flatten(), Dense(3, bias=True),
        ],
    ),
    "steps over the edge": (
        (1, 10, 9),
        lambda a: [Conv(3, (2, 3), (4, 3), (1, 2), a), Conv(2, (1, 1), activation=a), Flatten(),
                   Dense(3)],
    ),
    "conv1d": (
        (3, 1, 11),
        lambda a: [Conv(4, (1, 3), (1, 2), (0, 1), a, True), Pool("max", (1, 2)), Flatten(),
                   Dense(3)],
    ),
    "max": (
        (2, 7, 8),
        lambda a: [Conv(3, (2, 3), activation=a), Pool("max", (2, 3)),
                   Conv(3, (2, 2), activation=a), Flatten(), Dense(3)],
    ),
    "avg": (
        (2, 8, 7),
        lambda a: [Pool("avg", (1, 2)), Conv(3, (2, 2), activation=a, bias=True),
                   Pool("avg", (3, 1)), Flatten(), Dense(5, a, True), Dense(3)],
    ),
    "pool first": (
        (2, 7, 5),
        lambda a: [Pool("max", (2, 2)), Conv(3, (3, 2), activation=a), Flatten(), Dense(3)],
    ),
    "flat": ((2, 2, 3), lambda a: [Flatten(), Dense(5, a, True), Dense(3)]),
}  # fmt: skip
"""What a point is, and the layers with an activation where one goes."""


def network(kind: str, activation: Activation) -> Architecture:
    given, layers = KINDS[kind]
    return Architecture.of(layers(activation), given)


def points(net: Architecture, count: int, loss: str, seed: int = 0) -> tuple[Array, Array]:
    """X as rows, and Y as the loss takes it."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((count, int(np.prod(net.given))))
    if loss == "softmax":
        return X, rng.integers(0, net.outputs, count)
    Y = rng.standard_normal((count, net.outputs))
    return X, np.sign(Y) if loss == "logistic" else Y


def weights(net: Architecture, seed: int = 1) -> tuple[Array, ...]:
    """Of the size that keeps the outputs near 1; zero where a mask is."""
    rng = np.random.default_rng(seed)
    found = []
    for part in net.parts:
        inputs = np.prod(part.full[1:])
        v = rng.standard_normal(part.shape) * (0.3 if part.name.startswith("b") else inputs**-0.5)
        mask = getattr(part.stage.layer, "mask", None)
        found.append(v if mask is None or part.name.startswith("b") else v * mask)
    return tuple(found)


def machine(net, loss, count, workers, kind=Machine, seed=0):
    """A machine of a kind at these weights on these points."""
    X, Y = points(net, count, loss, seed)
    made = kind(net, X, Y, LOSSES[loss], workers)
    made.start(weights(net, seed + 1))
    return made


def gradient(made: Machine) -> list[Array]:
    """∂L/∂(W_1, b_1, …) of the last evaluate(); of the dual form from what it holds."""
    if not isinstance(made, DualMachine):
        return list(made.slope)
    D = made.first_slope[0]
    first = [D @ made.X, D.sum(axis=1)]
    return [*first[: made.own], *made.rest_slope]
