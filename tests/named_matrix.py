"""A kind of matrix file made for tests: with names, and with notes on how it is read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mfact.core import Names
from mfact.matrices.formats import FORMATS, Format
from mfact.matrices.seen import Seen
from mfact.matrices.values import Look

MARK = b"%%named"
NOTE = "the first row of it is taken as names"


def write_named(path: Path, M: np.ndarray, rows: Any = None, columns: Any = None) -> str:
    text = json.dumps({"M": M.tolist(), "rows": rows, "columns": columns})
    path.write_bytes(MARK + b"\n" + text.encode())
    return path.name


@dataclass(frozen=True)
class _Reader:
    seen: Seen
    label: str

    def parsed(self) -> dict[str, Any]:
        with self.seen.opened(self.label) as stream:
            return json.loads(stream.read()[len(MARK) :])

    def read(self, dtype: Any, told: Any = None) -> Any:
        return np.array(self.parsed()["M"], dtype)

    def names(self) -> Names:
        parsed = self.parsed()
        rows, columns = (
            None if parsed[side] is None else tuple(parsed[side]) for side in ("rows", "columns")
        )
        return Names(rows, columns)


def _look(seen: Seen, asked: Any, label: str) -> Look:
    reader = _Reader(seen, label)
    shape = np.shape(reader.parsed()["M"])
    return Look("named", None, shape, "<f8", "C", reader, naming=reader.names, notes=(NOTE, NOTE))


FORMATS_AND_NAMED = (Format(lambda seen, start, label: start.startswith(MARK), _look), *FORMATS)
