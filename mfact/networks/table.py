"""A network as rows of plain values, as it is printed before a run."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import NamedTuple

import numpy as np

from mfact.networks.architecture import Architecture, Joint
from mfact.networks.layers import Dense
from mfact.words import by


class Row(NamedTuple):
    """A layer: in words, the shape of a point behind it, free parameters, its activation, and the
    laws between it and the next layer with weights; "" where there can be none.
    """

    layer: str
    shape: str
    parameters: int
    activation: str
    laws: str


def table(net: Architecture, groups: Callable[[int], int] | None = None) -> list[Row]:
    """The input and each layer of a network.

    groups(h): how many laws stand between layers h and h + 1 where weights are shared; without it
    they are "by components".

    >>> from mfact.networks.spec import parse
    >>> for row in table(parse("100r-50-10", 784)):
    ...     print(*row, sep=" | ")
    input | 784 | 0 |  |
    dense 100 | 100 | 78400 | ReLU | 100 neurons
    dense 50 | 50 | 5000 |  | matrix 50×50
    dense 10 | 10 | 500 |  |
    """
    rows, joints = [Row("input", by(net.given), 0, "", "")], iter(net.joints)
    for stage in net.stages:
        layer, weights = stage.layer, stage.layer.weights(stage.given)
        joint = next(joints, None) if stage.is_weighted else None
        parameters = prod(weights) + layer.biases() if stage.is_weighted else 0
        if isinstance(layer, Dense) and layer.mask is not None:
            parameters -= int(np.count_nonzero(layer.mask == 0))
        phi = "" if layer.activation.is_linear else layer.activation.name
        laws = "" if joint is None else _laws(net, joint, layer.activation.name, groups)
        rows.append(Row(layer.describe(), by(stage.made), parameters, phi, laws))
    return rows


def _laws(net: Architecture, joint: Joint, phi: str, groups: Callable[[int], int] | None) -> str:
    """What is kept between two layers with weights, in words."""
    if joint.degree is None:
        return f"none: {phi} does not scale"
    sides = [stage.layer for stage in net.weighted[joint.h - 1 : joint.h + 1]]
    if any(isinstance(layer, Dense) and layer.share is not None for layer in sides):
        return "by components" if groups is None else _count(groups(joint.h), "group")
    if joint.is_matrix:
        return f"matrix {joint.units}×{joint.units}"
    return _count(joint.units, "neuron" if isinstance(sides[0], Dense) else "channel")


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
