"""How balanced the factors of runs are: ‖D‖_F, how far D has moved, and ‖U‖_F²/‖V‖_F²."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from mfact.core import Array, Result
from mfact.pictures.curves import Curves
from mfact.pictures.drawing import Picture, Rule
from mfact.pictures.marks import filled, told_once
from mfact.pictures.names import STEP
from mfact.pictures.runs import column, title, unrounded
from mfact.studies.differing import Subject

_PANELS = (
    ("imbalance ‖UᵀU − VᵀV‖", "‖D‖", "imbalance"),
    ("drift ‖D − D₀‖", "‖D − D₀‖", "drift"),
)


def balance(subjects: Sequence[Subject], x: str = STEP) -> Picture:
    """‖D‖_F and ‖D − D₀‖_F of D = UᵀU − VᵀV, and ‖U‖_F²/‖V‖_F² with a dotted line at 1.

    By powers of ten where they are far apart; what is rounding in D is not drawn then. x: a name
    of mfact.pictures.names.X.

    Raises SettingsError and DataError for what is no run of a matrix with rows.
    """
    runs = Curves.of(subjects, x, drift, ratio)
    panels = [
        runs.panel(label, name, partial(column, name=key), partial(unrounded, name=key))
        for label, name, key in _PANELS
    ]
    ratios = runs.panel("‖U‖²/‖V‖²", "‖U‖²/‖V‖²", ratio)
    panels.append(replace(ratios, marks=(Rule("", "y", 1.0), *ratios.marks)))
    notes = (*runs.notes(), *_left_out(runs, panels[0].y.log, panels[1].y.log))
    columns = tuple((panel,) for panel in told_once(filled(panels, subjects)))
    return Picture(title("Balance of the factors", subjects), columns, notes)


def drift(run: Result) -> Array:
    """‖D − D₀‖_F of each row, NaN where it is rounding."""
    return unrounded(run, "drift")


def ratio(run: Result) -> Array:
    """‖U‖_F²/‖V‖_F² of each row."""
    return column(run, "norm_ratio")


def _left_out(runs: Curves, *logs: bool) -> tuple[str, ...]:
    """Of what is rounding; that the drift begins at 0, nobody misses."""
    cut = any(
        log and np.any((column(run, key) > 0)[1:] & np.isnan(unrounded(run, key))[1:])
        for run in runs.every
        for log, (_, _, key) in zip(logs, _PANELS, strict=True)
    )
    return ("norms of D and D − D₀ that are rounding are not drawn",) if cut else ()
