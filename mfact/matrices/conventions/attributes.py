"""The attributes of an array, whatever keeps them, and what those say of other arrays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

TELLING = ("bounds", "climatology", "coordinates", "grid_mapping", "cell_measures")
"""Those that name variables which tell of the place and time of others (CF conventions)."""


class Attributes(Protocol):
    """What an array says of itself."""

    def get(self, name: str) -> Any:
        """The value of one: text, a number, several; None where it is not there."""

    def names(self) -> list[str]:
        """Of all, or of the first ones of very many."""

    def without(self, name: str) -> str:
        """What takes one away, in which library."""


def told_of(path: str, words: Iterable[str | None]) -> set[str]:
    """The paths of variables that only tell of the one at a path; words: what TELLING says there.

    >>> sorted(told_of("/a/tas", ["lat /lon", None, "area: cell"]))
    ['/a/cell', '/a/lat', '/lon']
    """
    folder = path.rpartition("/")[0]
    names = (word for word in " ".join(filter(None, words)).split() if not word.endswith(":"))
    return {name if name.startswith("/") else f"{folder}/{name}" for name in names}
