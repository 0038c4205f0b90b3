"""The keys of an array in a Zarr store: which there are, and whether they are still what they were.

For a chunk that is not there the fill value stands, by the format; so one that vanishes while it is
read would be numbers like others.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from mfact.matrices.seen import changed, unreadable

MARKS = ("zarr.json", ".zarray", ".zgroup")
"""Keys by which a store is known, and each array and group in it."""

_ABOUT = (*MARKS, ".zattrs")
_CHUNK = re.compile(r"\d|c(?:[.\d]|$)")  # how the name of one begins, in all encodings of keys


def is_store(path: Path) -> bool:
    """Whether a folder is a store, or a part of one that can be read alone."""
    try:
        return any((path / mark).is_file() for mark in MARKS)
    except OSError:
        return False


@dataclass(frozen=True)
class Keys:
    """The chunks below an array or a group of a store, and what it says of itself: how many files,
    of how many bytes, and the digest of the names, lengths, inodes and times of last change of all.

    What is promised: when a reading begins and when it ends each is there as when it was looked at,
    and no other one; a reading during which one was changed, added or removed is an error. Files
    that are none of Zarr's may come and go.
    """

    folder: Path
    count: int
    size: int
    digest: bytes

    @classmethod
    def of(cls, folder: Path, label: str) -> Keys:
        """As they are now. Raises StorageError."""
        digest, count, size = hashlib.blake2b(digest_size=16), 0, 0
        for key, status in walk(folder, label):
            about = (status.st_size, status.st_ino, status.st_mtime_ns)
            digest.update(f"{key}\0{about}\n".encode("utf-8", "surrogateescape"))
            count, size = count + 1, size + status.st_size
        return cls(folder, count, size, digest.digest())

    @property
    def about(self) -> tuple[str, ...]:
        """The files in which it says of itself what it is."""
        paths = (self.folder / name for name in _ABOUT)
        return tuple(str(path) for path in paths if path.is_file())

    @contextmanager
    def opened(self, label: str) -> Iterator[None]:
        """Raises StorageError where they are not the same when it is entered, or when it is left.

        What a store that changes is blamed for is not what is wrong with it.
        """
        self._require(label)
        try:
            yield
        except Exception:
            self._require(label)
            raise
        self._require(label)

    def _require(self, label: str) -> None:
        if Keys.of(self.folder, label) != self:
            raise changed(label)


def walk(folder: Path, label: str) -> Iterator[tuple[str, os.stat_result]]:
    """(key, what the system says of it) of each chunk and of what stands beside it below a folder,
    in the order of their names.

    Raises StorageError for a folder that cannot be read.
    """
    try:
        yield from _below(folder, "")
    except OSError as error:
        raise unreadable(error, label) from error


def _below(folder: Path, above: str) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as entries:
        found = sorted((entry.name, entry) for entry in entries)
    for name, entry in found:
        try:
            status = entry.stat()
        except FileNotFoundError:  # gone since it was listed, so that the digest is another one
            continue
        if stat.S_ISDIR(status.st_mode) and not name.startswith("."):
            yield from _below(folder / name, f"{above}{name}/")
        elif stat.S_ISREG(status.st_mode) and (name in _ABOUT or _CHUNK.match(name)):
            yield above + name, status


@dataclass(frozen=True)
class Grid:
    """The chunks of an array that are files of their own, each its own place in the grid.

    lengths: of the grid. start, separator: of a key, as "c/" and "/" in "c/0/12".
    """

    lengths: tuple[int, ...]
    start: str
    separator: str

    def key(self, index: tuple[int, ...]) -> str:
        """
        >>> Grid((5, 5), "c/", "/").key((0, 12)), Grid((5, 5), "", ".").key((0, 12))
        ('c/0/12', '0.12')
        """
        return self.start + self.separator.join(map(str, index))

    def index(self, key: str) -> tuple[int, ...] | None:
        """The place of a chunk; None for what is none, or outside the grid, which nobody reads.

        >>> Grid((5, 5), "c/", "/").index("c/0/3"), Grid((5, 5), "", ".").index("0.05")
        ((0, 3), None)
        """
        try:
            found = tuple(map(int, key.removeprefix(self.start).split(self.separator)))
        except ValueError:
            return None
        inside = len(found) == len(self.lengths) and self.key(found) == key
        inside = inside and all(0 <= at < n for at, n in zip(found, self.lengths, strict=True))
        return found if inside else None

    @property
    def count(self) -> int:
        return prod(self.lengths)


def grid_of(shape: tuple[int, ...], chunk: tuple[int, ...], about: dict[str, Any]) -> Grid | None:
    """Of an array of so large chunks, shards where it has such, by its metadata; None where the
    keys of its chunks are made in a way that is not known here."""
    lengths = tuple(-(-n // step) for n, step in zip(shape, chunk, strict=True))
    if about["zarr_format"] == 2:
        return Grid(lengths, "", about["dimension_separator"])
    encoding = about["chunk_key_encoding"]
    known = {"default": "/", "v2": "."}
    if encoding["name"] not in known:
        return None
    said = encoding.get("configuration") or {}
    separator = said.get("separator", known[encoding["name"]])
    return Grid(lengths, f"c{separator}" if encoding["name"] == "default" else "", separator)
