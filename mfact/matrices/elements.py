"""The elements of an array that are numbers, or hold some, and how those are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mfact.core import Array
from mfact.matrices.decoding import Decoding


@dataclass(frozen=True)
class Elements:
    """What each element of a dataset holds.

    dtype: of its numbers, as they are read. stored: what Look.stored_dtype says of them. inner:
    lengths of axes of its own. fields: of its records that are read; columns: each as a column,
    which is the last of the inner axes. decoding: where the numbers read are not the entries.
    note: how they are read, where that is not as they are stored.
    """

    dtype: np.dtype[Any]
    stored: str
    inner: tuple[int, ...] = ()
    fields: tuple[str, ...] = ()
    columns: bool = False
    decoding: Decoding | None = None
    note: str = ""

    @property
    def plain(self) -> bool:
        """Whether each is one number."""
        return not self.inner and not self.fields

    def read(self, dataset: Any, where: tuple[Any, ...]) -> Array:
        """Those of an open h5py.Dataset that are not plain, by slices and integers."""
        block: Array
        if not self.fields:
            block = dataset[where]
        elif not self.columns:
            block = dataset.fields(self.fields[0])[where]
        else:
            records = dataset[where]
            block = np.stack([records[name] for name in self.fields], axis=-1)
        return block
