"""NPZ files: the members of a zip, read one block at a time."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from mfact.errors import DataError, MfactError, StorageError
from mfact.matrices.arrays import npy
from mfact.matrices.arrays.kinds import numbers_of, words
from mfact.matrices.arrays.stored import Stream
from mfact.matrices.choice import Candidate
from mfact.matrices.seen import Seen
from mfact.matrices.values import refuse_memory
from mfact.words import printable

# The others that zipfile knows (bzip2, LZMA) are never written by NumPy, and LZMA's stated
# dictionary size alone can ask for gigabytes.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What zipfile raises; a RuntimeError is of an encrypted member.
_ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, RuntimeError,
    OverflowError, IndexError,
)  # fmt: skip


_NO_DATA = "OSU"
"""Kinds of what stands beside data: Python's objects and text."""


@dataclass(frozen=True)
class Member:
    """One array of an NPZ file: its name without .npy, and its header."""

    name: str
    header: npy.Header


def candidate(member: Member, label: str) -> Candidate:
    """What a member is in the choice of a matrix."""
    header = member.header
    try:
        numbers = numbers_of(header, label, "")
    except DataError:
        aside = header.dtype.kind in _NO_DATA
        return Candidate(member.name, header.shape, words(header), False, aside)
    return Candidate(member.name, numbers.laid.shape, str(numbers), True)


def members(file: Seen, label: str) -> list[Member]:
    """The arrays of an NPZ file with their headers; no values are read."""
    found = []
    with open_zip(file, label) as archive:
        for info in archive.infolist():
            if not info.filename.endswith(".npy"):
                continue
            name = info.filename.removesuffix(".npy")
            where = f"{label}:{printable(name)}"
            with open_info(archive, info, where) as stream:
                header = npy.read_header(stream, where)
            if not header.dtype.hasobject:  # a pickle has no declared length
                npy.check_length(header, info.file_size, where)
            found.append(Member(name, header))
    return found


@contextmanager
def open_member(file: Seen, name: str, label: str) -> Iterator[Stream]:
    """The stream of a member of an NPZ file."""
    with open_zip(file, label) as archive:
        try:
            info = archive.getinfo(f"{name}.npy")
        except KeyError:
            raise DataError(f"{label} has no member {printable(name)}", "write it again") from None
        with open_info(archive, info, label) as stream:
            yield stream


@contextmanager
def open_zip(
    file: Seen, label: str, what: str = "NPZ", writer: str = "numpy.savez"
) -> Iterator[zipfile.ZipFile]:
    """The archive; whatever zipfile raises inside becomes one StorageError.

    what, writer: what the file would be, and what writes such a one, as that error says.
    """
    try:
        with file.opened(label) as stream, zipfile.ZipFile(stream) as archive:
            yield archive
    except MfactError:
        raise
    except MemoryError:
        refuse_memory(label)
    except _ZIP_ERRORS as error:
        raise StorageError(
            f"{label} cannot be read as {what}: {printable(str(error)[:160])}",
            f"copy the file again, or write it with {writer}",
        ) from error


@contextmanager
def open_info(archive: zipfile.ZipFile, info: zipfile.ZipInfo, label: str) -> Iterator[Stream]:
    """The stream of a member that is stored or deflated; DataError for another one."""
    if info.compress_type not in _METHODS:
        raise DataError(
            f"{label} is compressed with zip method {info.compress_type}",
            "write it with numpy.savez_compressed",
        )
    with archive.open(info) as stream:
        yield cast(Stream, stream)  # a ZipExtFile, which zipfile declares as IO
