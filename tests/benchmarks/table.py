"""What a work reports: a table, the numbers behind it, and the goals they are held to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Goal:
    """A number that was measured, what it must reach, and what is aimed at.

    least: whether larger is better. unit: printed after each number.
    """

    what: str
    value: float
    must: float
    aim: float | None = None
    least: bool = False
    unit: str = "×"

    @property
    def met(self) -> bool:
        return self.value >= self.must if self.least else self.value <= self.must

    @property
    def aimed(self) -> bool:
        return self.aim is not None and (
            self.value >= self.aim if self.least else self.value <= self.aim
        )


@dataclass(frozen=True)
class Work:
    """One table: a title, a line on how it was done, rows of text, and the same as data."""

    title: str
    how: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    data: dict[str, Any]
    goals: list[Goal] = field(default_factory=list)


def seconds(value: float) -> str:
    """Three digits."""
    return f"{value:.3g}"
