"""Modes of a run: σ_i(UVᵀ) at some of its steps, as many as two hundredths of its time pay for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from mfact.core import Array, Rows, Target
from mfact.descent import Observer
from mfact.problems.product import gram_rounding, product_values
from mfact.run.recorder import Recorder
from mfact.settings import RunSettings
from mfact.trace import GRAMS, TIMES

DENSEST, SPARSEST = 50, 12
"""Rows a decade of steps: more show no more, and fewer show no curve."""

DECADES, DECADES_FLOWN = 6, 4
"""Of plain steps, as many as most runs take; and a flight keeps as many rows as these."""

GRAM_BYTES = 2 << 20
"""Of all rows until the end: with a large rank there are fewer, and from r = 34 on none unasked."""

SHARE = 0.0125
"""Of a run's time that is reckoned for its modes; what each block adds is up to 0.7 % more."""

# Seconds, measured on one core: those of both sides grow alike on a slower one.
FIXED, FIXED_BY_RANK = 8e-4, 2.5e-6
"""Of modes, however many rows, with the first blocks, which are short, and with what is predicted:
the first, and r² times the second."""

A_ROW, A_ROW_BY_RANK = 1.5e-6, 1.5e-7
"""Of the singular values of one row: the first, and r² times the second."""

SET_UP, SET_UP_BY_SIZE = 1.2e-2, 2e-8
"""Of a run beside its steps, at least: the first, and in bases of K columns K³ the second."""

A_STEP, A_STEP_BY_SIZE = 5e-6, 2.4e-9
"""Of a step, at least: the first, and with factors of K rows Kr² times the second."""

EARLY, AN_EARLY_STEP = 1000, 1.2e-5
"""So many steps at first take so much more: there differences grow, and are followed."""

A_FLIGHT, A_FLIGHT_BY_SIZE = 6e-2, 3e-5
"""Of a fast-forward, at least: the first, and Kr² times the second."""


class Split:
    """Gives the recorder of the modes its column, and all others the rest.

    modes: None where they are not recorded.
    """

    def __init__(self, modes: Recorder | None, others: Sequence[Observer]) -> None:
        self.modes, self.others = modes, others

    def segment(self, rows: Rows) -> None:
        """The next block."""
        if self.modes is not None:
            self.modes.segment({name: rows[name] for name in (*TIMES, GRAMS)})
        plain = {**rows}
        del plain[GRAMS]
        for observer in self.others:
            observer.segment(plain)


def densest(settings: RunSettings) -> int:
    """Rows a decade of steps that a run keeps at most.

    >>> [densest(RunSettings(rank=r)) for r in (5, 20, 33, 34)]
    [50, 32, 12, 0]
    >>> densest(RunSettings(rank=50, modes="on")), densest(RunSettings(rank=5, modes="off"))
    (12, 0)
    """
    each = (DECADES + DECADES_FLOWN) * gram_bytes(settings.rank)
    fitting = min(DENSEST, GRAM_BYTES // each)
    if settings.modes == "on":
        return max(fitting, SPARSEST)
    return fitting if settings.modes == "auto" and fitting >= SPARSEST else 0


def gram_bytes(rank: int) -> int:
    """Of what is kept of a row."""
    return 2 * 8 * rank**2


def density(settings: RunSettings, steps: float, seconds: float, *, flies: bool) -> int:
    """Rows a decade to keep: all that a run may where they are asked for, else as many as it pays
    for, none where these are too few. steps: plain ones; seconds: in all.

    >>> [density(RunSettings(rank=10), 1000, each, flies=False) for each in (0.05, 0.15, 1.0)]
    [0, 16, 50]
    """
    most, rank = densest(settings), settings.rank
    if settings.modes == "on":
        return most
    paid = SHARE * seconds - (FIXED + FIXED_BY_RANK * rank**2)
    decades = math.log10(max(steps, 10.0)) + (DECADES_FLOWN if flies else 0)
    found = min(most, int(paid / (A_ROW + A_ROW_BY_RANK * rank**2) / decades))
    return found if found >= SPARSEST else 0


def seconds_of(steps: float, rank: int, *, basis: int, rows: int, flies: bool) -> float:
    """What a run takes at least. steps: plain ones. basis: columns of the bases before the first.
    rows: of the factors.
    """
    work = rows * rank**2
    flight = A_FLIGHT + A_FLIGHT_BY_SIZE * work if flies else 0.0
    plain = steps * (A_STEP + A_STEP_BY_SIZE * work) + min(steps, EARLY) * AN_EARLY_STEP
    return SET_UP + SET_UP_BY_SIZE * basis**3 + plain + flight


def stacked(grams: Mapping[int, Array]) -> dict[str, Array]:
    """Gram matrices by the places of their rows as two arrays; none of none."""
    if not grams:
        return {}
    return {"places": np.array(list(grams)), "grams": np.array(list(grams.values()))}


def unstacked(arrays: Mapping[str, Array]) -> dict[int, Array]:
    """What stacked() took."""
    return dict(zip(arrays["places"].tolist(), arrays["grams"], strict=True)) if arrays else {}


def modes_of(
    recorder: Recorder | None, escape: Sequence[float], target: Target
) -> dict[str, Array]:
    """The modes as a result tells them (see mfact.core.Result); none where no row was recorded."""
    table = {} if recorder is None else recorder.table()
    if not table:
        return {}
    rounding = gram_rounding(target.dtype, max(target.shape))
    return {
        **{name: table[name] for name in TIMES},
        "sigma": product_values(table[GRAMS], rounding),
        "escape": np.array(escape, float),
    }
