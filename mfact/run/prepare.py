"""A run up to its first step: read, refused where it cannot be, planned from the first passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mfact.core import Array, Document, Factors, Target
from mfact.host.memory import MemoryPlan, available_bytes
from mfact.host.threads import Workers, working
from mfact.host.timer import Timer
from mfact.krylov.values import leading_bytes
from mfact.methods.choice import METHODS
from mfact.problems.factorization import Factorization
from mfact.problems.scale import require_scale
from mfact.run.doing import Doing
from mfact.run.keeper import Rhythm
from mfact.run.memory import (
    STEP_BYTES,
    plan_of,
    planned_basis,
    rewriting,
    room_beside,
    size_that_fits,
    what_fits,
)
from mfact.run.plan import planned
from mfact.run.progress import Asked, Plan, Progress
from mfact.run.ranked import LEADING, Ranked, ranked
from mfact.run.refusals import check
from mfact.run.seeds import with_seed
from mfact.run.seen import FULL_UP_TO
from mfact.run.start import first_blocks
from mfact.run.workers import planned_workers, with_workers
from mfact.settings import ARRAYS, STARTS, RunSettings
from mfact.storage.claims import claim_output, refuse_meetings
from mfact.targets.counted import Counted
from mfact.targets.door import HELD, IN_FILE, Held, held
from mfact.targets.fingerprint import fingerprint
from mfact.wishes import wish_of
from mfact.words import few, format_bytes

if TYPE_CHECKING:
    from mfact.matrices.source import MatrixSource


@dataclass(frozen=True)
class Admitted:
    """A run that may be: nothing of its matrix has been read yet.

    memory: what it will hold. rhythm: of its checkpoints. found: how its rank was, of a matrix
    that had to be read for it.
    """

    settings: RunSettings
    sources: Mapping[str, str]
    matrix: Held
    memory: MemoryPlan
    rhythm: Rhythm
    output: str | None
    found: Ranked | None


@contextmanager
def admitted(
    matrix: Array | MatrixSource | Target | Held,
    settings: RunSettings,
    *,
    sources: Mapping[str, str],
    output: str | None,
    detail: Callable[[str], None],
    found: Ranked | None,
    doing: Doing,
    timer: Timer,
) -> Iterator[Admitted]:
    """The arguments and errors of mfact.run.solve.solve. To be entered before BLAS is told of its
    threads: what it takes for them is part of the plan. Where the rank is to be found M is read
    here, and everything else has been checked.
    """
    if settings.seed is None and settings.start in STARTS:
        settings = with_seed(settings)
        sources = {**sources, "seed": "drawn"}
    explicit = [name for name, source in sources.items() if source not in ("default", "drawn")]
    M = held(matrix, settings.dtype, settings.max_memory).centred(settings.center)
    check(settings, M.shape, explicit)
    rhythm = Rhythm.of(settings.checkpoint_every)
    path, start = settings.checkpoint_path(output), settings.start_file
    if sources.get("start") == ARRAYS:
        start = None
    refuse_meetings(
        {"matrix": M.named["path"], "start": start}, {"output": output, "checkpoint": path}
    )
    if path is not None:
        claim_output(path)
    with ExitStack() as reading:
        if found is None and wish_of(settings.rank) is not None:
            M, found = reading.enter_context(with_rank(M, settings, detail, doing, timer))
        if found is not None:
            settings = replace(settings, rank=found.rank)
            check(settings, M.shape, explicit)
        M, memory = fitting(M, settings, detail)
        M = M if found is None else replace(M, taken=found.passes)
        yield Admitted(settings, sources, M, memory, rhythm, output, found)


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
    doing.streams(matrix.from_file)
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
    return found._replace(passes=found.passes + bool(matrix.from_file))


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


def prepared(
    run: Admitted,
    factors: Factors | None = None,
    *,
    refuse: bool,
    note: Callable[[str], None],
    admit: Callable[[Document], None],
    doing: Doing,
    timer: Timer,
    workers: Workers,
) -> tuple[Plan, Progress]:
    """The run before its first step; nothing is written. As for mfact.run.solve.solve.

    workers: share the passes over M.
    """
    settings, M = run.settings, run.matrix
    heavy = rewriting(settings, run.rhythm.steps)
    doing.streams(M.from_file)
    target = M.target(told=doing.read, passed=doing.passed, workers=workers)
    with doing.now("first passes"):
        if target.mean is not None:
            doing.passed(target.passes)
        if M.from_file:
            problem = Factorization(target, settings.weight, settings.center)
            with timer.solving():
                target.ahead(*first_blocks(settings, problem, factors))
        require_scale(target)
        with timer.solving():  # which begins with the first pass over M
            sums = fingerprint(target)
            wish = None if run.found is None else run.found.wish
            asked = Asked(settings, run.sources, M.described, M.named, sums, run.output, wish)
            limit = planned_basis(run.memory)
            plan, progress = planned(asked, target, limit, factors, refuse=refuse)
    admit(asked.fingerprint)
    first = () if run.found is None else (run.found.sentence,)
    last = () if heavy is None else (heavy,)
    progress = replace(progress, notes=(*first, *progress.notes, *last))
    for text in progress.notes:
        note(text)
    if M.from_file:  # of the clock, and so no part of the run
        note(said_of_passes(M, target, plan))
    return plan, progress


def fitting(
    matrix: Held, settings: RunSettings, detail: Callable[[str], None]
) -> tuple[Held, MemoryPlan]:
    """The matrix as it can be held, and the plan of the run. Raises MemoryPlanError, with what
    would fit, when none does.
    """
    matrix, plan = matrix.fitted(lambda M: plan_of(M, settings))
    detail(plan.describe())
    if not plan.fits:
        plan.check(what_fits(matrix.shape, settings, plan))
    return matrix, plan


def as_before(matrix: Held, described: Document) -> Held:
    """M left in its file where it was when a run began: the bits of a pass depend on it."""
    return (matrix.streamed() or matrix) if described.get(HELD) == IN_FILE else matrix


def said_of_passes(matrix: Held, target: Counted, plan: Plan) -> str:
    """What each pass over a matrix that stays in its file takes, and how many there are."""
    seconds = max(target.reading_seconds, 1e-9)
    rate = format_bytes(int(matrix.from_file / seconds))
    whole, each = passes_in_all(matrix, target, plan), passes_a_step(plan)
    ahead = "about as many again" if whole is None else f"about {whole} in all"
    return (
        f"M stays in its file: each pass reads {format_bytes(matrix.from_file)}, in"
        f" {seconds:.3g} s at {rate} a second; {target.passes} passes so far,"
        f" {f'{few(each)} more a step' if each else ahead}"
    )


def passes_a_step(plan: Plan) -> int:
    """Over M, beyond those that the bases take: none where steps are taken in them."""
    return METHODS[plan.asked.settings.method].passes if plan.reach is None else 0


def passes_in_all(matrix: Held, target: Counted, plan: Plan) -> int | None:
    """By the forecast, which may be of fewer than there were by then; None where there is none."""
    need = plan.chosen.need
    return None if need is None else max(target.passes, matrix.taken + need.passes)
