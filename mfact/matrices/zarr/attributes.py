"""The attributes of an array in a Zarr store, JSON values, as conventions.attributes has them."""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from mfact.core import Kind

_MOST = 100
_OF_XARRAY = "_ARRAY_DIMENSIONS"
"""In version 2; in version 3 dimensions have their names in the metadata."""


@dataclass(frozen=True)
class Said:
    """values: as JSON has them. kind: of the stored numbers."""

    values: dict[str, Any]
    kind: Kind

    @classmethod
    def of(cls, array: Any) -> Said:
        """Those of a zarr.Array. xarray keeps _FillValue as the fill value of the array in version
        2, and reads it so; in version 3 it is an attribute."""
        values = dict(array.attrs)
        if _OF_XARRAY in values and array.metadata.zarr_format == 2:
            values.setdefault("_FillValue", _plain(array.fill_value))
        return cls(values, np.dtype(array.dtype))

    def get(self, name: str) -> Any:
        """Whole numbers as the array stores them where they are of its kind, as a writer had them
        before they were JSON."""
        value = self.values.get(name)
        if name == "_FillValue" and isinstance(value, str) and self.kind.kind == "f":
            return _unpacked(value)
        if self.kind.kind not in "iu" or isinstance(value, bool | str | None):
            return value
        try:
            array = np.asarray(value)
        except ValueError:
            return str(value)
        if array.dtype.kind not in "iu" or not np.array_equal(array.astype(self.kind), array):
            return value
        return array.astype(self.kind)

    def names(self) -> list[str]:
        return list(self.values)[:_MOST]

    def without(self, name: str) -> str:
        return f'del array.attrs["{name}"] in zarr'


def dimensions(array: Any) -> tuple[str | None, ...]:
    """The names of the axes of a zarr.Array, as xarray gives them; () without."""
    found = array.attrs.get(_OF_XARRAY) or getattr(array.metadata, "dimension_names", None) or ()
    return tuple(found) if isinstance(found, list | tuple) else ()


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _unpacked(value: str) -> Any:
    """A float as xarray writes it in version 3: base64 of its 8 bytes."""
    try:
        return struct.unpack("<d", base64.standard_b64decode(value))[0]
    except (ValueError, struct.error):
        return value
