"""Where the numbers of a tensor stand in an archive: checked, read, and found again."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from mfact.core import Array
from mfact.errors import StorageError
from mfact.matrices.declared import check_shape
from mfact.matrices.decoding import from_bfloat16
from mfact.matrices.values import check_fits, refuse_memory
from mfact.tensors.torch_archive import Archive, Entry
from mfact.tensors.torch_objects import View

_SMALL = 1 << 20  # to ask what is available takes longer than to read so many bytes


@dataclass(frozen=True, eq=False)
class Place:
    """A view of which every number is in the entry; dtype: as they stand there, bfloat16 as uint16.

    label: of the tensor, as it may be printed.
    """

    archive: Archive
    entry: Entry
    view: View
    dtype: np.dtype[Any]
    label: str

    @classmethod
    def of(cls, view: View, archive: Archive, big: bool, label: str) -> Place:
        """Raises DataError or StorageError for numbers that are not all there. big: whether the
        first byte of a number is its highest."""
        kind = view.storage.kind
        dtype = np.dtype("uint16" if kind == "bfloat16" else kind).newbyteorder(">" if big else "<")
        check_shape(view.shape, dtype.itemsize, label)
        found = cls(archive, archive.entry(f"data/{view.storage.key}"), view, dtype, label)
        _, end = found._reach
        if found.entry.size != view.storage.count * dtype.itemsize or end > view.storage.count:
            raise StorageError(
                f"{label} needs {max(end, view.storage.count)} numbers of {dtype.itemsize} bytes, "
                f"and {found.entry.size} bytes are there",
                "copy the file again, or save it again",
            )
        return found

    @property
    def bytes(self) -> int:
        """Of the array that read() gives, before bfloat16 is widened."""
        return prod(self.view.shape) * self.dtype.itemsize

    @property
    def cost(self) -> int:
        """Bytes that read() makes, and unpacks to make them."""
        return self.bytes + (self.entry.size if self.entry.deflated else 0)

    @property
    def is_expanded(self) -> bool:
        """Whether it shows a number in several places."""
        steps = zip(self.view.shape, self.view.strides, strict=True)
        return any(length > 1 and stride == 0 for length, stride in steps)

    @property
    def _reach(self) -> tuple[int, int]:
        """[first, end) of the storage, between which all its numbers stand."""
        if not self.bytes:
            return 0, 0
        steps = zip(self.view.shape, self.view.strides, strict=True)
        last = self.view.offset + sum((length - 1) * stride for length, stride in steps)
        return self.view.offset, last + 1

    def read(self) -> Array:
        """A C-contiguous array of its own in native order; bfloat16 as float32 of the same value.

        Raises what Archive.read does, and MemoryPlanError.
        """
        first, end = self._reach
        widened = self.view.storage.kind == "bfloat16"
        needed = (end - first) * self.dtype.itemsize + (3 if widened else 1) * self.bytes
        if needed > _SMALL:
            check_fits(needed, self.label)
        raw = self.archive.read(self.entry, first * self.dtype.itemsize, end * self.dtype.itemsize)
        try:
            found = self.within(raw.view(self.dtype), first)
            plain = found.astype(self.dtype.newbyteorder("="), order="C", copy=False)
            return from_bfloat16(plain) if widened else plain
        except MemoryError:
            refuse_memory(self.label)

    def within(self, flat: Array, first: int = 0) -> Array:
        """Its numbers, not copied; flat: those of the storage from the first-th on."""
        if not self.bytes:
            return np.empty(self.view.shape, flat.dtype)
        strides = [stride * flat.itemsize for stride in self.view.strides]
        return as_strided(flat[self.view.offset - first :], self.view.shape, strides)
