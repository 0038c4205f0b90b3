"""The header of a safetensors file: JSON that says where each tensor stands.

Source: the format as github.com/huggingface/safetensors describes it.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from math import prod
from typing import Any, NoReturn, TypeGuard

import numpy as np

from mfact.errors import DataError, StorageError
from mfact.matrices.arrays.stored import Stream
from mfact.matrices.declared import check_shape, short
from mfact.matrices.values import check_fits, refuse_memory
from mfact.words import shown

LENGTH_BYTES = 8
_LONGEST = 100_000_000  # of the format
_PARSED_BYTES = 32  # of memory a byte of JSON takes at most, as empty objects
_METADATA = "__metadata__"
_WAY_OUT = "write it again with save_file of safetensors"

KINDS = {
    "F64": ("float64", "<f8"), "F32": ("float32", "<f4"), "F16": ("float16", "<f2"),
    "BF16": ("bfloat16", "<u2"), "I64": ("int64", "<i8"), "I32": ("int32", "<i4"),
    "I16": ("int16", "<i2"), "I8": ("int8", "i1"), "U64": ("uint64", "<u8"),
    "U32": ("uint32", "<u4"), "U16": ("uint16", "<u2"), "U8": ("uint8", "u1"),
    "BOOL": ("bool", "?"),
}  # fmt: skip
"""Name in the file -> (kind, dtype of its bytes)."""
_WAYS_OUT = {
    "F8_": "convert such to bfloat16, times their scales where there are some, and save it again",
    "F6_": "pass the checkpoint of before quantization",
    "F4": "pass the checkpoint of before quantization",
    "C": "save the real and the imaginary part apart, as torch.view_as_real gives them",
}


@dataclass(frozen=True)
class Entry:
    """One tensor: start, end: its bytes, counted from the start of the file.

    kind: as NumPy would name it; of one that is not read, as the file does. dtype: of its bytes,
    None of one that is not read.
    """

    name: str
    kind: str
    dtype: np.dtype[Any] | None
    shape: tuple[int, ...]
    start: int
    end: int


def read_entries(stream: Stream, size: int, label: str) -> tuple[Entry, ...]:
    """The tensors of a file of `size` bytes, in the order in which the header names them.

    Raises DataError for a header that is none, StorageError for a file that ends too early,
    MemoryPlanError for a header that does not fit.
    """
    first = stream.read(LENGTH_BYTES)
    length = int.from_bytes(first, "little")
    if len(first) < LENGTH_BYTES or length > _LONGEST:
        raise DataError(
            f"{label} is no safetensors file: it says that its header has {length} bytes, and the "
            f"longest has {_LONGEST}",
            _WAY_OUT,
        )
    begin = LENGTH_BYTES + length
    _require(begin, size, label)
    found = _parsed(stream.read(length), label)
    metadata = found.pop(_METADATA, None)
    if metadata is not None and not _are_texts(metadata):
        _refuse(label, f"whose {_METADATA} is no table of texts")
    entries = tuple(_entry(name, told, begin, label) for name, told in found.items())
    _check_places(entries, begin, size, label)
    return entries


def _parsed(raw: bytes, label: str) -> dict[str, Any]:
    check_fits(_PARSED_BYTES * len(raw), label)
    try:
        # Text, because of bytes json.loads would take UTF-16 too.
        found = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except _Twice as twice:
        _refuse(label, f"that names {short(str(twice))} twice")
    except MemoryError:
        refuse_memory(label)
    except (ValueError, RecursionError):
        _refuse(label, "that is not JSON")
    if not isinstance(found, dict):
        _refuse(label, "that is no table of tensors")
    return found


class _Twice(Exception):
    """A name that stands in one table twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Twice(Counter(name for name, _ in pairs).most_common(1)[0][0])
    "".join(found).encode()  # a ValueError for half of a surrogate pair, which is no text
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)


def _entry(name: str, told: Any, begin: int, label: str) -> Entry:
    where = short(name)
    if not isinstance(told, dict):
        _refuse(label, f"that says nothing of {where}")
    kind, shape, place = (told.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not isinstance(kind, str):
        _refuse(label, f"that names no kind of {where}")
    if not _are_lengths(shape):
        _refuse(label, f"that gives no shape of {where}")
    if not _are_lengths(place) or len(place) != 2:
        _refuse(label, f"that gives no place of {where}")
    begins, ends = begin + place[0], begin + place[1]
    if kind not in KINDS:
        return Entry(name, shown(kind, quoted=False), None, tuple(shape), begins, ends)
    dtype = np.dtype(KINDS[kind][1])
    check_shape(tuple(shape), dtype.itemsize, f"{label}:{where}")
    needed, there = dtype.itemsize * prod(shape), place[1] - place[0]
    if needed != there:
        _refuse(label, f"that gives {there} bytes to {where}, which needs {needed}")
    return Entry(name, KINDS[kind][0], dtype, tuple(shape), begins, ends)


def kind_of(entry: Entry, label: str) -> np.dtype[Any]:
    """The dtype of a tensor's bytes. Raises DataError where the kind is not read."""
    if entry.dtype is not None:
        return entry.dtype
    ways = (way for prefix, way in _WAYS_OUT.items() if entry.kind.startswith(prefix))
    raise DataError(
        f"{label} holds {short(entry.name)} of the kind {entry.kind}, which is not read",
        next(ways, "convert it to float32 and save it again"),
    )


def _are_texts(given: Any) -> bool:
    return isinstance(given, dict) and all(isinstance(text, str) for text in given.values())


def _are_lengths(given: Any) -> TypeGuard[list[int]]:
    return isinstance(given, list) and all(
        type(length) is int and 0 <= length < 2**64 for length in given
    )


def _check_places(entries: tuple[Entry, ...], begin: int, size: int, label: str) -> None:
    """One tensor after the other, without a gap, to the end of the file."""
    end = begin
    for entry in sorted(entries, key=lambda entry: (entry.start, entry.end)):
        if entry.start != end:
            what = "overlaps the one before" if entry.start < end else "leaves a gap before it"
            _refuse(label, f"by which {short(entry.name)} {what}")
        end = entry.end
    _require(end, size, label)
    if end < size:
        raise DataError(f"{label} has {size - end} bytes after its last tensor", _WAY_OUT)


def _require(needed: int, size: int, label: str) -> None:
    if size < needed:
        raise StorageError(
            f"{label} is truncated: its header asks for {needed} bytes and it has {size}",
            "copy or write the file again",
        )


def _refuse(label: str, what: str) -> NoReturn:
    raise DataError(f"{label} has a safetensors header {what}", _WAY_OUT)
