"""What a run will hold in memory, planned before anything is read."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np

from mfact.core import Document
from mfact.engines.choice import has_bases
from mfact.engines.direct import KEPT_BYTES
from mfact.host.memory import MemoryPlan, available_bytes
from mfact.host.threads import cores
from mfact.krylov.columns import block_columns, joined_columns
from mfact.methods.choice import METHODS, PLAIN
from mfact.run.modes import DECADES, DECADES_FLOWN, densest, gram_bytes
from mfact.run.refusals import resolved_schedule
from mfact.run.workers import BLAS_BYTES, fitting_workers, reserved, with_workers
from mfact.settings import MOST_PLAIN_STEPS, TAKE_OFF, RunSettings
from mfact.targets.door import DISK, Held
from mfact.trace import COLUMNS, HIDDEN
from mfact.words import format_bytes

TYPICAL_PASSES = 7
"""That there must be room for, each adding a block of columns to each side: what a run will need is
forecast from the first of them (mfact.run.bases)."""

COPIES_OF_BASES = 4
"""A basis that grows is copied, with room for a few blocks more, and a checkpoint is formed in
memory."""

COPIES_OF_FACTORS = 12
"""Factors, gradients, products, and the images of the files they are written to."""

COPIES_OF_ROWS = 6
"""The trace with room to grow, that of the checkpoint resumed from, and what a checkpoint or run
file is made of: the columns side by side, its image, and the image read back."""

ROW_BYTES = 8 * (sum(not column.own for column in COLUMNS.values()) + len(HIDDEN))
OWN_BYTES = 8 * sum(column.own for column in COLUMNS.values())
"""Of what is told of every run, and beside it of a run by another method than plain descent."""

MUCH_WRITTEN = 16 << 30
"""Bytes of checkpoints in all from which a run says so first."""

STEP_BYTES = 48 << 20
"""Buffers of the small steps, of reading, and of the arithmetic of whole matrices by tiles."""

BLOCK_OF_POINTS = 33
"""Points of a block of plain steps."""


SUMMED_BLOCKS = 3
"""Blocks of columns whose sums each worker has a part of, at most: of both products and more."""


def plan_of(matrix: Held, settings: RunSettings) -> MemoryPlan:
    """The plan of a run on a matrix that has been looked at."""
    workers = (settings.threads or cores()) if matrix.where == DISK else 0
    columns = SUMMED_BLOCKS * block_columns(settings.rank)
    parts = _item(settings) * matrix.summed * columns * (workers + matrix.begun)
    return memory_plan(
        matrix.shape,
        settings,
        matrix_bytes=matrix.there + matrix.needed + parts,
        available=matrix.there + room_beside(matrix, settings.max_memory),
    )


def room_beside(matrix: Held, max_memory: int | None) -> int:
    """Bytes that may be allocated beside what a matrix takes already."""
    return available_bytes(None if max_memory is None else max(0, max_memory - matrix.there))


def row_bytes(settings: RunSettings) -> int:
    """Of a row of the trace."""
    return ROW_BYTES + (0 if settings.method == PLAIN else OWN_BYTES)


def kept_by(method: str) -> int:
    """How many things of the size of the factors a method keeps."""
    point = np.zeros((1, 1)), np.zeros((1, 1))
    return len(METHODS[method].init(point)) // len(point) if method in METHODS else 0


def memory_plan(
    shape: tuple[int, int],
    settings: RunSettings,
    *,
    matrix_bytes: int | None = None,
    available: int | None = None,
) -> MemoryPlan:
    """The most that a run will hold: matrix, bases, factors, buffers of steps, recorded rows, and
    what workers take.

    matrix_bytes: still to be allocated for the matrix; None for a dense one of settings.dtype.
    available: bytes, as the machine and settings.max_memory say when not given.
    """
    d1, d2 = shape
    state = (1 + kept_by(settings.method)) * _item(settings) * settings.rank * (d1 + d2)
    modes = gram_bytes(settings.rank) * densest(settings) * (DECADES + DECADES_FLOWN)
    parts = {
        "matrix": _item(settings) * d1 * d2 if matrix_bytes is None else matrix_bytes,
        "factors": COPIES_OF_FACTORS * state,
        "steps": STEP_BYTES + 2 * min(KEPT_BYTES, BLOCK_OF_POINTS * state),
        "trace": COPIES_OF_ROWS * (row_bytes(settings) * rows_kept(settings) + modes),
    }
    available = available_bytes(settings.max_memory) if available is None else available
    room = available - sum(parts.values()) - BLAS_BYTES
    limit = basis_limit(shape, settings, room - reserved(room))
    return with_workers(parts | {"bases": COPIES_OF_BASES * limit}, available, settings.threads)


def basis_limit(shape: tuple[int, int], settings: RunSettings, room: int) -> int:
    """Bytes that both bases may take: as asked for, or what there is room for.

    At most what bases that span everything take, at least what most runs need. A run whose bases
    would grow beyond goes on without them.
    """
    if not has_bases(settings.engine) and not settings.optimum:
        return 0
    d1, d2 = shape
    # M maps each side into the other: a side has no more columns than the smaller dimension, the
    # start and the random columns that joined it.
    block = block_columns(settings.rank)
    full = min(d1, d2) + joined_columns(settings.rank)
    most = _item(settings) * (d1 * min(d1, full) + d2 * min(d2, full))
    if settings.max_basis_bytes is not None:
        return min(most, settings.max_basis_bytes)
    least = min(most, _item(settings) * (d1 + d2) * TYPICAL_PASSES * block)
    return min(most, max(least, room // COPIES_OF_BASES))


def rows_kept(settings: RunSettings) -> int:
    """Rows that --every asks for at most, beside the thousand or so that every run has room for.

    >>> rows_kept(RunSettings(rank=1)), rows_kept(RunSettings(rank=1, every=10))
    (1, 100001)
    """
    if settings.every is None:
        return 1
    steps = MOST_PLAIN_STEPS if settings.max_iter is None else settings.max_iter
    decays = resolved_schedule(settings) in ("power", "theorem-3.1")
    if decays and settings.fast_forward == "auto" and has_bases(settings.engine):
        steps = min(steps, TAKE_OFF)
    return steps // settings.every + 1


def rewriting(settings: RunSettings, steps: int | None) -> str | None:
    """What checkpoints every so many steps write in all, where that is much: each holds all rows.

    >>> rewriting(RunSettings(rank=1, schedule="constant", every=1), 1000)[-55:]
    'GiB; a larger --every or --checkpoint-every writes less'
    """
    if steps is None:
        return None
    count = (MOST_PLAIN_STEPS if settings.max_iter is None else settings.max_iter) // steps
    written = count * rows_kept(settings) * row_bytes(settings) // 2
    if settings.every is None or written < MUCH_WRITTEN:
        return None
    return (
        f"each checkpoint holds all rows so far: up to {count} of them write"
        f" {format_bytes(written)}; a larger --every or --checkpoint-every writes less"
    )


def planned_basis(plan: MemoryPlan) -> int:
    """The limit on the bases that a plan was made with, in bytes."""
    return plan.parts["bases"] // COPIES_OF_BASES


def what_fits(shape: tuple[int, int], settings: RunSettings, plan: MemoryPlan) -> str:
    """What to type instead of a run whose plan does not fit, as far as something fits.

    >>> settings = RunSettings(rank=50)
    >>> plan = memory_plan((10_000, 10_000), settings, available=1 << 30)
    >>> plan.fits, what_fits((10_000, 10_000), settings, plan)
    (False, 'free memory, or use --dtype float32, or --rank 7')
    """

    def fits(changes: Document) -> bool:
        other = settings.changed(changes)
        matrix = plan.parts["matrix"]
        if matrix == _item(settings) * shape[0] * shape[1]:
            matrix = _item(other) * shape[0] * shape[1]  # a dense one
        return memory_plan(shape, other, matrix_bytes=matrix, available=plan.limit).fits

    ways: list[str] = []
    if count := fitting_workers(plan):
        ways.append(f"--threads {count}")
    if settings.modes == "on" and fits({"modes": "off"}):
        ways.append("--modes off")
    if settings.every is not None and fits({"every": None}):
        every = settings.every
        while not fits({"every": every}):
            every *= 2
        ways.append(f"--every {every}")
    if settings.dtype == "float64" and fits({"dtype": "float32"}):
        ways.append("--dtype float32")
    rank = bisect_left(range(1, settings.rank), 1, key=lambda r: int(not fits({"rank": r})))
    if rank:
        ways.append(f"--rank {rank}")
    if has_bases(settings.engine) and fits({"engine": "direct", "optimum": False}):
        ways.append("--engine direct --no-optimum")
    if settings.max_memory is not None and plan.total <= available_bytes():
        return f"use {', or '.join([size_that_fits(plan), *ways])}"
    return f"free memory, or use {', or '.join(ways or ['a smaller matrix'])}"


def size_that_fits(plan: MemoryPlan) -> str:
    """The limit on memory to type for a plan.

    >>> size_that_fits(MemoryPlan({"matrix": 5_000_000}, limit=1))
    '--max-memory 5M'
    """
    return f"--max-memory {-(-plan.total // (1 << 20))}M"


def _item(settings: RunSettings) -> int:
    return 8 if settings.dtype == "float64" else 4
