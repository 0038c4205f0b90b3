"""An array that is read tile by tile, in a child process: what all that are read so share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from itertools import product
from math import prod
from typing import Any, Protocol

from mfact.core import Array, Kind
from mfact.matrices.apart import Piece, apart
from mfact.matrices.layout import Layout, Tile
from mfact.matrices.missing import Entries
from mfact.matrices.values import BLOCK_BYTES, Told, new_matrix


class Held(Protocol):
    """What an array lies in, as it was looked at."""

    def opened(self, label: str) -> AbstractContextManager[Any]:
        """Raises StorageError where it is not what it was, when entered or when left."""


class TiledReader(Protocol):
    """An array in a file or a store, which is opened anew by each child that reads it."""

    @property
    def file(self) -> Held: ...

    @property
    def layout(self) -> Layout: ...

    @property
    def label(self) -> str: ...

    def opened(self) -> AbstractContextManager[Any]:
        """The array of the library that reads it, checked to be laid out as it was."""

    def fetch(self, array: Any, tile: Tile, out: Array | None = None) -> Array:
        """A tile of it, into out where that is given, of C order."""


def read_tiled(reader: TiledReader, dtype: Kind, told: Told) -> Array:
    """The whole matrix in dtype; Fortran-ordered where the array is Mᵀ."""
    layout = reader.layout
    order = "F" if layout.turned else "C"
    out = new_matrix(layout.matrix_shape, dtype, order, reader.label)
    # Views: one or more lengths are as one in out.
    stored = layout.as_stored(out.reshape(layout.array_shape))
    chunk = prod(layout.chunks or (1,)) * layout.dtype.itemsize
    piece = max(BLOCK_BYTES, chunk) * layout.unpacked
    done, entries = 0, Entries(layout.matrix_shape, reader.label, layout.decoding)
    for tile, block in apart(partial(_tiles, reader), reader.label, piece):
        entries.store(block, stored[tile], partial(layout.place, tile))
        done += block.size
        told(done / out.size)
    entries.require()
    return out


def _tiles(reader: TiledReader) -> Iterator[Piece]:
    shape, step = reader.layout.shape, reader.layout.chunks or (1, *reader.layout.shape[1:])
    with reader.opened() as array:
        for tile in tiles(shape, step, reader.layout.dtype.itemsize):
            yield Piece(tile, reader.fetch(array, tile))


def tiles(shape: tuple[int, ...], step: tuple[int, ...], itemsize: int) -> Iterator[Tile]:
    """Cut an array into tiles of whole steps (chunks), each of about BLOCK_BYTES or one step.

    Each chunk lies in one tile, so it is decompressed once, whatever the chunk cache holds.

    >>> list(tiles((3, 4), (2, 4), 8))
    [(slice(0, 3, None), slice(0, 4, None))]
    """
    room = BLOCK_BYTES // itemsize
    size = [min(pair) for pair in zip(step, shape, strict=True)]
    for axis in reversed(range(len(shape))):
        longer = size[axis] * max(1, room // prod(size))
        whole = prod(size) // size[axis] * shape[axis] <= room
        size[axis] = shape[axis] if whole else longer
        if not whole:
            break
    starts = [range(0, length, part) for length, part in zip(shape, size, strict=True)]
    for corner in product(*starts):
        yield tuple(
            slice(start, min(length, start + part))
            for start, length, part in zip(corner, shape, size, strict=True)
        )
