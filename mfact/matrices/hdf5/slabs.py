"""Slabs of a dense HDF5 dataset: one look tells where its bytes lie, and who can read them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from mfact.core import Array
from mfact.matrices.apart import Piece, apart
from mfact.matrices.chunks import NOWHERE, PLACE, Table, across, chunked
from mfact.matrices.cuts import Stored, cut_across
from mfact.matrices.decoded import decoded
from mfact.matrices.extents import Extents, check_inside, contiguous
from mfact.matrices.hdf5.dense import DenseReader
from mfact.matrices.layout import Layout
from mfact.matrices.readers import ReadersApart
from mfact.matrices.seen import Seen
from mfact.matrices.slabs import Slabs
from mfact.matrices.unpacking import FILTERS, SHUFFLE, applied, damaged

_MOST_CHUNKS = 1 << 20
"""A table of more takes seconds, and its chunks are so small that HDF5 is not slower."""

_NOTE_BYTES = 100
"""That a chunk in the table counts for in the time that the look may take."""


def slabs(reader: DenseReader, block_bytes: int) -> Slabs:
    """A 2-D array in slabs: by offset where no library is needed to read it, else apart."""
    import h5py  # noqa: F401  # here, so that the child finds it already imported

    layout, decoding = reader.layout, reader.layout.decoding
    if decoding is not None:
        block_bytes = block_bytes * layout.dtype.itemsize // decoding.kind.itemsize
    chunks = prod(layout.shape) // prod(layout.chunks or layout.shape)
    (piece,) = apart(partial(_look, reader, block_bytes), reader.label, _NOTE_BYTES * chunks)
    found: Slabs = piece.note
    return found if decoding is None else decoded(found, decoding)


def _look(reader: DenseReader, block_bytes: int) -> Iterator[Piece]:
    layout = reader.layout
    height, width = layout.shape
    stored = Stored((height, width), layout.dtype, layout.turned, reader.label)
    with reader.opened() as dataset:
        found: Slabs | None = None
        if layout.plain:
            found = _extents(dataset, reader, stored, block_bytes)
        if found is None:
            chunk = layout.chunks or (1, width)
            axis = across(stored, (chunk[0], chunk[1]))
            size = _storage_bytes(dataset, stored, layout)
            fields = cut_across(stored, axis, chunk[axis], block_bytes, file_bytes=size)
            found = ReadersApart(**fields, reader=reader)
        yield Piece(found, None)


def _extents(dataset: Any, reader: DenseReader, stored: Stored, block_bytes: int) -> Extents | None:
    """Slabs by offset; None where the bytes of the file are not those of the array, or unknown."""
    from h5py import h5d, h5t

    properties, kind = dataset.id.get_create_plist(), dataset.id.get_type()
    form = properties.get_layout()
    same = stored.dtype.kind == "V" or kind.equal(h5t.py_create(stored.dtype, logical=True))
    if properties.get_external_count() or not same:
        return None
    file, base = _holder(dataset, reader.file)
    if form == h5d.CONTIGUOUS:
        offset = dataset.id.get_offset()  # None where nothing was ever written
        return None if offset is None else contiguous(stored, file, offset, block_bytes)
    filters = _filters(properties, stored.dtype.itemsize)
    if form != h5d.CHUNKED or filters is None or dataset.id.get_num_chunks() > _MOST_CHUNKS:
        return None
    places = _places(dataset, filters, stored, file, base)
    if places is None:
        return None
    table = Table(dataset.chunks, places, filters, _missing(dataset, reader, places))
    return chunked(stored, file, table, block_bytes)


def _filters(properties: Any, item: int) -> tuple[int, ...] | None:
    """Their numbers, where all are undone here and follow each other as they do here."""
    found = [properties.get_filter(index) for index in range(properties.get_nfilters())]
    codes = tuple(int(code) for code, *_ in found)
    shuffles = (values[0] for code, _, values, _ in found if code == SHUFFLE)
    known = codes == tuple(code for code in FILTERS if code in codes)
    return codes if known and all(of == item for of in shuffles) else None


def _places(
    dataset: Any, filters: tuple[int, ...], stored: Stored, file: Seen, base: int
) -> Array | None:
    """PLACE of all chunks, each checked; None where HDF5 does not tell, or in too new a way."""
    (height, width), (rows, columns) = dataset.chunks, stored.shape
    places = np.zeros((-(-rows // height), -(-columns // width)), PLACE)
    places["offset"] = NOWHERE
    whole = height * width * stored.dtype.itemsize
    plain = []  # of chunks at the border: whether they look as if no filter had seen them

    def note(chunk: Any) -> None:
        row, column = chunk.chunk_offset
        offset, size, mask = chunk.byte_offset + base, chunk.size, chunk.filter_mask
        if row >= rows or column >= columns:  # nobody reads it
            return
        check_inside(offset, size, file, stored.label)
        left = applied(filters, mask)
        if size != whole and not left:
            raise damaged(stored.label)
        if row + height > rows or column + width > columns:
            plain.append(bool(left) and size == whole)
        places[row // height, column // width] = offset, size, mask

    try:
        each = dataset.id.chunk_iter
    except AttributeError:  # HDF5 before 1.14
        return None
    each(note)
    # A dataset may be made so that no chunk at the border is packed, and says so nowhere.
    return None if plain and all(plain) else places


def _missing(dataset: Any, reader: DenseReader, places: Array) -> Array:
    """What HDF5 gives for a chunk that was never written."""
    value: Array = np.zeros((1, 1), reader.layout.dtype)
    absent = np.argwhere(places["offset"] == NOWHERE)
    if len(absent):
        row, column = (int(at) for at in absent[0] * dataset.chunks)
        value = reader.fetch(dataset, np.s_[row : row + 1, column : column + 1])
    return value.reshape(())


def _holder(dataset: Any, file: Seen) -> tuple[Seen, int]:
    """The file that a dataset lies in, another one where a link was followed, and what is to be
    added to the offsets of its chunks."""
    from h5py import h5f, h5i

    holder = h5i.get_file_id(dataset.id)
    status = os.fstat(holder.get_vfd_handle())
    if (status.st_dev, status.st_ino) != (file.device, file.inode):
        file = Seen.of(Path(os.fsdecode(h5f.get_name(holder))).absolute(), status)
    block = holder.get_create_plist().get_userblock()
    return file, 0 if not block or _counts_the_user_block() else block


def _counts_the_user_block() -> bool:
    """Whether offsets of chunks are from the beginning of a file, as in HDF5 2.0, or from the end
    of its user block, as in 1.14.2: tried on files in memory.
    """
    import h5py

    found: list[int] = []
    for block in (0, 512):
        with h5py.File(
            f"block {block}", "w", driver="core", backing_store=False, userblock_size=block
        ) as file:
            dataset = file.create_dataset("M", data=np.ones((1, 1), "u1"), chunks=(1, 1))
            file.flush()
            dataset.id.chunk_iter(lambda chunk: found.append(chunk.byte_offset))
    return found[0] != found[1]


def _storage_bytes(dataset: Any, stored: Stored, layout: Layout) -> int:
    """That the values take in files; those put together from other files, and those of a slice,
    count as they are."""
    from h5py import h5d

    if layout.fixed or dataset.id.get_create_plist().get_layout() == h5d.VIRTUAL:
        return stored.shape[0] * stored.line_bytes(0)
    return int(dataset.id.get_storage_size())
