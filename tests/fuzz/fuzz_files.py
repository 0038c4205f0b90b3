"""Small valid files of every kind that mfact reads, and what is done to break them."""

from __future__ import annotations

import gzip
import io
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from fuzz_checksums import find_checksums, repair_checksums
from fuzz_hdf5_files import HDF5_FILES
from fuzz_plain_files import PLAIN_FILES

# Values that lengths, offsets and counts go wrong at.
TELLING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 63, (1 << 64) - 1)


GZIP, MATLAB_5, PACKED = b"\x1f\x8b", b"MATLAB 5.0", 15
"""How files begin that are packed; of MATLAB's, a variable that is."""


@dataclass(frozen=True)
class Seed:
    """A valid file: its bytes, the datasets to ask for (None: without a
    name), where HDF5 keeps checksums of its metadata, and how it is injured inside."""

    name: str
    content: bytes
    datasets: tuple[str | None, ...] = (None,)
    checksums: tuple[tuple[int, int], ...] = ()
    inside: Callable[[np.random.Generator, bytes], bytes] | None = None


def seeds(folder: Path) -> list[Seed]:
    """One seed a kind of file, the HDF5 files written in folder and read back. A new kind is a row
    in PLAIN_FILES or HDF5_FILES.
    """
    rng = np.random.default_rng(1806)
    M = np.round(rng.standard_normal((12, 9)), 2) * (rng.random((12, 9)) < 0.5)
    found = [Seed(name, write(M), datasets) for name, (write, datasets) in PLAIN_FILES.items()]
    for libver in ("earliest", "latest"):
        for name, (fill, datasets) in HDF5_FILES.items():
            path = folder / f"{name}-{libver}.h5"
            with h5py.File(path, "w", libver=libver) as file:
                fill(file, M)
            content, checksums = _timeless(path.read_bytes())
            found.append(Seed(path.name, content, datasets, checksums))
    return found


def _timeless(content: bytes) -> tuple[bytes, tuple[tuple[int, int], ...]]:
    """An HDF5 file that was written just now, as if at the beginning of time, and its checksums."""
    checksums, now = find_checksums(content), int(time.time())
    for seconds in range(now - 60, now + 1):
        content = content.replace(seconds.to_bytes(4, "little"), b"\1\0\0\0")
    changed = bytearray(content)
    if checksums:
        repair_checksums(changed, checksums)
    return bytes(changed), checksums


def mutate(rng: np.random.Generator, seed: Seed, other: Seed) -> bytes:
    """A seed after one to four random injuries; other: a second file to take pieces from.

    Checksums would stop most injuries at the door of the reader. So half of the HDF5 files have
    theirs made right again, and half of what is packed is injured inside before it is packed.
    """
    repair = rng.random() < 0.5
    if repair and seed.inside:
        return seed.inside(rng, seed.content)
    if repair and seed.content.startswith(b"PK"):
        return _injure_members(rng, seed.content, other.content)
    if repair and seed.content.startswith(GZIP):
        text = _injured(rng, gzip.decompress(seed.content), other.content)
        return gzip.compress(text, 1, mtime=0)
    if repair and seed.content.startswith(MATLAB_5) and seed.content[128] == PACKED:
        return _injure_element(rng, seed.content, other.content)
    broken = bytearray(_injured(rng, seed.content, other.content))
    if repair and seed.checksums and len(broken) == len(seed.content):
        repair_checksums(broken, seed.checksums)
    return bytes(broken)


def _injured(rng: np.random.Generator, content: bytes, other: bytes) -> bytes:
    broken = bytearray(content)
    _injure(rng, broken, other)
    return bytes(broken)


def _injure_element(rng: np.random.Generator, content: bytes, other: bytes) -> bytes:
    """MATLAB 5: the one variable that follows the 128 bytes of the header and a tag of 8."""
    element = _injured(rng, zlib.decompress(content[136:]), other)
    body = zlib.compress(element)
    return content[:128] + bytes([PACKED, 0, 0, 0]) + len(body).to_bytes(4, "little") + body


def _injure(rng: np.random.Generator, broken: bytearray, other: bytes) -> None:
    kinds = _INJURIES if rng.random() < 0.3 else _INJURIES_IN_PLACE
    for _ in range(int(rng.choice([1, 1, 2, 4]))):
        if broken:
            kinds[int(rng.integers(len(kinds)))](rng, broken, other)


def _injure_members(rng: np.random.Generator, content: bytes, other: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as whole, zipfile.ZipFile(packed, "w") as broken:
        for info in whole.infolist():
            member = bytearray(whole.read(info))
            if rng.random() < 0.5:
                _injure(rng, member, other)
            broken.writestr(info, bytes(member))
    return packed.getvalue()


def _flip_bits(rng: np.random.Generator, broken: bytearray, other: bytes) -> None:
    for _ in range(int(rng.integers(1, 9))):
        broken[int(rng.integers(len(broken)))] ^= 1 << int(rng.integers(8))


def _set_bytes(rng: np.random.Generator, broken: bytearray, other: bytes) -> None:
    for _ in range(int(rng.integers(1, 5))):
        broken[int(rng.integers(len(broken)))] = int(rng.integers(256))


def _set_number(rng: np.random.Generator, broken: bytearray, other: bytes) -> None:
    width = int(rng.choice([1, 2, 4, 8]))
    at = int(rng.integers(len(broken)))
    value = TELLING[int(rng.integers(len(TELLING)))] & ((1 << 8 * width) - 1)
    piece = value.to_bytes(width, "little" if rng.random() < 0.8 else "big")
    broken[at : at + width] = piece[: len(broken) - at]


def _truncate(rng: np.random.Generator, broken: bytearray, other: bytes) -> None:
    del broken[int(rng.integers(len(broken))) :]


def _cut_out(rng: np.random.Generator, broken: bytearray, other: bytes) -> None:
    at = int(rng.integers(len(broken)))
    del broken[at : at + int(rng.integers(1, 64))]


def _repeat(rng: np.random.Generator, broken: bytearray, other: bytes) -> None:
    at, to = (int(rng.integers(len(broken))) for _ in range(2))
    piece = broken[at : at + int(rng.integers(1, 256))]
    broken[to : to + (len(piece) if rng.random() < 0.5 else 0)] = piece


def _splice(rng: np.random.Generator, broken: bytearray, other: bytes) -> None:
    at = int(rng.integers(len(broken)))
    start = at if rng.random() < 0.5 else int(rng.integers(len(other)))
    if rng.random() < 0.5:
        broken[at:] = other[start:]
    else:
        length = int(rng.integers(1, 512))
        broken[at : at + length] = other[start : start + length]


_INJURIES_IN_PLACE = (_flip_bits, _set_bytes, _set_number)
_INJURIES = (*_INJURIES_IN_PLACE, _truncate, _cut_out, _repeat, _splice)
