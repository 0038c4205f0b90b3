"""The picture of a sweep: how often the components stay in proportion, and in how many steps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from mfact.core import Array
from mfact.methods.choice import METHODS, PLAIN
from mfact.pictures.drawing import (
    Axis,
    Band,
    Dash,
    Dots,
    Hue,
    Line,
    Mark,
    Panel,
    Pen,
    Picture,
    Ticks,
)
from mfact.pictures.marks import pen_of
from mfact.settings import SweepSettings
from mfact.storage.sweeps import SweepRecord
from mfact.targets.centred import LESS
from mfact.theory.frequencies import (
    Sweep,
    hypotheses,
    interval,
    limit_within,
    slope_per_decade_of_size,
    slope_per_decade_of_tolerance,
)
from mfact.words import brief, printable

MOST_PLACES = 500
"""Of a distribution: a picture tells no more apart."""

FAREST = 0.99
"""The share of starts up to whose C the axis goes."""

_EXPECTED = Pen(Hue.BLACK, Dash.DASHED)


class _Named(NamedTuple):
    name: str
    runs: Sweep


def starts(record: SweepRecord) -> Picture:
    """The fraction of starts with 1/C ≤ |uᵀu*|/|vᵀv*| ≤ C at every step, against C.

    Shaded is its 95 % interval, dashed the law of small starts where one is known
    (limit_within), and ticks are the C that were counted. Beside it the steps to each tolerance ε,
    and of --growth those to the last against d, dashed at the slopes that are expected. A curve for
    the matrix, and one for each d.
    """
    named = [_Named(_name(record, runs), runs) for runs in record.sweeps]
    columns = [(_within(named, record.bounds),), (_tolerances(named),)]
    if len({runs.shape for runs in record.grown}) > 1:
        columns.append((_sizes(record.grown),))
    r = record.sweeps[0].settings.rank
    what = f"{record.sweeps[0].settings.seeds} starts of rank {r}"
    if record.runs is not None:
        what += " ".join([f": {printable(record.name)}", *_less(record.runs)])
    return Picture(what, tuple(columns), tuple(_notes(named)))


def _less(runs: Sweep) -> list[str]:
    center = runs.settings.center
    return [LESS[center]] if center in LESS else []


def _name(record: SweepRecord, runs: Sweep) -> str:
    return printable(record.name) if runs is record.runs else f"d = {runs.shape[0]}"


def worst_ratio(runs: Sweep) -> Array:
    """Of each start the least C with 1/C ≤ ratio ≤ C at every step, in increasing order; infinite
    where there is none.
    """
    with np.errstate(divide="ignore", over="ignore"):
        bounds = np.maximum(runs.high, 1 / runs.low)
    return np.sort(np.where(np.isnan(bounds), np.inf, np.maximum(bounds, 1.0)))


def _within(named: Sequence[_Named], bounds: Sequence[float]) -> Panel:
    alone = len(named) == 1
    settings, ends = named[0].runs.settings, []
    marks: list[Mark] = []
    for place, (name, runs) in enumerate(named):
        C, count = _counted(worst_ratio(runs))
        total = settings.seeds
        low, high = np.array([interval(int(each), total) for each in count]).reshape(-1, 2).T
        pen = pen_of(place)
        marks.append(Band("95 % interval" if alone else "", C, low, high, pen))
        marks.append(Line("starts" if alone else name, C, count / total, pen))
        ends.append(C[np.searchsorted(count, FAREST * count[-1])])
    law = _law(settings)
    marks += [*law, Ticks("", np.array([b for b in bounds if b > 1]), Pen(Hue.BLACK))]
    what = "|uᵀu*|/|vᵀv*|" if settings.rank == 1 else "‖ΦᵀU‖/‖ΨᵀV‖"
    return Panel(
        f"{what} always in [1/C, C]",
        Axis("C", log=True, least=1.0, most=max(*ends, 10.0)),
        Axis("fraction of starts", least=0.0, most=1.0),
        tuple(marks),
    )


def _counted(bounds: Array) -> tuple[Array, Array]:
    """C where the count of starts that stay within changes, twice each, and the count before and
    after: a curve of steps. Of many starts at some of them.
    """
    known = bounds[np.isfinite(bounds)]
    ranks = np.linspace(1, len(known), min(len(known), MOST_PLACES)).round().astype(int)
    places = known[ranks - 1]
    counts = np.append(0, np.searchsorted(known, places, side="right"))
    return np.append(1.0, np.repeat(places, 2)), np.repeat(counts, 2)[:-1]


def _law(settings: SweepSettings) -> Iterator[Mark]:
    """The law of small starts, as far as it is known."""
    most = 2 / settings.plain_step
    if settings.rank == 1 and settings.method == PLAIN and most > 1:
        C = np.geomspace(1.0, most, 100)
        C[-1] = most  # which rounding may put above it
        law = np.array([limit_within(float(each), settings) for each in C])
        yield Line("small-start law", C, law, _EXPECTED)


def _tolerances(named: Sequence[_Named]) -> Panel:
    """The quantiles of the steps to each tolerance, of the runs that got there."""
    alone, settings = len(named) == 1, named[0].runs.settings
    x = 1 / np.array(settings.tolerances)
    marks: list[Mark] = []
    for place, (name, runs) in enumerate(named):
        steps = [runs.iterations(level) for level in range(len(x))]
        marks += _quantiles(x, steps, pen_of(place), "median" if alone else name, shade=alone)
        middle = _median(steps[-1])
        slope = slope_per_decade_of_tolerance(settings, runs.values)
        if alone and math.isfinite(middle) and math.isfinite(slope):
            marks.append(_expected(x, middle, slope))
    return Panel("steps to a tolerance", Axis("1/ε", log=True), Axis("steps", least=0.0),
                 tuple(marks), legend=alone)  # fmt: skip


def _sizes(grown: Sequence[Sweep]) -> Panel:
    """The quantiles of the steps to the last tolerance of generated matrices, against d."""
    settings = grown[0].settings
    each = sorted(grown, key=lambda runs: runs.shape)
    d = np.array([float(runs.shape[0]) for runs in each])
    steps = [runs.iterations() for runs in each]
    marks = list(_quantiles(d, steps, Pen(Hue.BLUE), "median", shade=True))
    middle, slope = _median(steps[-1]), slope_per_decade_of_size(settings, grown[0].values)
    if math.isfinite(middle) and math.isfinite(slope):
        marks.append(_expected(d, middle, slope))
    return Panel(f"steps to ε = {brief(settings.tol)}", Axis("d", log=True),
                 Axis("steps", least=0.0), tuple(marks))  # fmt: skip


def _quantiles(
    x: Array, steps: Sequence[Array], pen: Pen, label: str, *, shade: bool
) -> Iterator[Mark]:
    known = np.array([len(each) > 0 for each in steps])
    if not known.any():
        return
    low, middle, high = (
        np.array([np.quantile(each, q, method="inverted_cdf") for each in steps if len(each)])
        for q in (0.05, 0.5, 0.95)
    )
    if shade:
        yield Band("5 % to 95 %", x[known], low, high, pen)
    yield Line(label, x[known], middle, pen)
    yield Dots("", x[known], middle, pen)


def _median(steps: Array) -> float:
    return float(np.quantile(steps, 0.5, method="inverted_cdf")) if len(steps) else math.nan


def _expected(x: Array, middle: float, slope: float) -> Line:
    """Through the last median, at so many steps a decade."""
    y = middle + slope * np.log10(x / x[-1])
    there = y >= 0
    return Line(f"expected, {slope:.2f} a decade", x[there], y[there], _EXPECTED)


def _notes(named: Sequence[_Named]) -> Iterator[str]:
    settings, chosen = named[0].runs.settings, named[0].runs.chosen
    over = "" if METHODS[settings.method].power == 0 else "/σ₁"
    yield (
        f"entries N(0, s²), s = {brief(settings.c_init)}√(σ₁/d); {settings.method}, step"
        f" {brief(chosen['c_step'])}{over}; seed {settings.seed}"
    )
    if any(np.any(runs.hits < 0) for _, runs in named):
        yield "steps are those of the runs that got there"
    for name, runs in named:
        if lacks := hypotheses(runs):
            yield f"Theorem 3.2, {name}: hypotheses not met: {'; '.join(lacks)}"
        diverged, total = int(np.count_nonzero(runs.diverged)), settings.seeds
        if short := total - runs.converged - diverged:
            yield f"{name}: {short} of {total} reached the step limit"
        if diverged:
            yield f"{name}: {diverged} of {total} diverged"
