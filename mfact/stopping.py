"""When a run ends: tolerances, limits, divergence, and points that no longer move."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mfact.core import Array, Outcome
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


@dataclass(frozen=True)
class StopRules:
    """The limits of a run.

    tol: on the Eckart–Young gap, None to ignore it. tol_residual: on ‖R‖_F/‖M‖_F.
    tol_gradient: on ‖∇f‖_F in units of σ₁^{3/2}. patience: steps without a decrease.
    min_iter, max_iter: steps. max_time: seconds in all. norm, sigma_1: of M. eps: of the
    arithmetic. sharpness: 2 max(1, λ), of the objective at a balanced optimum, in units of σ₁.
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


class StopWatch:
    """Applies the rules to block after block; its memory is six numbers."""

    def __init__(self, rules: StopRules) -> None:
        self.rules = rules
        self.first_loss: float | None = None
        self.anchor_loss = math.inf
        self.anchor_step = 0
        self.next_look = 0
        self.tol = rules.tol
        self.flat = 0

    def state(self) -> dict[str, Any]:
        return {
            "first_loss": self.first_loss,
            "anchor_loss": None if math.isinf(self.anchor_loss) else self.anchor_loss,
            "anchor_step": self.anchor_step,
            "next_look": self.next_look,
            "tol": self.tol,
            "flat": self.flat,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.first_loss = state["first_loss"]
        anchor = state["anchor_loss"]
        self.anchor_loss = math.inf if anchor is None else anchor
        self.anchor_step = state["anchor_step"]
        self.next_look = state["next_look"]
        self.tol, self.flat = state["tol"], state["flat"]

    @np.errstate(over="ignore")  # a run that diverges has rows past the largest number
    def find(
        self,
        rows: Mapping[str, Array],
        seconds: float,
        interrupted: bool,
        only_proved: bool = False,
        blind: bool = False,
    ) -> Stop | None:
        """The first row at which the run ends, if there is one.

        seconds: in all, so far. only_proved: leave out what a closer look must confirm. blind:
        a gap that is not in the rows is not known, so that a certificate must tell it.
        """
        if self.first_loss is None:
            self.first_loss = float(rows["loss"][0])
        if interrupted:
            return Stop(0, Outcome.INTERRUPTED, "a signal asked it to stop")
        found = [
            stop
            for stop in (
                self._diverged(rows),
                self._gap(rows),
                self._near(rows) if blind else None,
                self._residual(rows),
                self._gradient(rows),
                self._still(rows),
                self._stalled(rows),
                self._iterations(rows),
                self._time(rows, seconds),
            )
            if stop is not None and not (only_proved and stop.needs)
        ]
        # min() keeps the first of equals: a tolerance met at the last step is met.
        return min(found, key=lambda stop: stop.index, default=None)

    def point(self, rows: Mapping[str, Array]) -> Stop | None:
        """The stop on single rows, of which the steps between are not known."""
        self.flat = self.flat + 1 if self._within(rows, FLAT)[0] else 0
        rules = (self._gap, self._residual, self._gradient, self._flat)
        return next((stop for rule in rules if (stop := rule(rows)) is not None), None)

    def hold(self, wait_until: int, ask_below: float | None = None) -> None:
        """Ask no more about a small gradient or a stall before this step, nor about a gap above
        this one.
        """
        self.next_look = max(self.next_look, wait_until)
        if ask_below is not None:
            self.tol = ask_below if self.tol is None else min(self.tol, ask_below)

    def _first(self, rows: Mapping[str, Array], where: Array, after_minimum: bool) -> int | None:
        if after_minimum:
            where = where & (rows["step"] >= self.rules.min_iter)
        return int(np.argmax(where)) if where.any() else None

    def _diverged(self, rows: Mapping[str, Array]) -> Stop | None:
        assert self.first_loss is not None
        limit = BLOWN_UP * max(self.first_loss, 0.5 * self.rules.norm**2)
        bad = ~(rows["loss"] <= limit) | ~np.isfinite(rows["gradient_norm"])
        index = self._first(rows, bad, after_minimum=False)
        if index is None:
            return None
        step = int(rows["step"][index])
        return Stop(index, Outcome.DIVERGED, f"the loss left all bounds at step {step}")

    def _gap(self, rows: Mapping[str, Array]) -> Stop | None:
        if self.tol is None:
            return None
        index = self._first(rows, rows["gap"] <= self.tol, after_minimum=True)
        if index is None:
            return None
        gap = float(rows["gap"][index])
        reason = f"the Eckart–Young gap is {gap:.2e}, within --tol {self.rules.tol:g}"
        return Stop(index, Outcome.GLOBAL_OPTIMUM, reason, "optimum", self.tol)

    def _near(self, rows: Mapping[str, Array]) -> Stop | None:
        """Where a gap that no row shows may be within the tolerance.

        f − f* ≥ ‖∇f‖²/(2L), where L ≤ max(1, λ)(‖U‖_F² + ‖V‖_F²) at the optimum, and the unit of
        a gap is at most ½σ₁². Near the saddle at 0 the gradient is small too: the loss must have
        left it. Source: mfact, derived.
        """
        rules = self.rules
        if self.tol is None:
            return None
        L = 0.5 * rules.sharpness * (rows["size_U"] + rows["size_V"])
        least = L * rules.sigma_1**2 * self.tol
        near = np.isnan(rows["gap"]) & (rows["gradient_norm"] ** 2 <= least)
        near &= rules.norm**2 - 2 * rows["loss"] >= 0.9 * rules.sigma_1**2
        index = self._first(rows, near & (rows["step"] >= self.next_look), after_minimum=True)
        if index is None:
            return None
        return Stop(index, Outcome.GLOBAL_OPTIMUM, "the steps are near their limit", needs="gap")

    def _residual(self, rows: Mapping[str, Array]) -> Stop | None:
        tol = self.rules.tol_residual
        if tol is None:
            return None
        index = self._first(rows, rows["relative_residual"] <= tol, after_minimum=True)
        if index is None:
            return None
        value = float(rows["relative_residual"][index])
        reason = f"the relative residual is {value:.2e}, within --tol-residual {tol:g}"
        return Stop(index, Outcome.CONVERGED, reason)

    def _gradient(self, rows: Mapping[str, Array]) -> Stop | None:
        tol = self.rules.tol_gradient
        if tol is None:
            return None
        unit = self.rules.sigma_1**1.5 or 1.0
        small = (rows["gradient_norm"] <= tol * unit) & (rows["step"] >= self.next_look)
        index = self._first(rows, small, after_minimum=True)
        if index is None:
            return None
        value = float(rows["gradient_norm"][index]) / unit
        # A small gradient alone may be a saddle: at a small start it always is.
        return Stop(
            index,
            Outcome.CONVERGED,
            f"the gradient norm is {value:.2e} σ₁^(3/2), within --tol-gradient {tol:g}",
            needs="second order",
        )

    def _still(self, rows: Mapping[str, Array]) -> Stop | None:
        """Where the gradient is rounding, or no step changes the point any more."""
        size = np.sqrt(rows["size_U"] + rows["size_V"])
        # A step of less than a twentieth of an ulp moves hardly an entry.
        short = rows["step_size"] * rows["gradient_norm"] <= 0.05 * self.rules.eps * size
        reason = "the steps are too small to change the factors any more"
        return self._no_longer(rows, self._at_rest(rows) | short, reason)

    def _flat(self, rows: Mapping[str, Array]) -> Stop | None:
        """Where the gradient is rounding, or has long been no more than the error of a flow:
        however long the steps add up, they lead nowhere.
        """
        reason = "the gradient is rounding: more steps would not move the factors"
        return self._no_longer(rows, self._at_rest(rows) | (self.flat >= LONG_FLAT), reason)

    def _at_rest(self, rows: Mapping[str, Array]) -> Array:
        return self._within(rows, AT_REST * self.rules.eps)

    def _within(self, rows: Mapping[str, Array], share: float) -> Array:
        """Where ‖∇f‖_F is up to `share` of σ₁‖(U, V)‖_F."""
        size = np.sqrt(rows["size_U"] + rows["size_V"])
        within: Array = rows["gradient_norm"] <= share * self.rules.sigma_1 * size
        return within

    def _no_longer(self, rows: Mapping[str, Array], where: Array, reason: str) -> Stop | None:
        index = self._first(rows, where, after_minimum=True)
        return None if index is None else Stop(index, Outcome.STALLED, reason, needs="kind")

    def _stalled(self, rows: Mapping[str, Array]) -> Stop | None:
        if self.rules.patience is None:
            return None
        least = max(self.rules.min_iter, self.next_look)
        for index, (step, loss) in enumerate(
            zip(rows["step"].tolist(), rows["loss"].tolist(), strict=True)
        ):
            if loss < self.anchor_loss * (1 - LEAST_DECREASE):
                self.anchor_loss, self.anchor_step = loss, step
            elif step - self.anchor_step >= self.rules.patience and step >= least:
                return Stop(
                    index,
                    Outcome.STALLED,
                    f"the loss did not decrease for {shown(self.rules.patience)} steps",
                    needs="stall",
                )
        return None

    def _iterations(self, rows: Mapping[str, Array]) -> Stop | None:
        limit = self.rules.max_iter
        index = self._first(rows, rows["step"] >= limit, after_minimum=False)
        reason = f"--max-iter is {shown(limit)}"
        return None if index is None else Stop(index, Outcome.ITERATION_LIMIT, reason)

    def _time(self, rows: Mapping[str, Array], seconds: float) -> Stop | None:
        limit = self.rules.max_time
        if limit is None or seconds < limit:
            return None
        return Stop(0, Outcome.TIME_LIMIT, f"--max-time is {limit:g} s")
