"""What can be required of the balance of checkpoints: numbers by name."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from mfact.chains.balance import Standing
from mfact.chains.kappa import Moved
from mfact.core import Claim

MOVES = ("moved", "drift", "kappa")
"""What one checkpoint alone does not tell."""


def numbers_of(
    standings: Sequence[Sequence[Standing]],
    moves: Sequence[Sequence[Moved]],
    judgements: Sequence[Claim],
) -> Iterator[tuple[str, float]]:
    """What can be required: NAME_h of joint h, and NAME, the largest of them."""
    last = standings[-1]
    found = {
        "difference": [each.difference for each in last],
        "ratio": [each.ratio for each in last],
        "worst": [math.nan if each.worst is None else each.worst.share for each in last],
        "excess": [each.excess for each in last],
        "excess_share": [_share(each) for each in last],
    }
    if moves:
        found["moved"] = [
            max(move.relative for move in joint) for joint in zip(*moves, strict=True)
        ]
        found["drift"] = [_drift(now, then) for now, then in zip(last, standings[0], strict=True)]
        found["kappa"] = [claim.numbers.get("kappa", math.nan) for claim in judgements]
    for name, values in found.items():
        known = [value for value in values if not math.isnan(value)]
        yield name, max(known, key=_SIZES.get(name, abs), default=math.nan)
        yield from ((f"{name}_{h}", value) for h, value in enumerate(values, 1))


_SIZES = {"ratio": lambda ratio: abs(math.log(ratio)) if ratio else math.inf}
"""By what the largest is found, where that is not the absolute value."""


def _share(found: Standing) -> float:
    whole = found.total_in + found.total_out
    return found.excess / whole if whole else 0.0


def _drift(now: Standing, then: Standing) -> float:
    """The largest |Q_i(T) − Q_i(0)| of the units that are finite at both ends."""
    with np.errstate(invalid="ignore"):
        change = np.abs(now.Q - then.Q)
    return float(np.max(change[np.isfinite(change)], initial=0.0))


def alone(found: Sequence[Standing]) -> str:
    """Of one checkpoint."""
    pairs = "1 pair" if len(found) == 1 else f"{len(found)} pairs"
    return (
        f"{pairs} of layers; rescaling the units of one would save up to"
        f" {100 * max(map(_share, found)):.3g} % of its ‖in‖² + ‖out‖²"
    )
