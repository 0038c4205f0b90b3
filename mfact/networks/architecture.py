"""A network as a value: its layers with the shapes between them, and where its laws stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import prod
from typing import NamedTuple

from mfact.errors import SettingsError
from mfact.networks.layers import Conv, Dense, Flatten, Layer, Pool, Shape
from mfact.words import by


@dataclass(frozen=True)
class Stage:
    """A layer in its place: the shapes of one point before and after it."""

    layer: Layer
    given: Shape
    made: Shape

    @property
    def is_weighted(self) -> bool:
        return isinstance(self.layer, (Dense, Conv))

    @property
    def products(self) -> int:
        """Multiplications of one point's forward pass."""
        if isinstance(self.layer, Dense):
            return prod(self.given) * self.layer.units
        return prod(self.layer.weights(self.given)) * prod(self.made[1:])


class Part(NamedTuple):
    """Free parameters of a layer: its weights, or its biases."""

    name: str
    stage: Stage
    shape: Shape

    @property
    def full(self) -> Shape:
        """The shape of the matrix that they fill; another than theirs where weights are shared."""
        layer = self.stage.layer
        if isinstance(layer, Dense) and layer.share is not None and self.name.startswith("W"):
            return layer.share.shape
        return self.shape


@dataclass(frozen=True)
class Joint:
    """The place between two weighted layers, W_h and W_{h+1}, where laws stand.

    h: from 1. units: neurons, or channels. spread: inputs of the next layer that one of them owns.
    degree: of φ_h, None where it does not scale. is_matrix: whether the law is the matrix one,
    W_hW_hᵀ − W_{h+1}ᵀW_{h+1} (Theorem 2.2), and not its diagonal alone. is_dense: whether both are
    fully connected layers, of which Theorem 2.1 speaks.
    """

    h: int
    units: int
    spread: int
    degree: int | None
    is_matrix: bool
    is_dense: bool


@dataclass(frozen=True)
class Architecture:
    """N weighted layers, and what stands between them.

    Raises SettingsError (by Architecture.of) where shapes do not meet, and for N < 2.

    >>> net = Architecture.of([Dense(100), Dense(10)], (1000,))
    >>> net.names, net.shapes, net.joints[0].units
    (('W/1', 'W/2'), ((100, 1000), (10, 100)), 100)
    """

    given: Shape
    stages: tuple[Stage, ...]

    @classmethod
    def of(cls, layers: Sequence[Layer], given: Shape) -> Architecture:
        """The layers one after another, on points of this shape."""
        stages, shape = [], given
        for layer in layers:
            stages.append(Stage(layer, shape, layer.shape(shape)))
            shape = stages[-1].made
        net = cls(given, tuple(stages))
        if len(shape) != 1:
            raise SettingsError(
                f"the network ends on a grid of {by(shape)}",
                "end it with flat, or with flat and a dense layer",
            )
        if len(net.weighted) < 2:
            raise SettingsError(
                "a network of one layer keeps no law: balance is between two",
                "give at least two layers with weights, as 100r-10",
            )
        return net

    @cached_property
    def weighted(self) -> tuple[Stage, ...]:
        """The stages with weights, h = 1 … N."""
        return tuple(stage for stage in self.stages if stage.is_weighted)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """Of a point: W/1, b/1 where there is one, W/2, …"""
        found = []
        for h, stage in enumerate(self.weighted, 1):
            found.append(Part(f"W/{h}", stage, stage.layer.weights(stage.given)))
            if stage.layer.biases():
                found.append(Part(f"b/{h}", stage, (stage.layer.biases(),)))
        return tuple(found)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(part.name for part in self.parts)

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        return tuple(part.shape for part in self.parts)

    @property
    def outputs(self) -> int:
        """p, the length of f(x)."""
        return self.stages[-1].made[0]

    @cached_property
    def joints(self) -> tuple[Joint, ...]:
        """The N − 1 places of its laws."""
        found = []
        places = [i for i, stage in enumerate(self.stages) if stage.is_weighted]
        for h, (i, j) in enumerate(pairwise(places), 1):
            first, between, second = self.stages[i], self.stages[i + 1 : j], self.stages[j]
            units = first.made[0]
            ties = [isinstance(s.layer, Dense) and _is_tied(s.layer) for s in (first, second)]
            most = any(isinstance(s.layer, Pool) and s.layer.kind == "max" for s in between)
            found.append(
                Joint(
                    h=h,
                    units=units,
                    spread=second.given[0] // units,
                    degree=first.layer.activation.degree,
                    is_matrix=first.layer.activation.is_linear and not any(ties) and not most,
                    is_dense=all(
                        isinstance(s.layer, Dense) and s.layer.share is None
                        for s in (first, second)
                    )
                    and not between,
                )
            )
        return tuple(found)

    @property
    def has_grids(self) -> bool:
        return any(isinstance(stage.layer, (Conv, Pool, Flatten)) for stage in self.stages)


def _is_tied(layer: Dense) -> bool:
    return layer.mask is not None or layer.share is not None
