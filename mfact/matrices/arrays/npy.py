"""NPY files and NPY members of a zip: the header read by hand, and arrays as they are stored."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from mfact.core import Array
from mfact.errors import DataError, StorageError
from mfact.matrices.arrays.laid import read_exactly
from mfact.matrices.arrays.stored import Laid, Stream
from mfact.matrices.values import BLOCK_BYTES, check_fits, refuse_memory

MAGIC = b"\x93NUMPY"
_PLAIN_DTYPE = re.compile(r"[<>|=]?(?:[?a-zA-Z]\d{0,9}|[Mm]8\[\w{1,6}\])")
_NAMED_DTYPE = re.compile(r"(?:(b?float|u?int|complex)(\d{1,3})|bool)(?:_\w{1,12})?")
_LONG_DOUBLES = {"f12": "float96", "c24": "complex192"}  # of 32-bit machines
# No writer writes what Python would warn of, and filters of warnings are the whole process's.
_WARNED_OF = re.compile(r"\\|\d(?:and|else|for|if|in|is|not|or)")
_HEADER_LIMIT = 10_000  # as numpy's own: ast.literal_eval of more can exhaust the stack


@dataclass(frozen=True)
class Header(Laid):
    """What an NPY header declares; offset: bytes before the first value.

    named: the kind of numbers where NumPy has none of that name, as "bfloat16"; dtype then is of
    as many bytes without a kind, or of one where their number is not known.
    """

    named: str = ""


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
    dtype, named = _dtype(fields.get("descr"), label)
    return Header(
        shape=_shape(fields.get("shape"), label),
        dtype=dtype,
        fortran=fields.get("fortran_order") is True,
        offset=len(start) + width + length,
        named=named,
    )


def check_length(header: Header, available: int, label: str) -> None:
    """Raise StorageError when fewer bytes are there than the header declares."""
    needed = header.offset + header.data_bytes
    if available < needed:
        raise StorageError(
            f"{label} is truncated: its header asks for {needed} bytes and it has {available}",
            "copy or write the file again",
        )


def read_array(stream: Stream, laid: Laid, label: str) -> Array:
    """Read an array at whose first byte the stream stands, in its own kind, native byte order and
    the order of the file; its values are not looked at."""
    swapped = not laid.dtype.isnative
    check_fits((1 + swapped) * laid.data_bytes + BLOCK_BYTES, label)
    try:
        out = np.empty(laid.shape, laid.dtype, order="F" if laid.fortran else "C")
    except (MemoryError, ValueError):
        refuse_memory(label)
    read_exactly(stream, (out.T if laid.fortran else out).reshape(-1), label)
    return out.astype(laid.dtype.newbyteorder("="), copy=False)


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


def _dtype(declared: Any, label: str) -> tuple[np.dtype[Any], str]:
    """(The kind, or bytes without one; its name where NumPy has no kind of that name)."""
    if isinstance(declared, list):
        return _records(declared, label), ""
    if not isinstance(declared, str):
        raise _broken(label)
    named = _NAMED_DTYPE.fullmatch(declared)
    plain = _PLAIN_DTYPE.fullmatch(declared)
    try:
        if named or plain:  # "a": an old name of theirs, which warns
            return np.dtype(declared if named else declared.replace("a", "S")), ""
    except (TypeError, ValueError):
        if (bare := declared.lstrip("<>=|")) in _LONG_DOUBLES:
            return np.dtype(f"V{bare[1:]}"), _LONG_DOUBLES[bare]
        if named and not plain:
            return np.dtype("V2" if declared == "bfloat16" else "V1"), declared
    raise _broken(label)


def _records(declared: list[Any], label: str) -> np.dtype[Any]:
    """The structured kind of a list of fields, (name, kind) or (name, kind, lengths)."""
    names, formats, offsets, end = [], [], [], 0
    for field in declared:
        if not isinstance(field, tuple) or len(field) not in (2, 3):
            raise _broken(label)
        name = field[0][1] if isinstance(field[0], tuple) and len(field[0]) == 2 else field[0]
        dtype, named = _dtype(field[1], label)
        lengths = (field[2],) if field[2:] and type(field[2]) is int else (*field[2:],)
        lengths = lengths[0] if lengths and isinstance(lengths[0], tuple) else lengths
        if not isinstance(name, str) or named:
            raise _broken(label)
        size = dtype.itemsize * prod(_shape(lengths, label))
        if name or dtype.kind != "V" or dtype.names:  # else padding
            names.append(name)
            offsets.append(end)
            formats.append((dtype, lengths) if lengths else dtype)
        end += size
    try:
        return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": end})
    except (TypeError, ValueError, OverflowError):
        raise _broken(label) from None


def _broken(label: str) -> DataError:
    return DataError(f"{label} has a broken NPY header", "write it again with numpy.save")
