"""What most update rules have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Self

from mfact.core import Array, Memory, Optimum, Point


class Update:
    """Of a Method: one pass a step, nothing kept, nothing to tune, steps in units of 1/M."""

    commutes_with_rotation = True
    passes = 1
    lasting = 1.0
    power = -1.0

    def step_size(self, sigma_1: float, weight: float, longest: int) -> float:
        """0.5/(σ₁ max(1, λ)): half of 2 over the sharpness at a balanced optimum."""
        return 0.5 / (sigma_1 * max(1.0, weight))

    def tuned(
        self, step_size: float, optimum: Optimum, asked: Mapping[str, float | None]
    ) -> Mapping[str, float]:
        return {}

    def having(self, parameters: Mapping[str, float]) -> Self:
        return replace(self, **parameters) if parameters else self  # type: ignore[type-var]

    def init(self, point: Point) -> Memory:
        return ()


def walked(point: Point, direction: Point, step_size: float) -> Point:
    """v − ηd, part by part; nothing is changed in place."""
    return tuple([_walked(v, d, step_size) for v, d in zip(point, direction, strict=True)])


def _walked(part: Array, direction: Array, step_size: float) -> Array:
    move: Array = direction * part.dtype.type(-step_size)
    move += part
    return move
