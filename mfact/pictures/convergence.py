"""How runs converge: the Eckart–Young gap, and the residual beside the least there can be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mfact.core import Array, Result
from mfact.pictures.curves import Curves
from mfact.pictures.drawing import Dots, Line, Panel, Picture, Rule
from mfact.pictures.marks import filled, told_once
from mfact.pictures.names import STEP
from mfact.pictures.runs import column, setting, shared, title, with_rows
from mfact.studies.differing import Subject
from mfact.words import brief

ALIKE = 1e-6
"""Of numbers that are one line in a picture."""

ROUNDED = 16.0
"""Units of rounding that a relative residual may be off."""


def convergence(subjects: Sequence[Subject], x: str = STEP) -> Picture:
    """The gap of each run, where it is known, and its relative residual, by powers of ten.

    Dotted are the tolerance, and the residual of the best approximation of that rank, where they
    are the same for all. A gap is drawn down to what is known of the optimum. x: a name of
    mfact.pictures.names.X.

    Raises SettingsError and DataError for what is no run of a matrix with rows.
    """
    has_gap = any(np.any(gap(run) > 0) for _, run in with_rows(subjects))
    runs = Curves.of(subjects, x, gap if has_gap else residual)
    panels, rules = [], []
    if has_gap:
        panels.append(runs.panel("gap (f − min f)/½σₖ²", "gap", gap, log=True))
        rules.append(_tolerance(runs))
    panels.append(runs.panel("residual ‖UVᵀ − M‖/‖M‖", "residual", residual))
    rules.append(_least(runs))
    notes = [*runs.notes(), *runs.lacking(gap, "the gap"), *_cut(runs)]
    panels = [
        _with(panel, rule, notes, legend=runs.is_one)
        for panel, rule in zip(told_once(panels), rules, strict=True)
    ]
    columns = tuple((panel,) for panel in filled(panels, subjects))
    return Picture(title("Convergence", subjects), columns, tuple(notes))


def gap(run: Result) -> Array:
    """The gap of each row, NaN where it is less than what is known of it."""
    gaps = column(run, "gap")
    return np.where(gaps < _known_to(run), np.nan, gaps)


def residual(run: Result) -> Array:
    """‖UVᵀ − M‖_F/‖M‖_F of each row."""
    return column(run, "relative_residual")


def _known_to(run: Result) -> float:
    return float(run.summary.get("gap_bound") or 0.0)


def _cut(runs: Curves) -> tuple[str, ...]:
    """What the gaps are known to, where some are less."""
    known = [(column(run, "gap"), _known_to(run)) for run in runs.every]
    cut = [to for gaps, to in known if np.any((gaps > 0) & (gaps < to))]
    return (f"gaps are known to {brief(max(cut))}: those below are not drawn",) if cut else ()


def _tolerance(runs: Curves) -> Rule | None:
    """The gap that all runs were to reach."""
    asked = [
        setting(run, "tol") if setting(run, "optimum") is not False else None for run in runs.every
    ]
    tol = shared(asked)
    return Rule(f"tolerance {brief(tol)}", "y", tol) if tol and tol > 0 else None


def _least(runs: Curves) -> Rule | None:
    """√(2f)/‖M‖_F of the best approximation, where it is one for all runs."""
    found = []
    for run in runs.every:
        norm, optimum = run.problem.get("norm"), run.problem.get("optimum")
        error = run.problem.get("optimum_error") or 0.0
        if not norm or optimum is None or error > ALIKE * optimum:
            return None
        found.append(math.sqrt(2 * optimum) / norm)
    # Of what is rounding there is no least.
    told = min(found) > ROUNDED * float(np.finfo(runs.every[0].U.dtype).eps)
    alike = max(found) - min(found) <= ALIKE * max(found)
    rank = runs.every[0].U.shape[1]
    return (
        Rule(f"least of rank {rank}: {brief(found[0])}", "y", found[0]) if told and alike else None
    )


def _with(panel: Panel, rule: Rule | None, notes: list[str], *, legend: bool) -> Panel:
    """The rule below the curves where it is near them, told by the legend, or else in a note.

    legend: whether a panel has one for the rule alone.
    """
    if rule is None:
        return panel
    each = [mark.y[mark.y > 0] for mark in panel.marks if isinstance(mark, Line | Dots)]
    sizes = np.concatenate([np.zeros(0), *each])
    if panel.y.log and not _near(rule.at, sizes):
        notes.append(f"{rule.label}, far below")
        return panel
    legend = legend or panel.legend
    if not legend:
        notes.append(f"dotted: {rule.label}")
    return replace(panel, marks=(rule, *panel.marks), legend=legend)


def _near(at: float, sizes: Array) -> bool:
    """Whether a log axis that reaches down to it still leaves the sizes a third of its room.

    >>> _near(1e-10, np.array([1.0, 1e-5])), _near(1e-10, np.array([2.0, 1.0]))
    (True, False)
    """
    if not len(sizes):
        return True
    least, most = (math.log(size) for size in (np.min(sizes), np.max(sizes)))
    return least - math.log(at) <= 2 * (most - least)
