"""A run from where it stands to its end: plain steps, then the flow that decaying ones follow."""

from __future__ import annotations

from dataclasses import replace

from mfact.core import State
from mfact.descent import At, Confirmed, Descent, Known
from mfact.run.fast_forward import fast_forward
from mfact.run.modes import Split
from mfact.run.progress import Finish, Flown, Live, Plan, Progress
from mfact.run.rescue import Rescue
from mfact.settings import TAKE_OFF
from mfact.stopping import Stop


def carry_out(plan: Plan, progress: Progress, live: Live, rescue: Rescue) -> Finish:
    """Stage after stage, until one ends the run."""
    stop: Stop | None = None
    while stop is None:
        stage = plain_steps if progress.flight is None else fast_forward
        progress, stop = stage(plan, progress, live, rescue)
    return Finish(progress, stop.outcome, stop.reason)


def plain_steps(
    plan: Plan, progress: Progress, live: Live, rescue: Rescue
) -> tuple[Progress, Stop | None]:
    """Step by step to the end, or to where the flow takes over."""

    def confirm(state: State, stop: Stop, known: Known) -> Confirmed:
        with live.doing.now("closer look"):
            return plan.judge(state, stop, known)

    descent = Descent(
        plan.engine,
        plan.chosen.schedule,
        live.watch,
        confirm,
        (Split(live.modes, (live.recorder, live.monitors, *live.observers)),),
        live.timer,
        lambda: bool(live.caught),
        live.block,
    )

    def between(at: At, *, last: bool, asked: bool) -> None:
        rescue.look(replace(progress, at=at), last=last, asked=asked)

    at, stop = progress.at, None
    if plan.flow is not None and at.state.step <= TAKE_OFF:
        at, stop = descent.run(at, between=between, ending=rescue.ending, until=TAKE_OFF)
        if stop is None and at.state.coordinates.size is not None:
            return replace(progress, at=at, flight=Flown()), None
    if stop is None:
        at, stop = descent.run(at, between=between, ending=rescue.ending)
    return replace(progress, at=at), stop
