"""The rules by which a run may end, each for all rows of a block."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from mfact.core import Array, Outcome, Rows, moves
from mfact.words import shown

BLOWN_UP = 1e4
"""A loss this many times the largest of f_0 and ½‖M‖_F² is on its way to infinity."""

AT_REST = 2.0
"""A gradient up to this, in units of eps σ₁‖(U, V)‖_F, is rounding."""

FLAT = 1e-12
"""A gradient up to this, in units of σ₁‖(U, V)‖_F, may be the error of a flow's solver."""

LONG_FLAT = 40
"""Records of a flow, each a fortieth further or 1/(4σ₁), in which what leads away from a saddle
would have grown out of that error."""

LEAST_DECREASE = 1e-12
"""A relative decrease of the loss below this does not count against --patience."""


@dataclass(frozen=True)
class Stop:
    """A row at which the run may end, and why. needs: what must be confirmed first. within: the
    gap that the row is within, where that is why.
    """

    index: int
    outcome: Outcome
    reason: str
    needs: str = ""
    within: float = math.nan


class Seen(NamedTuple):
    """What a watch remembers. first_loss: of step 0. tol: the gap to ask about. next_look: the
    step before which not to. blind: a gap that is not in the rows is not known.
    """

    first_loss: float
    tol: float | None
    next_look: int
    blind: bool


class Rules(Protocol):
    """What ends a run, row by row.

    tol: the gap to ask about first, None for none. patience: steps without a decrease.
    """

    @property
    def tol(self) -> float | None: ...

    @property
    def patience(self) -> int | None: ...

    @property
    def min_iter(self) -> int: ...

    @property
    def max_iter(self) -> int: ...

    @property
    def max_time(self) -> float | None: ...

    def candidates(
        self, rows: Rows, seconds: float, seen: Seen
    ) -> tuple[list[Stop | None], list[Stop | None]]:
        """The stop of each rule, in two parts: patience stands between them. Of stops at one row
        the first is taken: a tolerance met at the last step is met.
        """


@dataclass(frozen=True)
class StopRules:
    """The limits of a factorization's run.

    tol: on the Eckart–Young gap, None to ignore it. tol_residual: on ‖R‖_F/‖M‖_F.
    tol_gradient: on ‖∇f‖_F in units of σ₁^{3/2}. patience: steps without a decrease.
    min_iter, max_iter: steps. max_time: seconds in all. norm, sigma_1: of M. eps: of the
    arithmetic. sharpness: 2 max(1, λ), of the objective at a balanced optimum, in units of σ₁.
    lasting: for how many steps what a method keeps goes on, see mfact.core.Method.
    """

    tol: float | None
    tol_residual: float | None
    tol_gradient: float | None
    patience: int | None
    min_iter: int
    max_iter: int
    max_time: float | None
    norm: float
    sigma_1: float
    eps: float
    sharpness: float
    lasting: float = 1.0

    def candidates(
        self, rows: Rows, seconds: float, seen: Seen
    ) -> tuple[list[Stop | None], list[Stop | None]]:
        early = [
            self.diverged(rows, seen.first_loss),
            self.gap(rows, seen.tol),
            self.near(rows, seen.tol, seen.next_look) if seen.blind else None,
            self.residual(rows),
            self.gradient(rows, seen.next_look),
            self.still(rows),
        ]
        return early, [at_limit(rows, self.max_iter), out_of_time(seconds, self.max_time)]

    def diverged(self, rows: Rows, first_loss: float) -> Stop | None:
        limit = BLOWN_UP * max(first_loss, 0.5 * self.norm**2)
        bad = ~(rows["loss"] <= limit) | ~np.isfinite(rows["gradient_norm"])
        return first_of(
            bad, Outcome.DIVERGED, lambda i: f"the loss left all bounds at step {rows['step'][i]:d}"
        )

    def gap(self, rows: Rows, tol: float | None) -> Stop | None:
        if tol is None:
            return None
        return first_of(
            self._late(rows, rows["gap"] <= tol),
            Outcome.GLOBAL_OPTIMUM,
            lambda i: f"the Eckart–Young gap is {rows['gap'][i]:.2e}, within --tol {self.tol:g}",
            "optimum",
            tol,
        )

    def near(self, rows: Rows, tol: float | None, next_look: int) -> Stop | None:
        """Where a gap that no row shows may be within the tolerance.

        f − f* ≥ ‖∇f‖²/(2L), where L ≤ max(1, λ)(‖U‖_F² + ‖V‖_F²) at the optimum, and the unit of
        a gap is at most ½σ₁². Near the saddle at 0 the gradient is small too: the loss must have
        left it. Source: mfact, derived.
        """
        if tol is None:
            return None
        L = 0.5 * self.sharpness * (rows["size_U"] + rows["size_V"])
        least = L * self.sigma_1**2 * tol
        near = np.isnan(rows["gap"]) & (rows["gradient_norm"] ** 2 <= least)
        near &= self.norm**2 - 2 * rows["loss"] >= 0.9 * self.sigma_1**2
        near = self._late(rows, near & (rows["step"] >= next_look))
        return first_of(
            near, Outcome.GLOBAL_OPTIMUM, lambda i: "the steps are near their limit", "gap"
        )

    def residual(self, rows: Rows) -> Stop | None:
        tol, values = self.tol_residual, rows["relative_residual"]
        if tol is None:
            return None
        return first_of(
            self._late(rows, values <= tol),
            Outcome.CONVERGED,
            lambda i: f"the relative residual is {values[i]:.2e}, within --tol-residual {tol:g}",
        )

    def gradient(self, rows: Rows, next_look: int) -> Stop | None:
        tol, values = self.tol_gradient, rows["gradient_norm"]
        if tol is None:
            return None
        unit = self.sigma_1**1.5 or 1.0
        small = (values <= tol * unit) & (rows["step"] >= next_look)
        # A small gradient alone may be a saddle: at a small start it always is.
        return first_of(
            self._late(rows, small),
            Outcome.CONVERGED,
            lambda i: (
                f"the gradient norm is {float(values[i]) / unit:.2e} σ₁^(3/2),"
                f" within --tol-gradient {tol:g}"
            ),
            "second order",
        )

    def still(self, rows: Rows) -> Stop | None:
        """Where the gradient is rounding, and nothing that the method keeps carries the point on;
        or no step changes the point any more.
        """
        size, length = np.sqrt(rows["size_U"] + rows["size_V"]), moves(rows)
        rest = self.within(rows, AT_REST * self.eps)
        if self.lasting > 1:
            # A velocity goes on where the gradient is zero, and turns where it is not.
            rest &= length <= AT_REST * self.eps * self.lasting * size
            length = np.maximum(length, rows["step_size"] * rows["gradient_norm"])
        # A step of less than a twentieth of an ulp moves hardly an entry.
        short = length <= 0.05 * self.eps * size
        reason = "the steps are too small to change the factors any more"
        return first_of(self._late(rows, rest | short), Outcome.STALLED, lambda i: reason, "kind")

    def flat(self, rows: Rows, count: int) -> Stop | None:
        """Where the gradient is rounding, or has long been no more than the error of a flow:
        however long the steps add up, they lead nowhere.
        """
        reason = "the gradient is rounding: more steps would not move the factors"
        rest = self.within(rows, AT_REST * self.eps) | (count >= LONG_FLAT)
        return first_of(self._late(rows, rest), Outcome.STALLED, lambda i: reason, "kind")

    def within(self, rows: Rows, share: float) -> Array:
        """Where ‖∇f‖_F is up to `share` of σ₁‖(U, V)‖_F."""
        size = np.sqrt(rows["size_U"] + rows["size_V"])
        within: Array = rows["gradient_norm"] <= share * self.sigma_1 * size
        return within

    def _late(self, rows: Rows, where: Array) -> Array:
        """Of these rows the ones from min_iter on."""
        late: Array = where & (rows["step"] >= self.min_iter)
        return late


def at_limit(rows: Rows, limit: int) -> Stop | None:
    """The stop at --max-iter."""
    reason = f"--max-iter is {shown(limit)}"
    return first_of(rows["step"] >= limit, Outcome.ITERATION_LIMIT, lambda i: reason)


def out_of_time(seconds: float, limit: float | None) -> Stop | None:
    """The stop at --max-time, seconds having passed."""
    if limit is None or seconds < limit:
        return None
    return Stop(0, Outcome.TIME_LIMIT, f"--max-time is {limit:g} s")


def first_of(
    where: Array,
    outcome: Outcome,
    reason: Callable[[int], str],
    needs: str = "",
    within: float = math.nan,
) -> Stop | None:
    """The stop at the first of these rows, if there is one."""
    if not where.any():
        return None
    index = int(np.argmax(where))
    return Stop(index, outcome, reason(index), needs, within)
