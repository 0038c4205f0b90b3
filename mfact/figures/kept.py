"""Runs that are kept and drawn from again: what a figure needs, and whether a file is that run."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from mfact.core import NetworkResult, Outcome, Result
from mfact.errors import StorageError
from mfact.options import KeptSettings, flag
from mfact.storage.either import read_either
from mfact.studies.differing import ASIDE
from mfact.words import printable, shown

Run = Result | NetworkResult

FREE = ASIDE - {"every"}
"""Settings that change neither a step nor which of them are recorded."""

ASKED = ("rank", "seed", "max_iter")
"""Settings that the user may choose, and others with them."""

ROUNDING = 1e-9
"""Relative difference up to which two settings are one: some are chosen from σ₁, whose last digits
differ from one machine to another."""

CUT = (Outcome.INTERRUPTED, Outcome.FAULTY)
"""How runs end that have no end to be drawn."""


class Experiment(Protocol):
    """A run that a figure is drawn from: what it must be, and how it is done.

    figure: its number. name: of the run in it. columns: of the trace that are drawn.
    """

    @property
    def figure(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def settings(self) -> KeptSettings: ...

    @property
    def columns(self) -> Collection[str]: ...

    def on_other_data(self, run: Run) -> str:
        """Empty where a run is on the same matrix, or the same points, else how they differ."""

    def carry_out(self, **told: Any) -> Run:
        """The run to its end. told: as mfact.run.solve.solve takes it."""


class Looked(NamedTuple):
    """What is at the path of a run. why: it is not the one that is wanted; empty where it is, or
    where nothing is there.
    """

    run: Run | None
    why: str = ""


def mark(figure: str) -> str:
    """Where a setting came from that a figure has chosen: by this its run files are known."""
    return f"figure {figure}"


def marked(given: Mapping[str, str], figure: str, settings: KeptSettings) -> dict[str, str]:
    """Of each setting that is not left at its default where it came from; given: of those that the
    figure has not chosen.
    """
    return dict.fromkeys(settings.chosen, mark(figure)) | dict(given)


def look(path: str, wanted: Experiment) -> Looked:
    """The run at the path where it is the one that is wanted.

    Raises StorageError for a file that is not to be replaced: what is no run of this figure, or
    cannot be read as one.
    """
    if not Path(path).exists():
        return Looked(None)
    way_out = "remove it, or name another folder with -o"
    try:
        run = read_either(path)
    except StorageError as error:
        raise StorageError(error.sentence, way_out) from error
    if mark(wanted.figure) not in {entry["source"] for entry in run.settings.values()}:
        raise StorageError(
            f"{printable(path)} is there already, and no run of Figure {wanted.figure}", way_out
        )
    why = _other_end(run) or _other_settings(run, wanted.settings) or _lacking(run, wanted)
    why = why or wanted.on_other_data(run)
    return Looked(None, why) if why else Looked(run)


def _other_end(run: Run) -> str:
    return f"it was {run.outcome.sentence}" if run.outcome in CUT else ""


def _other_settings(run: Run, wanted: KeptSettings) -> str:
    """The first setting in which it is another run."""
    values = {**{n: vars(wanted)[n] for n in ASKED if n in vars(wanted)}, **vars(wanted)}
    for name, value in values.items():
        had = run.settings.get(name, {}).get("value")
        if name not in FREE and not _same(had, value):
            return f"it has {flag(name)} {shown(had)}, not {shown(value)}"
    return ""


def _same(had: Any, value: Any) -> bool:
    if isinstance(value, float) and isinstance(had, float):
        return math.isclose(had, value, rel_tol=ROUNDING)
    return bool(had == value)


def _lacking(run: Run, wanted: Experiment) -> str:
    missing = [name for name in wanted.columns if name not in run.trace]
    return f"it lacks the column {missing[0]}" if missing else ""
