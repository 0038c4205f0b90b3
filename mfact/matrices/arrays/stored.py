"""An array as it lies in a file or in a member of one, and the stream that it is read from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np

from mfact.core import Names
from mfact.matrices.decoding import Decoding


class Stream(Protocol):
    """What is asked of an open file, or of an open member of a zip."""

    def read(self, size: int = ..., /) -> bytes: ...

    def readinto(self, buffer: Any, /) -> int | None: ...

    def seek(self, offset: int, whence: int = ..., /) -> int: ...


@dataclass(frozen=True)
class Laid:
    """An array in one piece; offset: of its first byte in what it lies in."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    offset: int

    @property
    def data_bytes(self) -> int:
        return self.dtype.itemsize * prod(self.shape)


@dataclass(frozen=True)
class Numbers:
    """An array of stored numbers as it lies.

    decoding: where they are not the entries. naming: of the columns, where it was made of records.
    note: a sentence on what they were taken for, "" where that is plain.
    """

    laid: Laid
    decoding: Decoding | None = None
    naming: Callable[[], Names] | None = None
    note: str = ""

    @property
    def stored(self) -> str:
        """As Look.stored_dtype says it."""
        return self.decoding.stored if self.decoding else self.laid.dtype.str

    def __str__(self) -> str:
        return self.decoding.stored if self.decoding else str(self.laid.dtype)
