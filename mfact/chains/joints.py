"""Where two layers meet: the units between them, and the numbers of each that feed and draw.

A unit that scales, φ(cz) = c^p φ(z), keeps Q_i = ‖in_i‖² − p‖out_i‖² under gradient flow: in_i are
the weights and the bias that feed it, out_i those that draw from it (Theorem 2.1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mfact.core import Array


@dataclass(frozen=True)
class Slot:
    """The numbers of one tensor, each in the unit that it belongs to.

    Reshaped to `shape`, the units are counted along `axes`, the last of them fastest.

    >>> Slot("fc2.weight", (2, 3), (1,)).sums(np.ones((2, 3)), np.ones((2, 3)))
    array([2., 2., 2.])
    """

    tensor: str
    shape: tuple[int, ...]
    axes: tuple[int, ...]

    @property
    def units(self) -> int:
        return int(np.prod([self.shape[axis] for axis in self.axes]))

    def sums(self, P: Array, Q: Array) -> Array:
        """⟨P, Q⟩ of each unit, in float64; P, Q: tensors of its size, of any shape."""
        names = list(range(len(self.shape)))
        p, q = P.reshape(self.shape), Q.reshape(self.shape)
        found: Array = np.einsum(p, names, q, names, list(self.axes), dtype=float)
        return found.reshape(-1)

    def scaled(self, W: Array, scales: Array) -> Array:
        """W with the numbers of each unit times its own scale, in float64."""
        by_axis = scales.reshape([self.shape[axis] for axis in self.axes])
        rest = [axis for axis in range(len(self.shape)) if axis not in self.axes]
        factors = np.expand_dims(by_axis.transpose(np.argsort(self.axes)), rest)
        return np.asarray((W.reshape(self.shape) * factors).reshape(W.shape))


@dataclass(frozen=True)
class Joint:
    """Units between two layers.

    first, second: names of the layers, as a page shows them. fed: what feeds the units, but for
    bias; drawn: what draws from them. degree: p. note: how sizes that differ were read, such as
    "49 columns a channel", "in 32 groups".
    """

    first: str
    second: str
    units: int
    fed: tuple[Slot, ...]
    drawn: tuple[Slot, ...]
    bias: Slot | None = None
    degree: int = 1
    note: str = ""

    @property
    def into(self) -> tuple[Slot, ...]:
        """All that feeds the units, the bias last."""
        return self.fed if self.bias is None else (*self.fed, self.bias)

    @property
    def slots(self) -> tuple[Slot, ...]:
        return (*self.into, *self.drawn)


@dataclass(frozen=True)
class LeftOut:
    """Layers, or a place between two, of which no law is audited. why: in a clause."""

    what: str
    why: str


@dataclass(frozen=True)
class Chain:
    """All joints of a network.

    order: how its layers were put in a row, in words. scales: whether the activations are known to
    scale; a state dict does not hold them.
    """

    joints: tuple[Joint, ...]
    left_out: tuple[LeftOut, ...]
    order: str
    scales: bool = False

    @property
    def tensors(self) -> tuple[str, ...]:
        """The names of those that take part, each once."""
        return tuple(dict.fromkeys(slot.tensor for j in self.joints for slot in j.slots))
