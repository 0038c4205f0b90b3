"""NPY files and NPY members of a zip: the header read by hand, the values in blocks."""

from __future__ import annotations

import ast
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any, Protocol

import numpy as np

from mfact.core import Array
from mfact.errors import DataError, StorageError
from mfact.matrices.cuts import Stored
from mfact.matrices.extents import Contiguous, contiguous
from mfact.matrices.seen import Seen, changed, cut_short
from mfact.matrices.values import (
    BLOCK_BYTES,
    Told,
    check_fits,
    new_matrix,
    refuse_memory,
    silent,
    store,
)

MAGIC = b"\x93NUMPY"
_PLAIN_DTYPE = re.compile(r"[<>|=]?(?:[?a-zA-Z]\d{0,9}|[Mm]8\[\w{1,6}\])")
# No writer writes what Python would warn of, and filters of warnings are the whole process's.
_WARNED_OF = re.compile(r"\\|\d(?:and|else|for|if|in|is|not|or)")
_HEADER_LIMIT = 10_000  # as numpy's own: ast.literal_eval of more can exhaust the stack


class Stream(Protocol):
    """What is asked of an open file, or of an open member of a zip."""

    def read(self, size: int = ..., /) -> bytes: ...

    def readinto(self, buffer: Any, /) -> int | None: ...


@dataclass(frozen=True)
class Header:
    """What an NPY header declares; offset: bytes before the first value."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    offset: int

    @property
    def order(self) -> str:
        return "F" if self.fortran else "C"

    @property
    def data_bytes(self) -> int:
        size = self.dtype.itemsize
        for length in self.shape:
            size *= length
        return size


@dataclass(frozen=True)
class NpyReader:
    """An NPY file of an array of a kind that is taken, 2-D or points."""

    file: Seen
    header: Header
    label: str

    def read(self, dtype: np.dtype[Any], told: Told = silent) -> Array:
        with self._opened() as stream:
            if read_header(stream, self.label) != self.header:
                raise changed(self.label)
            return read_matrix(stream, self.header, dtype, self.label, told)

    def _opened(self) -> AbstractContextManager[Stream]:
        return self.file.opened(self.label)


def slabs(file: Seen, header: Header, label: str, block_bytes: int) -> Contiguous:
    """An NPY file in slabs: of rows, or of columns where it is in Fortran order."""
    with file.opened(label) as stream:
        if read_header(stream, label) != header:
            raise changed(label)
    d1, d2 = header.shape
    shape = (d2, d1) if header.fortran else (d1, d2)
    stored = Stored(shape, header.dtype, header.fortran, label)
    return contiguous(stored, file, header.offset, block_bytes)


def read_header(stream: Stream, label: str) -> Header:
    """Read the header at the start of stream. Raises DataError when it is not a valid one.

    Source: numpy.lib.format, versions 1.0, 2.0 and 3.0.
    """
    start = stream.read(len(MAGIC) + 2)
    if len(start) < len(MAGIC) + 2 or not start.startswith(MAGIC):
        raise DataError(f"{label} is not an NPY file", "write it with numpy.save")
    version = start[-2], start[-1]
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise DataError(
            f"{label} is an NPY file of the unknown version {version[0]}.{version[1]}",
            "write it again with numpy.save",
        )
    width = 2 if version[0] == 1 else 4
    length = int.from_bytes(stream.read(width), "little")
    text = stream.read(length) if length <= _HEADER_LIMIT else b""
    if len(text) < length or not text:
        raise _broken(label)
    fields = _parse(text.decode("utf-8" if version[0] == 3 else "latin-1", "replace"), label)
    return Header(
        shape=_shape(fields.get("shape"), label),
        dtype=_dtype(fields.get("descr"), label),
        fortran=fields.get("fortran_order") is True,
        offset=len(start) + width + length,
    )


def check_length(header: Header, available: int, label: str) -> None:
    """Raise StorageError when fewer bytes are there than the header declares."""
    needed = header.offset + header.data_bytes
    if available < needed:
        raise StorageError(
            f"{label} is truncated: its header asks for {needed} bytes and it has {available}",
            "copy or write the file again",
        )


def read_matrix(
    stream: Stream, header: Header, dtype: np.dtype[Any], label: str, told: Told = silent
) -> Array:
    """Read the values that follow a header into one matrix of dtype, order kept.

    Of points that are not 2-D, each is folded to a row, in C order.
    """
    scattered = header.fortran and len(header.shape) > 2
    order = "C" if scattered else header.order
    out = new_matrix((header.shape[0], prod(header.shape[1:])), dtype, order, label)
    # In the order of the file all three are 1-D views of the same memory.
    places = out.reshape(header.shape).T.flat if scattered else None
    flat = out.T.reshape(-1) if order == "F" else out.reshape(-1)
    direct = header.dtype == dtype
    count = max(1, BLOCK_BYTES // header.dtype.itemsize)
    buffer = flat if direct else np.empty(min(count, flat.size), header.dtype)
    for start in range(0, flat.size, count):
        target = flat[start : start + count]
        if places is not None:
            target = np.empty(target.size, dtype)
        block = target if direct else buffer[: target.size]
        _read_exactly(stream, block, label)
        store(block, target, partial(_place, header, start), label)
        if places is not None:
            places[start : start + target.size] = target
        told(min(start + count, flat.size) / flat.size)
    return out


def read_array(stream: Stream, header: Header, label: str) -> Array:
    """Read the values that follow a header, of any shape, in their own kind, native byte order and
    the order of the file; they are not looked at."""
    swapped = not header.dtype.isnative
    check_fits((1 + swapped) * header.data_bytes + BLOCK_BYTES, label)
    try:
        out = np.empty(header.shape, header.dtype, order="F" if header.fortran else "C")
    except (MemoryError, ValueError):
        refuse_memory(label)
    _read_exactly(stream, (out.T if header.fortran else out).reshape(-1), label)
    return out.astype(header.dtype.newbyteorder("="), copy=False)


def _place(header: Header, start: int, index: tuple[int, ...]) -> tuple[int, int]:
    """(row, column) of a place in the 1-D block that begins with the start-th value."""
    shape = header.shape if len(header.shape) > 1 else (*header.shape, 1)
    row, *rest = np.unravel_index(start + index[0], shape, "F" if header.fortran else "C")
    return int(row), int(np.ravel_multi_index(rest, shape[1:]))


def _read_exactly(stream: Stream, block: Array, label: str) -> None:
    view = block.view(np.uint8).data
    done = 0
    while done < len(view):
        got = stream.readinto(view[done : done + BLOCK_BYTES])
        if not got:
            raise cut_short(label)
        done += got


def _parse(text: str, label: str) -> dict[str, Any]:
    # Python 2 wrote long integers as 12L.
    text = re.sub(r"(\d)L\b", r"\1", text)
    if _WARNED_OF.search(text):
        raise _broken(label)
    try:
        fields = ast.literal_eval(text.strip(" \t\n\0"))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise _broken(label) from None
    if not isinstance(fields, dict) or set(fields) != {"descr", "fortran_order", "shape"}:
        raise _broken(label)
    return fields


def _shape(declared: Any, label: str) -> tuple[int, ...]:
    if not isinstance(declared, tuple) or not all(
        type(length) is int and length >= 0 for length in declared
    ):
        raise _broken(label)
    return declared


def _dtype(declared: Any, label: str) -> np.dtype[Any]:
    if isinstance(declared, list):
        return np.dtype("V1")  # structured: refused by its kind, whatever its fields are
    if not isinstance(declared, str) or not _PLAIN_DTYPE.fullmatch(declared):
        raise _broken(label)
    try:
        return np.dtype(declared.replace("a", "S"))  # an old name of theirs, which warns
    except (TypeError, ValueError):
        raise _broken(label) from None


def _broken(label: str) -> DataError:
    return DataError(f"{label} has a broken NPY header", "write it again with numpy.save")
