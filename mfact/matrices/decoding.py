"""Stored numbers that are not the entries themselves: what turns them into entries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from mfact.core import Array, Kind

FLOAT32 = np.dtype("<f4")

BFLOAT16 = "bfloat16"
"""As NumPy has no kind of it, it goes by its name."""


class Decoded(NamedTuple):
    """Entries, and which of them the writer marked as missing; None where none can be."""

    entries: Array
    missing: Array | None = None


class Decoding(Protocol):
    """What a reader does to each block of stored numbers before anything else looks at it.

    kind: of the entries, "<f4" or "<f8". stored: what Look.stored_dtype says, as "bfloat16".
    why: what marks an entry as missing, as "attribute _FillValue".
    """

    @property
    def kind(self) -> Kind: ...

    @property
    def stored(self) -> str: ...

    @property
    def why(self) -> str: ...

    def decode(self, block: Array) -> Decoded:
        """A new array of the shape of the block; an entry that is missing is NaN."""


@dataclass(frozen=True)
class Bfloat16:
    """The upper halves of float32, kept as uint16 of the file's byte order, or as 2 bytes each."""

    kind: Kind = FLOAT32
    stored: str = BFLOAT16
    why: str = ""

    def decode(self, block: Array) -> Decoded:
        words = block.view("<u2") if block.dtype.kind == "V" else block
        return Decoded(from_bfloat16(words))


def from_bfloat16(raw: Array) -> Array:
    """The float32 of the same values; raw: uint16 that hold the bits of bfloat16.

    >>> from_bfloat16(np.array([0x3F80, 0xC000], np.uint16))
    array([ 1., -2.], dtype=float32)
    """
    bits = raw.astype(np.uint32)
    np.left_shift(bits, 16, out=bits)
    return bits.view(np.float32)
