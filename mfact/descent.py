"""The one loop: take a block of steps, look at it, decide."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from mfact.core import Optimum, Outcome, Rows, Schedule, Segment, State, Stepper
from mfact.host.timer import Timer
from mfact.stopping import Rules, Stop, StopWatch

BLOCK = 256
"""Steps asked of an engine at once, as many as one takes at most; it may take fewer."""

YOUNG = 64
"""Steps up to which as many may be asked for; later on no more than there were before."""


class Observer(Protocol):
    """Looks at a run without changing it."""

    def segment(self, rows: Rows) -> None:
        """The next block of rows, one a step."""


@dataclass(frozen=True)
class Known:
    """What closer looks have found. escapes: how often they have led away from a saddle."""

    optimum: Optimum | None = None
    escapes: int = 0


@dataclass(frozen=True)
class At:
    """Where the loop stands between two blocks: before the step from `state`, whose row has not
    been seen. good: the state before it, which is kept should `state` be out of all bounds.
    """

    state: State
    good: State | None = None
    known: Known = Known()


@dataclass(frozen=True)
class Confirmed:
    """A stop looked at closer: the state to go on from, and the stop if it stands.

    wait_until: the step before which not to ask again about a small gradient or a stall.
    ask_below: the gap from which not to ask again about a gap; None: as before.
    """

    state: State
    stop: Stop | None
    known: Known
    wait_until: int = 0
    ask_below: float | None = None


Confirm = Callable[[State, Stop, Known], Confirmed]


class Between(Protocol):
    def __call__(self, at: At, *, last: bool, asked: bool) -> None:
        """Called before each block, all rows before it shown and its own not: checkpoints are
        written here. last: a limit or a signal ends the loop with this block. asked: a signal.
        """


def _nothing(at: At, *, last: bool, asked: bool) -> None:
    pass


def _unseen() -> None:
    pass


@dataclass(frozen=True)
class Descent:
    """Steps of a method, as far as a rule of `watch` lets it.

    engine, schedule: what runs. watch: what ends it; confirm is asked before an outcome that one
    row cannot prove. observers see each row once, in order. timer: that of the run; what observers
    take is not solving. interrupted: whether a signal has come; looked at once a block.
    """

    engine: Stepper
    schedule: Schedule
    watch: StopWatch[Rules]
    confirm: Confirm
    observers: Sequence[Observer] = ()
    timer: Timer = field(default_factory=Timer)
    interrupted: Callable[[], bool] = lambda: False
    block: int = BLOCK

    def run(
        self,
        at: At,
        *,
        between: Between = _nothing,
        ending: Callable[[], None] = _unseen,
        until: int | None = None,
    ) -> tuple[At, Stop | None]:
        """On from `at` until a rule ends it; without a stop where step `until` has been reached.

        ending: called before the rows are shown of the block that ends it. What may fail in a block
        is done before any of its rows is shown.
        """
        watch, limits = self.watch, self.watch.rules
        while True:
            state = at.state
            # Read once, so that all agree on whether the time is up.
            seconds, asked = self.timer.wall_seconds, self.interrupted()
            late = limits.max_time is not None and seconds >= limits.max_time
            last = asked or late or state.step >= limits.max_iter
            between(at, last=last, asked=asked)
            if until is not None and state.step >= until and not last:
                return at, None
            segment = self._advance(state, until)
            # Without bases, a gap that is not in the rows will not come.
            blind = segment.state.coordinates.size is None
            stop = watch.find(segment.rows, seconds, asked, blind=blind)
            before: tuple[Rows, int] | None = None
            if stop is not None and stop.needs:
                found = self.confirm(segment.state_at(stop.index), stop, at.known)
                watch.hold(found.wait_until, found.ask_below)
                at = replace(at, known=found.known)
                if found.stop is not None:
                    ending()
                    self._show(segment.rows, stop.index + 1)
                    return replace(at, state=found.state), found.stop
                # It goes on from here, in whatever coordinates the closer look has left.
                before = segment.rows, stop.index
                step = found.state.step
                segment = self.engine.advance(found.state, self.schedule.steps(step, 1))
                # The closer look has denied what it would have to prove; the step is taken.
                stop = watch.find(segment.rows, seconds, asked, only_proved=True)
            if stop is not None:
                ending()
            if before is not None:
                self._show(*before)
            if stop is None:
                count = len(segment.rows["step"])
                self._show(segment.rows, count)
                at = replace(at, state=segment.state, good=segment.state_at(count - 1))
                continue
            shown, end = stop.index + 1, segment.state_at(stop.index)
            if stop.outcome is Outcome.DIVERGED:
                # The last point that was still in bounds is the one to keep.
                shown = stop.index
                end = segment.state_at(stop.index - 1) if stop.index else at.good or state
            self._show(segment.rows, shown)
            return replace(at, state=end), stop

    def _advance(self, state: State, until: int | None) -> Segment:
        """A block; it ends at the limit, and at `until`, if it comes that far."""
        ends = (self.watch.rules.max_iter, until)
        left = [end - state.step for end in ends if end is not None and end >= state.step]
        count = max(1, min([self.block, max(YOUNG, state.step), *left]))
        return self.engine.advance(state, self.schedule.steps(state.step, count))

    def _show(self, rows: Rows, count: int) -> None:
        if count:
            visible = {name: column[:count] for name, column in rows.items()}
            with self.timer.looking():
                for observer in self.observers:
                    observer.segment(visible)
