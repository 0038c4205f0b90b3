"""The zip archive that torch.save writes: looked at once, then the bytes of its entries.

zipfile reads the directory and no more: it takes entries that overlap, would read the directory
again for each tensor, and takes the 0 that torch writes in place of a checksum for one.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass, field
from io import BufferedReader
from itertools import pairwise

import numpy as np

from mfact.core import Array
from mfact.errors import DataError, StorageError
from mfact.matrices.arrays.npz import open_zip
from mfact.matrices.declared import short
from mfact.matrices.seen import Seen
from mfact.matrices.values import refuse_memory
from mfact.tensors.unpacking import blocks

PACK_AGAIN = "unpack it and pack it again without compression"

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_HEADER = struct.Struct("<4s22xHH")  # signature, lengths of name and extra


@dataclass(frozen=True)
class Entry:
    """One file of the archive.

    header, start: where its header and its first byte stand. packed, size: bytes in the archive,
    and out of it.
    """

    name: str
    header: int
    start: int
    packed: int
    size: int
    deflated: bool
    checksum: int


@dataclass(frozen=True, eq=False)
class Archive:
    """One that was looked at; entries in the order of the directory, which begins at listed."""

    file: Seen
    label: str
    entries: dict[str, Entry]
    listed: int
    _right: set[str] = field(default_factory=set)  # tensors may share one: summed up only once

    def entry(self, name: str) -> Entry:
        """One by its name in the folder of the first entry, as torch looks for it."""
        full = self._full(name)
        if full not in self.entries:
            raise _damaged(self.label, f"it has no {short(full)}")
        return self.entries[full]

    def holds(self, name: str) -> bool:
        """Whether entry() would find it."""
        return self._full(name) in self.entries

    def _full(self, name: str) -> str:
        folder, _, _ = next(iter(self.entries), "").partition("/")
        return f"{folder}/{name}"

    @property
    def has_checksums(self) -> bool:
        """False where torch was told to leave them out: then all are 0."""
        return any(entry.checksum for entry in self.entries.values())

    def read(self, entry: Entry, first: int, end: int) -> Array:
        """Bytes [first, end) of an entry, in an array of its own.

        Raises StorageError where they are not there, are damaged, or the file is another one now;
        MemoryPlanError where they do not fit after all.
        """
        try:
            out = np.empty(end - first, np.uint8)
        except MemoryError:
            refuse_memory(self.label)
        with self.file.opened(self.label) as stream:
            if entry.name in self._right and not entry.deflated:
                stream.seek(entry.start + first)
                whole = stream.readinto(out.data) == out.size
                if not whole:
                    raise self.damaged(entry, "ends too early")
            else:
                self._read_all(stream, entry, first, out)
                self._right.add(entry.name)
        return out

    def _read_all(self, stream: BufferedReader, entry: Entry, first: int, out: Array) -> None:
        done = checksum = 0
        try:
            for block in blocks(stream, entry.start, entry.packed, deflated=entry.deflated):
                low, high = max(first - done, 0), min(first + out.size - done, len(block))
                if low < high:
                    place = done + low - first
                    out[place : place + high - low] = np.frombuffer(block, np.uint8)[low:high]
                checksum = zlib.crc32(block, checksum)
                done += len(block)
                if done > entry.size:
                    break
        except zlib.error as error:
            raise self.damaged(entry, "cannot be unpacked") from error
        if done != entry.size:
            raise self.damaged(entry, "is not as long as it says")
        self.check_sum(entry, checksum)

    def check_sum(self, entry: Entry, checksum: int) -> None:
        """Raise StorageError unless it is that of the entry."""
        if self.has_checksums and checksum != entry.checksum:
            raise self.damaged(entry, "does not have its checksum (CRC-32)")

    def damaged(self, entry: Entry, what: str) -> StorageError:
        """The error of an entry that nobody wrote so."""
        return _damaged(self.label, f"{short(entry.name)} {what}")


def look_at_archive(file: Seen, label: str) -> Archive:
    """The entries of a zip file, of which each stands in a place of its own, packed as torch can
    read it. Raises DataError or StorageError for another one."""
    with open_zip(file, label, "a torch file", "torch.save") as archive:
        infos, listed = archive.infolist(), archive.start_dir
    for info in infos:
        _check_packing(info, label)
    twice = [name for name, count in Counter(i.filename for i in infos).items() if count > 1]
    if twice:
        raise _damaged(label, f"it has the entry {short(twice[0])} twice")
    with file.opened(label) as stream:
        starts = _starts(stream, infos, listed, label)
    return Archive(
        file,
        label,
        {
            info.filename: Entry(
                name=info.filename,
                header=info.header_offset,
                start=start,
                packed=info.compress_size,
                size=info.file_size,
                deflated=info.compress_type == zipfile.ZIP_DEFLATED,
                checksum=info.CRC,
            )
            for info, start in zip(infos, starts, strict=True)
        },
        listed,
    )


def _check_packing(info: zipfile.ZipInfo, label: str) -> None:
    if info.flag_bits & 0x1:
        raise DataError(f"{label} is encrypted", "unpack it and pack it again without a password")
    if info.compress_type not in _METHODS:
        raise DataError(f"{label} is compressed with zip method {info.compress_type}", PACK_AGAIN)
    if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
        raise _damaged(label, f"{short(info.filename)} has two sizes")


def _starts(
    stream: BufferedReader, infos: list[zipfile.ZipInfo], listed: int, label: str
) -> list[int]:
    """Where the bytes of each entry begin; StorageError where two entries share some."""
    found = []
    for info in infos:
        header = b""
        if 0 <= info.header_offset <= listed:
            stream.seek(info.header_offset)
            header = stream.read(_HEADER.size)
        if len(header) < _HEADER.size or not header.startswith(b"PK\3\4"):
            raise _damaged(label, f"{short(info.filename)} is not where it should be")
        _, name_bytes, extra_bytes = _HEADER.unpack(header)
        found.append(info.header_offset + len(header) + name_bytes + extra_bytes)
    spans = sorted(
        (info.header_offset, start + info.compress_size)
        for info, start in zip(infos, found, strict=True)
    )
    if any(end > after for (_, end), (after, _) in pairwise([*spans, (listed, listed)])):
        raise _damaged(label, "its entries overlap")
    return found


def _damaged(label: str, what: str) -> StorageError:
    return StorageError(f"{label} is damaged: {what}", "copy the file again, or save it again")
