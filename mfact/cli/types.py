"""How click reads the values of options: by kinds that read them, and those of the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import click

from mfact.words import shown

if TYPE_CHECKING:
    Kind = click.ParamType[Any]
else:
    Kind = click.ParamType  # older clicks have no parameter to give


class Readable(Protocol):
    """A kind of values that reads what was typed; raises ValueError with a sentence."""

    @property
    def name(self) -> str: ...

    def read(self, value: Any, /) -> Any: ...


class Typed(Kind):
    """A kind of values as a type of click's."""

    def __init__(self, kind: Readable) -> None:
        self.kind, self.name = kind, kind.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return self.kind.read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@dataclass(frozen=True)
class Listed:
    """Values of one kind, written with commas: 50,500,5000."""

    kind: Readable
    name = "list"

    def read(self, value: Any) -> tuple[Any, ...]:
        if isinstance(value, tuple):
            return value
        return tuple(self.kind.read(part.strip()) for part in str(value).split(","))


@dataclass(frozen=True)
class Shape:
    """The shape of a matrix, written 120x80."""

    name = "shape"

    def read(self, value: Any) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value[0], value[1]
        # More than 18 digits are more than any array has.
        match = re.fullmatch(r"(\d{1,18})\s*[x×,]\s*(\d{1,18})", str(value))
        if match is None or not (int(match[1]) and int(match[2])):
            raise ValueError(f"{shown(value)} is not a shape: write rows x columns, as 120x80.")
        return int(match[1]), int(match[2])
