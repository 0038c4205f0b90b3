"""A run up to its first step: read, refused where it cannot be, planned from the first passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mfact.core import Array, Document, Factors, Target
from mfact.host.memory import MemoryPlan
from mfact.host.threads import Workers
from mfact.host.timer import Timer
from mfact.problems.factorization import Factorization
from mfact.run.doing import Doing
from mfact.run.keeper import Rhythm
from mfact.run.memory import plan_of, planned_basis, rewriting, what_fits
from mfact.run.plan import planned
from mfact.run.progress import Asked, Plan, Progress
from mfact.run.refusals import check
from mfact.run.seeds import with_seed
from mfact.run.start import first_blocks
from mfact.settings import ARRAYS, STARTS, RunSettings
from mfact.storage.claims import claim_output, refuse_meetings
from mfact.targets.counted import Counted
from mfact.targets.door import HELD, IN_FILE, Held, held, require_scale
from mfact.targets.fingerprint import fingerprint
from mfact.words import format_bytes

if TYPE_CHECKING:
    from mfact.matrices.source import MatrixSource


@dataclass(frozen=True)
class Admitted:
    """A run that may be: nothing of its matrix has been read yet.

    memory: what it will hold. rhythm: of its checkpoints.
    """

    settings: RunSettings
    sources: Mapping[str, str]
    matrix: Held
    memory: MemoryPlan
    rhythm: Rhythm
    output: str | None


def admitted(
    matrix: Array | MatrixSource | Target | Held,
    settings: RunSettings,
    *,
    sources: Mapping[str, str],
    output: str | None,
    detail: Callable[[str], None],
) -> Admitted:
    """The arguments and errors of mfact.run.solve.solve. To be called before BLAS is told of its
    threads: what it takes for them is part of the plan.
    """
    if settings.seed is None and settings.start in STARTS:
        settings = with_seed(settings)
        sources = {**sources, "seed": "drawn"}
    explicit = [name for name, source in sources.items() if source not in ("default", "drawn")]
    M = held(matrix, settings.dtype, settings.max_memory)
    check(settings, M.shape, explicit)
    M, memory = fitting(M, settings, detail)
    rhythm = Rhythm.of(settings.checkpoint_every)
    path, start = settings.checkpoint_path(output), settings.start_file
    if sources.get("start") == ARRAYS:
        start = None
    refuse_meetings(
        {"matrix": M.named["path"], "start": start}, {"output": output, "checkpoint": path}
    )
    if path is not None:
        claim_output(path)
    return Admitted(settings, sources, M, memory, rhythm, output)


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
        if M.from_file:
            problem = Factorization(target, settings.weight)
            with timer.solving():
                target.ahead(*first_blocks(settings, problem, factors))
        require_scale(target)
        with timer.solving():  # which begins with the first pass over M
            sums = fingerprint(target)
            asked = Asked(settings, run.sources, M.described, M.named, sums, run.output)
            limit = planned_basis(run.memory)
            plan, progress = planned(asked, target, limit, factors, refuse=refuse)
    admit(asked.fingerprint)
    if heavy is not None:
        progress = replace(progress, notes=(*progress.notes, heavy))
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
    need = plan.chosen.need
    ahead = "about as many again" if need is None else f"about {need.passes} in all"
    return (
        f"M stays in its file: each pass reads {format_bytes(matrix.from_file)}, in"
        f" {seconds:.3g} s at {rate} a second; {target.passes} passes so far,"
        f" {'one more a step' if plan.reach is None else ahead}"
    )
