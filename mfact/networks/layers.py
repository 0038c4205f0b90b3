"""Layers as values: what is asked for, what shape comes out of what goes in."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Protocol

import numpy as np

from mfact.core import Array
from mfact.errors import SettingsError
from mfact.networks.activations import Activation, Linear
from mfact.words import by

Shape = tuple[int, ...]
"""Of one point as it goes through: (n,) after a dense layer, (C, H, W) on a grid."""

Pair = tuple[int, int]


class Layer(Protocol):
    """A layer of a network.

    weights: the shape of its free parameters, () where it has none. biases: how many, 0 for none.
    """

    @property
    def activation(self) -> Activation: ...

    def shape(self, given: Shape) -> Shape:
        """What comes out of an input of this shape. Raises SettingsError where it does not fit."""

    def weights(self, given: Shape) -> Shape: ...

    def biases(self) -> int: ...

    def describe(self) -> str:
        """In words."""


@dataclass(frozen=True, eq=False)
class Dense:
    """z = Wx + b, W of units×n.

    mask: 0/1, units×n: W is zero where it is. share: g_h of Theorem 2.3, integers units×n: W[i, j]
    = v[g[i, j]] for g from 1, and 0 where g is 0; its free parameters are v.
    """

    units: int
    activation: Activation = field(default_factory=Linear)
    bias: bool = False
    mask: Array | None = None
    share: Array | None = None

    def shape(self, given: Shape) -> Shape:
        if len(given) != 1:
            raise SettingsError(
                f"a dense layer of {self.units} needs a vector, and is given {by(given)}",
                "put flat before it",
            )
        for name, told in (("mask", self.mask), ("share", self.share)):
            if told is not None and told.shape != (self.units, given[0]):
                raise SettingsError(
                    f"a {name} is {by(told.shape)}, and its layer is {self.units}×{given[0]}",
                    f"give a {name} of the layer's shape",
                )
        return (self.units,)

    def weights(self, given: Shape) -> Shape:
        if self.share is not None:
            return (int(self.share.max()),)
        return (self.units, *given)

    def biases(self) -> int:
        return self.units if self.bias else 0

    def describe(self) -> str:
        more = "" if self.mask is None else f", {int(np.count_nonzero(self.mask))} connections"
        if self.share is not None:
            more = f", {int(self.share.max())} shared weights"
        return f"dense {self.units}{more}{', bias' if self.bias else ''}"


@dataclass(frozen=True)
class Conv:
    """z = x ∗ V + b on a grid, V of channels×C×kh×kw, zeros around it."""

    channels: int
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    activation: Activation = field(default_factory=Linear)
    bias: bool = False

    def shape(self, given: Shape) -> Shape:
        _require_grid(given, f"a convolution of {self.channels} channels")
        sizes = zip(given[1:], self.kernel, self.stride, self.padding, strict=True)
        out = tuple((n + 2 * p - k) // s + 1 if n + 2 * p >= k else 0 for n, k, s, p in sizes)
        if 0 in out:
            raise SettingsError(
                f"a kernel of {by(self.kernel)} does not fit on a grid of {by(given[1:])} with"
                f" {by(self.padding)} zeros around it",
                "use a smaller kernel or more padding",
            )
        return (self.channels, *out)

    def weights(self, given: Shape) -> Shape:
        return (self.channels, given[0], *self.kernel)

    def biases(self) -> int:
        return self.channels if self.bias else 0

    def describe(self) -> str:
        words = [f"conv {self.channels}, kernel {by(self.kernel)}"]
        words += [f"stride {by(self.stride)}"] if self.stride != (1, 1) else []
        words += [f"padding {by(self.padding)}"] if self.padding != (0, 0) else []
        return ", ".join(words + (["bias"] if self.bias else []))


@dataclass(frozen=True)
class Pool:
    """The largest ("max") or the mean ("avg") of each window; windows do not overlap."""

    kind: str
    size: Pair
    activation: Activation = field(default_factory=Linear)

    def shape(self, given: Shape) -> Shape:
        _require_grid(given, f"{self.kind} pooling")
        out = tuple(n // k for n, k in zip(given[1:], self.size, strict=True))
        if 0 in out:
            raise SettingsError(
                f"a window of {by(self.size)} does not fit on a grid of {by(given[1:])}",
                "use a smaller window",
            )
        return (given[0], *out)

    def weights(self, given: Shape) -> Shape:
        return ()

    def biases(self) -> int:
        return 0

    def describe(self) -> str:
        return f"{'max' if self.kind == 'max' else 'average'} pooling {by(self.size)}"


@dataclass(frozen=True)
class Flatten:
    """A grid as a vector, channel after channel."""

    activation: Activation = field(default_factory=Linear)

    def shape(self, given: Shape) -> Shape:
        return (prod(given),)

    def weights(self, given: Shape) -> Shape:
        return ()

    def biases(self) -> int:
        return 0

    def describe(self) -> str:
        return "flatten"


def _require_grid(given: Shape, what: str) -> None:
    if len(given) != 3:
        raise SettingsError(
            f"{what} needs channels on a grid, and is given a vector of {given[0]}",
            "begin the layers with the input's shape, as 1x28x28",
        )
