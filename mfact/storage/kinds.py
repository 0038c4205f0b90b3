"""What may stand at a place of a document from a file: a kind for each, and how they combine."""

from __future__ import annotations

import dataclasses
import reprlib
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mfact.core import Array
from mfact.settings import RANK
from mfact.words import printable

Kind = Callable[[Any, str], None]
"""kind(value, place) raises ValueError, "PLACE is VALUE, and not …", for a value of another."""

LARGEST = 1e300
"""Of a number: its square root, and its products with those near 1, are numbers too."""
DEEPEST = 6
"""Levels of lists and dicts in what mfact writes."""


def refuse(value: Any, place: str, what: str) -> None:
    """Raise the ValueError of a kind.

    >>> refuse("x", "summary.loss", "a number")
    Traceback (most recent call last):
    ValueError: summary.loss is 'x', and not a number
    """
    short = reprlib.repr(value)
    raise ValueError(f"{printable(place)} is {printable(short)}, and not {what}")


def text(value: Any, place: str) -> None:
    """Text, or a file name: of surrogates those alone that stand for a byte."""
    try:
        if isinstance(value, str) and value.encode("utf-8", "surrogateescape") is not None:
            return
    except UnicodeEncodeError:
        pass
    refuse(value, place, "a text")


def anything(value: Any, place: str) -> None:
    """What is judged by what else there is."""


def flag(value: Any, place: str) -> None:
    if not isinstance(value, bool):
        refuse(value, place, "true or false")


def whole(value: Any, place: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        refuse(value, place, "a whole number")


def count(value: Any, place: str) -> None:
    """A whole number that an array or a file can have of something."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        refuse(value, place, "a count")


def any_number(value: Any, place: str) -> None:
    """A number that an array can hold, infinity and NaN among them."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        refuse(value, place, "a number")
    if isinstance(value, int) and abs(value) >= 2**63:
        refuse(value, place, "a number of 64 bits")


def number(value: Any, place: str) -> None:
    """A finite number, as a float too."""
    any_number(value, place)
    if not -LARGEST <= value <= LARGEST:
        refuse(value, place, "a number that is finite")


def size(value: Any, place: str) -> None:
    """Zero, or a positive number whose fourth power is a number."""
    any_number(value, place)
    if not (value == 0 or LARGEST**-0.25 <= value <= LARGEST**0.25):
        refuse(value, place, "a size that can be computed with")


def amount(value: Any, place: str) -> None:
    """A finite number that is not negative."""
    number(value, place)
    if value < 0:
        refuse(value, place, "a number of at least 0")


def positive(value: Any, place: str) -> None:
    """A finite number above zero."""
    number(value, place)
    if not value > 0:
        refuse(value, place, "a number above 0")


def bound(value: Any, place: str) -> None:
    """A number that is not negative, or infinity, where nothing is known."""
    any_number(value, place)
    if not value >= 0:
        refuse(value, place, "a number of at least 0, or infinity")


def wish(value: Any, place: str) -> None:
    """What was asked for in place of a rank, as it is kept."""
    if not isinstance(value, str) or not RANK.kind.admits(value):
        refuse(value, place, "a share, or auto")


def maybe(kind: Kind) -> Kind:
    return lambda value, place: None if value is None else kind(value, place)


def either(first: Kind, second: Kind) -> Kind:
    """Of the first kind, or else of the second, whose words are then used."""

    def check(value: Any, place: str) -> None:
        try:
            first(value, place)
        except ValueError:
            second(value, place)

    return check


def one_of(*values: str) -> Kind:
    def check(value: Any, place: str) -> None:
        if not isinstance(value, str) or value not in values:
            refuse(value, place, f"one of {', '.join(values)}")

    return check


def listing(kind: Kind, length: int | None = None) -> Kind:
    """A list, of so many when a length is given, each of the kind."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, list) or length not in (None, len(value)):
            refuse(value, place, "a list" if length is None else f"a list of {length}")
        for index, part in enumerate(value):
            kind(part, f"{place}[{index}]")

    return check


def row(*kinds: Kind) -> Kind:
    """A list with one value of each kind."""

    def check(value: Any, place: str) -> None:
        listing(lambda *_: None, len(kinds))(value, place)
        for index, (kind, part) in enumerate(zip(kinds, value, strict=True)):
            kind(part, f"{place}[{index}]")

    return check


def record(
    known: Mapping[str, Kind], others: Kind | None = None, *, needed: Sequence[str] | None = None
) -> Kind:
    """A dict: values of the known kinds by name, all needed unless said, and of one kind under any
    other name, None: there is no other.
    """

    def check(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            refuse(value, place, "an object")
        for name in known if needed is None else needed:
            if name not in value:
                raise ValueError(f"{printable(place) or 'it'} lacks {name}")
        for name, part in value.items():
            kind = known.get(name, others)
            if kind is None:
                raise ValueError(
                    f"{printable(place)} has an unknown part, {printable(name)[:40]!r}"
                )
            kind(part, _at(place, name))

    return check


def plain(value: Any, place: str, depth: int = DEEPEST) -> None:
    """Any JSON value that is not nested deeply, its numbers finite."""
    if isinstance(value, (list, dict)):
        if depth == 0:
            raise ValueError(f"{printable(place)} is nested too deeply")
        named = value.items() if isinstance(value, dict) else enumerate(value)
        for name, part in named:
            plain(part, _at(place, name), depth - 1)
    elif value is not None and not isinstance(value, (str, bool)):
        number(value, place)


def _at(place: str, name: Any) -> str:
    return f"{place}.{name}".lstrip(".")[:80]


_OF_TYPES: dict[Any, Kind] = {int: whole, float: number, str: text, bool: flag}


def of_annotation(annotation: Any) -> Kind:
    """The kind of a field of a dataclass in JSON.

    >>> of_annotation(tuple[float, ...])([1.0, 2], "here")
    """
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (types.UnionType, typing.Union):
        (part,) = (part for part in parts if part is not type(None))
        return maybe(of_annotation(part))
    if origin is tuple:
        kinds = [of_annotation(part) for part in parts if part is not ...]
        return listing(kinds[0]) if ... in parts else row(*kinds)
    if dataclasses.is_dataclass(annotation):
        return record(of_fields(annotation))
    return _OF_TYPES[annotation]


def of_fields(kind: Any) -> dict[str, Kind]:
    """The kinds of the fields of a dataclass that are no arrays, by name."""
    hints = typing.get_type_hints(kind)
    told = {field.name: hints[field.name] for field in dataclasses.fields(kind)}
    return {name: of_annotation(hint) for name, hint in told.items() if not holds_array(hint)}


def holds_array(annotation: Any) -> bool:
    """Whether it is our type of arrays, or has one among its parts."""
    return Array in (annotation, *typing.get_args(annotation))
