"""What may be asked of a matrix in place of a number: a share of it, or what its spectrum shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mfact.ranges import MOST_INDEX, Count
from mfact.words import shown

AUTO = "auto"

_SHARE = re.compile(r"(\d{1,9}(?:\.\d{1,15})?)\s*%", re.ASCII)
_PART = re.compile(r"0?\.\d{0,14}[1-9]0{0,3}", re.ASCII)


@dataclass(frozen=True)
class Found(Count):
    """A count, or how one is to be found in a matrix: from the share that it must hold, above 0%
    and at most 100%, or "auto". Such a wish stays text until the matrix is looked at.

    >>> Found().read("95.0 %"), Found().read("AUTO"), Found().admits("95.0%")
    ('95%', 'auto', False)
    """

    least: int = 1
    most: int | None = MOST_INDEX
    name = "count|share|auto"

    def admits(self, value: Any) -> bool:
        return super().admits(value) or (isinstance(value, str) and value == _wish(value))

    @property
    def way_out(self) -> str:
        return f'{super().way_out}, a share as "95%", or "{AUTO}"'

    def read(self, value: Any) -> Any:
        text, wish = str(value).strip(), _wish(value)
        if wish == "":
            raise ValueError(f"{shown(value)} is no share: write 95%, or another up to 100%.")
        if wish is None and _PART.fullmatch(text):
            percent = _percent(100 * Decimal(text))
            raise ValueError(f"{shown(value)} is not a whole number: of a share write {percent}.")
        return super().read(value) if wish is None else wish


def wish_of(value: object) -> str | None:
    """The wish that stands in place of a number, None where it is one.

    >>> wish_of("95%"), wish_of(12)
    ('95%', None)
    """
    return value if isinstance(value, str) else None


def share_of(wish: str) -> float | None:
    """The share that is asked for, in (0, 1]; None of "auto".

    >>> share_of("95%"), share_of("auto")
    (0.95, None)
    """
    return None if wish == AUTO else float(Decimal(wish.removesuffix("%")) / 100)


def _wish(value: Any) -> str | None:
    """The wish that a word stands for, as it is kept; "" for a share that is none, None for what is
    no wish.
    """
    text = str(value).strip().casefold()
    if text.endswith("%"):
        match = _SHARE.fullmatch(text)
        return _percent(Decimal(match[1])) if match and 0 < Decimal(match[1]) <= 100 else ""
    return AUTO if text == AUTO else None


def _percent(number: Decimal) -> str:
    return f"{number.normalize():f}%"
