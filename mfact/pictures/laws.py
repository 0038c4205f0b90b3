"""What pictures of a drift beside its exact law have in common: pens, dots, bounds, the audit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from mfact.core import Array, Claim, Ended
from mfact.errors import SettingsError
from mfact.pictures.drawing import Dash, Dots, Hue, Mark, Pen, Rule
from mfact.pictures.marks import curve, drawable
from mfact.studies.differing import Subject

MOST_RUNS = 3
"""Columns that can be compared at half size. On one another three marks a run would not be told
apart.
"""

MOST_DOTS = 40
"""Of a curve in the picture of one run; half as many in each of several columns."""

STRIP = 0.4
"""Height of the panel of the audit."""

DRIFT, LAW, BOUND = Pen(0, width=1.3), Pen(1), Pen(Hue.GREY, Dash.DASHED)
LAW_ALONE = Pen(1, width=3.0)  # a dot of the law is seen around one of the drift
AUDIT = Pen(0)


def require_few(subjects: Sequence[Subject]) -> None:
    """Raise SettingsError for more runs than there are columns."""
    if len(subjects) > MOST_RUNS:
        raise SettingsError(
            f"the ledger of {len(subjects)} runs would need as many columns",
            f"name {MOST_RUNS} of them at most",
        )


def dotted(
    label: str, x: Array, y: Array, pen: Pen, *, log: bool = False, most: int = MOST_DOTS
) -> Dots:
    """Dots so far apart that a line is seen between them: evenly along x, both ends among them.

    log: whether x goes by powers of ten.
    """
    places = np.log10(drawable(x, log=True)) if log else x
    known = np.flatnonzero(np.isfinite(places) & np.isfinite(y))
    if len(known) > most:
        there = places[known]
        near = np.searchsorted(there, np.linspace(there[0], there[-1], most))
        known = known[np.unique(np.append(near[:-1], len(known) - 1))]
    return Dots(label, x[known], y[known], pen)


def audited(label: str, x: Array, audit: Array, claim: Claim | None) -> Iterator[Mark]:
    """How far the drift is from its law, by powers of ten, over the rounding that the claim allows;
    nothing where no row tells it.
    """
    audit = drawable(audit, log=True)
    if not np.any(np.isfinite(audit)):
        return
    if claim is not None and 0 < (allowed := number_of(claim, "allowed")) < math.inf:
        yield Rule("allowed for rounding", "y", allowed)
    yield curve(label, x, audit, AUDIT)


def claim_of(run: Ended, *names: str) -> Claim | None:
    """The claim on the run that has one of these names, None where it has none."""
    return next((claim for claim in run.claims if claim.name in names), None)


def number_of(claim: Claim, name: str) -> float:
    """A number of a claim, NaN where it has none of that name."""
    value = claim.numbers.get(name)
    return value if isinstance(value, float) else math.nan
