"""Singular values of a matrix, as many and as well as they are needed, and the ranks they tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mfact.core import Array
from mfact.krylov.values import leading_values
from mfact.problems.optimum import CLEAR_GAP, known_rank, numerical_rank, zero_in
from mfact.targets.counted import Counted
from mfact.wishes import share_of

FULL_UP_TO = 1500  # min(d1, d2) to which every singular value is computed: seconds, not minutes
ENERGY = 0.95
FEW = 10  # components are few in any matrix
MOST_SUGGESTED = 100  # components that someone may want to look at
ROUNDINGS = 64
"""Of ‖M‖_F, which is summed in float64, and of a sum of squares beside one for each of these."""


@dataclass(frozen=True)
class Seen:
    """Singular values of M, d1×d2, and what they tell of it.

    values: σ₁ ≥ σ₂ ≥ …, all of them where `complete`, else leading ones. error: of each, at most.
    norm: ‖M‖_F. zero: up to which they count as zero (mfact.problems.optimum). shape: (d1, d2).
    """

    values: Array
    error: float
    norm: float
    zero: float
    complete: bool
    shape: tuple[int, int]

    @property
    def rank(self) -> int:
        """The numerical rank, as far as the values tell."""
        return numerical_rank(self.values, self.zero)

    @property
    def exact_rank(self) -> int | None:
        """The numerical rank, None where the values do not tell it."""
        return known_rank(self.values, self.zero, min(self.shape))

    @property
    def held(self) -> float:
        """The share of ‖M‖_F² that the values hold together, surely."""
        return float(self._shares()[0][-1])

    def at_most(self, count: int) -> float:
        """The share that the first `count` hold, of which these are the first, at most."""
        last = (float(self.values[-1]) + self.error) / self.norm
        return float(self._shares()[1][-1]) + (count - len(self.values)) * last**2

    def fewest(self, share: float) -> tuple[int, str] | None:
        """The fewest components that hold this share of ‖M‖_F², and why, as a clause; None where
        the values do not tell. 1: the numerical rank.

        They surely hold it, whatever rounding has done to the values and to the norm. Where one
        fewer may hold as much but for rounding, as the first two of four equal values hold 50 %, it
        is the larger rank that is taken. Values that count as zero join only where they must.
        """
        rank = self.exact_rank
        whole = "the numerical rank: the rest is rounding"
        if share == 1:
            return None if rank is None else (rank, whole)
        surely, perhaps = self._fewest(share)
        if rank is not None and perhaps <= rank < surely:
            return rank, whole
        if surely > len(self.values):
            return (surely - 1, "all that there are") if self.complete else None
        text = percent(share)
        if perhaps < surely:
            return surely, f"the fewest that surely hold {text} of ‖M‖_F²"
        return surely, f"the fewest that hold {text} of ‖M‖_F²"

    def gap(self) -> tuple[int, str] | None:
        """The place of the largest σ_i/σ_{i+1} in the first half of the spectrum where it is 10 or
        more, and why it is taken, as a clause; None where there is none.
        """
        # Below the tolerance values are rounding: they count as the tolerance itself. A gap in
        # the second half of the spectrum makes no low rank.
        values, tiny = self.values, float(np.finfo(float).smallest_subnormal)
        floor = np.maximum(values, max(self.zero, tiny))
        half = max(1, len(values) // 2) if self.complete else len(values)
        ratios = (floor[:-1] / floor[1:])[:half]
        if not len(ratios) or ratios.max() < CLEAR_GAP:
            return None
        place = int(np.argmax(ratios)) + 1
        if place == self.rank and self.rank < len(values):
            return place, "the numerical rank: the rest is rounding"
        return place, f"the largest gap: σ_{place}/σ_{place + 1} = {ratios.max():.3g}"

    def suggested(self) -> tuple[int | None, str]:
        """The rank to begin with: that of the gap, else the fewest that hold 95 % of ‖M‖_F² if
        these are few, else None; and why.
        """
        if self.rank == 0:
            return None, self.nothing
        if found := self.gap():
            return found
        count = len(self.values)
        most = min(MOST_SUGGESTED, max(FEW, count // 2)) if self.complete else count
        fewest = self.fewest(ENERGY)
        if fewest is None or fewest[0] > most:
            share = float(self._shares()[1][min(most, count) - 1])
            held = f"the leading {most} hold {100 * min(share, 1.0):.0f} % of ‖M‖²"
            return None, f"no clear rank: no gap, and {held}"
        return fewest[0], f"no clear gap; the fewest that hold {percent(ENERGY)} of ‖M‖²"

    @property
    def nothing(self) -> str:
        """Why there is no rank at all."""
        return "the matrix is zero" if self.values[0] == 0 else "all of it is rounding"

    def wished(self, wish: str) -> tuple[int, str] | None:
        """The rank that is wished for, and why; None where the values do not tell it."""
        share = share_of(wish)
        return self.gap() if share is None else self.fewest(share)

    def tells(self, share: float | None, count: int, most: int) -> bool:
        """Whether more digits would change nothing in the fewest that hold this share, or in that
        no `count` do and `most` may; never of all, nor of a gap.
        """
        if share is None or share == 1:
            return False
        surely, perhaps = self._fewest(share)
        found = surely == perhaps <= len(self.values)
        return found or self.at_most(count) < share <= self.at_most(most)

    def _fewest(self, share: float) -> tuple[int, int]:
        """That surely hold it, and that may; one more than the values where all hold less."""
        surely, perhaps = (int(np.count_nonzero(s < share)) + 1 for s in self._shares())
        return surely, perhaps

    def _shares(self) -> tuple[Array, Array]:
        """Of ‖M‖_F² what the first 1, 2, … hold together, at least and at most."""
        if self.norm == 0:
            return (np.zeros(len(self.values)),) * 2
        values, off = self.values / self.norm, self.error / self.norm
        loose = (ROUNDINGS + len(values)) * float(np.finfo(float).eps)
        least = np.cumsum(np.maximum(values - off, 0.0) ** 2) * (1 - loose)
        most = np.cumsum((values + off) ** 2) * (1 + loose)
        return least, most


def look(
    target: Counted,
    shape: tuple[int, int],
    leading: int,
    enough: Callable[[Seen], bool] = lambda seen: False,
) -> Seen:
    """The singular values of M: all of them, by LAPACK, where min(d1, d2) of the target is at most
    1500, else `leading` ones to working precision, or as many and as well as is enough.

    shape: of M, of which the target may lack rows and columns that are empty.
    Raises DataError when they cannot be computed.
    """
    norm = target.norm

    def seen(values: Array, error: float, complete: bool = False) -> Seen:
        zero = zero_in(target, float(values[0]), shape)
        return Seen(values, error, norm, zero, complete, shape)

    values, error = leading_values(
        target, leading, FULL_UP_TO, lambda values, error: enough(seen(values, error))
    )
    complete = len(values) == min(target.shape)
    if complete and len(values) < min(shape):
        # The empty rows and columns add zeros: all of them where all are listed, else one.
        complete = min(shape) <= FULL_UP_TO
        values = np.pad(values, (0, min(shape) - len(values) if complete else 1))
    return seen(values, error, complete)


def percent(share: float) -> str:
    """A share in as few digits as it was written in.

    >>> percent(0.95), percent(0.999)
    ('95 %', '99.9 %')
    """
    return f"{100 * share:.15g} %"
