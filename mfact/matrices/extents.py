"""Slabs of a matrix whose bytes in the file are known: read where they lie, by no library."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from mfact.core import Array
from mfact.errors import StorageError
from mfact.matrices.cuts import Cut, Stored, aligned, cut_across
from mfact.matrices.seen import Seen, cut_short, unreadable
from mfact.matrices.values import refuse_memory

_MOST_AT_ONCE = 1 << 28


@dataclass(kw_only=True, eq=False)
class Extents(Cut, ABC):
    """Slabs of a file whose bytes are read by offset."""

    file: Seen

    @contextmanager
    def opened(self, readers: int) -> Iterator[OpenExtents]:
        with self.file.opened(self.label) as stream:
            yield OpenExtents(self, stream.fileno())

    @abstractmethod
    def fill(self, part: Array, slab: int, descriptor: int, spare: Array) -> None:
        """Read the part of the stored array that a slab is; spare: the rest of the room."""


@dataclass(frozen=True)
class OpenExtents:
    """Fetches the slabs of an open file. Threads share nothing but the descriptor."""

    extents: Extents
    descriptor: int

    def fetch(self, slab: int, room: Array) -> Array:
        part = self.extents.part(slab, room)
        try:
            self.extents.fill(part, slab, self.descriptor, room[aligned(part.nbytes) :])
        except MemoryError:  # for a chunk that is unpacked
            refuse_memory(self.extents.label)
        return self.extents.given(part)


@dataclass(kw_only=True, eq=False)
class Contiguous(Extents):
    """An array that lies in one piece, cut across its first axis. offset: of its first byte."""

    offset: int

    def fill(self, part: Array, slab: int, descriptor: int, spare: Array) -> None:
        line = part.nbytes // len(part)
        read_at(descriptor, part, self.offset + self.cuts[slab] * line, self.label)


def contiguous(stored: Stored, file: Seen, offset: int, block_bytes: int) -> Contiguous:
    """Slabs of about block_bytes, or of one line where a line is longer."""
    size = stored.shape[0] * stored.line_bytes(0)
    check_inside(offset, size, file, stored.label)
    fields = cut_across(stored, 0, 1, block_bytes, file_bytes=size)
    return Contiguous(**fields, file=file, offset=offset)


def read_at(descriptor: int, out: Array, offset: int, label: str) -> None:
    """Fill an array, of C order, with the bytes from an offset on. Raises StorageError."""
    view = out.reshape(-1).view(np.uint8).data
    done = 0
    try:
        while done < len(view):
            got = os.preadv(descriptor, [view[done : done + _MOST_AT_ONCE]], offset + done)
            if not got:
                raise cut_short(label)
            done += got
    except OSError as error:
        raise unreadable(error, label) from error


def check_inside(offset: int, size: int, file: Seen, label: str) -> None:
    """Raise StorageError unless an extent lies in its file."""
    if not 0 <= offset <= file.size - size:
        raise StorageError(
            f"{label} cannot be read: values lie outside the file, so the file is damaged",
            "copy the file again, or write it again",
        )
