"""Names of rows and columns in a run file: each a JSON list as bytes, which holds any text."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np

from mfact.core import Array, Names
from mfact.storage.kinds import refuse

_PLACES = ("names/rows", "names/columns")


def stored(names: Names) -> dict[str, Array]:
    """The datasets that there are, uint8: UTF-8, where half a surrogate pair stands for itself.

    >>> bytes(stored(Names(rows=("a", 'b"')))["names/rows"])
    b'["a", "b\\\\""]'
    """
    pairs = zip(_PLACES, (names.rows, names.columns), strict=True)
    return {place: _bytes(given) for place, given in pairs if given is not None}


def restored(arrays: Mapping[str, Array], shape: tuple[int, int]) -> Names:
    """What stored() stored of a matrix of this shape; none of those that are not there.

    Raises ValueError, with the place, for what are not so many texts.
    """
    rows, columns = (
        None if place not in arrays else _texts(arrays[place], length, place)
        for place, length in zip(_PLACES, shape, strict=True)
    )
    return Names(rows, columns)


def _bytes(names: tuple[str, ...]) -> Array:
    text = json.dumps(names, ensure_ascii=False)
    return np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)


def _texts(values: Array, length: int, place: str) -> tuple[str, ...]:
    try:
        found = json.loads(values.tobytes()) if values.dtype == np.uint8 else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise ValueError(f"{place} is no list of texts in JSON")
    if len(found) != length:
        refuse(len(found), f"the number of {place}", str(length))
    return tuple(found)
