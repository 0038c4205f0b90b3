"""Runs by several methods: how fast each is, how far D moves, and what each conserves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from mfact.core import Array, Result
from mfact.pictures.balance import drift
from mfact.pictures.convergence import gap, residual
from mfact.pictures.curves import Curves
from mfact.pictures.drawing import Mark, Picture
from mfact.pictures.laws import dotted
from mfact.pictures.marks import drawable, filled, pen_of, told_once
from mfact.pictures.names import STEP
from mfact.pictures.runs import column, title
from mfact.studies.conserved import FIRST_ORDER, NOTHING, conserved
from mfact.studies.differing import Subject

MOST_DOTS = 8
"""Of a ledger, so that the curves of many methods are still seen."""

_MOVED = {
    "D": "‖D − D₀‖/‖M‖ of methods that keep D",
    "log det": "|ℓ − ℓ₀|, ℓ = log det(UᵀU + λI) − log det(VᵀV + λI), of scaled ones",
    "nothing": "line 1 of D over ‖M‖ of those that keep nothing",
}
"""What is drawn of a run by what its method keeps."""


def methods(subjects: Sequence[Subject], x: str = STEP) -> Picture:
    """The gap of each run, its drift ‖D − D₀‖_F, and how far has moved what its method keeps, with
    its exact ledger as dots.

    What a method keeps is D, in units of ‖M‖_F, or log det(UᵀU + λI) − log det(VᵀV + λI); of one
    that keeps nothing line 1 of D is drawn, by which its steps move D in first order. What is
    rounding is not drawn. x: a name of mfact.pictures.names.X.

    Raises SettingsError and DataError for what is no run of a matrix with rows.
    """
    has_gap = any(np.any(gap(each.run) > 0) for each in subjects if isinstance(each.run, Result))
    first = gap if has_gap else residual
    runs = Curves.of(subjects, x, first, moved)
    label = "gap (f − min f)/½σₖ²" if has_gap else "residual ‖UVᵀ − M‖/‖M‖"
    kept, ledgers = runs.panel("conserved: moved by", "moved", moved, log=True), [*_ledgers(runs)]
    panels = [
        runs.panel(label, "gap" if has_gap else "residual", first, log=True),
        runs.panel("drift ‖D − D₀‖", "drift", drift, log=True),
        replace(kept, marks=(*kept.marks, *ledgers)),
    ]
    found = {conserved(run).keeps for run in runs.every}
    told = "; ".join(words for keeps, words in _MOVED.items() if keeps in found)
    notes = (
        *runs.notes(),
        *runs.lacking(first, "the gap"),
        *runs.lacking(moved, "how far what is kept has moved"),
        f"conserved: {told}{'; dots: by the exact ledger' if ledgers else ''}",
    )
    columns = tuple((panel,) for panel in told_once(filled(panels, subjects)))
    return Picture(title("Methods", subjects), columns, notes)


def moved(run: Result) -> Array:
    """How far has moved what the method keeps, NaN where that is rounding."""
    law = conserved(run)
    size = _told(run, FIRST_ORDER if law is NOTHING else law.moved)
    return np.where(size > _told(run, law.audit), size, np.nan)


def _ledgers(runs: Curves) -> Iterator[Mark]:
    """Of runs that are drawn alone the exact ledger of what is kept."""
    for place, group in enumerate(runs.groups):
        if len(group.members) > 1:
            continue
        run = group.members[0].run
        law = conserved(run)
        if law is NOTHING:
            continue
        told = np.where(np.isfinite(moved(run)), _told(run, law.ledger), np.nan)
        x, log = runs.along.of(run), runs.along.axis.log
        yield dotted("", x, drawable(told, log=True), pen_of(place), log=log, most=MOST_DOTS)


def _told(run: Result, name: str) -> Array:
    """A column in the unit in which it is drawn."""
    return column(run, name) / _unit(run)


def _unit(run: Result) -> float:
    norm = run.problem.get("norm")
    return float(norm) ** conserved(run).power if norm else 1.0
