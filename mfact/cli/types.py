"""Kinds of option values: finite numbers, counts, sizes."""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import click

from mfact.words import MOST_BITS, MOST_DIGITS, shown

if TYPE_CHECKING:
    Kind = click.ParamType[Any]
else:
    Kind = click.ParamType  # older clicks have no parameter to give

MOST_INDEX = 2**63 - 1
"""No array has more entries."""

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


class Real(Kind):
    """A finite number in a range; click's own FloatRange lets nan and inf through.

    above: exclusive lower end; least, most: inclusive ends.
    """

    name = "number"

    def __init__(
        self, *, above: float = -math.inf, least: float = -math.inf, most: float = math.inf
    ) -> None:
        self.above, self.least, self.most = above, least, most

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            if isinstance(value, bool):
                raise ValueError
            number = float(value)
        except (TypeError, ValueError):
            self.fail(f"{shown(value)} is not a number.", param, ctx)
        except OverflowError:
            number = math.inf
        text = shown(value, quoted=False)
        if not math.isfinite(number):
            self.fail(f"{text} is not finite: give a finite number.", param, ctx)
        if not (number > self.above and self.least <= number <= self.most):
            self.fail(f"{text} is not {self._range()}.", param, ctx)
        return number

    def _range(self) -> str:
        ends = []
        if math.isfinite(self.above):
            ends.append(f"above {self.above:g}")
        if math.isfinite(self.least):
            ends.append(f"at least {self.least:g}")
        if math.isfinite(self.most):
            ends.append(f"at most {self.most:g}")
        return " and ".join(ends)


class Count(Kind):
    """A whole number from `least` on; 1e6 and 1_000_000 are whole, 2.5 and true are not.

    One that could not be written to a run file, or read back, is refused.
    """

    name = "count"

    def __init__(self, *, least: int = 0, most: int | None = None) -> None:
        self.least, self.most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            if isinstance(value, bool):
                raise ValueError
            count = value if isinstance(value, int) else _whole(str(value))
        except (ValueError, InvalidOperation):
            self.fail(f"{shown(value)} is not a whole number.", param, ctx)
        text = shown(value, quoted=False)
        if count < self.least:
            self.fail(f"{text} is not at least {self.least}.", param, ctx)
        if self.most is not None and count > self.most:
            self.fail(f"{text} is not at most {self.most}.", param, ctx)
        if count.bit_length() > MOST_BITS:
            self.fail(f"{text} is not at most {MOST_DIGITS} digits long.", param, ctx)
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


class Size(Kind):
    """A number of bytes, with or without a binary unit: 500M, 2GiB, 1048576."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(min(value, 2 * MOST_INDEX)) if isinstance(value, int) else value
        match = _SIZE.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is None:
            self.fail(f"{shown(value)} is not a size: write 500M or 2GiB.", param, ctx)
        from fractions import Fraction

        size = Fraction(Decimal(match[1])) * _UNITS[match[2].lower()]
        if not 1 <= size <= MOST_INDEX:
            text = shown(value, quoted=False)
            self.fail(f"{text} is not from 1 to {MOST_INDEX} bytes.", param, ctx)
        return int(size)


class Numbers(Kind):
    """Finite numbers above `above`, separated by commas."""

    name = "numbers"

    def __init__(self, *, above: float = -math.inf) -> None:
        self._one = Real(above=above)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        return tuple(self._one.convert(part, param, ctx) for part in str(value).split(","))


class Shape(Kind):
    """The shape of a matrix, written 120x80."""

    name = "shape"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value[0], value[1]
        # More than 18 digits are more than any array has.
        match = re.fullmatch(r"(\d{1,18})\s*[x×,]\s*(\d{1,18})", str(value))
        if match is None or not (int(match[1]) and int(match[2])):
            self.fail(
                f"{shown(value)} is not a shape: write rows x columns, as 120x80.", param, ctx
            )
        return int(match[1]), int(match[2])
