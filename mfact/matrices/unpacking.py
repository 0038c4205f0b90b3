"""HDF5's own filters undone outside HDF5, so that several threads unpack at a time."""

from __future__ import annotations

import zlib

import numpy as np

from mfact.core import Array
from mfact.errors import StorageError

DEFLATE, SHUFFLE, FLETCHER32 = 1, 2, 3
FILTERS = (SHUFFLE, DEFLATE, FLETCHER32)
"""Those undone here, in the order in which a chunk goes through them; any may be absent."""

_CHECKSUM_BYTES = 4
_MODULUS = 65_535
_WORDS = 256


def applied(filters: tuple[int, ...], mask: int) -> tuple[int, ...]:
    """The filters that a chunk went through; bit i of its mask is set where filter i was left out.

    >>> applied((2, 1, 3), 0b010)
    (2, 3)
    """
    return tuple(code for bit, code in enumerate(filters) if not mask >> bit & 1)


def unpacked(
    raw: memoryview, filters: tuple[int, ...], size: int, item: int, label: str
) -> memoryview | Array:
    """The size bytes of a chunk as they were before the filters that it went through.

    item: bytes of a value. Raises StorageError for a wrong checksum, a stream that is damaged and
    another number of bytes.
    """
    if FLETCHER32 in filters:
        raw = _checked(raw, label)
    if DEFLATE in filters:
        stream = zlib.decompressobj()
        try:
            # One byte more than there should be, so that the end of the stream is come to.
            raw = memoryview(stream.decompress(raw, size + 1))
        except zlib.error:
            raise damaged(label) from None
        if not stream.eof:
            raise damaged(label)
    if len(raw) != size:
        raise damaged(label)
    return _unshuffled(raw, item) if SHUFFLE in filters else raw


def _unshuffled(raw: memoryview, item: int) -> Array:
    """The bytes of the values one after another, of which the first bytes, the second ones … of
    all lay together."""
    planes = np.frombuffer(raw, np.uint8).reshape(item, -1)
    values = np.empty((planes.shape[1], item), np.uint8)
    for byte in range(item):  # 2 to 6 times as fast as one copy of the transpose
        values[:, byte] = planes[byte]
    return values


def fletcher32(data: memoryview) -> tuple[int, int]:
    """(Σ w_i, Σ (n − i) w_i) mod 65,535 of the n big-endian words of two bytes, i from 0.

    Source: HDF5's H5_checksum_fletcher32, whose sums of sums these are.

    >>> fletcher32(memoryview(b"\\0\\1\\0\\2\\0"))
    (3, 7)
    """
    words = np.frombuffer(data, ">u2", len(data) // 2)
    if len(data) % 2:
        words = np.append(words, data[-1] << 8)
    if len(words) % _WORDS:
        words = np.append(np.zeros(-len(words) % _WORDS, ">u2"), words)
    words = words.reshape(-1, _WORDS)
    by_place = words.sum(axis=0, dtype=np.int64) % _MODULUS
    by_row = words.sum(axis=1, dtype=np.int64) % _MODULUS
    after = np.arange(len(words) - 1, -1, -1) % _MODULUS
    second = by_place @ np.arange(_WORDS, 0, -1) + _WORDS * (by_row @ after % _MODULUS)
    return int(by_place.sum()) % _MODULUS, int(second) % _MODULUS


def damaged(label: str) -> StorageError:
    """A chunk that is not what its filters made."""
    return StorageError(
        f"{label} cannot be read: a chunk does not unpack, so the file is damaged",
        "copy the file again, or write it again",
    )


def _checked(raw: memoryview, label: str) -> memoryview:
    """A chunk without the checksum at its end, which must be that of the rest."""
    data, end = raw[:-_CHECKSUM_BYTES], bytes(raw[-_CHECKSUM_BYTES:])
    first, second = fletcher32(data)
    # HDF5 1.6.2 swapped the bytes of both halves, and its files are read still.
    for half in ("little", "big"):
        stored = (int.from_bytes(end[at : at + 2], half) % _MODULUS for at in (0, 2))
        if tuple(stored) == (first, second):
            return data
    raise damaged(label)
