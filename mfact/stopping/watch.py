"""What of the rules has memory, and which of them ends a run first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import numpy as np

from mfact.core import Outcome, Rows
from mfact.stopping.rules import FLAT, LEAST_DECREASE, Rules, Seen, Stop, StopRules
from mfact.words import shown

R_co = TypeVar("R_co", bound=Rules, covariant=True)


class StopWatch(Generic[R_co]):
    """Applies the rules to block after block; its memory is six numbers."""

    def __init__(self, rules: R_co) -> None:
        self.rules = rules
        self.first_loss: float | None = None
        self.anchor_loss: float | None = None
        self.anchor_step = 0
        self.next_look = 0
        self.tol = rules.tol
        self.flat = 0

    def state(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "rules"}

    def restore(self, state: Mapping[str, Any]) -> None:
        vars(self).update({name: state[name] for name in self.state()})

    # A run that diverges has rows past the largest number.
    @np.errstate(over="ignore", invalid="ignore")
    def find(
        self,
        rows: Rows,
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
        early, late = self.rules.candidates(
            rows, seconds, Seen(self.first_loss, self.tol, self.next_look, blind)
        )
        found = [
            stop
            for stop in (*early, self._stalled(rows), *late)
            if stop is not None and not (only_proved and stop.needs)
        ]
        # min() keeps the first of equals: a tolerance met at the last step is met.
        return min(found, key=lambda stop: stop.index, default=None)

    def point(self: StopWatch[StopRules], rows: Rows) -> Stop | None:
        """The stop on single rows, of which the steps between are not known."""
        rules = self.rules
        self.flat = self.flat + 1 if rules.within(rows, FLAT)[0] else 0
        found = (
            rules.gap(rows, self.tol),
            rules.residual(rows),
            rules.gradient(rows, self.next_look),
            rules.flat(rows, self.flat),
        )
        return next((stop for stop in found if stop is not None), None)

    def hold(self, wait_until: int, ask_below: float | None = None) -> None:
        """Ask no more about a small gradient or a stall before this step, nor about a gap above
        this one.
        """
        self.next_look = max(self.next_look, wait_until)
        if ask_below is not None:
            self.tol = ask_below if self.tol is None else min(self.tol, ask_below)

    def _stalled(self, rows: Rows) -> Stop | None:
        if self.rules.patience is None:
            return None
        least = max(self.rules.min_iter, self.next_look)
        for index, (step, loss) in enumerate(
            zip(rows["step"].tolist(), rows["loss"].tolist(), strict=True)
        ):
            if self.anchor_loss is None or loss < self.anchor_loss * (1 - LEAST_DECREASE):
                self.anchor_loss, self.anchor_step = loss, step
            elif step - self.anchor_step >= self.rules.patience and step >= least:
                return Stop(
                    index,
                    Outcome.STALLED,
                    f"the loss did not decrease for {shown(self.rules.patience)} steps",
                    needs="stall",
                )
        return None
