"""A dense matrix in a file, read in slabs of whole rows or of whole columns."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from mfact.core import Array, Kind


class Slabs(Protocol):
    """A matrix in a file that has been looked at, cut into slabs; nothing of it is kept.

    shape: (d1, d2). columns: whether slabs are whole columns, as where M lies in Fortran order or
    in chunks of columns; else whole rows. cuts: 0 = c_0 < c_1 < … = the number of lines; slab i has
    the lines c_i … c_{i+1} − 1. They depend on the file and on the bytes of a slab that were asked
    for alone. stored: the kind of the entries. file_bytes: that one reading of all slabs takes from
    the disk. room: bytes that fetch() needs to work in, the largest of all slabs.
    """

    @property
    def shape(self) -> tuple[int, int]: ...

    @property
    def columns(self) -> bool: ...

    @property
    def cuts(self) -> tuple[int, ...]: ...

    @property
    def stored(self) -> Kind: ...

    @property
    def file_bytes(self) -> int: ...

    @property
    def room(self) -> int: ...

    @property
    def label(self) -> str: ...

    def opened(self, readers: int) -> AbstractContextManager[Fetcher]:
        """The file for one reading, by so many threads at a time. Raises StorageError where it is
        not the one that was looked at, also when it is left.
        """

    def place(self, slab: int, index: tuple[int, ...]) -> tuple[int, int]:
        """(row, column) in M of an index into what fetch() gives for a slab."""


class Fetcher(Protocol):
    """An open file; several threads may fetch at a time."""

    def fetch(self, slab: int, room: Array) -> Array:
        """The entries of a slab, h×d2 of rows or d1×w of columns, in the kind they are stored in.

        room: Slabs.room bytes, 1-D uint8, that the answer may lie in and that are free again when
        the caller is done with it. Raises StorageError for an end that comes too early or a chunk
        that cannot be unpacked.
        """


@dataclass(frozen=True, eq=False)
class Like:
    """What slabs have in common with others that they are made of, which is all but what they say
    themselves.
    """

    of: Slabs

    @property
    def shape(self) -> tuple[int, int]:
        return self.of.shape

    @property
    def columns(self) -> bool:
        return self.of.columns

    @property
    def cuts(self) -> tuple[int, ...]:
        return self.of.cuts

    @property
    def stored(self) -> Kind:
        return self.of.stored

    @property
    def file_bytes(self) -> int:
        return self.of.file_bytes

    @property
    def room(self) -> int:
        return self.of.room

    @property
    def label(self) -> str:
        return self.of.label

    def place(self, slab: int, index: tuple[int, ...]) -> tuple[int, int]:
        return self.of.place(slab, index)


def lines_of(slabs: Slabs) -> int:
    """How many lines the slabs are cut from."""
    return slabs.shape[1] if slabs.columns else slabs.shape[0]


def length_of(slabs: Slabs) -> int:
    """How many entries each of the lines has."""
    return slabs.shape[0] if slabs.columns else slabs.shape[1]
