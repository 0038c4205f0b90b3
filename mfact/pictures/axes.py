"""What the curves of runs are drawn over, steps, flow time or passes over M, and their sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mfact.core import Array, Result
from mfact.errors import DataError, SettingsError
from mfact.pictures.drawing import Axis
from mfact.pictures.names import FLOW_TIME, PASSES, STEP
from mfact.pictures.runs import Drawn, column
from mfact.studies.conserved import power_of
from mfact.words import printable, shown

NARROW = 0.01
"""Of a linear axis: what happens in less is not seen there."""

LARGEST = 1e15
"""Of steps on an axis; from there on their log₁₀ is drawn."""

_UNITS = {-1.0: ", in units of 1/M", 0.5: ", in units of √M"}
"""Of step sizes, by the power of M."""


@dataclass(frozen=True)
class Along:
    """An x axis. of: where each row of a run is on it, NaN where that is not known."""

    axis: Axis
    of: Callable[[Result], Array]


def along(
    runs: Sequence[Drawn], x: str = STEP, changes: Sequence[Callable[[Result], Array]] = ()
) -> Along:
    """The axis of that name, for runs that have rows.

    changes: what is drawn of a run, one a row. Where half of a run, or of what changes in it, would
    lie in a narrow part of a linear axis, steps are drawn by powers of ten; and where they are
    beyond LARGEST, as when a run was fast-forwarded, their log₁₀. Passes by powers of ten too.

    Raises SettingsError for another name, and for the flow time of methods whose steps have several
    units; DataError for a run whose rows do not tell it.
    """
    if x == STEP:
        return _over_steps(runs, changes)
    if x == FLOW_TIME:
        return Along(Axis(_flow_time(runs)), lambda run: column(run, "flow_time"))
    if x != PASSES:
        raise SettingsError(
            f"runs are not drawn over {shown(x)}", f"choose {STEP}, {FLOW_TIME} or {PASSES}"
        )
    for name, run in runs:
        if not np.any(np.isfinite(column(run, "passes"))):
            raise DataError(
                f"the rows of {printable(name)} do not tell the passes over M, as in older files",
                f"draw it over {STEP} or {FLOW_TIME}, or run it again",
            )
    passes = [column(run, "passes") for _, run in runs]
    crowded = _all_crowded(runs, passes, changes)
    return Along(Axis("passes over M", log=crowded), lambda run: column(run, "passes"))


def _flow_time(runs: Sequence[Drawn]) -> str:
    """The label of Ση, with its unit, which is that of the steps of a method."""
    powers = {power_of(run) for _, run in runs}
    if len(powers) > 1:
        raise SettingsError(
            "the steps of these methods have different units, and share no flow time",
            f"draw them over {STEP} or {PASSES}",
        )
    return f"flow time Ση{_UNITS.get(powers.pop(), '')}"


def _over_steps(runs: Sequence[Drawn], changes: Sequence[Callable[[Result], Array]]) -> Along:
    steps = [column(run, "step") for _, run in runs]
    if max(float(x[-1]) for x in steps) > LARGEST:
        return Along(Axis("log₁₀ of the step t"), _log_step)
    if _all_crowded(runs, steps, changes):
        return Along(
            Axis("step t (0 at 1)", log=True), lambda run: np.maximum(column(run, "step"), 1.0)
        )
    return Along(Axis("step t"), lambda run: column(run, "step"))


def _log_step(run: Result) -> Array:
    # A step beyond the floats, in a file that does not tell its log₁₀, is at no place.
    steps = column(run, "step")
    logs = np.where(np.isfinite(steps), np.log10(np.maximum(steps, 1.0)), np.nan)
    return np.asarray(run.trace.get("log10_step", logs), float)


def _all_crowded(
    runs: Sequence[Drawn],
    places: Sequence[Array],
    changes: Sequence[Callable[[Result], Array]],
) -> bool:
    """Whether half of some run, or of what changes in it, would lie in a narrow part of a linear
    axis.
    """
    end = max(float(np.nanmax(x)) for x in places)
    halves = [x[len(x) // 2] for x in places if len(x) > 1]
    for values in changes:
        moves = (half_way(x, values(run)) for x, (_, run) in zip(places, runs, strict=True))
        halves += [half for half in moves if half is not None]
    return any(half < NARROW * end for half in halves)


def half_way(x: Array, y: Array) -> float | None:
    """Where y has gone half of the way that it goes in all, up and down, by powers of ten.

    >>> half_way(np.arange(4.0), np.array([1.0, 10.0, 100.0, 100.0]))
    1.0
    """
    there = np.isfinite(y) & (y > 0) & np.isfinite(x)
    gone = np.cumsum(np.abs(np.diff(np.log10(y[there]))))
    if not len(gone) or gone[-1] == 0:
        return None
    return float(x[there][1:][np.searchsorted(gone, gone[-1] / 2)])


def size_axis(label: str, values: Sequence[Array], log: bool) -> Axis:
    """Of sizes: by powers of ten, or from 0 on, with some room above the largest."""
    if log:
        return Axis(label, log=True)
    sizes = np.concatenate(values)
    most = 1.08 * float(np.max(sizes, initial=0.0, where=np.isfinite(sizes)))
    return Axis(label, least=0.0, most=most if 0 < most < np.inf else None)


def far(values: Array, factor: float = 10.0) -> bool:
    """Whether sizes are so far apart that they are drawn by powers of ten.

    >>> far(np.array([1.0, 20.0, np.nan, 0.0])), far(np.array([5.0, 6.0])), far(np.zeros(0))
    (True, False, False)
    """
    sizes = values[np.isfinite(values) & (values > 0)]
    return bool(len(sizes) and sizes.max() / factor > sizes.min())
