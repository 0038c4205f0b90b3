"""Stored numbers that stand for no value, by the attributes of an array and by its writer.

Source: the netCDF Climate and Forecast conventions, §2.5.1, and the NetCDF Users' Guide, on
_FillValue, missing_value, valid_min, valid_max and valid_range.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from mfact.core import Array, Kind
from mfact.errors import DataError
from mfact.matrices.conventions.attributes import Attributes
from mfact.words import printable

OF_R = "rhdf5-NA.OK"
"""The attribute that rhdf5 gives a dataset."""

_FILLS = ("_FillValue", "missing_value")
_RANGES = ("valid_range", "valid_min", "valid_max")
_DEFAULT = "netCDF's default fill value"
_NA = "NA of R"
_NA_INTEGER = np.int32(-(2**31))


@dataclass(frozen=True)
class Unmeasured:
    """fills: numbers of a kind that mark an entry as missing; nan: whether NaN does. least, most:
    between which the others lie. why: what says so."""

    why: str
    fills: tuple[float, ...] = ()
    nan: bool = False
    least: float = -np.inf
    most: float = np.inf

    def of(self, block: Array) -> Array:
        """Which of a block of the kind are missing."""
        missing: Array = np.isnan(block) if self.nan else np.zeros(block.shape, bool)
        for fill in self.fills:
            missing |= block == block.dtype.type(fill)
        with np.errstate(over="ignore"):  # of a limit that no number of the kind is beyond
            if self.least > -np.inf:
                missing |= block < self.least
            if self.most < np.inf:
                missing |= block > self.most
        return missing


def unmeasured(
    attributes: Attributes, kind: Kind, fills: tuple[Any, ...], scaled: bool, label: str
) -> tuple[Unmeasured | None, tuple[str, ...]]:
    """(What marks an entry of an array as missing, attributes of a range that cannot be applied).

    kind: that the stored numbers are looked at as. fills: those of its writer where the attributes
    name none. scaled: whether the stored numbers are no entries, so that a range of another
    kind may be of either. Raises DataError for a mark that is no number.
    """
    said = {f"attribute {name}": numbers(attributes, name, label) for name in _FILLS}
    if not said["attribute _FillValue"]:
        said[_DEFAULT] = list(fills)
    if kind == _NA_INTEGER.dtype and attributes.get(OF_R) is not None:
        said[_NA] = [_NA_INTEGER]
    marks: dict[float, None] = {}
    whys, nan = list[str](), False
    for why, given in said.items():
        new = dict.fromkeys(each for number in given for each in _in(number, kind))
        is_nan = kind.kind == "f" and bool(np.isnan(given).any())
        if new.keys() - marks.keys() or (is_nan and not nan):
            whys.append(why)
        marks |= new
        nan |= is_nan
    bounds, left = [-np.inf, np.inf], list[str]()
    for name, sides in zip(_RANGES, ((0, 1), (0,), (1,)), strict=True):
        value = attributes.get(name)
        if value is None:
            continue
        limits = _limits(value, kind, len(sides), scaled)
        if limits is None:
            left.append(name)
            continue
        known = [pair for pair in zip(sides, limits, strict=True) if np.isfinite(pair[1])]
        whys += [f"attribute {name}"] if known else []
        for side, limit in known:
            bounds[side] = limit
    why = " or ".join(whys).replace("or attribute ", "or ")
    found = Unmeasured(why, tuple(marks), nan, *bounds) if whys else None
    return found, tuple(left)


def numbers(attributes: Attributes, name: str, label: str) -> list[Any]:
    """That an attribute holds, none where it is not there; DataError for what is no number."""
    value = attributes.get(name)
    if value is None:
        return []
    array = np.asarray(value)
    if array.dtype.kind not in "iuf" or not array.size:
        refuse(attributes, name, f"is {printable(str(value))[:80]}, which is no number", label)
    return list(array.reshape(-1))


def refuse(attributes: Attributes, name: str, what: str, label: str) -> NoReturn:
    raise DataError(
        f"{label}: its attribute {name} {what}",
        f"correct it, or delete it: {attributes.without(name)}",
    )


def _limits(value: Any, kind: Kind, count: int, scaled: bool) -> list[float] | None:
    """The numbers of a range, None where they cannot be of what is stored."""
    array = np.asarray(value)
    whole = array.dtype.kind in "iu"
    if array.dtype.kind not in "iuf" or array.size != count:
        return None
    if scaled and whole != (kind.kind != "f"):
        return None
    return [float(_as_signed(number, kind)) for number in array.reshape(-1)]


def _as_signed(number: Any, kind: Kind) -> Any:
    """As unsigned numbers are looked at that are stored as signed ones, their attributes too."""
    if number.dtype.kind == "i" and kind.kind == "u" and number.dtype.itemsize == kind.itemsize:
        return number.view(kind.newbyteorder("="))
    return number


def _in(number: Any, kind: Kind) -> list[float]:
    """The numbers of a kind that are stored where an attribute says `number`."""
    number = _as_signed(number, kind)
    if kind.kind != "f":
        whole = int(number) if np.isfinite(number) and number == int(number) else None
        info = np.iinfo(kind)
        return [whole] if whole is not None and info.min <= whole <= info.max else []
    with np.errstate(over="ignore"):
        # Also as it was typed: −999.9 of float32 may stand for that of float64.
        found = [float(kind.type(number)), float(kind.type(float(str(number))))]
    return [each for each in found if np.isfinite(each) == np.isfinite(number) and each == each]
