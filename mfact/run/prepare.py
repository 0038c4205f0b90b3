"""A run up to its first step: read, refused where it cannot be, planned from the first passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mfact.core import Array, Document, Factors, Target
from mfact.host.memory import MemoryPlan
from mfact.host.threads import Workers
from mfact.host.timer import Timer
from mfact.problems.factorization import Factorization
from mfact.problems.scale import require_scale
from mfact.run.ahead import said_of_passes
from mfact.run.doing import Doing
from mfact.run.keeper import Rhythm
from mfact.run.memory import plan_of, planned_basis, rewriting, what_fits
from mfact.run.place import place_of, require_file
from mfact.run.plan import planned
from mfact.run.progress import Asked, Plan, Progress
from mfact.run.ranked import Ranked
from mfact.run.refusals import check, refuse_many_passes
from mfact.run.seeds import with_seed
from mfact.run.start import first_blocks
from mfact.run.wished import with_rank
from mfact.settings import ARRAYS, STARTS, RunSettings
from mfact.storage.claims import claim_output, refuse_meetings
from mfact.targets.door import Held, held
from mfact.targets.fingerprint import fingerprint
from mfact.wishes import wish_of

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
    note: Callable[[str], None],
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
    M = held(matrix, settings.dtype, settings.max_memory)
    check(settings, M.shape, explicit)
    require_file(M, settings)
    refuse_many_passes(settings)
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
        if M is not matrix:
            M = M.at(reading.enter_context(place_of(settings, note)))
        M = M.centred(settings.center)
        if found is None and wish_of(settings.rank) is not None:
            M, found = reading.enter_context(with_rank(M, settings, detail, doing, timer))
        if found is not None:
            settings = replace(settings, rank=found.rank)
            check(settings, M.shape, explicit)
        M, memory = fitting(M, settings, detail)
        M = M if found is None else replace(M, taken=found.passes)
        yield Admitted(settings, sources, M, memory, rhythm, output, found)


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
    doing.streams(M.from_file, elsewhere=M.elsewhere)
    target = M.target(told=doing.read, passed=doing.passed, workers=workers)
    with doing.now("first passes"):
        if target.mean is not None:
            doing.passed(target.passes)
        if M.from_file and target.leads:
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
