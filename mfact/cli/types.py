"""How click reads the values of options: by kinds that read them, and those of the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from mfact.ranges import File, Name, OneOf
from mfact.words import shown

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

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

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        names = self.kind.names if isinstance(self.kind, Name) else ()
        return [CompletionItem(name) for name in names if name.startswith(incomplete.casefold())]


class Named(Kind):
    """A file as it was typed, whether it is there or not; shells complete it.

    A word that may stand in its place is meant in any case, unless a file has that very name.
    """

    name = "file"

    def __init__(self, kind: File) -> None:
        self.words = kind.words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        word = text.casefold()
        return word if word in self.words and not Path(text).exists() else text

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        words = [word for word in self.words if word.startswith(incomplete.casefold())]
        # The shell finds the files; the scripts of `mfact completion` expect this last.
        return [*map(CompletionItem, words), CompletionItem(incomplete, type="file")]


FILE = Named(File())


def one_of(*names: str) -> click.Choice[str]:
    """One of our names, typed in any case."""
    return click.Choice(names, case_sensitive=False)


class Choice(click.Choice[str]):
    """One of the names of a kind, typed in any case; what is one elsewhere is refused as that."""

    def __init__(self, kind: OneOf) -> None:
        super().__init__(kind.names, case_sensitive=False)
        self.kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if why := self.kind.why_not(value):
            self.fail(f"{shown(value)} {why}: {self.kind.way_out}", param, ctx)
        return super().convert(value, param, ctx)


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
