"""The one loop: take a block of steps, look at it, decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mfact.core import Array, Engine, Outcome, Schedule, State
from mfact.host.timer import Timer
from mfact.stopping import StopWatch, Verdict

BLOCK = 1024
"""Steps asked of an engine at once; it may take fewer."""


class Observer(Protocol):
    """Looks at a run without changing it."""

    def segment(self, rows: Mapping[str, Array]) -> None:
        """The next block of rows, one a step."""


@dataclass(frozen=True)
class Finish:
    """Where the loop stopped, and why. outcome: None when it was left for another way to go on."""

    state: State
    outcome: Outcome | None
    reason: str


Confirm = Callable[[State, Verdict], tuple[State, Verdict | None]]
"""Looks closer at a verdict: the state to go on from, and the verdict if it stands."""


def descend(
    engine: Engine,
    state: State,
    schedule: Schedule,
    watch: StopWatch,
    confirm: Confirm,
    observers: Sequence[Observer] = (),
    *,
    interrupted: Callable[[], bool] = lambda: False,
    between: Callable[[State, State, float], bool] = lambda state, good, wall_seconds: False,
    good: State | None = None,
    max_iter: int | None = None,
    timer: Timer | None = None,
) -> Finish:
    """Gradient descent from `state` until a rule of `watch` ends it.

    observers see each row once, in order. confirm is asked before an outcome that one row cannot
    prove. between is called with the state before each block, all rows before it shown and its own
    not, the state before that, and the seconds that a limit on the time is held against:
    checkpoints are written there, and the loop is left when it returns True. max_iter: blocks end
    there, so that it is such a place. good: the state before `state`, which is kept should `state`
    be out of all bounds. timer: that of the run; what observers take is not solving.
    """
    good = state if good is None else good
    timer = Timer() if timer is None else timer
    while True:
        # Read once, so that all agree on whether the time is up.
        wall_seconds = timer.wall_seconds
        if between(state, good, wall_seconds):
            return Finish(state, None, "")
        asked = interrupted()
        count = BLOCK if max_iter is None else max(1, min(BLOCK, max_iter - state.step))
        segment = engine.advance(state, schedule.steps(state.step, count))
        # Without coordinates, a gap that is not in the rows will not come.
        blind = segment.state.coordinates is None
        verdict = watch.find(segment.rows, wall_seconds, asked, blind=blind)
        if verdict is not None and verdict.needs:
            at = segment.state_at(verdict.index)
            at, confirmed = confirm(at, verdict)
            if confirmed is not None:
                _show(observers, segment.rows, verdict.index + 1, timer)
                return Finish(at, confirmed.outcome, confirmed.reason)
            # It goes on from here, in whatever coordinates the closer look has left.
            _show(observers, segment.rows, verdict.index, timer)
            segment = engine.advance(at, schedule.steps(at.step, 1))
            # The closer look has denied what it would have to prove; the step is taken.
            verdict = watch.find(segment.rows, wall_seconds, asked, only_proved=True)
        if verdict is None:
            _show(observers, segment.rows, len(segment.rows["step"]), timer)
            good = segment.state_at(len(segment.rows["step"]) - 1)
            state = segment.state
            continue
        shown = verdict.index + 1
        end = segment.state_at(verdict.index)
        if verdict.outcome is Outcome.DIVERGED:
            # The last point that was still in bounds is the one to keep.
            shown = verdict.index
            end = segment.state_at(verdict.index - 1) if verdict.index else good
        _show(observers, segment.rows, shown, timer)
        return Finish(end, verdict.outcome, verdict.reason)


def _show(
    observers: Sequence[Observer], rows: Mapping[str, Array], count: int, timer: Timer
) -> None:
    if count:
        visible: dict[str, Any] = {name: column[:count] for name, column in rows.items()}
        with timer.looking():
            for observer in observers:
                observer.segment(visible)
