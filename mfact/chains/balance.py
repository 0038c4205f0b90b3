"""How the units of a joint balance in one checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mfact.chains.joints import Joint
from mfact.core import Array


class Worst(NamedTuple):
    """The unit, counted from 0, of the largest |Q_i|; share: |Q_i| / (in_i + p·out_i)."""

    unit: int
    Q: float
    share: float


@dataclass(frozen=True, eq=False)
class Standing:
    """The squares of each unit, of which Q_i = in_i − p·out_i (Theorem 2.1).

    into: ‖fed_i‖² + b_i². out: ‖drawn_i‖². n values each, in float64, not finite where a weight of
    the unit is not, or its square overflows. Sums and the worst unit are over the units that are
    finite.
    """

    joint: Joint
    into: Array
    out: Array

    @property
    def finite(self) -> Array:
        return np.isfinite(self.into) & np.isfinite(self.out)

    @property
    def live(self) -> Array:
        """Which units are fed and drawn from: those that rescaling can balance."""
        return self.finite & (self.into > 0) & (self.out > 0)

    @property
    def skipped(self) -> int:
        """Units with a number that is not finite."""
        return int(np.sum(~self.finite))

    @property
    def dead(self) -> int:
        """Units that nothing feeds or nothing draws from: in_i = 0 or out_i = 0."""
        return int(np.sum(self.finite & ~self.live))

    @property
    def total_in(self) -> float:
        """‖in‖²."""
        return float(np.sum(self.into[self.finite]))

    @property
    def total_out(self) -> float:
        """‖out‖²."""
        return float(np.sum(self.out[self.finite]))

    @property
    def difference(self) -> float:
        """‖in‖² − p‖out‖²."""
        return self.total_in - self.joint.degree * self.total_out

    @property
    def ratio(self) -> float:
        """‖in‖² / ‖out‖², NaN where nothing is drawn."""
        return self.total_in / self.total_out if self.total_out else np.nan

    @property
    def Q(self) -> Array:
        with np.errstate(invalid="ignore"):  # ∞ − ∞ of a unit that is not finite
            return np.asarray(self.into - self.joint.degree * self.out)

    @property
    def worst(self) -> Worst | None:
        """None where no unit is finite."""
        if not self.finite.any():
            return None
        Q = np.where(self.finite, self.Q, 0.0)
        unit = int(np.argmax(np.where(self.finite, np.abs(Q), -1.0)))
        whole = float(self.into[unit] + self.joint.degree * self.out[unit])
        return Worst(unit, float(Q[unit]), abs(float(Q[unit])) / whole if whole else 0.0)

    @property
    def excess(self) -> float:
        """How much of ‖in‖² + ‖out‖² goes when each live unit alone is rescaled, Σ_i excess_i.

        Dead units give zero, or what they give is not used: all that they hold could go. But no
        rescaling attains that, and it is not counted.
        """
        return float(np.sum(excess(self.into, self.out, self.joint.degree)[self.live]))


def standing(joint: Joint, values: Mapping[str, Array]) -> Standing:
    """Of one checkpoint. values: the tensors of the joint by name, each of its own kind."""
    none = np.zeros(joint.units)
    with np.errstate(all="ignore"):  # units that are not finite are counted
        into, out = (
            sum((slot.sums(W, W) for slot in slots for W in [values[slot.tensor]]), none)
            for slots in (joint.into, joint.drawn)
        )
        return Standing(joint, into, out)


def excess(into: Array, out: Array, degree: int) -> Array:
    """in + out − min_c (c²·in + c^{−2p}·out), of each unit: what rescaling it alone can save.

    With α^{p+1} = p·out and β^{p+1} = in it is (α − β)² Σ_{j=1}^p j α^{p−j} β^{j−1} / p, which
    for p = 1 is (‖in‖ − ‖out‖)²; it vanishes where in = p·out, at c^{2p+2} = p·out/in. Where one
    side is zero it is the other, the limit of c → 0 or ∞. Source: mfact, derived; p = 1: Stock,
    Graham, Gribonval, Jégou 2019.

    >>> excess(np.array([4.0, 9.0]), np.array([1.0, 9.0]), 1)
    array([1., 0.])
    """
    p = degree
    with np.errstate(all="ignore"):
        a, b = (p * out) ** (1 / (p + 1)), into ** (1 / (p + 1))
        series = [j * a ** (p - j) * b ** (j - 1) for j in range(1, p + 1)]
        return np.asarray((a - b) ** 2 * np.sum(series, axis=0) / p)
