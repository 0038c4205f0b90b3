"""A dense HDF5 dataset, 2-D, of points or a slice of a stack, read chunk by chunk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from mfact.core import Array
from mfact.errors import DataError
from mfact.matrices.conventions.packing import packing
from mfact.matrices.hdf5 import objects
from mfact.matrices.hdf5.kinds import elements
from mfact.matrices.hdf5.members import Said, text
from mfact.matrices.layout import Layout, Tile
from mfact.matrices.parts import check_planar, fixed, kept
from mfact.matrices.seen import Seen, changed
from mfact.matrices.spec import Part
from mfact.matrices.tiled import read_tiled
from mfact.matrices.values import Told, check_fits, check_shape, silent
from mfact.words import printable

_MATLAB_NUMBERS = re.compile(r"double|single|logical|u?int(8|16|32|64)")


@dataclass(frozen=True)
class Meant:
    """What the surroundings of a dataset say of it, which it does not say itself.

    reversed: its writer lists lengths in the other order (Octave, JLD2); MATLAB's datasets say so
    themselves. field: of its records, the one that holds the numbers (a table of pandas). part:
    that was asked for. fills: values that mark an entry as missing in any dataset of such a file
    (netCDF-4).
    """

    reversed: bool = False
    field: str | None = None
    part: Part | None = None
    fills: tuple[Any, ...] = ()


ITSELF = Meant()
"""The dataset says all there is to say."""


@dataclass(frozen=True)
class DenseReader:
    """A dataset by its path in a file that has been looked at; the file is opened anew."""

    file: Seen
    dataset: str
    layout: Layout
    follow_links: bool
    label: str
    meant: Meant = ITSELF

    def read(self, dtype: np.dtype[Any], told: Told = silent) -> Array:
        return read_tiled(self, dtype, told)

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """The open h5py.Dataset, checked to be what it was when it was looked at."""
        import h5py

        with objects.open_file(self.file, self.label) as file:
            found = objects.resolve(objects.root(file), self.dataset, self.follow_links, self.label)
            anew = inspect_dense(found, self.follow_links, self.label, True, self.meant)
            if anew != self.layout:
                raise changed(self.label)
            yield h5py.Dataset(found)

    def fetch(self, array: Any, tile: Tile, out: Array | None = None) -> Array:
        """A tile of the open h5py.Dataset, into out where that is given, of C order."""
        where, found = self.layout.where(tile), self.layout.elements
        outer = len(where) - len(found.inner)
        if found.plain:
            if out is None:
                out = np.empty([part.stop - part.start for part in tile], found.dtype)
            _read_direct(array, where, out)
            return out
        block = found.read(array, where[:outer])[(..., *where[outer:])]
        if out is None:
            return block
        out[...] = block
        return out


def _read_direct(dataset: Any, where: tuple[slice | int, ...], out: Array) -> None:
    """Numbers as out has them, by HDF5; opaque bytes as they are, whatever their tag."""
    from h5py import h5s

    parts = [part if isinstance(part, slice) else slice(part, part + 1) for part in where]
    space = dataset.id.get_space()
    space.select_hyperslab(
        tuple(part.start for part in parts), tuple(part.stop - part.start for part in parts)
    )
    kind = dataset.id.get_type() if out.dtype.kind == "V" else None
    dataset.id.read(h5s.create_simple(out.shape), space, out, kind)


def inspect_dense(
    dataset: Any, follow_links: bool, label: str, points: bool = False, meant: Meant = ITSELF
) -> Layout:
    """Look at a dataset identifier and refuse what cannot be a matrix. Nothing is read.

    Raises DataError for kinds and shapes that are not taken and for values in other files,
    MissingPackageError for a compression that cannot be undone here.
    """
    objects.check_own_data(dataset, follow_links, label)
    matlab = text(dataset, "MATLAB_class")
    if matlab is not None and not _MATLAB_NUMBERS.fullmatch(matlab):
        raise DataError(f"{label} is a MATLAB {printable(matlab)} array", "save a numeric matrix")
    if matlab is not None and objects.attribute(dataset, "MATLAB_empty"):
        raise DataError(f"{label} is an empty MATLAB array", "pass a matrix with entries")
    if dataset.shape is None:
        raise DataError(f"{label} is a null dataset, without entries", "pass a matrix with entries")
    rank, turn = len(dataset.shape), -1 if matlab is not None or meant.reversed else 1
    found = elements(dataset.get_type(), label, meant.field, rank)
    given = (*dataset.shape[::turn], *found.inner)  # as its writer has it
    index = fixed(meant.part, given, label)
    fold = points or (meant.part is not None and meant.part.fold)
    if not fold:
        check_planar(given, index, turn < 0, label)
    check_shape(kept(given, index), label, fold)
    objects.check_filters(dataset, label)
    decoding, told = packing(Said(dataset), found, meant.fills, label)
    written = objects.kept_elsewhere(dataset) or dataset.get_storage_size() > 0
    unwritten = "" if written else "nothing was ever written to it, so each entry is its fill value"
    layout = Layout(
        shape=(*dataset.shape, *found.inner),
        elements=found,
        chunks=None,
        transposed=turn < 0,
        decoding=decoding or found.decoding,
        notes=tuple(f"{label}: {note}" for note in (found.note, *told, unwritten) if note),
    )
    return _cut(dataset, layout, (*index[:rank][::turn], *index[rank:]), label)


def _cut(dataset: Any, layout: Layout, index: tuple[int | None, ...], label: str) -> Layout:
    """The layout of a slice, () for the whole, and how the file cuts it into chunks.

    index: of each axis as stored.
    """
    from h5py import h5d

    layout = replace(layout, shape=kept(layout.shape, index), fixed=index)
    properties = dataset.get_create_plist()
    if properties.get_layout() != h5d.CHUNKED:
        return layout
    chunk = properties.get_chunk()
    size = prod(chunk) * dataset.get_type().get_size()
    check_fits(size, label)
    chunks = kept((*chunk, *layout.elements.inner), index)
    unpacked = -(-size // (prod(chunks) * layout.dtype.itemsize))
    return replace(layout, chunks=chunks, unpacked=unpacked)
