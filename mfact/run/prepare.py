"""A run up to its first step: read, refused where it cannot be, planned from the first passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mfact.core import Array, Document, Factors, Target
from mfact.host.memory import MemoryPlan
from mfact.host.timer import Timer
from mfact.run.doing import Doing
from mfact.run.keeper import Rhythm
from mfact.run.memory import memory_plan, planned_basis, rewriting, what_fits
from mfact.run.plan import planned, with_seed
from mfact.run.progress import Asked, Plan, Progress
from mfact.run.refusals import check
from mfact.settings import ARRAYS, STARTS, RunSettings
from mfact.storage.claims import claim_output, refuse_meetings
from mfact.targets.door import Held, held, require_scale
from mfact.targets.fingerprint import fingerprint

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
    M = held(matrix, settings.dtype)
    check(settings, M.shape, explicit)
    memory, rhythm = fitting(M, settings, detail), Rhythm.of(settings.checkpoint_every)
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
) -> tuple[Plan, Progress]:
    """The run before its first step; nothing is written. As for mfact.run.solve.solve."""
    settings, M = run.settings, run.matrix
    heavy = rewriting(settings, run.rhythm.steps)
    target = M.target(told=doing.read, passed=doing.passed)
    with doing.now("first passes"):
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
    return plan, progress


def fitting(matrix: Held, settings: RunSettings, detail: Callable[[str], None]) -> MemoryPlan:
    """The plan of the run. Raises MemoryPlanError, with what would fit, when it does not."""
    plan = memory_plan(matrix.shape, settings, matrix_bytes=matrix.needed)
    detail(plan.describe())
    if not plan.fits:
        plan.check(what_fits(matrix.shape, settings, plan))
    return plan
