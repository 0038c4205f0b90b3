"""What is asked beside solving will hold in memory, planned before anything is read."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from mfact.host.memory import MemoryPlan, available_bytes
from mfact.krylov.values import leading_bytes
from mfact.run.memory import COPIES_OF_FACTORS, STEP_BYTES, size_that_fits
from mfact.run.seen import FULL_UP_TO
from mfact.run.workers import BLAS_BYTES
from mfact.studies.flow import compared_in, unguided_in
from mfact.studies.named import as_factored
from mfact.studies.prospect import wanted
from mfact.targets.door import Held, held
from mfact.wishes import wish_of

if TYPE_CHECKING:
    from mfact.core import Array, Result, Target
    from mfact.matrices.source import MatrixSource
    from mfact.settings import FlowSettings, SweepSettings

FLOW_COPIES, UNGUIDED_COPIES = 64, 20
"""Of the point, at once: stages of DOP853 and what each is made of; what Adam keeps, and makes of
factors of M."""


class Fitted(NamedTuple):
    """A matrix as it can be held, and the plan of what is asked of it."""

    matrix: Held
    plan: MemoryPlan


def plan_inspection(
    source: MatrixSource,
    leading: int,
    rank: int | str | None = None,
    max_memory: int | None = None,
    center: str = "none",
) -> Fitted:
    """The plan of `mfact inspect`. Raises MemoryPlanError when it does not fit.

    max_memory, here and below: bytes that it may take, what there is when not given. center: what
    will be taken off the matrix, which is fitted as it is.
    """
    read, entries = _read(source, center)

    def parts(leading: int) -> dict[str, int]:
        return {"singular values": leading_bytes(source.shape, leading, FULL_UP_TO, entries)}

    leading, limit = wanted(leading, rank), available_bytes(max_memory)
    found, made = _fitted(read, parts(leading), max_memory, center=center)
    least, M = min(leading, *source.shape), found.centred(center)
    fitting = bisect_left(range(1, least), 1, key=lambda k: int(not _plan(M, parts(k), limit).fits))
    ways = f"--leading {fitting}" if fitting else "a part of the matrix"
    return _checked(found, made, ways, f"looking into {source.name}", max_memory)


def plan_check(
    matrix: Array | MatrixSource | Target, result: Result, max_memory: int | None = None
) -> Fitted:
    """The matrix of a run as the run had it, and the plan of `mfact check`. Raises MemoryPlanError
    when it does not fit.
    """
    rows, rank = result.U.shape
    M = as_factored(held(matrix, str(result.U.dtype), max_memory), result)
    parts = {
        "singular values": leading_bytes(M.shape, rank + 1),
        "factors": COPIES_OF_FACTORS * 8 * rank * (rows + len(result.V)),
        "trace": 3 * sum(column.nbytes for column in result.trace.values()),
    }
    found, made = _fitted(M, parts, max_memory)
    return _checked(found, made, "", "the check", max_memory)


def plan_flow(
    source: MatrixSource, settings: FlowSettings, max_memory: int | None = None
) -> Fitted:
    """The plan of `mfact flow`. Raises MemoryPlanError when it does not fit."""
    d1, d2 = source.shape
    k = min(d1, d2)
    r = k if wish_of(settings.rank) is not None else min(settings.rank, k)
    unguided = UNGUIDED_COPIES * r * (d1 + d2) if unguided_in(compared_in(settings)) else 0
    # The copy that the decomposition destroys and its workspace, and after it the flow, or steps.
    decomposing = d1 * d2 + k * (d1 + d2)
    following = FLOW_COPIES * r * 2 * (k + min(r, abs(d1 - d2)))
    parts = {
        "singular vectors": 8 * k * (d1 + d2),
        "flow": 8 * max(decomposing, following, unguided),
    }
    found, made = _fitted(source, parts, max_memory, center=settings.center)
    return _checked(found, made, "a part of the matrix", "the flow", max_memory)


def plan_sweep(source: MatrixSource, max_memory: int | None = None, center: str = "none") -> Fitted:
    """The plan of `mfact sweep`. Raises MemoryPlanError when it does not fit."""
    read, entries = _read(source, center)
    parts = {"singular values": leading_bytes(source.shape, 0, min(source.shape), entries)}
    found, made = _fitted(read, parts, max_memory, center=center)
    return _checked(found, made, "a part of the matrix", "the sweep", max_memory)


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


def _read(source: MatrixSource, center: str) -> tuple[MatrixSource, int | None]:
    """A matrix of which the singular values are asked for, and how many entries these are of, if
    that is few: a sparse file is read without empty rows and columns, which add zeros to them, but
    for what is taken off.
    """
    return (source.occupied(), source.entries) if center == "none" else (source, None)


def _fitted(
    matrix: MatrixSource | Held,
    parts: dict[str, int],
    max_memory: int | None,
    center: str = "none",
) -> Fitted:
    """The matrix of a command that holds `parts` beside it, and its plan. center: what is going to
    be taken off it.
    """
    limit = available_bytes(max_memory)
    M = held(matrix, "float64", max_memory)
    return Fitted(*M.fitted(lambda matrix: _plan(matrix.centred(center), parts, limit)))


def _plan(matrix: Held, parts: dict[str, int], limit: int) -> MemoryPlan:
    always = {"matrix": matrix.needed, "libraries": BLAS_BYTES, "buffers": STEP_BYTES}
    return MemoryPlan({**always, **parts}, limit)


def _checked(
    matrix: Held, plan: MemoryPlan, way: str, subject: str, max_memory: int | None
) -> Fitted:
    """Both, where they fit. way: what may be used beside more memory."""
    ways = [way] if way else []
    if max_memory is not None and plan.total <= available_bytes():
        words = f"use {', or '.join([size_that_fits(plan), *ways])}"
    else:
        words = ", or use ".join(["free memory", *ways])
    return Fitted(matrix, plan.check(words, subject=subject))
