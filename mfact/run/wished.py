"""A rank that is wished for, found before anything of a run is planned but its memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from mfact.host.memory import MemoryPlan, available_bytes
from mfact.host.threads import working
from mfact.host.timer import Timer
from mfact.krylov.values import leading_bytes
from mfact.problems.scale import require_scale
from mfact.run.doing import Doing
from mfact.run.memory import STEP_BYTES, plan_of, room_beside, size_that_fits
from mfact.run.ranked import LEADING, Ranked, ranked
from mfact.run.seen import FULL_UP_TO
from mfact.run.workers import planned_workers, with_workers
from mfact.settings import RunSettings
from mfact.targets.counted import Counted
from mfact.targets.door import CLUSTER, DISK, Held
from mfact.wishes import wish_of


@contextmanager
def with_rank(
    matrix: Held,
    settings: RunSettings,
    detail: Callable[[str], None],
    doing: Doing,
    timer: Timer,
) -> Iterator[tuple[Held, Ranked]]:
    """M read once, and the rank that it is found to have; within it its passes are shared.

    Raises MemoryPlanError where that does not fit, or not even rank 1, and what
    mfact.run.ranked.ranked raises.
    """
    matrix, plan = matrix.fitted(lambda M: plan_to_find(M, settings))
    detail(plan.describe())
    require_room(matrix, settings, plan)
    doing.streams(matrix.from_file, elsewhere=matrix.elsewhere)
    with working(planned_workers(plan)) as workers:
        M = matrix.read(doing.read, workers)
        target = M.target(told=doing.read, passed=doing.passed, workers=workers)
        with doing.now("rank"), timer.solving():
            found = found_in(M, target, settings)
        yield M, found


def found_in(matrix: Held, target: Counted, settings: RunSettings) -> Ranked:
    """The rank of the settings, a wish, for M, which has been read; target: M behind it."""
    require_scale(target)
    wish = wish_of(settings.rank)
    assert wish is not None
    found = ranked(target, target.shape, wish, room_beside(matrix, settings.max_memory))
    # Of a file the norm is a reading of its own: no product has been formed with it.
    return found._replace(passes=found.passes + int(matrix.where in (DISK, CLUSTER)))


def plan_to_find(matrix: Held, settings: RunSettings) -> MemoryPlan:
    """The plan of a look at the first values or of a run of rank 1, whichever takes more."""
    parts = {
        "matrix": matrix.there + matrix.needed,
        "singular values": leading_bytes(matrix.shape, LEADING, FULL_UP_TO),
        "buffers": STEP_BYTES,
    }
    limit = matrix.there + room_beside(matrix, settings.max_memory)
    finding = with_workers(parts, limit, settings.threads)
    return max(finding, plan_of(matrix, replace(settings, rank=1)), key=lambda plan: plan.total)


def require_room(matrix: Held, settings: RunSettings, plan: MemoryPlan) -> None:
    """Raise MemoryPlanError where the plan to find the rank does not fit."""
    limited = settings.max_memory is not None and plan.total <= available_bytes()
    ways = [f"use {size_that_fits(plan)}" if limited else "free memory"]
    if plan_of(matrix, replace(settings, rank=1)).fits:
        ways.append("give --rank a number")
    plan.check(", or ".join(ways), subject="finding the rank")
