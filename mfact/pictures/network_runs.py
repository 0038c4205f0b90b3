"""Runs of networks as they are drawn: their columns along one x axis, and who is who."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mfact.core import Array, NetworkResult
from mfact.errors import DataError, SettingsError
from mfact.networks.architecture import Architecture
from mfact.networks.settings import ARRAYS_LAYERS
from mfact.pictures.bands import banded
from mfact.pictures.drawing import Axis, Mark, Pen
from mfact.pictures.layers import MOST_ALONE, OTHERS, Told
from mfact.pictures.marks import DASHES, curve, drawable, pen_of
from mfact.pictures.names import FLOW_TIME, STEP
from mfact.pictures.sizes import sized
from mfact.storage.architectures import restored
from mfact.studies.differing import Subject, by_seed
from mfact.words import brief, printable, shown

ALONG = {STEP: ("step", "step t"), FLOW_TIME: ("flow_time", "flow time Ση")}
"""What may lie along the x axis -> the column, and the label of the axis."""

Named = Callable[[int], str]
"""The name of a column, or of a curve, by the number of a layer or of a place after it."""

_TOLD = {"method": "", "step_size": "step size", "batch": "batch", "seed": "seed"}
"""Settings that are told below a picture where all runs have the same -> how they begin."""


@dataclass(frozen=True)
class Drawn:
    """A run of a network, under the name of its file."""

    name: str
    run: NetworkResult

    @cached_property
    def net(self) -> Architecture:
        return restored(self.run.network, self.run.ties)

    def column(self, name: str) -> Array:
        """Of the trace, NaN in each row where there is none of that name."""
        rows = len(self.run.trace["step"])
        return np.asarray(self.run.trace.get(name, np.full(rows, np.nan)), float)

    def setting(self, name: str) -> object:
        return self.run.settings.get(name, {}).get("value")


@dataclass(frozen=True)
class NetworkRuns:
    """The runs of one picture, in groups that differ in nothing but the seed, and the label of each
    group. along: a name of ALONG.
    """

    groups: tuple[tuple[str, tuple[Drawn, ...]], ...]
    along: str

    @classmethod
    def of(cls, subjects: Sequence[Subject], along: str) -> NetworkRuns:
        """Raises SettingsError for runs of matrices, for no run, and for another x axis, DataError
        for runs without rows.
        """
        if along not in ALONG:
            raise SettingsError(
                f"networks are not drawn over {shown(along)}", f"choose {' or '.join(ALONG)}"
            )
        if not subjects:
            raise SettingsError("there is no run to draw", "name one")
        groups = by_seed(subjects)
        alone = len(groups) == 1  # nobody else is there to be told from
        return cls(
            tuple(
                ("" if alone else group.label, tuple(map(drawn, group.subjects)))
                for group in groups
            ),
            along,
        )

    @cached_property
    def every(self) -> tuple[Drawn, ...]:
        return tuple(run for _, runs in self.groups for run in runs)

    @property
    def is_one(self) -> bool:
        """Whether there is one group alone: colours are free for the layers then."""
        return len(self.groups) == 1

    @property
    def layers(self) -> int:
        """Of the deepest network."""
        return max(len(run.net.weighted) for run in self.every)

    @property
    def most(self) -> int:
        """Layers that can be told apart."""
        return MOST_ALONE if self.is_one else len(DASHES)

    @property
    def axis(self) -> Axis:
        return Axis(ALONG[self.along][1])

    def x(self, run: Drawn) -> Array:
        return run.column(ALONG[self.along][0])

    def curves(self, name: str) -> Iterator[Mark]:
        """A column of every run, above zero, each group in its colour and dashes."""
        for place, (label, runs) in enumerate(self.groups):
            yield from self._group(label, runs, name, pen_of(place), log=True)

    def sizes(self, label: str, column: Named, places: Iterable[int]) -> Axis:
        """The axis of the sizes of a column of each place."""
        return sized(label, [run.column(column(h)) for run in self.every for h in places])

    def of_places(
        self, told: Told, column: Named, label: Named, *, log: bool, whose: bool = False
    ) -> Iterator[Mark]:
        """The sizes in a column of each layer, or of each place between two, of every run.

        Of one group each has its colour and dashes. Of several the colour says whose it is, and the
        first of them names the layers. whose: whether the legend says whose they are.
        """
        for place, (whom, runs) in enumerate(self.groups):
            for h in told.others if self.is_one else ():
                yield from self._group("", runs, column(h), OTHERS, log=log)
            for rank, h in enumerate(told.places):
                pen = pen_of(rank)
                pen = pen if self.is_one else pen._replace(hue=place)
                first = whose and rank == 0 and not self.is_one
                words = f"{whom}: {label(h)}" if first else "" if place else label(h)
                yield from self._group(words, runs, column(h), pen, log=log)

    def _group(
        self, label: str, runs: Sequence[Drawn], name: str, pen: Pen, *, log: bool
    ) -> Iterator[Mark]:
        found = [(self.x(run), drawable(np.abs(run.column(name)), log)) for run in runs]
        found = [(x, y) for x, y in found if np.any(np.isfinite(y))]
        band = banded(found, pen, "", label, log=log)
        # The first stands for all in the legend.
        yield from band or (curve("" if i else label, *each, pen) for i, each in enumerate(found))

    def title(self, what: str) -> str:
        """What is drawn, and of which layers where they are the same."""
        layers = {run.setting("layers") for run in self.every} - {None, ARRAYS_LAYERS}
        return f"{what}: {shown(layers.pop(), quoted=False)}" if len(layers) == 1 else what

    def notes(self, *more: str) -> tuple[str, ...]:
        """What all runs have in common, how many are in a band, and more."""
        return tuple(filter(None, (self._common(), self._bands(), *more)))

    def _bands(self) -> str:
        if len(self.every) == len(self.groups):
            return ""
        counts = {len(runs) for _, runs in self.groups}
        told = f"{counts.pop()} seeds: " if len(counts) == 1 else ""
        ends = [{float(self.x(run)[-1]) for run in runs} for _, runs in self.groups]
        ended = any(len(each) > 1 for each in ends)
        more = "; a run that has ended counts with its last value" if ended else ""
        return f"{told}bands from the least to the largest, lines their medians{more}"

    def _common(self) -> str:
        told = {str(run.run.problem["name"]) for run in self.every}
        found = [told.pop()] if len(told) == 1 else []
        for name, words in _TOLD.items():
            values = [run.setting(name) for run in self.every]
            same = all(value == values[0] for value in values)
            if same and values[0] not in (None, "gradient-descent"):
                found.append(f"{words} {_typed(values[0])}".strip())
        return "; ".join(map(printable, found))


def drawn(subject: Subject) -> Drawn:
    """Raises SettingsError for the run of a matrix, DataError for one without rows."""
    if not isinstance(subject.run, NetworkResult):
        raise SettingsError(
            f"{printable(subject.name)} is the run of a matrix", "draw it apart from networks"
        )
    if not len(subject.run.trace.get("step", ())):
        raise DataError(f"{printable(subject.name)} holds no rows of its run", "run it again")
    return Drawn(subject.name, subject.run)


def _typed(value: object) -> str:
    return brief(value) if isinstance(value, float) else str(value)
