"""Structured records in NumPy's files: those of one kind are rows, the others are named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np

from mfact.core import Names
from mfact.errors import DataError
from mfact.matrices.arrays.stored import Laid
from mfact.matrices.values import COMPLEX
from mfact.words import printable

_INDICES = ("index", "level_0")  # as pandas' to_records names it
_FEW = 6


@dataclass(frozen=True)
class Field:
    """One kind of number in a record: its name, its place in bytes, and its lengths."""

    name: str
    dtype: np.dtype[Any]
    offset: int
    lengths: tuple[int, ...] = ()

    @property
    def number(self) -> bool:
        return self.dtype.kind in "fiub" and self.dtype.itemsize <= 8

    @property
    def count(self) -> int:
        return prod(self.lengths)


def rows_of(records: Laid, label: str, loaded: str) -> tuple[Laid, tuple[Field, ...]]:
    """The n×k array that n records of k numbers are, and the fields that name its columns.

    loaded: the records in Python. Raises DataError, with what can be saved instead, for fields of
    several kinds, for gaps between them, and for records that are no list.
    """
    fields = tuple(fields_of(records.dtype))
    names = [field.name for field in fields]
    first = names[0] if names else ""
    if len(names) == 2 and {name.lower() for name in names} in COMPLEX:
        column = "[:, None]" * (len(records.shape) == 1)
        raise DataError(
            f"{label} holds complex numbers, in structured records of {' and '.join(names)}",
            "factor the real and the imaginary part separately: "
            f'numpy.save("{first}.npy", {loaded}["{first}"]{column})',
        )
    held = f"{label} holds structured records"
    if len(records.shape) != 1:
        raise DataError(
            f"{held} in {len(records.shape)} dimensions",
            f'save one field, numpy.save("M.npy", {loaded}[{printable(first)!r}]), or a row for '
            f"each: {_saved(records.dtype, loaded, flat=True)}",
        )
    if len({field.dtype for field in fields}) != 1 or not fields[0].number:
        told = [f"{printable(field.name)} {field.dtype}" for field in fields[:_FEW]]
        more = ", …" * (len(fields) > _FEW)
        raise DataError(
            f"{held} of more than one kind of number ({', '.join(told)}{more})",
            _saved(records.dtype, loaded),
        )
    if first in _INDICES and len(fields) > 1:
        raise DataError(
            f"{held} that begin with {first}, which pandas writes beside the data",
            f"write them with to_records(index=False), or {_saved(records.dtype, loaded)}",
        )
    item = fields[0].dtype.itemsize
    ends = [field.offset + item * field.count for field in fields]
    if [field.offset for field in fields] != [0, *ends[:-1]] or ends[-1] != records.dtype.itemsize:
        raise DataError(f"{held} with gaps between the numbers", _saved(records.dtype, loaded))
    shape = (*records.shape, sum(field.count for field in fields))
    return Laid(shape, fields[0].dtype, False, records.offset), fields


def names_of(fields: tuple[Field, ...]) -> Names:
    """The columns by their fields, those of several numbers with their indices."""
    return Names(
        columns=tuple(
            field.name + (f"[{','.join(map(str, index))}]" if index else "")
            for field in fields
            for index in product(*map(range, field.lengths))
        )
    )


def fields_of(dtype: np.dtype[Any], name: str = "", offset: int = 0) -> Iterator[Field]:
    """The numbers of a record, those of records in it by names with a dot."""
    if dtype.names is None:
        base, lengths = dtype.subdtype or (dtype, ())
        yield Field(name, base, offset, lengths)
        return
    assert dtype.fields is not None
    for inner in dtype.names:
        kind, place = dtype.fields[inner][:2]
        yield from fields_of(kind, f"{name}.{inner}" if name else inner, offset + place)


def _saved(dtype: np.dtype[Any], loaded: str, *, flat: bool = False) -> str:
    """How all fields of numbers are saved as one matrix."""
    names = [
        name
        for name in dtype.names or ()
        if name not in _INDICES and all(field.number for field in fields_of(dtype[name]))
    ]
    if not names:
        return "save numbers"
    part = ""
    if len(names) < len(dtype.names or ()):
        part = str([printable(name) for name in names])
        if len(names) > _FEW:
            part = '[n for n in A.dtype.names if A[n].dtype.kind in "fiub"]'
            loaded = f"(A := {loaded})"
        part = f"[{part}]"
    flattened = ".ravel()" * flat
    return (
        'import numpy.lib.recfunctions; numpy.save("M.npy", '
        f"numpy.lib.recfunctions.structured_to_unstructured({loaded}{part}{flattened}))"
    )
