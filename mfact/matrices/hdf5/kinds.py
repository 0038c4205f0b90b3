"""What HDF5 calls the elements of a dataset: numbers of a kind that is taken, or something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from mfact.errors import DataError
from mfact.matrices.decoding import BFLOAT16, FLOAT32, Bfloat16
from mfact.matrices.elements import Elements
from mfact.matrices.values import COMPLEX, check_kind
from mfact.words import printable

_RECORDS = "numpy.lib.recfunctions.structured_to_unstructured"
_LISTED = 6

_NO_NUMBERS = {
    "Complex": ("complex numbers", "factor the real and the imaginary part separately"),
    "String": ("strings", "save the numbers themselves"),
    "Time": ("times, in a kind of HDF5's own", "save them as numbers where they were made"),
    "Reference": ("references to other datasets", "name the dataset that is meant"),
    "Vlen": (
        "rows of unequal length (variable-length arrays)",
        "pad them to one length; numpy.stack(dataset[:]) is the matrix where all have one",
    ),
}
"""By HDF5's class of a type: what it is, and a way out."""


def elements(kind: Any, label: str, field: str | None = None, rank: int = 1) -> Elements:
    """What the elements of an HDF5 type are. field: of records, the one that is read. rank: of the
    dataset; records of one field are numbers where that makes a matrix of them.

    Raises DataError, with what they are and a way out, for all that are no numbers of one kind.
    """
    name = type(kind).__name__.removeprefix("Type").removesuffix("ID")
    if field is not None:
        return _field(kind, name, field, label)
    if name in _NO_NUMBERS:
        raise _holds(label, *_NO_NUMBERS[name])
    found = _KINDS.get(name, _plain)(kind, label)
    if len(found.fields) == 1 and rank > 1:
        found = replace(found, inner=(), columns=False)
    if not found.plain:
        _dtype(kind, label)
    return found


def _field(kind: Any, name: str, field: str, label: str) -> Elements:
    names = _names(kind) if name == "Compound" else ()
    if field not in names:
        held = f"; it has {', '.join(map(printable, names[:_LISTED]))}" if names else ""
        raise DataError(f"{label} has no field {printable(field)}", f"name another{held}")
    found = elements(
        kind.get_member_type(names.index(field)), f"{label}: its field {printable(field)}"
    )
    if found.fields:
        raise _holds(label, f"records in its field {printable(field)}", f"save {_RECORDS}(M) of it")
    return replace(found, fields=(field,))


def _dtype(kind: Any, label: str) -> np.dtype[Any]:
    try:
        dtype: np.dtype[Any] = kind.dtype
    except (TypeError, ValueError, KeyError):
        what = "elements of a kind that NumPy has no name for"
        raise _holds(label, what, "save plain numbers") from None
    return dtype


def _plain(kind: Any, label: str) -> Elements:
    dtype = _dtype(kind, label)
    check_kind(dtype, label)
    return Elements(dtype, dtype.str)


def _float(kind: Any, label: str) -> Elements:
    bits, (_, _, exponent, _, mantissa) = 8 * kind.get_size(), kind.get_fields()
    if (bits, exponent, mantissa) == (16, 8, 7):
        return Elements(FLOAT32, BFLOAT16)  # HDF5 converts them
    what = f"({exponent} bits of exponent and {mantissa} of mantissa)"
    if bits == 8:  # whose greatest numbers are NaN to some, so that HDF5 must not convert them
        raise _holds(label, f"float8 numbers {what}", "save them as float32 where they were made")
    if bits not in (16, 32, 64) and bits < 64:
        wide = _dtype(kind, label).str[1:]
        way_out = f'save what h5py makes of them, dataset.astype("{wide}")[:]'
        raise _holds(label, f"{bits}-bit floating-point numbers {what}", way_out)
    return _plain(kind, label)


def _integer(kind: Any, label: str) -> Elements:
    from h5py import h5t

    size = kind.get_size()
    if size in (1, 2, 4, 8):
        return _plain(kind, label)
    if size > 8:
        raise _holds(label, f"{8 * size}-bit integers", "save them as float64")
    sign = "u" if kind.get_sign() == h5t.SGN_NONE else "i"
    dtype = np.dtype(f"{sign}{4 if size == 3 else 8}")
    return Elements(dtype, dtype.str, note=f"stored as {8 * size}-bit integers, read as {dtype}")


def _enum(kind: Any, label: str) -> Elements:
    found = _plain(kind, label)
    if found.dtype.kind == "b" or not kind.get_nmembers():
        return found
    first = printable(kind.get_member_name(0).decode("utf-8", "replace"))
    held = f"{first} = {kind.get_member_value(0)}"
    return replace(found, note=f"names for numbers (as {held}), read as their numbers")


def _opaque(kind: Any, label: str) -> Elements:
    tag = kind.get_tag().decode("utf-8", "replace")
    form = tag.removeprefix("NUMPY:").lstrip("<|=")
    if kind.get_size() == 2 and (form in ("", "V2") or "bfloat16" in form.lower()):
        note = (
            "" if "bfloat16" in form.lower() else "2-byte values without a kind, read as bfloat16"
        )
        return Elements(np.dtype("V2"), BFLOAT16, decoding=Bfloat16(), note=note)
    if tag.startswith(("NUMPY:<M8", "NUMPY:>M8", "NUMPY:<m8", "NUMPY:>m8")):
        return _plain(kind, label)
    tagged = f' tagged "{printable(tag)}"' if tag else ""
    what = f"opaque values of {kind.get_size()} bytes{tagged}"
    raise _holds(label, what, "save them as numbers where they were made")


def _array(kind: Any, label: str) -> Elements:
    base = elements(kind.get_super(), label)
    if base.fields:
        raise _holds(label, "arrays of records", f"save {_RECORDS}(M) of each")
    return replace(base, inner=(*kind.get_array_dims(), *base.inner))


def _compound(kind: Any, label: str) -> Elements:
    names = _names(kind)
    if {name.lower() for name in names} in COMPLEX:
        raise _holds(label, *_NO_NUMBERS["Complex"])
    if {"m", "n", "colptr", "rowval", "nzval"} <= set(names):
        raise _holds(label, "a sparse matrix of Julia", "save Matrix(S), or mmwrite it there")
    found: dict[str, Elements | None] = {}
    for index, name in enumerate(names):
        try:
            found[name] = elements(kind.get_member_type(index), label)
        except DataError:
            found[name] = None
    numbers = {name: each for name, each in found.items() if each is not None}
    kinds = {(each.dtype, each.stored) for each in numbers.values()}
    if len(numbers) == len(names) and len(kinds) == 1:
        first = numbers[names[0]]
        if all(each.plain for each in numbers.values()):
            listed = ", ".join(map(printable, names[:_LISTED])) + ", …" * (len(names) > _LISTED)
            note = f"records, read as the columns {listed}"
            return replace(first, inner=(len(names),), fields=names, columns=True, note=note)
        if len(names) == 1 and not first.fields:
            return replace(
                first, fields=names, note=f"records, read as their {printable(names[0])}"
            )
    if not numbers:
        raise _holds(label, "structured records without numbers", "save the numbers themselves")
    chosen = "M" if len(numbers) == len(names) else f"M[{list(numbers)}]"
    parts = zip(names[:_LISTED], map(found.get, names), strict=False)
    held = ", ".join(f"{printable(n)}: {_words(e)}" for n, e in parts)
    held += ", …" * (len(names) > _LISTED)
    raise _holds(
        label, f"structured records of several kinds ({held})", f"save {_RECORDS}({chosen})"
    )


def _words(found: Elements | None) -> str:
    if found is None:
        return "no number"
    if found.fields:
        return "records"
    one = BFLOAT16 if found.stored == BFLOAT16 else str(found.dtype)
    return f"{prod(found.inner)} {one}" if found.inner else one


def _names(kind: Any) -> tuple[str, ...]:
    count = kind.get_nmembers()
    return tuple(kind.get_member_name(index).decode("utf-8", "replace") for index in range(count))


def _holds(label: str, what: str, way_out: str) -> DataError:
    return DataError(f"{label} holds {what}", way_out)


_KINDS: dict[str, Callable[[Any, str], Elements]] = {
    "Float": _float, "Integer": _integer, "Enum": _enum, "Opaque": _opaque, "Array": _array,
    "Compound": _compound,
}  # fmt: skip
"""By HDF5's class of a type; the others, bit fields, are what NumPy makes of them."""
