"""Where a network's run begins: weights drawn as the paper, Xavier or Kaiming draw them."""

from __future__ import annotations

import math

import numpy as np

from mfact.core import Array
from mfact.networks.activations import Leaky
from mfact.networks.architecture import Architecture, Part, Stage
from mfact.networks.layers import Conv, Dense

PAPER_SCALE = 1e-2
"""Standard deviation of the last layer's entries in the paper's experiments."""


def default_scale(start: str) -> float:
    """Of a start where none is given."""
    return PAPER_SCALE if start.startswith("paper") else 1.0


def drawn(
    net: Architecture, start: str, scale: float | None, seed: int, dtype: str
) -> tuple[Array, ...]:
    """W_1, b_1, W_2, … with normal entries, biases 0; the same numbers whatever the dtype.

    paper-unbalanced: standard deviation `scale` in every layer. paper-balanced: such that the
    expected ‖W_h‖_F² is that of the last layer, whose entries have `scale`. xavier: variance
    2/(fan_in + fan_out); kaiming: gain²/fan_in, gain² = 2/(1 + α²) after ReLU (α = 0) and leaky
    ReLU, 1 else; both times scale². scale: None for default_scale.

    Source: Du, Hu, Lee 2018, Section 4; Glorot and Bengio 2010; He et al. 2015.
    """
    rng = np.random.default_rng([seed, 1])  # the data have their own stream
    scale = default_scale(start) if scale is None else scale
    last = math.prod(net.weighted[-1].layer.weights(net.weighted[-1].given))
    found = []
    for part in net.parts:
        values = rng.standard_normal(part.shape)
        if part.name.startswith("b"):
            values[...] = 0
        elif start == "paper-balanced":
            values *= scale * math.sqrt(last / values.size)
        elif start == "paper-unbalanced":
            values *= scale
        else:
            values *= scale * _deviation(part, start)
        if part.name.startswith("W") and isinstance(part.stage.layer, Dense):
            mask = part.stage.layer.mask
            values = values if mask is None else values * mask
        found.append(values.astype(dtype))
    return tuple(found)


def _deviation(part: Part, start: str) -> float:
    fan_in, fan_out = _fans(part.stage)
    if start == "xavier":
        return math.sqrt(2 / (fan_in + fan_out))
    activation = part.stage.layer.activation
    slope = activation.slope if isinstance(activation, Leaky) else 0.0
    gain = 2 / (1 + slope**2) if isinstance(activation, Leaky) or activation.name == "ReLU" else 1
    return math.sqrt(gain / fan_in)


def _fans(stage: Stage) -> tuple[int, int]:
    """Connections into a unit and out of an input of a layer."""
    if isinstance(stage.layer, Conv):
        K, C, kh, kw = stage.layer.weights(stage.given)
        return C * kh * kw, K * kh * kw
    return math.prod(stage.given), stage.made[0]
