"""The balanced network that computes the same function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import expm1, log1p, prod

import numpy as np

from mfact.chains.balance import standing
from mfact.chains.blocks import Pairs, sums
from mfact.chains.cells import Cell, Reach, cells, powers
from mfact.chains.joints import Chain, Joint, Slot
from mfact.chains.whole import layer_scales
from mfact.core import Array

BALANCED = 1e-14
"""|Q_i| / (in_i + p·out_i) to reach in every unit: some tens of roundings of a sum of squares."""

ROUNDED = 1e-12
"""Where a sweep no longer halves what is left below this, it is rounding: of sums of 10⁶ squares,
or of more.
"""

LIMIT = 1000
"""Of sweeps. Networks of up to 200 layers whose scales lie 10⁶ apart take 50 and fewer."""

Touched = Sequence[tuple[Cell, Reach]]


@dataclass(frozen=True, eq=False)
class Rescaled:
    """The same function by balanced weights, with the least Σ‖w‖² that rescaling can reach.

    values: the tensors that changed, in float64. scales: c_i of the units of each joint. before,
    after: Σ‖w‖² of the tensors of the chain, over finite numbers. worst: the largest
    |Q_i| / (in_i + p·out_i) that is left. left: how many units stay as they are, because they are
    dead or not finite.
    """

    chain: Chain
    values: Mapping[str, Array]
    scales: tuple[Array, ...]
    sweeps: int
    before: float
    after: float
    worst: float
    left: int

    @property
    def saved(self) -> float:
        return self.before - self.after

    @property
    def settled(self) -> bool:
        """Whether all that is left is rounding."""
        return self.worst <= ROUNDED

    def change(self, unit: float) -> float:
        """How far f moves when each changed number is rounded by up to `unit` of itself.

        At most (1 + unit)^m − 1, relative to what the network gives with the absolute values of
        all weights and inputs: a path from an input or a bias to an output crosses at most m
        weights, one of each changed tensor, p times where what follows is of degree p.
        """
        biases = {joint.bias.tensor for joint in self.chain.joints if joint.bias is not None}
        crossed = len(self.values.keys() - biases)
        return expm1(crossed * prod(j.degree for j in self.chain.joints) * log1p(unit))


def rescaled(chain: Chain, values: Mapping[str, Array], limit: int = LIMIT) -> Rescaled:
    """Every live unit brought to in_i = p·out_i by what feeds it times c_i, bias counted, and what
    draws from it times c_i^(−p): φ(cz) = c^p φ(z) leaves the function as it is.

    values: the tensors of the chain. Sweeps over the joints set c_i^(2p+2) = p·out_i/in_i, which
    lowers Σ‖w‖² each time; a sweep begins with the best scale of each joint as a whole. They end at
    BALANCED, at rounding, or after `limit`. They work on squares, which in float64 take as much
    memory as dense layers in it. Source: Stock, Graham, Gribonval, Jégou 2019, p = 1; degrees, and
    joints as a whole: mfact, derived. Raises DataError; see cells().
    """
    live = [standing(joint, values).live for joint in chain.joints]
    scales, sweeps = _balanced(chain, cells(chain, values, live), live, limit)
    changed = _applied(chain, values, scales)
    after = {**values, **changed}
    return Rescaled(
        chain,
        changed,
        tuple(scales),
        sweeps,
        _square(chain, values),
        _square(chain, after),
        _worst(chain, after, live),
        int(sum(np.sum(~on) for on in live)),
    )


def _balanced(
    chain: Chain, found: Sequence[Cell], live: Sequence[Array], limit: int
) -> tuple[list[Array], int]:
    """The scales, and how many sweeps they took."""
    touched = [
        [(cell, reach) for cell in found for reach in cell.reaches if reach.joint == at]
        for at in range(len(live))
    ]
    scales = [np.ones(joint.units) for joint in chain.joints]
    sweeps, off = 0, np.inf
    with np.errstate(all="ignore"):  # what underflows is left, and told by `worst`
        while sweeps < limit and off > BALANCED:
            whole = layer_scales(found, scales)
            scales = [each * shift for each, shift in zip(scales, whole, strict=True)]
            before, off = off, 0.0
            for at, joint in enumerate(chain.joints):
                off = max(off, _balance(joint, touched[at], live[at], scales[at], scales))
            sweeps += 1
            if before / 2 < off <= ROUNDED:
                break
    return [np.where(on, each, 1.0) for on, each in zip(live, scales, strict=True)], sweeps


def _balance(
    joint: Joint, touched: Touched, live: Array, own: Array, scales: Sequence[Array]
) -> float:
    """Set a joint's own scales, given all of them; how far its worst unit was off before."""
    sides = np.zeros((2, joint.units))
    for cell, reach in touched:
        sides[0 if reach.power > 0 else 1] += cell.sums(reach, scales)
    into, out = sides[0, live], joint.degree * sides[1, live]
    factors = (out / into) ** (0.5 / (joint.degree + 1))
    own[live] *= np.where(np.isfinite(factors) & (factors > 0), factors, 1.0)
    return float(np.max(np.abs(into - out) / (into + out), initial=0.0))


def _applied(
    chain: Chain, values: Mapping[str, Array], scales: Sequence[Array]
) -> dict[str, Array]:
    changed: dict[str, Array] = {}
    for joint, c in zip(chain.joints, scales, strict=True):
        if np.any(c != 1):
            for power, slot in powers(joint):
                W = changed.get(slot.tensor, values[slot.tensor])
                changed[slot.tensor] = slot.scaled(W, c ** float(power))
    return changed


def _square(chain: Chain, values: Mapping[str, Array]) -> float:
    """Σ‖w‖² over finite numbers."""
    return sum(
        float(sums(Slot(name, (values[name].size,), ()), _finite, values[name])[0][0])
        for name in chain.tensors
    )


def _finite(w: Array) -> Pairs:
    kept = np.where(np.isfinite(w), w, 0.0)
    return [(kept, kept)]


def _worst(chain: Chain, values: Mapping[str, Array], live: Sequence[Array]) -> float:
    worst = 0.0
    for joint, on in zip(chain.joints, live, strict=True):
        found = standing(joint, values)
        shares = np.abs(found.Q[on]) / (found.into + joint.degree * found.out)[on]
        worst = max(worst, float(np.max(shares, initial=0.0)))
    return worst
