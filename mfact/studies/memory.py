"""What is asked beside solving will hold in memory, planned before anything is read."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mfact.host.memory import MemoryPlan, available_bytes
from mfact.krylov.leading import DENSE_LIMIT
from mfact.run.memory import BLAS_BYTES, COPIES_OF_FACTORS, STEP_BYTES
from mfact.studies.inspect import workspace_bytes

if TYPE_CHECKING:
    from mfact.core import Result
    from mfact.matrices.source import MatrixSource


def plan_inspection(source: MatrixSource, leading: int) -> MemoryPlan:
    """The plan of `mfact inspect`. Raises MemoryPlanError when it does not fit."""

    def plan(leading: int) -> MemoryPlan:
        values = workspace_bytes(source.shape, leading, source.entries)
        return plan_of(source, {"singular values": values}, occupied=True, limit=limit)

    limit = available_bytes()
    made, least = plan(leading), min(leading, *source.shape)
    fitting = bisect_left(range(1, least), 1, key=lambda k: int(not plan(k).fits))
    ways = f"--leading {fitting}" if fitting else "a part of the matrix"
    made.check(f"free memory, or use {ways}", subject=f"looking into {source.name}")
    return made


def plan_check(source: MatrixSource, result: Result) -> MemoryPlan:
    """The plan of `mfact check`. Raises MemoryPlanError when it does not fit."""
    (d1, d2), (rows, rank) = source.shape, result.U.shape
    # All of them by a dense copy where one side is short, else the leading ones by ARPACK.
    dense = 4 * d1 * d2 if min(d1, d2) <= DENSE_LIMIT else 0
    values = 8 * dense or workspace_bytes(source.shape, rank + 1)
    parts = {
        "singular values": values,
        "factors": COPIES_OF_FACTORS * 8 * rank * (rows + len(result.V)),
        "trace": 3 * sum(column.nbytes for column in result.trace.values()),
    }
    made = plan_of(source, parts, dtype=str(result.U.dtype))
    made.check("free memory", subject="the check")
    return made


def plan_of(
    source: MatrixSource,
    parts: Mapping[str, int],
    *,
    dtype: str = "float64",
    occupied: bool = False,
    limit: int | None = None,
) -> MemoryPlan:
    """The plan of a command that reads `source` and holds `parts` beside it.

    occupied: it is read without its empty rows and columns.
    """
    always = {
        "matrix": source.read_bytes(dtype, occupied=occupied),
        "libraries": BLAS_BYTES,
        "buffers": STEP_BYTES,
    }
    return MemoryPlan({**always, **parts}, available_bytes() if limit is None else limit)
