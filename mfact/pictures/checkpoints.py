"""What a balance document says, as columns to draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import PurePath

import numpy as np

from mfact.core import Array, Document
from mfact.pictures.drawing import Axis
from mfact.pictures.sizes import short
from mfact.words import printable, shown


@dataclass(frozen=True)
class Balance:
    """A document of the schema "mfact-balance/1" (see mfact.storage.audits)."""

    doc: Document

    @property
    def count(self) -> int:
        """Of checkpoints."""
        return len(self.doc["checkpoints"])

    @property
    def places(self) -> int:
        """Between two layers."""
        return len(self.doc["joints"])

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the checkpoints."""
        return tuple(printable(each["name"]) for each in self.doc["checkpoints"])

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """Of the places, by the two layers."""
        return tuple(
            f"{printable(joint['first'])} → {printable(joint['second'])}"
            for joint in self.doc["joints"]
        )

    @property
    def tells_layers(self) -> bool:
        """Whether there is room for the names of layers; else places go by their numbers."""
        return bool(short(self.layers))

    @property
    def degree(self) -> str:
        """How the factor of ‖out‖² is written."""
        return "" if all(joint["degree"] == 1 for joint in self.doc["joints"]) else "p"

    def place(self, h: int) -> str:
        return self.layers[h - 1] if self.tells_layers else str(h)

    def unit(self, h: int) -> str:
        """The worst of a place in the last checkpoint, empty where there is none."""
        unit = self.doc["checkpoints"][-1]["joints"][h - 1]["worst_unit"]
        return "" if unit is None else f"unit {shown(unit)}"

    def column(self, name: str, part: str = "checkpoints") -> Array:
        """A row a checkpoint, or an interval, and a column a place, NaN for no number."""
        rows = [[joint[name] for joint in each["joints"]] for each in self.doc[part]]
        return np.array(rows, float).reshape(-1, self.places)

    @cached_property
    def along_places(self) -> tuple[Axis, Array]:
        """The x axis of the places, and where each is on it."""
        return _named("places between layers", self.layers)

    @cached_property
    def along(self) -> tuple[Axis, Array]:
        """The x axis of the checkpoints, by their steps where all are known, and where each is."""
        steps = [each["step"] for each in self.doc["checkpoints"]]
        if None not in steps and all(first < last for first, last in pairwise(steps)):
            margin = 0.05 * (steps[-1] - steps[0])
            ends = (steps[0] - margin, steps[-1] + margin)
            return Axis("step t", least=ends[0], most=ends[1]), np.array(steps, float)
        return _named("checkpoint", [PurePath(name).name for name in self.names])


def _named(label: str, names: Sequence[str]) -> tuple[Axis, Array]:
    """By names where there is room for them, else by numbers from 1."""
    if told := short(names):
        return Axis("", least=-0.5, most=len(told) - 0.5, names=told), np.arange(len(told)) + 0.0
    return Axis(label, least=0.5, most=len(names) + 0.5), np.arange(len(names)) + 1.0
