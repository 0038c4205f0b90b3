"""What is asked beside solving will hold in memory, planned before anything is read."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from mfact.host.memory import MemoryPlan, available_bytes
from mfact.krylov.leading import leading_bytes
from mfact.run.memory import BLAS_BYTES, COPIES_OF_FACTORS, STEP_BYTES
from mfact.studies.inspect import FULL_UP_TO
from mfact.studies.prospect import wanted
from mfact.targets.door import held

if TYPE_CHECKING:
    from mfact.core import Result
    from mfact.matrices.source import MatrixSource
    from mfact.settings import SweepSettings


def plan_inspection(source: MatrixSource, leading: int, rank: int | None = None) -> MemoryPlan:
    """The plan of `mfact inspect`. Raises MemoryPlanError when it does not fit."""

    def plan(leading: int) -> MemoryPlan:
        values = leading_bytes(source.shape, leading, FULL_UP_TO, source.entries)
        return _plan(source, {"singular values": values}, limit=limit)

    limit = available_bytes()
    leading = wanted(leading, rank)
    made, least = plan(leading), min(leading, *source.shape)
    fitting = bisect_left(range(1, least), 1, key=lambda k: int(not plan(k).fits))
    ways = f"--leading {fitting}" if fitting else "a part of the matrix"
    return made.check(f"free memory, or use {ways}", subject=f"looking into {source.name}")


def plan_check(source: MatrixSource, result: Result) -> MemoryPlan:
    """The plan of `mfact check`. Raises MemoryPlanError when it does not fit."""
    rows, rank = result.U.shape
    parts = {
        "singular values": leading_bytes(source.shape, rank + 1),
        "factors": COPIES_OF_FACTORS * 8 * rank * (rows + len(result.V)),
        "trace": 3 * sum(column.nbytes for column in result.trace.values()),
    }
    made = _plan(source, parts, dtype=str(result.U.dtype))
    return made.check("free memory", subject="the check")


def plan_flow(source: MatrixSource) -> MemoryPlan:
    """The plan of `mfact flow`. Raises MemoryPlanError when it does not fit."""
    d1, d2 = source.shape
    # The copy that the decomposition destroys, both sets of vectors, its workspace.
    made = _plan(source, {"singular vectors": 8 * d1 * d2 + 16 * min(d1, d2) * (d1 + d2)})
    return made.check("free memory, or use a part of the matrix", subject="the flow")


def plan_sweep(source: MatrixSource) -> MemoryPlan:
    """The plan of `mfact sweep`. Raises MemoryPlanError when it does not fit."""
    least = min(source.shape)
    made = _plan(source, {"singular values": leading_bytes(source.shape, 0, least, source.entries)})
    return made.check("free memory, or use a part of the matrix", subject="the sweep")


def plan_starts(settings: SweepSettings, sweeps: int = 1, *, written: bool = False) -> MemoryPlan:
    """Of each start of so many sweeps where it got to each tolerance, and four numbers, and the
    image of their file where it is written. Raises MemoryPlanError when they do not fit.
    """
    kept = 8 * (len(settings.tolerances) + 4) * settings.seeds * sweeps
    image = {"file image": 2 * kept} if written else {}  # and what is read back of it
    return MemoryPlan({"starts": kept, **image}, available_bytes()).check("choose fewer --seeds")


def plan_generated(shape: tuple[int, int], rank: int, *, written: bool) -> MemoryPlan:
    """A matrix to be made, and the image of its file where it is written. Raises MemoryPlanError
    when they do not fit.
    """
    matrix = 8 * shape[0] * shape[1]
    image = {"file image": matrix} if written else {}
    parts = {"matrix": matrix, **image, "factors": 24 * rank * sum(shape)}
    return MemoryPlan(parts, available_bytes()).check("choose a smaller shape")


def _plan(
    source: MatrixSource, parts: dict[str, int], dtype: str = "float64", limit: int | None = None
) -> MemoryPlan:
    """The plan of a command that reads `source` and holds `parts` beside it."""
    always = {"matrix": held(source, dtype).needed, "libraries": BLAS_BYTES, "buffers": STEP_BYTES}
    return MemoryPlan({**always, **parts}, available_bytes() if limit is None else limit)
