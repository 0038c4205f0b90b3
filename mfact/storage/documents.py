"""Settings, summaries and the like as JSON text, and back."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from mfact.errors import StorageError
from mfact.words import MOST_BITS


def plain(value: Any, *, keep_nonfinite: bool = False, where: str = "document") -> Any:
    """The same content in str, int, float, bool, None, list and dict alone.

    NumPy scalars become Python numbers, tuples become lists. A float that is not finite
    becomes None, as JSON has no word for it, unless keep_nonfinite.

    Raises StorageError for any other type and for a key that is not a string.

    >>> plain({"gap": float("nan"), "shape": (3, np.int64(2))})
    {'gap': None, 'shape': [3, 2]}
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        if value.bit_length() > MOST_BITS:
            raise StorageError(f"{where} is an integer of {value.bit_length()} bits, too long")
        return int(value)
    if isinstance(value, float):
        return float(value) if keep_nonfinite or math.isfinite(value) else None
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise StorageError(f"{where} has the key {key!r}, which is not a string")
        return {
            key: plain(part, keep_nonfinite=keep_nonfinite, where=f"{where}.{key}")
            for key, part in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [
            plain(part, keep_nonfinite=keep_nonfinite, where=f"{where}[{index}]")
            for index, part in enumerate(value)
        ]
    raise StorageError(f"{where} is a {type(value).__name__}, which cannot be stored as JSON")


def to_json(document: Mapping[str, Any]) -> str:
    """JSON text of a plain document, readable and always valid UTF-8."""
    text = json.dumps(document, ensure_ascii=False)
    # Half a surrogate pair is how Python carries a path byte that is not UTF-8.
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half.group()):04x}", text)


def from_json(text: str) -> dict[str, Any]:
    """The document that `to_json` wrote; ValueError when it is not a JSON object.

    >>> from_json(to_json({"path": "caf\\udce9", "eps": 0.1}))
    {'path': 'caf\\udce9', 'eps': 0.1}
    """
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError("the JSON text is nested too deeply") from None
    if not isinstance(document, dict):
        raise ValueError("the JSON text is not an object")
    return document
