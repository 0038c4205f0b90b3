"""Packed numbers: what the attributes of a dataset say that its stored numbers stand for.

Source: the netCDF Climate and Forecast conventions, §2.5.1 and §8.1, and the attribute _Unsigned
of the NetCDF Users' Guide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mfact.core import Array, Kind
from mfact.matrices.conventions.attributes import Attributes
from mfact.matrices.conventions.unapplied import unapplied
from mfact.matrices.conventions.unmeasured import Unmeasured, numbers, refuse, unmeasured
from mfact.matrices.decoding import FLOAT32, Decoded
from mfact.matrices.elements import Elements

_FLOAT64 = np.dtype("<f8")
_SCALES = ("scale_factor", "add_offset")


@dataclass(frozen=True)
class Packing:
    """entry = scale · stored + offset, in float64; NaN where a stored number marks it as missing.

    kind, stored, why: as in Decoding. as_kind: that the stored numbers are looked at as; it is of
    as many bytes. unmeasured: which of these mark an entry as missing.
    """

    kind: Kind
    stored: str
    as_kind: Kind
    scale: float = 1.0
    offset: float = 0.0
    unmeasured: Unmeasured | None = None

    @property
    def why(self) -> str:
        return "" if self.unmeasured is None else self.unmeasured.why

    def decode(self, block: Array) -> Decoded:
        block = block.view(self.as_kind)
        entries = block.astype(self.kind)
        if (self.scale, self.offset) != (1, 0):
            with np.errstate(over="ignore", invalid="ignore"):
                entries *= self.scale
                entries += self.offset
        missing = None if self.unmeasured is None else self.unmeasured.of(block)
        if missing is None or not missing.any():
            return Decoded(entries)
        entries[missing] = np.nan
        return Decoded(entries, missing)


def packing(
    attributes: Attributes, found: Elements, fills: tuple[Any, ...], label: str
) -> tuple[Packing | None, tuple[str, ...]]:
    """(What the attributes of an array say, None where nothing; how that is told).

    fills: numbers that mark an entry as missing where these name none.
    Raises DataError for an attribute that is no number.
    """
    dtype = found.dtype
    if dtype.kind not in "iuf" or found.fields:
        return None, ()
    unsigned = dtype.kind == "i" and attributes.get("_Unsigned") in ("true", "True")
    as_kind = np.dtype(dtype.str.replace("i", "u")) if unsigned else dtype
    said = [name for name in _SCALES if attributes.get(name) is not None]
    scales = {name: _one(attributes, name, label) for name in said}
    scale = float(scales.get("scale_factor", 1))
    offset = float(scales.get("add_offset", 0))
    if (scale, offset) == (1, 0):
        scales = {}
    missing, left = unmeasured(attributes, as_kind, fills, bool(scales), label)
    notes = unapplied(attributes, left, missing)
    if not (scales or missing or unsigned):
        return None, notes
    exact = not scales and dtype.itemsize <= (4 if dtype.kind == "f" else 2)
    kind = FLOAT32 if exact else _FLOAT64
    found_ = Packing(kind, found.stored, as_kind, scale, offset, missing)
    told = _told(dtype, as_kind, scales)
    return found_, (*((told,) if told else ()), *notes)


def _told(dtype: Kind, as_kind: Kind, scales: dict[str, Any]) -> str:
    """How the stored numbers are read, where that is not as they are stored."""
    ways = []
    if as_kind != dtype:
        ways.append(f"{as_kind.name} (_Unsigned)")
    if scales:
        # In digits of their own kind: 0.01 of float32 too.
        said = {name: str(number).removesuffix(".0") for name, number in scales.items()}
        formula = f"{said['scale_factor']} · stored" if "scale_factor" in said else "stored"
        if offset := said.get("add_offset"):
            formula += f" - {offset[1:]}" if offset.startswith("-") else f" + {offset}"
        ways.append(f"{formula} ({', '.join(scales)})")
    return f"stored as {dtype.name}, read as {', and as '.join(ways)}" if ways else ""


def _one(attributes: Attributes, name: str, label: str) -> Any:
    """The number that an attribute is."""
    number, *more = numbers(attributes, name, label)
    if more:
        refuse(attributes, name, f"holds {1 + len(more)} numbers", label)
    if not np.isfinite(number):
        refuse(attributes, name, f"is {number}", label)
    return number
