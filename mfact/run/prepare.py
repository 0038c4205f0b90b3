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
from mfact.settings import STARTS, RunSettings
from mfact.storage.claims import claim_output, refuse_meetings
from mfact.targets.door import Held, held, require_scale
from mfact.targets.fingerprint import fingerprint

if TYPE_CHECKING:
    from mfact.matrices.source import MatrixSource


@dataclass(frozen=True)
class Prepared:
    """A run before its first step. memory: what it will hold. rhythm: of its checkpoints."""

    plan: Plan
    progress: Progress
    memory: MemoryPlan
    rhythm: Rhythm


def prepared(
    matrix: Array | MatrixSource | Target,
    settings: RunSettings,
    factors: Factors | None = None,
    *,
    sources: Mapping[str, str],
    output: str | None,
    refuse: bool,
    note: Callable[[str], None],
    detail: Callable[[str], None],
    admit: Callable[[Document], None],
    doing: Doing,
    timer: Timer,
) -> Prepared:
    """The arguments and errors of mfact.run.solve.solve; nothing is written."""
    if settings.seed is None and settings.start in STARTS:
        settings = with_seed(settings)
        sources = {**sources, "seed": "drawn"}
    explicit = [name for name, source in sources.items() if source not in ("default", "drawn")]
    M = held(matrix, settings.dtype)
    check(settings, M.shape, explicit)
    memory, rhythm = fitting(M, settings, detail), Rhythm.of(settings.checkpoint_every)
    heavy = rewriting(settings, rhythm.steps)
    path = settings.checkpoint_path(output)
    refuse_meetings(
        {"matrix": M.named["path"], "start": None if factors else settings.start_file},
        {"output": output, "checkpoint": path},
    )
    if path is not None:
        claim_output(path)
    target = M.target(told=doing.read, passed=doing.passed)
    with doing.now("first passes"):
        require_scale(target)
        with timer.solving():  # which begins with the first pass over M
            asked = Asked(settings, sources, M.described, M.named, fingerprint(target), output)
            plan, progress = planned(asked, target, planned_basis(memory), factors, refuse=refuse)
    admit(asked.fingerprint)
    if heavy is not None:
        progress = replace(progress, notes=(*progress.notes, heavy))
    for text in progress.notes:
        note(text)
    return Prepared(plan, progress, memory, rhythm)


def fitting(matrix: Held, settings: RunSettings, detail: Callable[[str], None]) -> MemoryPlan:
    """The plan of the run. Raises MemoryPlanError, with what would fit, when it does not."""
    plan = memory_plan(matrix.shape, settings, matrix_bytes=matrix.needed)
    detail(plan.describe())
    if not plan.fits:
        plan.check(what_fits(matrix.shape, settings, plan))
    return plan
