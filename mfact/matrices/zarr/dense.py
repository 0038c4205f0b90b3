"""A dense array of a Zarr store, 2-D, of points or a slice of a stack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from mfact.core import Array, Kind
from mfact.errors import DataError
from mfact.matrices.conventions.packing import packing
from mfact.matrices.declared import check_shape as check_declared
from mfact.matrices.elements import Elements
from mfact.matrices.layout import Layout, Tile
from mfact.matrices.parts import check_planar, fixed, kept
from mfact.matrices.seen import Seen, changed
from mfact.matrices.spec import Part
from mfact.matrices.tiled import read_tiled
from mfact.matrices.values import Told, check_fits, check_kind, check_shape, silent
from mfact.matrices.zarr.attributes import Said
from mfact.matrices.zarr.keys import Grid, Keys, grid_of
from mfact.matrices.zarr.stores import Store


@dataclass(frozen=True)
class Chunking:
    """How an array is cut into the files of its store.

    lengths: of a chunk, or of the shard that several are in. sharded: whether it is such. grid:
    None where the keys are not known. order: of the numbers in a file that holds nothing else, "C"
    or "F"; None where they are packed. fill: the bytes of the number that stands for those of a
    chunk that is not there.
    """

    lengths: tuple[int, ...]
    sharded: bool
    grid: Grid | None
    order: str | None
    fill: bytes


@dataclass(frozen=True)
class ArrayReader:
    """An array by its path in a store that has been looked at; the store is opened anew."""

    store: Store
    path: str
    file: Seen | Keys
    layout: Layout
    chunking: Chunking
    part: Part | None
    label: str

    def read(self, dtype: Kind, told: Told = silent) -> Array:
        with self.file.opened(self.label):
            return read_tiled(self, dtype, told)

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """The zarr.Array, checked to be what it was when it was looked at."""
        with self.store.opened(self.label) as root:
            array = root[self.path] if self.path else root
            if inspect(array, self.part, True, self.label) != (self.layout, self.chunking):
                raise changed(self.label)
            yield array

    def fetch(self, array: Any, tile: Tile, out: Array | None = None) -> Array:
        """A tile of the open zarr.Array, into out where that is given, of C order.

        Of shards one line of chunks at a time: the library holds what it reads of a shard twice,
        packed, beside what it unpacks.
        """
        from zarr.core.buffer.cpu import NDBuffer

        if out is None:
            out = np.empty([axis.stop - axis.start for axis in tile], self.layout.dtype)
        rows, *rest = tile
        step = max(1, rows.stop - rows.start)
        if self.layout.chunks and self.chunking.sharded:
            step = self.layout.chunks[0]
        for start in range(rows.start, rows.stop, step):
            lines = slice(start, min(start + step, rows.stop))
            into = out[lines.start - rows.start : lines.stop - rows.start]
            where = self.layout.where((lines, *rest))
            array.get_basic_selection(where, out=NDBuffer.from_numpy_array(into))
        return out


def inspect(
    array: Any, part: Part | None, points: bool, label: str, typed: str = ""
) -> tuple[Layout, Chunking]:
    """Look at a zarr.Array and refuse what cannot be a matrix. Nothing is read. typed: as for
    check_planar.

    Raises DataError for kinds and shapes that are not taken, MemoryPlanError where a chunk does not
    fit in memory.
    """
    dtype = np.dtype(array.dtype)
    check_kind(dtype, label)
    shape = tuple(array.shape)
    check_declared(shape, dtype.itemsize, label)
    index = fixed(part, shape, label)
    fold = points or (part is not None and part.fold)
    if not fold:
        check_planar(shape, index, False, label, typed)
    check_shape(kept(shape, index), label, fold)
    about = array.metadata.to_dict()
    codecs = about.get("codecs", ())
    dtype = _stored(dtype, codecs)
    chunk, file = tuple(array.chunks), tuple(array.shards or array.chunks)
    if min(chunk) < 1 or min(file) < 1:
        raise DataError(f"{label} has chunks of no length, {chunk}", "write it again with zarr")
    check_fits(dtype.itemsize * prod(chunk), label)
    found = Elements(dtype, dtype.str)
    decoding, told = packing(Said.of(array), found, (), label)
    chunks = kept(chunk, index)
    layout = Layout(
        kept(shape, index), found, chunks, False, index, decoding, prod(chunk) // prod(chunks),
        tuple(f"{label}: {note}" for note in told),
    )  # fmt: skip
    fill = np.zeros((), dtype) if array.fill_value is None else np.asarray(array.fill_value, dtype)
    grid = grid_of(shape, file, about)
    return layout, Chunking(file, file != chunk, grid, _order(about, codecs), fill.tobytes())


def _stored(dtype: Kind, codecs: Any) -> Kind:
    """The kind as it is stored: in version 3 a codec tells the order of the bytes."""
    for codec in codecs:
        said = codec.get("configuration") or {}
        if codec["name"] == "sharding_indexed":
            return _stored(dtype, said["codecs"])
        if codec["name"] == "bytes" and said.get("endian") == "big":
            return dtype.newbyteorder(">")
    return dtype


def _order(about: dict[str, Any], codecs: Any) -> str | None:
    """Chunking.order."""
    if about["zarr_format"] == 2:
        packed = about["compressor"] is not None or about["filters"]
        return None if packed else str(about["order"])
    names = [codec["name"] for codec in codecs]
    if names == ["bytes"]:
        return "C"
    turned = names == ["transpose", "bytes"]
    return "F" if turned and tuple(codecs[0]["configuration"]["order"]) == (1, 0) else None
