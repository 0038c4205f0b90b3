"""An option as a value: its words for --help, what values it takes, what it belongs to."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, Self, TypeVar

from mfact.errors import SettingsError
from mfact.ranges import File, Kind, OneOf, Real
from mfact.words import shown

T = TypeVar("T")

_ALONE: Mapping[str, Any] = MappingProxyType({})

REQUIRED: Any = dataclasses.MISSING
"""As a default: the option must be given."""


@dataclass(frozen=True)
class Option(Generic[T]):
    """An option of a command, named by the field of the settings that it is.

    panel, words: the heading of --help it stands under, and its line there. letter: its short
    form, as "-r". unset: how help names what is done where the option is not given; a command then
    has None of it. belongs: another option, and the choices with which this one means anything.
    """

    default: T
    panel: str
    words: str
    kind: Kind
    letter: str = ""
    metavar: str | None = None
    unset: str = ""
    belongs: tuple[str, tuple[str | bool, ...]] | None = None

    def told(self, name: str) -> str:
        """Its line in a docstring."""
        none = f" None: {self.unset}." if self.default is None else ""
        return f"    {name}: {self.words}{none}"

    def field(self) -> T:
        """The field of a dataclass that has this option's default, and keeps the option."""
        return dataclasses.field(default=self.default, metadata={"option": self})


class Settings:
    """A frozen dataclass of options, whose words join its docstring.

    NumPy's scalars become Python's, integers that stand for a float floats, and paths text.
    """

    def __init_subclass__(cls) -> None:
        told = [(cls.__doc__ or "").rstrip() + "\n"]
        for name, field in vars(cls).items():
            if isinstance(field, dataclasses.Field) and field.metadata:
                told.append(field.metadata["option"].told(name))
        cls.__doc__ = "\n".join(told)

    def __post_init__(self) -> None:
        for name, option in options_of(self).items():
            value = getattr(self, name)
            if getattr(value, "shape", None) == ():
                value = value.item()
            if type(value) is int and isinstance(option.kind, Real):
                with suppress(OverflowError):
                    value = float(value)
            if isinstance(value, os.PathLike):
                value = os.fspath(value)
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Self:
        """Settings from options by name."""
        return cls(**given)

    @property
    def chosen(self) -> list[str]:
        """The names of the options that are not left at their defaults."""
        return [n for n, each in options_of(self).items() if getattr(self, n) != each.default]

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """The same with other values, by name."""
        return type(self)(**{**vars(self), **changes})


class KeptSettings(Settings):
    """Settings of a run, which begins somewhere and keeps its state."""

    start: str
    checkpoint: str | None

    @property
    def start_file(self) -> str | None:
        """The file that the start is read from, None where it is drawn."""
        kind = options_of(self)["start"].kind
        return None if isinstance(kind, File) and self.start in kind.words else self.start

    def checkpoint_path(self, output: str | None) -> str | None:
        """Where a run keeps its state: as asked for, or beside its output; None for neither."""
        if self.checkpoint is not None or output is None:
            return self.checkpoint
        return f"{output}.checkpoint"


def options_of(settings: Any) -> dict[str, Option[Any]]:
    """The options of settings, or of a class of them, by name."""
    fields = dataclasses.fields(settings)
    return {f.name: f.metadata["option"] for f in fields if "option" in f.metadata}


def flag(name: str) -> str:
    """How an option is typed.

    >>> flag("max_iter")
    '--max-iter'
    """
    return "--" + name.replace("_", "-")


def typed(value: Any) -> str:
    """A value as it is typed.

    >>> typed(0.5), typed(None), typed([1.0, 2.0]), typed(True)
    ('0.5', 'none', '1.0,2.0', 'yes')
    """
    if isinstance(value, list):
        return ",".join(map(typed, value))
    if value is None or isinstance(value, bool):
        return {True: "yes", False: "no", None: "none"}[value]
    return repr(value) if isinstance(value, float) else str(value)


def require_kinds(settings: Settings) -> None:
    """Raise SettingsError for a value of another kind than its option's, or out of range."""
    for name, option in options_of(settings).items():
        value = getattr(settings, name)
        if value is not None or option.default is not None:
            require(name, option.kind, value)


def require(name: str, kind: Kind, value: Any) -> None:
    """Raise SettingsError for a value of an option that its kind does not admit."""
    if not kind.admits(value):
        why = kind.why_not(value) if isinstance(kind, OneOf) else ""
        said = f", which {why}" if why else ""
        raise SettingsError(f"{flag(name)} is {shown(value)}{said}", kind.way_out)


def means(
    option: Option[Any], values: Mapping[str, Any], others: Mapping[str, Option[Any]] = _ALONE
) -> bool:
    """Whether an option means something with these values of the others, which must mean something
    themselves where they are given.

    >>> option = Option(0.5, "Start", "", Real(), belongs=("start", ("gaussian",)))
    >>> means(option, {"start": "gaussian"}), means(option, {"start": "a.h5"})
    (True, False)
    """
    return _idle_by(option, values, others) is None


def _idle_by(
    option: Option[Any], values: Mapping[str, Any], others: Mapping[str, Option[Any]]
) -> tuple[str, tuple[str | bool, ...]] | None:
    """What an option, or that to which it belongs, belongs to and does not go with."""
    if option.belongs is None:
        return None
    chooser, choices = option.belongs
    if values.get(chooser) not in choices:
        return option.belongs
    return _idle_by(others[chooser], values, others) if chooser in others else None


def refuse_idle(
    options: Mapping[str, Option[Any]], values: Mapping[str, Any], given: Collection[str]
) -> None:
    """Raise SettingsError for an option that was given and means nothing with the other values."""
    for name in given:
        belongs = _idle_by(options[name], values, options) if name in options else None
        if belongs is None:
            continue
        chooser, choices = belongs
        value = values[chooser]
        with_ = f"with {flag(chooser)} {value}" if value else f"without {flag(chooser)}"
        choice = "" if choices[0] is True else f" {choices[0]}"
        raise SettingsError(
            f"{flag(name)} has no meaning {with_}", f"leave it out, or use {flag(chooser)}{choice}"
        )
