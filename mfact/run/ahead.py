"""What the passes over M of a run take, by its forecast, in words and in numbers."""

from __future__ import annotations

from mfact.krylov.columns import block_columns
from mfact.methods.choice import METHODS
from mfact.run.progress import Plan
from mfact.targets.counted import Counted
from mfact.targets.door import DEVICE, WHERE, Held
from mfact.words import few, format_bytes


def said_of_passes(matrix: Held, target: Counted, plan: Plan) -> str:
    """What each pass over a matrix that is not in this memory takes, and how many there are."""
    size, seconds = matrix.from_file, target.reading_seconds
    whole, each = passes_in_all(matrix, target, plan), passes_a_step(plan)
    ahead = "about as many again" if whole is None else f"about {whole} in all"
    where = f"is held {said_of_place(matrix)}" if matrix.elsewhere else "stays in its file"
    does = "goes through" if matrix.elsewhere else "reads"
    rate = (
        f", in {seconds:.3g} s at {format_bytes(int(size / seconds))} a second" if seconds else ""
    )
    return (
        f"M {where}: each pass {does} {format_bytes(size)}{rate}; {target.passes} passes so far,"
        f" {f'{few(each)} more a step' if each else ahead}"
    )


def said_of_place(matrix: Held) -> str:
    """Where M is held, and in what parts.

    >>> from types import SimpleNamespace as Of
    >>> said_of_place(Of(where="cluster", place={"workers": 4, "shards": 1}, described={}))
    'by a cluster, 4 workers, 1 shard'
    """
    name = matrix.described.get(DEVICE)
    parts = [f"on {name}" if name else WHERE[matrix.where]]
    for name in ("worker", "shard"):
        if (count := matrix.place.get(f"{name}s")) is not None:
            parts.append(f"{count} {name}{'' if count == 1 else 's'}")
    return ", ".join(parts)


def bytes_moved(matrix: Held, rank: int) -> int | None:
    """That a pass of the bases sends to those who hold M and gets back, None where that is not
    known.
    """
    each = matrix.place.get("column_bytes")
    return None if each is None else each * block_columns(rank)


def passes_a_step(plan: Plan) -> int:
    """Over M, beyond those that the bases take: none where steps are taken in them."""
    return METHODS[plan.asked.settings.method].passes if plan.reach is None else 0


def passes_in_all(matrix: Held, target: Counted, plan: Plan) -> int | None:
    """By the forecast, which may be of fewer than there were by then; None where there is none."""
    need = plan.chosen.need
    return None if need is None else max(target.passes, matrix.taken + need.passes)
