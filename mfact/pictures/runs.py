"""Runs of matrices as they are drawn together: who they are, and what they tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mfact.core import Array, Result
from mfact.errors import DataError, SettingsError
from mfact.studies.differing import Subject, by_seed, differences, whole_name
from mfact.studies.named import center_of
from mfact.theory.ledger import ENDS
from mfact.words import printable


class Drawn(NamedTuple):
    """A run, under the name of its file."""

    name: str
    run: Result


class Group(NamedTuple):
    """Runs that differ in nothing but the seed, and what tells them from others."""

    label: str
    members: tuple[Drawn, ...]


def drawn(subjects: Sequence[Subject]) -> list[Drawn]:
    """The runs of matrices that these are.

    Raises SettingsError where there is none, and for the run of a network.
    """
    if not subjects:
        raise SettingsError("there is no run to draw", "name one")
    runs = []
    for name, run in ((subject.name, subject.run) for subject in subjects):
        if not isinstance(run, Result):
            raise SettingsError(
                f"{printable(name)} is the run of a network", "draw it apart from runs of a matrix"
            )
        runs.append(Drawn(name, run))
    return runs


def with_rows(subjects: Sequence[Subject]) -> list[Drawn]:
    """The same where each has rows. Raises DataError besides for one that has none."""
    runs = drawn(subjects)
    for name, run in runs:
        if not len(run.trace.get("step", ())):
            raise DataError(
                f"{printable(name)} holds no rows of its run",
                "draw the spectrum of its factors, or run it again",
            )
    return runs


def grouped(subjects: Sequence[Subject]) -> tuple[Group, ...]:
    """Those that differ in nothing but the seed together. Raises what drawn() does."""
    drawn(subjects)
    return tuple(Group(group.label, tuple(drawn(group.subjects))) for group in by_seed(subjects))


def title(what: str, subjects: Sequence[Subject]) -> str:
    """What is drawn, and of which matrix and rank where all runs have one."""
    found = differences(subjects)
    first = subjects[0].run
    parts = []
    if "matrix" not in found:
        center = None if "center" in found else center_of(first.problem)
        parts.append(whole_name(subjects[0].matrix, center))
    if "rank" not in found and isinstance(first, Result):
        parts.append(f"rank {first.U.shape[1]}")
    return f"{what}: {', '.join(parts)}" if parts else what


def column(run: Result, name: str) -> Array:
    """A column of the trace, NaN where there is none."""
    unknown = np.full(len(run.trace["step"]), np.nan)
    return np.asarray(run.trace.get(name, unknown), float)


def unrounded(run: Result, name: str) -> Array:
    """A column that tells a size of D, NaN where that is no more than the rounding of D."""
    unit, values = ENDS * float(np.finfo(run.U.dtype).eps), column(run, name)
    with np.errstate(over="ignore", invalid="ignore"):  # of numbers that are no run's
        n = np.nan_to_num(unit * (column(run, "size_U") + column(run, "size_V")))
    return np.where(values <= n, np.nan, values)


def setting(run: Result, name: str) -> object:
    """An option of a run: what was used for it, or else its value."""
    entry = run.settings.get(name, {})
    return entry.get("value") if entry.get("used") is None else entry["used"]


def shared(values: Sequence[object]) -> float | None:
    """The number that all have, None where there is none.

    >>> shared([1e-10, 1e-10]), shared([1e-10, None])
    (1e-10, None)
    """
    numbers = {float(value) for value in values if isinstance(value, int | float)}
    alike = len(numbers) == 1 and all(isinstance(value, int | float) for value in values)
    return numbers.pop() if alike else None
