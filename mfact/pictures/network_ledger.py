"""The drift of a network's laws beside the exact ledger that says what it must be, and a bound."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from mfact.core import Array, Verdict
from mfact.pictures.drawing import Axis, Dash, Line, Mark, Panel, Pen, Picture
from mfact.pictures.laws import (
    BOUND,
    DRIFT,
    LAW,
    STRIP,
    audited,
    claim_of,
    dotted,
    number_of,
    require_few,
)
from mfact.pictures.layers import MOST_ALONE, joint, largest
from mfact.pictures.marks import curve, drawable, pen_of
from mfact.pictures.names import STEP
from mfact.pictures.network_runs import Drawn, NetworkRuns, drawn
from mfact.studies.differing import Subject, labels

LINE = Pen(2, Dash.DOTTED)


def network_ledger(subjects: Sequence[Subject], x: str = STEP) -> Picture:
    """Of each run ‖Q − Q₀‖ as dots on what the exact law says that it must be, as a line.

    Dashed is the bound of mfact.pictures.network_ledger.bound, where its hypotheses were found to
    hold, and dotted, of steps that no law tells, what line 1 of the identity alone has moved them
    by; below is the audit, ‖(Q − Q₀) − ledger‖, and dotted the rounding that is allowed for it. A
    column a run, at most MOST_RUNS; of one run alone also the unit of each place between layers
    that drifted most, with its sign. x: "step" or "flow-time".

    Raises SettingsError for more runs, SettingsError and DataError for what is no run of a network
    with rows.
    """
    runs = NetworkRuns.of(subjects, x)
    require_few(subjects)
    titles = labels(subjects) if len(subjects) > 1 else ["all laws"]
    columns, notes = [], []
    named: set[str] = set()
    for place, (title, run) in enumerate(zip(titles, map(drawn, subjects), strict=True)):
        drift = tuple(_drift(run, runs.x(run)))
        labelled = {mark.label for mark in drift}
        columns.append(
            (
                Panel(title, runs.axis, Axis("drift ‖Q − Q₀‖", log=True), drift,
                      legend=not labelled <= named),
                Panel("", runs.axis, Axis("audit", log=True), tuple(_audit(run, runs.x(run))),
                      STRIP, legend=place == 0),
            )
        )  # fmt: skip
        named |= labelled
        if bound(run) is None:
            claim = claim_of(run.run, "drift-bound")
            whose = f"{title}: " if len(subjects) > 1 else ""
            notes.append(f"{whose}no bound: {claim.verdict if claim else 'it was not judged'}")
    if len(subjects) == 1 and (units := _units(runs.every[0])):
        columns.append(_worst_units(runs, units))
    return Picture(
        runs.title("Drift of the laws and their ledger"), tuple(columns), runs.notes(*notes)
    )


def bound(of: Drawn) -> Array | None:
    """2η_max(L₀ − L_t)√(Σ_h p_h²) at each row; None unless the claim on it holds in this run.

    A step adds to the laws between h and h + 1 no more than p_h η²‖∇L‖² ≤ 2 p_h η(L − L₊), in
    norm (see mfact.theory.network_descent). Laws that mix layers have no such bound.
    Source: mfact, derived.
    """
    claim = claim_of(of.run, "drift-bound")
    mixed = of.run.problem.get("laws_that_mix_layers")
    if claim is None or claim.verdict is not Verdict.HOLDS or mixed:
        return None
    loss = of.column("loss")
    factor = math.hypot(*(place.degree or 1 for place in of.net.joints))
    with np.errstate(invalid="ignore", over="ignore"):
        step = number_of(claim, "largest_step_size")
        return np.asarray(2 * step * factor * (loss[0] - loss))


def _drift(of: Drawn, x: Array) -> Iterator[Mark]:
    most, law = bound(of), drawable(of.column("ledger"), log=True)
    lawless = "line_1" in of.run.trace
    if most is not None:
        yield curve("bound", x, drawable(most, log=True), BOUND)
    if np.any(np.isfinite(law)):
        yield curve("both lines" if lawless else "exact law", x, law, LAW)
    if lawless:
        yield curve("line 1 alone", x, drawable(of.column("line_1"), log=True), LINE)
    yield dotted("drift", x, drawable(of.column("drift"), log=True), DRIFT)


def _audit(of: Drawn, x: Array) -> Iterator[Mark]:
    return audited("", x, of.column("audit"), claim_of(of.run, "theorem-2.3"))


class _Unit(NamedTuple):
    """The unit of a place between two layers that drifted most: its drift, and its ledger."""

    h: int
    unit: int
    drift: Array
    ledger: Array


def _units(of: Drawn) -> list[_Unit]:
    """Those of each place; none where the file does not hold every unit at every row."""
    neurons, found = of.run.neurons, []
    if not np.array_equal(neurons.get("step", ()), of.run.trace["step"]):
        return []
    for place in of.net.joints:
        sides = [f"{place.h}/{side}" for side in ("in", "out", "ledger")]
        if not neurons.keys() >= set(sides):
            return []
        fed, draws, ledger = (np.asarray(neurons[side], float) for side in sides)
        Q = fed - (place.degree or 1) * draws
        drift = Q - Q[0]
        unit = int(np.argmax(np.abs(np.nan_to_num(drift[-1]))))
        found.append(_Unit(place.h, unit, drift[:, unit], ledger[:, unit]))
    return found


def _worst_units(runs: NetworkRuns, units: Sequence[_Unit]) -> tuple[Panel, Panel]:
    """Their drifts as dots on their ledgers, and how far apart the two are."""
    x = runs.x(runs.every[0])
    told = largest([abs(each.drift[-1]) for each in units], MOST_ALONE)
    marks: list[Mark] = []
    apart: list[Mark] = []
    for rank, h in enumerate(told.places):
        each, pen = units[h - 1], pen_of(rank)
        marks.append(Line(f"{joint(h)}, unit {each.unit}", x, each.ledger, pen))
        marks.append(dotted("", x, each.drift, pen))
        apart.append(curve("", x, drawable(np.abs(each.drift - each.ledger), log=True), pen))
    return (
        Panel("worst units", runs.axis, Axis("drift Qᵢ − Qᵢ(0)"), tuple(marks)),
        Panel("", runs.axis, Axis("audit", log=True), tuple(apart), STRIP, legend=False),
    )
