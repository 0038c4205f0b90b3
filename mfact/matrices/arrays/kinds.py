"""What the items of NumPy's files are: numbers of a kind that is taken, or named as what not."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from mfact.errors import DataError
from mfact.matrices.arrays.npy import Header
from mfact.matrices.arrays.records import names_of, rows_of
from mfact.matrices.arrays.stored import Laid, Numbers
from mfact.matrices.decoding import Bfloat16
from mfact.matrices.values import REFUSED_KINDS, check_kind

_BITS = np.dtype("<u2")
_PERHAPS = {1: ", perhaps float8 or int4", 2: ", perhaps bfloat16", 3: ", perhaps 24-bit integers"}


def numbers_of(header: Header, label: str, loaded: str) -> Numbers:
    """The numbers that follow a header. loaded: the array in Python, as 'numpy.load("M.npy")'.

    Raises DataError for what is none, and for kinds that are not taken.

    >>> header = Header((3, 2), np.dtype("V2"), False, 128)
    >>> str(numbers_of(header, "M.npy", "M")), numbers_of(header, "M.npy", "M").note
    ('bfloat16', 'M.npy: 2-byte values without a kind, read as bfloat16')
    """
    dtype = header.dtype
    laid = Laid(header.shape, dtype, header.fortran, header.offset)
    if header.named == "bfloat16":
        return Numbers(replace(laid, dtype=_BITS), Bfloat16())
    if header.named:
        raise DataError(
            f"{label} holds numbers of the kind {header.named}, which is not read",
            'save them with .astype("float32"), where they were made',
        )
    if dtype.names is not None:
        rows, fields = rows_of(laid, label, loaded)
        note = f"{label}: the {rows.shape[1]} numbers of a record are taken for columns"
        return Numbers(rows, naming=partial(names_of, fields), note=note)
    if dtype.kind == "V" and dtype.itemsize == 2:
        note = f"{label}: {words(header)[: -len(_PERHAPS[2])]}, read as bfloat16"
        return Numbers(replace(laid, dtype=_BITS), Bfloat16(), note=note)
    if dtype.kind == "V":
        raise DataError(f"{label} holds {words(header)}", _with_a_kind(dtype.itemsize, loaded))
    if dtype.kind == "c":
        column = "[:, None]" * (len(header.shape) == 1)
        raise DataError(
            f"{label} holds complex numbers ({dtype})",
            "factor the real and the imaginary part separately: "
            f'numpy.save("real.npy", {loaded}.real{column}), then .imag',
        )
    if dtype.kind == "f" and dtype.itemsize > 8:
        raise DataError(
            f"{label} holds long doubles ({dtype})",
            f'convert them to float64: numpy.save("M.npy", {loaded}.astype("float64"))',
        )
    check_kind(dtype, label)
    return Numbers(laid)


def words(header: Header) -> str:
    """What the items of an array are, in a few words."""
    if header.named:
        return header.named
    dtype = header.dtype
    if dtype.kind == "V" and dtype.names is None:
        return f"{dtype.itemsize}-byte values without a kind{_PERHAPS.get(dtype.itemsize, '')}"
    held, _ = REFUSED_KINDS.get(dtype.kind, (str(dtype), ""))
    return held


def _with_a_kind(size: int, loaded: str) -> str:
    """How to save items without a kind as what they are."""
    if size == 1:
        return (
            'save them with .astype("float32") where they were made, or from here as '
            f'numpy.save("M.npy", {loaded}.view(ml_dtypes.float8_e4m3fn).astype("float32"))'
        )
    if size == 3:
        return (
            'integers, lowest byte first, are saved by numpy.save("M.npy", numpy.pad('
            f'(A := {loaded}).view("u1").reshape(*A.shape, 3), [(0, 0)] * A.ndim + [(1, 0)])'
            '.view("<i4")[..., 0] >> 8)'
        )
    if size in (4, 8):
        return f'say what they are: numpy.save("M.npy", {loaded}.view("float{8 * size}"))'
    return "save them as numbers where they were made"
