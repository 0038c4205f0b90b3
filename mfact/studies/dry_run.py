"""What a run would take, found as the run itself would find it, up to its first step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mfact.core import Array, Document, Target
from mfact.host.threads import working
from mfact.host.timer import Timer
from mfact.run.ahead import bytes_moved, passes_a_step, passes_in_all
from mfact.run.doing import NOTHING, Doing
from mfact.run.forecast import SECONDS_A_STEP
from mfact.run.prepare import admitted, prepared
from mfact.run.summary import problem_of, settings_of
from mfact.run.workers import planned_workers
from mfact.settings import RunSettings
from mfact.targets.door import DEVICE, Held

if TYPE_CHECKING:
    from mfact.matrices.source import MatrixSource

SCHEMA = "mfact-plan/1"


def dry_run(
    matrix: Array | MatrixSource | Target,
    settings: RunSettings,
    *,
    sources: Mapping[str, str],
    output: str | None,
    files: Mapping[str, str | None],
    admit: Callable[[Document], None],
    detail: Callable[[str], None] = lambda text: None,
    doing: Doing = NOTHING,
    timer: Timer | None = None,
) -> Document:
    """What `mfact solve` would do, as JSON values under the schema "mfact-plan/1".

    files: what each would be to the run -> its path. The other arguments and the errors are those
    of mfact.run.solve.solve: what it would refuse is refused. M is read, as often as a run reads
    it before its first step, and nothing is written.
    """
    timer, notes = Timer() if timer is None else timer, list[str]()
    allowed = admitted(
        matrix,
        settings,
        sources=sources,
        output=output,
        note=notes.append,
        detail=detail,
        found=None,
        doing=doing,
        timer=timer,
    )
    with allowed as run, working(planned_workers(run.memory)) as workers:
        plan, progress = prepared(
            run,
            refuse=True,
            note=lambda text: None,  # they are in the document
            admit=admit,
            doing=doing,
            timer=timer,
            workers=workers,
        )
    memory = run.memory
    need = plan.chosen.need
    log10 = plan.chosen.forecast
    return {
        "schema": SCHEMA,
        "problem": problem_of(plan, progress.at.state.coordinates.optimum),
        "settings": settings_of(plan, settings.every or 1),
        "memory": {
            "parts": dict(memory.parts),
            "total": memory.total,
            "available": memory.limit,
            "bases": need.bytes(plan.target.shape, plan.target.dtype.itemsize) if need else None,
        },
        "passes": {
            "so_far": plan.target.passes,
            "a_step": passes_a_step(plan),
            "in_all": passes_in_all(run.matrix, plan.target, plan),
            "from": run.matrix.where,
            "bytes_each": run.matrix.from_file or memory.parts["matrix"],
            "read_seconds": plan.target.reading_seconds or None,
        },
        "place": _place(run.matrix, run.settings.rank),
        "forecast": {
            "log10_iterations": log10,
            "fast_forward": plan.flow is not None,
            "seconds": None if log10 is None or log10 > 9 else SECONDS_A_STEP * 10**log10,
        },
        "files": [
            {"what": what, "path": path, "replaces": Path(path).exists()}
            for what, path in files.items()
            if path is not None
        ],
        "notes": [*notes, *progress.notes],
        "wall_seconds": timer.wall_seconds,
    }


def _place(matrix: Held, rank: int) -> Document | None:
    """What is known of those who hold M, if not this process."""
    if not matrix.elsewhere:
        return None
    named = {"name": matrix.described[DEVICE]} if DEVICE in matrix.described else {}
    return {**named, **matrix.place, "bytes_moved": bytes_moved(matrix, rank)}
