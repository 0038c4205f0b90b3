"""What values an option takes: its range, how it is read from text, how it is refused."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from mfact.words import MOST_BITS, MOST_DIGITS, shown

MOST_INDEX = 2**63 - 1
"""No array has more entries."""

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_TRUTHS = {"yes": True, "true": True, "no": False, "false": False}
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


class Kind(Protocol):
    """What values an option takes."""

    def admits(self, value: Any, /) -> bool:
        """Whether it is one, of the right type and in range."""

    def read(self, value: Any, /) -> Any:
        """The value that a word stands for; ValueError with a sentence where it is none."""

    @property
    def way_out(self) -> str:
        """What to give instead of a value that is none."""


@dataclass(frozen=True)
class Text:
    way_out = "it must be text"

    def admits(self, value: Any) -> bool:
        return isinstance(value, str)

    def read(self, value: Any) -> str:
        return str(value)


@dataclass(frozen=True)
class File(Text):
    """A file, or a name for one. words: what may stand in its place, and is none."""

    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Name(Text):
    """A name of ours, in lower case, however it was typed. names: those that a shell completes."""

    names: tuple[str, ...] = ()
    name = "name"

    def read(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"{shown(value)} is not a name.")
        return value.casefold()


@dataclass(frozen=True)
class Flag:
    way_out = "it must be True or False"

    def admits(self, value: Any) -> bool:
        return isinstance(value, bool)

    def read(self, value: Any) -> bool:
        word = str(value).casefold()
        if word not in _TRUTHS:
            raise ValueError(f"{shown(value)} is not yes or no.")
        return _TRUTHS[word]


@dataclass(frozen=True)
class OneOf:
    """One of our names. elsewhere: what others that we have are, which are none here, in words."""

    names: tuple[str, ...]
    elsewhere: tuple[tuple[str, str], ...] = ()

    def admits(self, value: Any) -> bool:
        return value in self.names

    def read(self, value: Any) -> str:
        word = str(value).casefold()
        if word not in self.names:
            raise ValueError(f"{shown(value)} is not one of {', '.join(self.names)}.")
        return word

    def why_not(self, value: Any) -> str:
        """What a name that is none here is elsewhere; empty for one that is nothing there."""
        return dict(self.elsewhere).get(str(value).casefold(), "")

    @property
    def way_out(self) -> str:
        return f"choose one of {', '.join(self.names)}"


@dataclass(frozen=True)
class SomeOf:
    """Some of these names, as a list or written with commas; "all" is each."""

    names: tuple[str, ...]
    name = "names"

    def admits(self, value: Any) -> bool:
        try:
            return bool(self.read(value))
        except ValueError:
            return False

    def read(self, value: Any) -> tuple[str, ...]:
        listed = value if isinstance(value, list | tuple) else str(value).split(",")
        words = [str(word).strip().casefold() for word in listed]
        if words == ["all"]:
            return self.names
        for word in words:
            if word not in self.names:
                raise ValueError(f"{shown(word)} is not one of {', '.join(self.names)}, or all.")
        return tuple(dict.fromkeys(words))

    @property
    def way_out(self) -> str:
        return f"choose some of {', '.join(self.names)}, or all"


@dataclass(frozen=True)
class Real:
    """A finite number in a range. above: exclusive lower end; least, most: inclusive ends."""

    above: float = -math.inf
    least: float = -math.inf
    most: float = math.inf
    name = "number"

    def admits(self, value: Any) -> bool:
        return isinstance(value, float) and math.isfinite(value) and self._holds(value)

    @property
    def way_out(self) -> str:
        if self == Real(above=0):
            return "it must be a positive, finite number"
        return f"it must be a finite number {'of ' if self.above < self.least else ''}{self._ends}"

    def read(self, value: Any) -> float:
        """The number that was typed, or that a config file holds.

        Raises ValueError with a sentence, as every kind does that reads.
        """
        try:
            if isinstance(value, bool):
                raise ValueError
            number = float(value)
        except (TypeError, ValueError):
            raise ValueError(f"{shown(value)} is not a number.") from None
        except OverflowError:
            number = math.inf
        text = shown(value, quoted=False)
        if not math.isfinite(number):
            raise ValueError(f"{text} is not finite: give a finite number.")
        if not self._holds(number):
            raise ValueError(f"{text} is not {self._ends}.")
        return number

    def _holds(self, number: float) -> bool:
        return number > self.above and self.least <= number <= self.most

    @property
    def _ends(self) -> str:
        ends = {"above": self.above, "at least": self.least, "at most": self.most}
        return " and ".join(f"{word} {end:g}" for word, end in ends.items() if math.isfinite(end))


@dataclass(frozen=True)
class Count:
    """A whole number from `least` on; 1e6 and 1_000_000 are whole, 2.5 and true are not.

    One that could not be written to a run file, or read back, is refused.
    """

    least: int = 0
    most: int | None = None
    name = "count"

    def admits(self, value: Any) -> bool:
        most = 2**MOST_BITS - 1 if self.most is None else self.most
        return type(value) is int and self.least <= value <= most

    @property
    def way_out(self) -> str:
        end = f" and at most {self.most or f'{MOST_DIGITS} digits'}"
        if self.most is not None and self.most >= MOST_INDEX:
            end = f", below 2^{self.most.bit_length()}"
        return f"it must be a whole number of at least {self.least}{end}"

    def read(self, value: Any) -> int:
        try:
            if isinstance(value, bool):
                raise ValueError
            count = value if isinstance(value, int) else _whole(str(value))
        except (ValueError, InvalidOperation):
            raise ValueError(f"{shown(value)} is not a whole number.") from None
        text = shown(value, quoted=False)
        if count < self.least:
            raise ValueError(f"{text} is not at least {self.least}.")
        if self.most is not None and count > self.most:
            raise ValueError(f"{text} is not at most {self.most}.")
        if count.bit_length() > MOST_BITS:
            raise ValueError(f"{text} is not at most {MOST_DIGITS} digits long.")
        return count


def _whole(text: str) -> int:
    """The integer that the text stands for, exactly; of too many digits any one that has them."""
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError(text)
    if number.adjusted() > MOST_DIGITS:
        number = Decimal(1).scaleb(2 * MOST_DIGITS).copy_sign(number)
    whole = int(number)
    if whole != number:
        raise ValueError(text)
    return whole


@dataclass(frozen=True)
class Size(Count):
    """A number of bytes, with or without a binary unit: 500M, 2GiB, 1048576."""

    least: int = 1
    name = "size"

    def read(self, value: Any) -> int:
        text = str(min(value, 2 * MOST_INDEX)) if isinstance(value, int) else value
        match = _SIZE.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is None:
            raise ValueError(f"{shown(value)} is not a size: write 500M or 2GiB.")
        from fractions import Fraction

        size = Fraction(Decimal(match[1])) * _UNITS[match[2].lower()]
        if not self.least <= size <= MOST_INDEX:
            text = shown(value, quoted=False)
            raise ValueError(f"{text} is not from {self.least} to {MOST_INDEX} bytes.")
        return int(size)
