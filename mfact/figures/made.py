"""Figures made: what is kept is drawn from again, what is not is run, and each file is complete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mfact.errors import MfactError
from mfact.figures.kept import Experiment, Looked, Run, look
from mfact.figures.names import PANELS, stem
from mfact.host.atomic import replace_file
from mfact.pictures.drawing import Picture
from mfact.report.plots import image
from mfact.run.doing import Doing
from mfact.storage.either import write_either
from mfact.words import printable


class Figure(Protocol):
    """A figure of the paper: number, the runs that panels of it are drawn from, and the picture."""

    @property
    def number(self) -> str: ...

    def names(self, panels: str) -> tuple[str, ...]:
        """The runs that these panels are drawn from."""

    def experiments(self, panels: str, doing: Doing) -> tuple[Experiment, ...]:
        """The same in full, their data read or drawn."""

    def picture(self, runs: Mapping[str, Any], panels: str) -> Picture:
        """The picture of these panels."""


@dataclass(frozen=True)
class Order:
    """Panels of a figure that are asked for, and the files they go to.

    data: what files on other data than the paper's are called by. form: one of plots.FORMATS.
    """

    figure: Figure
    panels: str
    folder: str
    form: str
    data: str = ""

    @property
    def picture(self) -> str:
        """The path of the picture."""
        return self._path(f"{stem(self.figure.number, self.panels, self.data)}.{self.form}")

    @property
    def runs(self) -> dict[str, str]:
        """The run files by the names of the runs."""
        number = self.figure.number
        whole = stem(number, PANELS[number], self.data)
        names = self.figure.names(self.panels)
        return {name: self._path(f"{whole}-{name}.run.h5") for name in names}

    def _path(self, name: str) -> str:
        return str(Path(self.folder, name))


@dataclass(frozen=True)
class Sought:
    """An order with its runs, and what is there of each, by their names."""

    order: Order
    experiments: tuple[Experiment, ...]
    looked: Mapping[str, Looked]


@dataclass(frozen=True)
class Made:
    """A figure that is there. runs: by their names; kept: which of them were there before."""

    order: Order
    runs: Mapping[str, Run]
    kept: frozenset[str]


def looked_up(order: Order, doing: Doing, note: Callable[[str], None]) -> Sought:
    """What is there of an order; note: told of each run that is there, and of why it is not taken.

    Raises StorageError where a file may not be replaced, and what experiments() raises.
    """
    experiments = order.figure.experiments(order.panels, doing)
    looked = {each.name: look(order.runs[each.name], each) for each in experiments}
    for name, each in looked.items():
        path = printable(order.runs[name])
        if each.run is not None:
            note(f"{path} is there: it is drawn from again")
        elif each.why:
            note(f"{path} is not what is asked for, and is run again: {each.why}")
    return Sought(order, experiments, looked)


def made(
    sought: Sought, run: Callable[[Experiment], Run | None], wrote: Callable[[str], None]
) -> Made | None:
    """The figure, its picture and the runs that were lacking written; wrote: told of each file.

    run: does one of the experiments; None where a signal has cut it: so is the figure, then.
    Raises StorageError, and MfactError for a run that has failed.
    """
    order, runs = sought.order, dict[str, Run]()
    for experiment in sought.experiments:
        name = experiment.name
        kept = sought.looked[name].run
        done = run(experiment) if kept is None else kept
        if done is None:
            return None
        if done.outcome.exit_code == 1:
            raise MfactError(done.outcome.sentence, done.message)
        if kept is None:
            write_either(order.runs[name], done)
            wrote(order.runs[name])
        runs[name] = done
    replace_file(order.picture, image(order.figure.picture(runs, order.panels), order.form))
    wrote(order.picture)
    there = frozenset(name for name, each in sought.looked.items() if each.run is not None)
    return Made(order, runs, there)
