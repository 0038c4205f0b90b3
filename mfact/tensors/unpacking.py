"""The bytes of an entry of a zip archive, a block at a time."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from io import BufferedReader

_BLOCK = 1 << 20  # stays in the cache for all that is done to it


def blocks(
    stream: BufferedReader, start: int, packed: int, *, deflated: bool
) -> Iterator[bytes | memoryview]:
    """Those that stand in `packed` bytes from start on, unpacked where they are deflated; a block
    is to be used before the next is asked for.

    Fewer where the file ends too early. Raises zlib.error for bytes that cannot be unpacked.
    """
    stream.seek(start)
    stored = _stored(stream, packed)
    return _unpacked(stored) if deflated else stored


def _stored(stream: BufferedReader, left: int) -> Iterator[memoryview]:
    buffer = memoryview(bytearray(min(left, _BLOCK)))
    while left:
        got = stream.readinto(buffer[: min(left, _BLOCK)])
        if not got:
            return
        yield buffer[:got]
        left -= got


def _unpacked(stored: Iterable[memoryview]) -> Iterator[bytes]:
    """Never more than a block at a time, whatever a packed one would unpack to."""
    unpack = zlib.decompressobj(-zlib.MAX_WBITS)
    for raw in stored:
        piece = unpack.decompress(raw, _BLOCK)
        while piece:
            yield piece
            piece = unpack.decompress(unpack.unconsumed_tail, _BLOCK)
