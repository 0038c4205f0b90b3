"""What stands between two layers: φ, applied in place, and how it scales."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mfact.core import Array, Kind


class Activation(Protocol):
    """φ by entries. degree: p with φ(cx) = cᵖφ(x) for c > 0; None where there is none."""

    @property
    def name(self) -> str: ...

    @property
    def degree(self) -> int | None: ...

    @property
    def is_linear(self) -> bool:
        """φ(x) = x: nothing is computed, and the matrix law holds across it."""

    def room(self, shape: tuple[int, ...], dtype: Kind) -> Array | None:
        """What forward() leaves for backward(), as a buffer; None where z itself is enough."""

    def forward(self, z: Array, out: Array, kept: Array | None) -> None:
        """out ← φ(z)."""

    def backward(self, delta: Array, z: Array, kept: Array | None) -> None:
        """delta ← delta ∘ φ'(z)."""


@dataclass(frozen=True)
class Linear:
    """φ(x) = x; its output is its input."""

    name: str = "linear"
    degree: int = 1
    is_linear: bool = True

    def room(self, shape: tuple[int, ...], dtype: Kind) -> None:
        return None

    def forward(self, z: Array, out: Array, kept: Array | None) -> None:
        pass

    def backward(self, delta: Array, z: Array, kept: Array | None) -> None:
        pass


@dataclass(frozen=True)
class Relu:
    """φ(x) = max(x, 0), φ'(0) = 0."""

    name: str = "ReLU"
    degree: int = 1
    is_linear: bool = False

    def room(self, shape: tuple[int, ...], dtype: Kind) -> Array:
        # Numbers and not truth values, which each product would cast in a buffer of its own.
        return np.empty(shape, dtype)

    def forward(self, z: Array, out: Array, kept: Array | None) -> None:
        assert kept is not None
        np.greater(z, 0, out=kept, casting="unsafe")
        # In float32 a third of the time of np.maximum with a number.
        np.multiply(z, kept, out=out)

    def backward(self, delta: Array, z: Array, kept: Array | None) -> None:
        assert kept is not None
        np.multiply(delta, kept, out=delta)


@dataclass(frozen=True)
class Leaky:
    """φ(x) = max(x, αx), φ'(0) = α. slope: α, 0 < α < 1."""

    slope: float
    degree: int = 1
    is_linear: bool = False

    @property
    def name(self) -> str:
        return f"leaky ReLU {self.slope:g}"

    def room(self, shape: tuple[int, ...], dtype: Kind) -> Array:
        return np.empty(shape, dtype)

    def forward(self, z: Array, out: Array, kept: Array | None) -> None:
        assert kept is not None
        np.greater(z, 0, out=kept, casting="unsafe")
        kept *= 1 - self.slope
        kept += self.slope
        np.multiply(z, kept, out=out)

    def backward(self, delta: Array, z: Array, kept: Array | None) -> None:
        assert kept is not None
        np.multiply(delta, kept, out=delta)


@dataclass(frozen=True)
class Square:
    """φ(x) = x², of degree 2."""

    name: str = "square"
    degree: int = 2
    is_linear: bool = False

    def room(self, shape: tuple[int, ...], dtype: Kind) -> None:
        return None

    def forward(self, z: Array, out: Array, kept: Array | None) -> None:
        np.multiply(z, z, out=out)

    def backward(self, delta: Array, z: Array, kept: Array | None) -> None:
        delta *= z
        delta *= 2


@dataclass(frozen=True)
class Broken:
    """An activation that does not scale: both φ and φ' from z, for contrast. degree: None."""

    name: str
    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    degree: None = None
    is_linear: bool = False

    def room(self, shape: tuple[int, ...], dtype: Kind) -> Array:
        return np.empty(shape, dtype)

    def forward(self, z: Array, out: Array, kept: Array | None) -> None:
        assert kept is not None
        out[...] = self.value(z)
        kept[...] = self.slope(z)

    def backward(self, delta: Array, z: Array, kept: Array | None) -> None:
        assert kept is not None
        np.multiply(delta, kept, out=delta)


def _expit(z: Array) -> Array:
    from scipy.special import expit  # slow to import

    return np.asarray(expit(z))


def _density(z: Array) -> Array:
    return np.asarray(np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi))


def _gaussian(z: Array) -> Array:
    from scipy.special import erf

    return np.asarray(0.5 * (1 + erf(z / np.sqrt(2))))


BROKEN = {
    each.name: each
    for each in (
        Broken("tanh", np.tanh, lambda z: 1 - np.tanh(z) ** 2),
        Broken("sigmoid", _expit, lambda z: _expit(z) * _expit(-z)),
        Broken("gelu", lambda z: z * _gaussian(z), lambda z: _gaussian(z) + z * _density(z)),
        Broken("silu", lambda z: z * _expit(z), lambda z: _expit(z) * (1 + z * _expit(-z))),
        Broken(
            "elu",
            lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
            lambda z: np.where(z > 0, 1, np.exp(np.minimum(z, 0))),
        ),
        Broken("softplus", lambda z: np.logaddexp(0, z), _expit),
        Broken("relu6", lambda z: np.clip(z, 0, 6), lambda z: ((z > 0) & (z < 6)) * 1.0),
    )
}
"""Those without homogeneity that --show-broken runs, by name."""
