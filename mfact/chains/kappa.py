"""How the law of each unit moved between two checkpoints, against how far its weights moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from mfact.chains.blocks import Pairs, sums
from mfact.chains.joints import Joint, Slot
from mfact.core import Array
from mfact.tensors.state_dict import UNITS

LEAST = {"float64": 0.0, "float32": 2.0**-150, "float16": 2.0**-25, "bfloat16": 2.0**-134}
"""Kinds -> how far rounding may move a weight too small for UNITS, half of their least number."""

HIDDEN = 1 / 16
"""κ_i is judged where rounding moves it by less, as it typically does: four times that is ¼."""

_ROWS = 5  # of _part()

Kinds = Mapping[str, str]
"""Names of tensors -> the kinds that they are stored in, as in UNITS."""


@dataclass(frozen=True, eq=False)
class Moved:
    """The move from w to w₊ of the units of a joint, n values an array.

    change: ΔQ_i = ⟨Δin_i, in_i + in_i₊⟩ − p⟨Δout_i, out_i + out_i₊⟩, bias counted.
    square: s_i = ‖Δin_i‖² + p‖Δout_i‖². relative: ‖Δw‖/‖w‖ of all finite units together.
    typical, sure: how far rounding of the stored weights moves κ_i, as a rule and at most; see
    moved(). bias_change, bias_square: the part of the bias in change and square.
    """

    joint: Joint
    change: Array
    square: Array
    relative: float
    typical: Array
    sure: Array
    bias_change: Array
    bias_square: Array

    @property
    def kappa(self) -> Array:
        """κ_i = |ΔQ_i| / s_i, NaN where a unit did not move or is not finite."""
        return _kappa(self.change, self.square)

    @property
    def kappa_without_bias(self) -> Array:
        """The same of a pairing that forgets the bias, whose κ looks small and is wrong."""
        return _kappa(self.change - self.bias_change, self.square - self.bias_square)

    @property
    def finite(self) -> Array:
        return np.asarray(np.isfinite(self.change) & np.isfinite(self.square))

    @property
    def still(self) -> Array:
        """Units that did not move: s_i = 0."""
        return np.asarray(self.finite & (self.square == 0))

    @property
    def hidden(self) -> Array:
        """Units whose move is below the rounding of the stored weights."""
        return np.asarray(self.finite & ~self.still & ~(self.typical <= HIDDEN))

    @property
    def judged(self) -> Array:
        return np.asarray(self.finite & ~self.still & ~self.hidden)

    @property
    def over(self) -> Array:
        """Units with κ_i > 1 that no rounding explains."""
        return np.asarray(self.finite & ~self.still & (self.kappa > 1 + self.sure))


def moved(
    joint: Joint,
    before: Mapping[str, Array],
    after: Mapping[str, Array],
    kinds: tuple[Kinds, Kinds],
) -> Moved:
    """From one checkpoint to the next; kinds: of the tensors as they are stored in each.

    A step of gradient descent, w₊ = w − ηg with ⟨in_i, g_in⟩ = p⟨out_i, g_out⟩, has
    ΔQ_i = η²(‖g_in‖² − p‖g_out‖²) = ‖Δin_i‖² − p‖Δout_i‖², so κ_i ≤ 1 exactly; k steps that go
    the same way have about 1/k. Where the law is not at work ΔQ_i is of first order, and κ_i about
    ‖w‖/‖Δw‖.

    Rounding, of n_i weights, norms with each weight times √|c_k| (c = 1 or −p): stored weights are
    off by ρ = ‖u w + least‖, and ΔQ_i typically by 2 max(ρ, ρ₊)‖w‖/√n_i. At most
        |ΔQ_i| − s_i ≤ 2(‖w‖ + ρ)(ρ + ρ₊ + θ√s_i) + 2ρ√s_i
    for a step whose gradient is known to θ = √u of its size: |ΔQ_i| − s_i ≤ 2|⟨w, CΔ⟩| of the
    stored weights, and ⟨w, Cg⟩ = 0 of the true ones. Source: mfact, derived.
    """
    p, none = joint.degree, np.zeros((_ROWS, joint.units))
    with np.errstate(all="ignore"):  # units that are not finite are counted
        bias = none if joint.bias is None else _part(joint.bias, before, after, kinds)
        fed = bias + sum((_part(slot, before, after, kinds) for slot in joint.fed), none)
        drawn = sum((_part(slot, before, after, kinds) for slot in joint.drawn), none)
        _, square, size, first, last = fed + p * drawn
        length, first, last = np.sqrt(size), np.sqrt(first), np.sqrt(last)
        numbers = sum(prod(slot.shape) for slot in joint.slots) / joint.units
        typical = 2 * np.maximum(first, last) * length / np.sqrt(numbers)
        theta = np.sqrt(max(UNITS[kind[slot.tensor]] for kind in kinds for slot in joint.slots))
        off = first + last + theta * np.sqrt(square)
        sure = 2 * (length + first) * off + 2 * first * np.sqrt(square)
        known = np.isfinite(square) & np.isfinite(size)
        plain = (fed + drawn)[:, known].sum(axis=1)
        return Moved(
            joint,
            fed[0] - p * drawn[0],
            square,
            float(np.sqrt(plain[1] / plain[2])),
            typical / square,
            sure / square,
            bias[0],
            bias[1],
        )


def _part(
    slot: Slot, before: Mapping[str, Array], after: Mapping[str, Array], kinds: tuple[Kinds, Kinds]
) -> Array:
    """Of the numbers of a slot, a row each: ⟨Δ, w₊ + w⟩, ‖Δ‖², ‖w‖², ρ², ρ₊²."""
    name = slot.tensor
    change, square, *sizes = sums(slot, _pairs, before[name], after[name])
    count = prod(slot.shape) / slot.units
    off = [
        UNITS[kind[name]] * np.sqrt(size) + LEAST[kind[name]] * np.sqrt(count)
        for kind, size in zip(kinds, sizes, strict=True)
    ]
    return np.array([change, square, sizes[0], *np.square(off)])


def _pairs(w: Array, then: Array) -> Pairs:
    step = then - w
    return (step, then + w), (step, step), (w, w), (then, then)


def _kappa(change: Array, square: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.where(square > 0, np.abs(change) / square, np.nan)
