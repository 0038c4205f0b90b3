"""A curve for each run of a picture, and a band for those that differ in nothing but the seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mfact.core import Array, Result
from mfact.pictures.axes import Along, along, far, size_axis
from mfact.pictures.bands import banded
from mfact.pictures.drawing import Mark, Panel, Pen
from mfact.pictures.marks import MOST_IN_LEGEND, curve, drawable, pen_of
from mfact.pictures.runs import Group, grouped, with_rows
from mfact.studies.differing import Subject

Values = Callable[[Result], Array]
"""Of a run what is drawn, one a row, NaN where there is nothing to draw."""


@dataclass(frozen=True)
class Curves:
    """The runs of one picture. along: what they are drawn over."""

    groups: tuple[Group, ...]
    along: Along

    @classmethod
    def of(cls, subjects: Sequence[Subject], x: str, *changes: Values) -> Curves:
        """The runs over the axis of that name; changes: what of them is to be seen along it.

        Raises SettingsError for the run of a network, and for another axis; DataError for a run
        without rows, or whose rows do not tell the axis.
        """
        with_rows(subjects)
        groups = grouped(subjects)
        every = [each for group in groups for each in group.members]
        return cls(groups, along(every, x, changes))

    @property
    def every(self) -> list[Result]:
        return [run for group in self.groups for _, run in group.members]

    @property
    def is_one(self) -> bool:
        return len(self.every) == 1

    @cached_property
    def has_legend(self) -> bool:
        return not self.is_one and len(self.groups) <= MOST_IN_LEGEND

    def has(self, values: Values) -> bool:
        """Whether there is anything to draw of it."""
        return any(np.any(np.isfinite(values(run))) for run in self.every)

    def panel(
        self,
        label: str,
        name: str,
        values: Values,
        known: Values | None = None,
        *,
        log: bool | None = None,
    ) -> Panel:
        """The values of every run along the axis.

        By powers of ten, None: where they are far apart, of `known`, which is NaN where a value is
        all error; else the values themselves, from 0 on. label: of their axis. name: what the curve
        of a run that is alone is called.
        """
        known = values if known is None else known
        if log is None:
            log = far(np.concatenate([known(run) for run in self.every]))
        values = known if log else values
        y = size_axis(label, [values(run) for run in self.every], log)
        marks = self.curves(name, values, log=log)
        return Panel("", self.along.axis, y, marks, legend=self.has_legend)

    def curves(self, name: str, values: Values, *, log: bool) -> tuple[Mark, ...]:
        """A curve for each run, a band and a median for those that differ only in the seed.

        name: of the values, which a run that is alone is called. log: whether the axis of the
        values is, so that none is drawn that is not positive.
        """
        return tuple(
            mark
            for place, group in enumerate(self.groups)
            for mark in self._group(group, pen_of(place), name, values, log)
        )

    def notes(self) -> tuple[str, ...]:
        """What a reader of the legend must know."""
        notes = []
        if len(self.groups) > MOST_IN_LEGEND:
            notes.append(f"{len(self.groups)} curves, more than a legend tells apart")
        if any(len(group.members) > 1 for group in self.groups):
            notes.append("in a band, a run that has ended counts with its last value")
        return tuple(notes)

    def lacking(self, values: Values, what: str) -> tuple[str, ...]:
        """Of whom there is nothing to draw, in a note; none where it is nobody, or everybody."""
        found = [
            (group.label, sum(not np.any(np.isfinite(values(run))) for _, run in group.members))
            for group in self.groups
        ]
        lack = [(label, count) for label, count in found if count]
        if not lack or not self.has(values):
            return ()
        if len(lack) > 3:
            return (f"{what} is not known of {sum(count for _, count in lack)} runs",)
        return (f"{what} is not known of {' and of '.join(label for label, _ in lack)}",)

    def _group(
        self, group: Group, pen: Pen, name: str, values: Values, log: bool
    ) -> Iterator[Mark]:
        label = name if self.is_one else group.label
        found = [(self.along.of(run), drawable(values(run), log)) for _, run in group.members]
        # What lies at no place of the axis is not drawn either.
        found = [(x, np.where(np.isfinite(x), y, np.nan)) for x, y in found]
        found = [(x, y) for x, y in found if np.any(np.isfinite(y))]
        band = banded(found, pen, f"{label}: range", f"{label}: median", log=log)
        yield from band or (curve(label, x, y, pen) for x, y in found)
