"""The balance laws of a network: quadratic forms that gradient flow keeps.

A unit of log-scale s gives Q = Σ c_k v_k², c_k = s_b − p·s_a for a parameter from unit a to unit b,
which no loss, sample or minibatch moves in first order, because Σ c_k v_k ∂L/∂v_k = 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mfact.core import Array, Balance
from mfact.networks.architecture import Architecture, Joint
from mfact.networks.machine import DualMachine, Machine
from mfact.networks.ties import components, mixed, share_of, uses
from mfact.networks.weights import DualWeights, PlainWeights, Points, SharedWeights, Weights

Sides = tuple[Array, Array]
"""⟨p, q⟩ over what feeds each unit, and over what draws from it."""


@dataclass(frozen=True, eq=False)
class Law:
    """Those between layers h and h + 1: of neuron, channel or group i
    ‖W_h[i, :]‖² + b_h[i]² − p‖W_{h+1}[:, i]‖² (Theorem 2.1), or the matrix whose diagonal that is,
    W_hW_hᵀ + b_hb_hᵀ − W_{h+1}ᵀW_{h+1} (Theorem 2.2).

    groups: of each unit; None where each is one.
    """

    joint: Joint
    first: Weights
    second: Weights
    groups: Array | None

    @property
    def degree(self) -> int:
        return self.joint.degree or 1

    @property
    def units(self) -> int:
        """How many laws, or rows of the matrix."""
        return self.joint.units if self.groups is None else int(self.groups.max()) + 1

    def sides(self, p: Points, q: Points) -> Sides:
        assert not isinstance(self.second, DualWeights)  # which is a first layer
        fed, drawn = self.first.rows(p, q), self.second.columns(p, q)
        return self._grouped(self.first, fed), self._grouped(self.second, drawn)

    def form(self, p: Points, q: Points, sides: Sides | None = None) -> Array:
        """⟨p, Cq⟩, symmetric in p and q: n values, or n×n. sides: of p and q, where known."""
        if not self.joint.is_matrix:
            fed, drawn = self.sides(p, q) if sides is None else sides
            return np.asarray(fed - self.degree * drawn)
        # No matrix law stands beside shared weights.
        assert isinstance(self.first, (PlainWeights, DualWeights))
        assert isinstance(self.second, PlainWeights)
        D = self.first.row_gram(p, q) - self.second.column_gram(p, q)
        return np.asarray(D if p is q else 0.5 * (D + D.T))

    def _grouped(self, weights: Weights, values: Array) -> Array:
        if self.groups is None or isinstance(weights, SharedWeights):
            return values
        return np.bincount(self.groups, values)


@dataclass(frozen=True, eq=False)
class MixedLaws:
    """Laws that mix layers, where parameters are shared; scales: laws×units, one joint each."""

    layers: Sequence[Weights]
    scales: Sequence[Array]
    degrees: Sequence[int]

    def form(self, p: Points, q: Points) -> Array:
        """A value a law."""
        fed = [*self.scales, None]
        drawn = [None, *(k * s for k, s in zip(self.degrees, self.scales, strict=True))]
        parts = [
            layer.combined(p, q, a, b) for layer, a, b in zip(self.layers, fed, drawn, strict=True)
        ]
        return np.asarray(sum(parts))


@dataclass(frozen=True, eq=False)
class Laws:
    """All laws of a network, on points as its machine holds them."""

    each: tuple[Law, ...]
    mixed: MixedLaws | None
    layers: tuple[Weights, ...]
    looked: bool

    @classmethod
    def of(cls, net: Architecture, machine: Machine | None = None) -> Laws:
        """On a dual machine's own points; else on (W_1, b_1, W_2, …)."""
        groups = [components(net, joint.h) for joint in net.joints]
        whole = [
            None if len(each) == each.max() + 1 and not _shares(net, h) else each
            for h, each in enumerate(groups, 1)
        ]
        layers = _weights(net, machine, groups)
        laws = [
            Law(joint, layers[joint.h - 1], layers[joint.h], grouping)
            for joint, grouping in zip(net.joints, whole, strict=True)
        ]
        found = mixed(net, groups)
        cuts = np.cumsum([joint.units for joint in net.joints])[:-1]
        more = None
        if len(found.scales):
            degrees = [joint.degree or 1 for joint in net.joints]
            more = MixedLaws(layers, np.split(found.scales, cuts, axis=1), degrees)
        return cls(tuple(laws), more, layers, found.looked)

    def sides(self, p: Points, q: Points) -> list[Sides]:
        """Those of every joint."""
        return [law.sides(p, q) for law in self.each]

    def form(self, p: Points, q: Points, sides: Sequence[Sides] | None = None) -> Balance:
        """⟨p, Cq⟩ of every law: an array a joint, and one of those that mix layers.

        sides: of p and q, where known.
        """
        known = [None] * len(self.each) if sides is None else sides
        found = [law.form(p, q, each) for law, each in zip(self.each, known, strict=True)]
        if self.mixed is not None:
            found.append(self.mixed.form(p, q))
        return tuple(found)

    def square(self, p: Points, sides: Sequence[Sides]) -> float:
        """‖p‖², all parts together. sides: of p and p."""
        inner = sum([float(fed.sum(dtype=float)) for fed, _ in sides])
        return inner + sum(self.layers[-1].square(p))

    @property
    def count(self) -> int:
        """How many values they keep."""
        sizes = [
            n * (n + 1) // 2 if law.joint.is_matrix else n for law in self.each for n in [law.units]
        ]
        return sum(sizes) + (0 if self.mixed is None else len(self.mixed.scales[0]))


def _shares(net: Architecture, h: int) -> bool:
    return any(share_of(stage) is not None for stage in net.weighted[h - 1 : h + 1])


def _weights(
    net: Architecture, machine: Machine | None, groups: Sequence[Array]
) -> tuple[Weights, ...]:
    found: list[Weights] = []
    at = 0
    for h, stage in enumerate(net.weighted, 1):
        bias = at + 1 if stage.layer.biases() else None
        if h == 1 and isinstance(machine, DualMachine):
            found.append(DualWeights(machine))
            at = len(machine.first)
            continue
        units = net.joints[h - 2].units if h > 1 else stage.given[0]
        if share_of(stage) is None:
            found.append(PlainWeights(at, bias, units))
        else:
            found.append(_shared(net, h, at, bias, groups))
        at += 1 if bias is None else 2
    return tuple(found)


def _shared(
    net: Architecture, h: int, at: int, bias: int | None, groups: Sequence[Array]
) -> SharedWeights:
    """A layer of shared weights, each parameter in the group that its uses are in."""
    parameters, fed, drawn = uses(net, h)
    count = net.weighted[h - 1].layer.weights(net.weighted[h - 1].given)[0]
    use = np.zeros((2, count), int)
    use[0, parameters], use[1, parameters] = np.maximum(fed, 0), np.maximum(drawn, 0)
    into, out_of = np.full(count, -1), np.full(count, -1)
    # What the last layer feeds are the outputs, which no law tells apart.
    inner = h <= len(net.joints)
    groups_in = groups[h - 1] if inner else np.zeros(net.weighted[h - 1].made[0], int)
    into[parameters] = groups_in[fed] if inner else 0
    count_out = 0
    if h > 1:
        out_of[parameters] = groups[h - 2][drawn]
        count_out = int(groups[h - 2].max()) + 1
    return SharedWeights(at, bias, into, out_of, groups_in, count_out, (use[0], use[1]))
