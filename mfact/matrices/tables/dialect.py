"""How a table is written, which is all that its readers know of its first lines."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """How a table is written.

    separator: None where runs of spaces are. comma: whether it has decimal commas. trailing:
    whether a separator ends each line. header: of the columns of numbers. names: whether the first
    cell of a line is the name of a row. head: how many lines stand before the rows. width: how many
    columns of numbers there are. sample: the cells of the first rows. commented: whether the
    header is a comment.
    """

    separator: str | None
    comma: bool
    trailing: bool
    header: tuple[str, ...] | None
    names: bool
    head: int
    width: int
    sample: tuple[tuple[str, ...], ...]
    commented: bool = False

    @property
    def cells(self) -> int:
        """How many a line has."""
        return self.names + self.width + self.trailing
