"""How the modes of runs grow: the singular values of UVᵀ beside those of M."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from mfact.core import Array, Result
from mfact.errors import DataError, SettingsError
from mfact.pictures.axes import Along, along, far, size_axis
from mfact.pictures.drawing import Dash, Mark, Panel, Pen, Picture, Rule, Ticks
from mfact.pictures.laws import MOST_RUNS
from mfact.pictures.marks import curve, drawable, filled
from mfact.pictures.names import STEP
from mfact.pictures.runs import Drawn, drawn, title
from mfact.pictures.spectrum import FAR
from mfact.studies.differing import Subject, labels
from mfact.trace import TIMES
from mfact.words import printable

LINES = "lines: σᵢ(UVᵀ), the largest first; dashed: σᵢ(M)"
STROKES = "strokes below: where mode i was predicted to be half grown"

COLOURS = 6
"""That are told apart; then they come again."""

OF_M = (Dash.DASHED, 0.6)


def modes(subjects: Sequence[Subject], x: str = STEP) -> Picture:
    """σ_i(UVᵀ) of each run as lines, σ_i(M) as dashed lines of the same colour, and on the axis
    below a stroke where mode i was predicted to be half grown.

    Sizes go from 0 on, where one sees each mode wait, rise and rest; by powers of ten where some of
    M are FAR below others, and would lie on the axis. A predicted flow time becomes a step between
    the rows that it lies between. Which line is which tells their order, and a note the rest. A
    column a run, at most MOST_RUNS. x: a name of mfact.pictures.names.X.

    Raises SettingsError for more runs, another axis and what is no run of a matrix, DataError for a
    run that recorded no modes, or does not tell the axis.
    """
    runs = [_timed(each) for each in drawn(subjects)]
    if len(runs) > MOST_RUNS:
        raise SettingsError(
            f"the modes of {len(runs)} runs would need as many columns",
            f"name {MOST_RUNS} of them at most",
        )
    most = max(run.U.shape[1] for _, run in runs)
    place = along(runs, x, [partial(_mode, i=i) for i in range(most)])
    ends = [np.concatenate([known_values(run), *run.modes["sigma"][-1:]]) for _, run in runs]
    log = any(far(end, FAR) for end in ends)
    every = [*ends, *(run.modes["sigma"].ravel() for _, run in runs)]
    axis = size_axis("singular value σᵢ", every, log)
    titles = labels(subjects) if len(runs) > 1 else [""]
    panels = [
        Panel(name, place.axis, axis, tuple(_marks(run, place, log=log)), legend=False)
        for name, (_, run) in zip(titles, runs, strict=True)
    ]
    notes = [
        f"{name}: {note}" if name else note
        for name, (_, run) in zip(titles, runs, strict=True)
        for note in _notes(run)
    ]
    columns = tuple((panel,) for panel in filled(panels, subjects))
    told = f"{LINES}; {STROKES}" if any(len(run.modes["escape"]) for _, run in runs) else LINES
    return Picture(title("Modes", subjects), columns, (told, *notes))


def known_values(run: Result) -> Array:
    """σ_1 … σ_r of M, as many of them as the run knows."""
    values = run.problem.get("singular_values") or []
    return np.array(values[: run.U.shape[1]], float)


def _timed(each: Drawn) -> Drawn:
    """The run with the rows of its modes as those that it is drawn along."""
    name, run = each
    if not len(run.modes.get("step", ())):
        raise DataError(f"{printable(name)} recorded no modes", "run it again with --modes on")
    times = {column: run.modes[column] for column in TIMES}
    return Drawn(name, replace(run, trace={**times, "passes": passes(run)}))


def passes(run: Result) -> Array:
    """Over M at the rows of the modes, where those of the trace around them tell: they have taken
    the same, or one a step. NaN elsewhere.
    """
    at, steps = (np.asarray(rows["step"], float) for rows in (run.modes, run.trace))
    if "passes" not in run.trace or not len(steps):
        return np.full(len(at), np.nan)
    known = np.asarray(run.trace["passes"], float)
    after = np.minimum(np.searchsorted(steps, at), len(steps) - 1)
    before = np.maximum(after - (steps[after] > at), 0)
    more = known[after] - known[before]
    with np.errstate(invalid="ignore"):  # of steps beyond the floats
        found = known[before] + np.where(more > 0, at - steps[before], 0.0)
        tells = (more == 0) | (more == steps[after] - steps[before])
    return np.where(tells & (steps[before] <= at) & (at <= steps[after]), found, np.nan)


def _mode(run: Result, i: int) -> Array:
    sigma = run.modes["sigma"]
    return sigma[:, i] if i < sigma.shape[1] else np.full(len(sigma), np.nan)


def _marks(run: Result, place: Along, *, log: bool) -> Iterator[Mark]:
    x = place.of(run)
    for i, value in enumerate(known_values(run)):
        if value > 0:
            yield Rule(f"σ_{i + 1}(M)", "y", float(value), Pen(i % COLOURS, *OF_M))
    for i in range(run.U.shape[1]):
        y = drawable(_mode(run, i), log)
        yield curve(f"σ_{i + 1}(UVᵀ)", x, y, Pen(i % COLOURS))
    for i, at in enumerate(escapes(run, x)):
        if np.isfinite(at):
            yield Ticks(f"escape of mode {i + 1}, predicted", np.array([at]), Pen(i % COLOURS))


def escapes(run: Result, x: Array) -> Array:
    """Where the predicted flow times are among the rows at x, NaN for those after the last; none
    by methods of which nothing is predicted.
    """
    times = run.modes["flow_time"]
    return np.interp(run.modes["escape"], times, x, left=np.nan, right=np.nan)


def _notes(run: Result) -> Iterator[str]:
    """What is not drawn, and why."""
    if not len(known_values(run)):
        yield "the singular values of M are not known"
    if np.any(np.isnan(run.modes["sigma"])):
        yield "singular values of UVᵀ that rounding hides are not drawn"
    late = [i for i, tau in enumerate(run.modes["escape"], 1) if tau > run.modes["flow_time"][-1]]
    if late:
        told = ", ".join(map(str, late)) if len(late) <= 5 else f"{late[0]}, …, {late[-1]}"
        yield f"of mode {told} the predicted escape is after the end of the run"
