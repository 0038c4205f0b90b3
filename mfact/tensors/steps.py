"""The steps that the names of checkpoints tell."""

from __future__ import annotations

import re
from collections.abc import Sequence

# A number with a point, an exponent or a sign is a loss or a rate, not a count of steps.
_NUMBER = re.compile(r"(?:(?<==)-)?[0-9]+(?:\.[0-9]+)*(?:[eE][-+]?[0-9]+)?")
_COUNT = re.compile(r"[0-9]+")


def steps_in(names: Sequence[str]) -> tuple[int, ...] | None:
    """The number by which names that are else alike differ, of each; None where none tells.

    Where several differ and order the names alike it is the last of those that tell all apart.

    >>> steps_in(["epoch=0-step=90.ckpt", "epoch=0-step=180.ckpt", "epoch=1-step=270.ckpt"])
    (90, 180, 270)
    >>> steps_in(["best.pt", "last.pt"]), steps_in(["a1b4.pt", "a2b3.pt"])
    (None, None)
    """
    if len({_NUMBER.sub("#", name) for name in names}) != 1 or len(names) < 2:
        return None
    columns = [
        tuple(map(int, column))
        for column in zip(*map(_NUMBER.findall, names), strict=True)
        if all(map(_COUNT.fullmatch, column)) and len(set(column)) > 1
    ]
    telling = [column for column in columns if len(set(column)) == len(names)]
    if not telling:
        return None
    steps = telling[-1]
    order = sorted(range(len(names)), key=steps.__getitem__)
    for column in columns:
        values = [column[place] for place in order]
        if values != sorted(values):
            return None
    return steps
