"""Attributes that say the entries are others than what is stored, in ways that are not followed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mfact.matrices.conventions.attributes import Attributes
from mfact.matrices.conventions.unmeasured import Unmeasured
from mfact.words import printable

# In small letters and without what is between words, as writers have them: HDF-EOS, MODIS, SeaWiFS,
# GPM, GDAL, ODIM and others; each its own formula.
_FACTORS = ("scalefactor", "scalingfactor", "scale", "slope", "gain")
_SHIFTS = ("offset", "addoffset", "intercept")
_FILLS = ("fillvalue", "missingvalue", "codemissingvalue", "nodata", "nodatavalue")
_FOLLOWED = ("scale_factor", "add_offset", "_FillValue", "missing_value")


def unapplied(
    attributes: Attributes, ranges: Sequence[str], missing: Unmeasured | None
) -> tuple[str, ...]:
    """A note on such attributes; none where they would change nothing.

    ranges: those that are known already. missing: what is followed.
    """
    names = [*ranges, *(name for name in attributes.names() if _changes(attributes, name, missing))]
    if not names:
        return ()
    listed = ", ".join(map(printable, names))
    several = "s {} are" if len(names) > 1 else " {} is"
    return (f"its attribute{several.format(listed)} not applied",)


def _changes(attributes: Attributes, name: str, missing: Unmeasured | None) -> bool:
    word = "".join(filter(str.isalnum, name.lower()))
    if name in _FOLLOWED or word not in (*_FACTORS, *_SHIFTS, *_FILLS):
        return False
    number = _number(attributes.get(name))
    if number is None:
        return False
    if word in _FILLS:
        followed = () if missing is None else missing.fills
        return not np.isclose(number, followed, rtol=1e-6, atol=0).any()  # float32 for float64
    return number != (1 if word in _FACTORS else 0)


def _number(value: Any) -> float | None:
    """That an attribute is, as text too."""
    try:
        array = np.asarray(value, np.float64).reshape(-1)
    except (TypeError, ValueError):
        return None
    return float(array[0]) if array.size == 1 and np.isfinite(array[0]) else None
