"""Numbers in the kinds that weights are stored in, bfloat16, which NumPy has not, among them."""

from __future__ import annotations

import numpy as np

from mfact.core import Array
from mfact.errors import DataError
from mfact.matrices.decoding import from_bfloat16
from mfact.words import brief


def to_kind(values: Array, kind: str, label: str = "a tensor") -> Array:
    """values, float64, rounded to the nearest number of a kind of UNITS, of two the even one.

    bfloat16 is given as the uint16 that hold its bits. What is not finite stays what it is. Raises
    DataError where a finite value is larger than all of the kind.

    >>> to_kind(np.array([0.1, 1 / 3]), "float16"), to_kind(np.array([-2.0]), "bfloat16")
    (array([0.1   , 0.3333], dtype=float16), array([49152], dtype=uint16))
    """
    with np.errstate(over="ignore"):
        rounded = _to_bfloat16(values) if kind == "bfloat16" else values.astype(kind)
    largest = from_bfloat16(rounded) if kind == "bfloat16" else rounded
    lost = np.isinf(largest) & np.isfinite(values)
    if lost.any():
        raise DataError(
            f"{label} would hold {brief(float(values[lost][0]))}, which does not fit {kind}",
            "save the network in float32 first",
        )
    return rounded


def _to_bfloat16(values: Array) -> Array:
    near = np.asarray(values, np.float64).astype(np.float32)
    bits = near.view(np.uint32)
    # Rounded twice to the nearest, a value could end on the wrong side of a tie. So it is first
    # cut towards zero, with its last bit as the mark that something was cut off: "round to odd".
    with np.errstate(invalid="ignore"):
        cut = np.abs(near, dtype=np.float64) > np.abs(values)
        inexact = near != values
    bits = np.where(inexact, (bits - cut) | np.uint32(1), bits).astype(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> 16) & 1)) >> 16
    # That would carry a NaN into infinity, or zero; 0x40 keeps it one of the quiet kind.
    none = np.isnan(values)
    return np.where(none, (bits >> 16) | np.uint32(0x40), rounded).astype(np.uint16)
