"""Kinds of option values: finite numbers, counts, sizes."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    Kind = click.ParamType[Any]
else:
    Kind = click.ParamType  # older clicks have no parameter to give

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
        except (TypeError, ValueError, OverflowError):
            self.fail(f"{value!r} is not a number.", param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not finite: give a finite number.", param, ctx)
        if not (number > self.above and self.least <= number <= self.most):
            self.fail(f"{value} is not {self._range()}.", param, ctx)
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
    """A whole number from `least` on; 1e6 and 1_000_000 are whole, 2.5 and true are not."""

    name = "count"

    def __init__(self, *, least: int = 0, most: int | None = None) -> None:
        self.least, self.most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            if isinstance(value, bool):
                raise ValueError
            count = value if isinstance(value, int) else _whole(value)
        except (TypeError, ValueError, OverflowError):
            self.fail(f"{value!r} is not a whole number.", param, ctx)
        if count < self.least:
            self.fail(f"{value} is not at least {self.least}.", param, ctx)
        if self.most is not None and count > self.most:
            self.fail(f"{value} is not at most {self.most}.", param, ctx)
        return count


def _whole(value: Any) -> int:
    """The integer that the text or float stands for, exactly."""
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass
    number = float(value)
    if number != math.floor(number) or abs(number) > 2**53:
        raise ValueError(value)
    return int(number)


class Size(Kind):
    """A number of bytes, with or without a binary unit: 500M, 2GiB, 1048576."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            self.fail(f"{value!r} is not a size: write 500M or 2GiB.", param, ctx)
        return int(float(match[1]) * _UNITS[match[2].lower()])


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
        match = re.fullmatch(r"(\d+)\s*[x×,]\s*(\d+)", str(value))
        if match is None or not (int(match[1]) and int(match[2])):
            self.fail(f"{value!r} is not a shape: write rows x columns, as 120x80.", param, ctx)
        return int(match[1]), int(match[2])
