"""An array that lies in one piece, in a file or in a member of one: read in blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import prod
from typing import Any

import numpy as np

from mfact.core import Array
from mfact.matrices.arrays.picked import Picked
from mfact.matrices.arrays.stored import Numbers, Stream
from mfact.matrices.cuts import Stored
from mfact.matrices.decoded import decoded
from mfact.matrices.decoding import Decoding
from mfact.matrices.extents import contiguous
from mfact.matrices.missing import Entries
from mfact.matrices.seen import Seen, cut_short
from mfact.matrices.slabs import Slabs
from mfact.matrices.values import (
    BLOCK_BYTES,
    Look,
    Told,
    new_matrix,
    silent,
)

_HERE = 1  # whence of seek()

Opened = Callable[[], AbstractContextManager[Stream]]
"""The stream of an array, at its first byte; StorageError where it is not what was looked at."""


@dataclass(frozen=True)
class LaidReader:
    """The part of an array that is a matrix."""

    opened: Opened
    picked: Picked
    decoding: Decoding | None
    label: str

    def read(self, dtype: np.dtype[Any], told: Told = silent) -> Array:
        with self.opened() as stream:
            return read_matrix(stream, self.picked, dtype, self.label, told, self.decoding)

    def slabs(self, file: Seen, block_bytes: int) -> Slabs:
        """The same of an array that stands in the file as it is, its lines whole."""
        with self.opened():
            pass  # it is still what it was
        part, decoding = self.picked, self.decoding
        if decoding is not None:
            block_bytes = block_bytes * part.dtype.itemsize // decoding.kind.itemsize
        d1, d2 = part.lengths
        stored = Stored((d1, d2), part.dtype, part.transposed, self.label)
        found: Slabs = contiguous(stored, file, part.offset, block_bytes)
        return found if decoding is None else decoded(found, decoding)


def read_matrix(
    stream: Stream,
    part: Picked,
    dtype: np.dtype[Any],
    label: str,
    told: Told = silent,
    decoding: Decoding | None = None,
) -> Array:
    """Read a part of an array, at whose first byte the stream stands, into one matrix of dtype.

    The order is kept; what is folded from Fortran order is scattered over one of C order.
    """
    order = "F" if part.transposed and len(part.axes) == 2 else "C"
    out = new_matrix(part.shape, dtype, order, label)
    array = out.reshape(part.axes)
    whole = array.T if part.transposed else array
    direct = decoding is None and part.whole and part.dtype == dtype and whole.flags.c_contiguous
    count = max(1, BLOCK_BYTES // part.dtype.itemsize)
    room = np.empty(0 if direct else min(count, prod(part.lengths)), part.dtype)
    entries = Entries(part.shape, label, decoding)
    stream.seek(part.skipped, _HERE)
    done = 0
    for piece in _pieces(part.lengths, count):
        lengths = [axis.stop - axis.start for axis in piece]
        own, size = part.within(piece), prod(lengths)
        if own is None:
            stream.seek(size * part.dtype.itemsize, _HERE)
        else:
            target = whole[part.left(piece)]
            block = target if direct else room[:size].reshape(lengths)
            read_exactly(stream, block.reshape(-1), label)
            entries.store(block if direct else block[own], target, partial(part.place, piece))
        done += size
        told(done / prod(part.lengths))
    entries.require()
    return out


def _pieces(lengths: tuple[int, ...], most: int) -> Iterator[tuple[slice, ...]]:
    """An array in C order cut into pieces of at most `most` entries, one behind the other.

    >>> list(_pieces((2, 3), 4))
    [(slice(0, 1, None), slice(0, 3, None)), (slice(1, 2, None), slice(0, 3, None))]
    """
    steps, left = [], most
    for length in reversed(lengths):
        steps.append(max(1, min(length, left)))
        left = left // length if left >= length else 0
    starts = [range(0, n, step) for n, step in zip(lengths, reversed(steps), strict=True)]
    for corner in product(*starts):
        yield tuple(
            slice(start, min(n, start + axis.step))
            for start, n, axis in zip(corner, lengths, starts, strict=True)
        )


def read_exactly(stream: Stream, block: Array, label: str) -> None:
    """Fill a 1-D array from a stream. Raises StorageError where that ends too early."""
    view = block.view(np.uint8).data
    done = 0
    while done < len(view):
        got = stream.readinto(view[done : done + BLOCK_BYTES])
        if not got:
            raise cut_short(label)
        done += got


def looked_at(
    format: str,
    dataset: str | None,
    numbers: Numbers,
    part: Picked,
    opened: Opened,
    label: str,
    *,
    file: Seen | None = None,
    notes: tuple[str, ...] = (),
) -> Look:
    """What there is to tell of the part of an array that was picked.

    file: that it stands in as it is, to be read in slabs; None for a member that is unpacked.
    """
    reader = LaidReader(opened, part, numbers.decoding, label)
    return Look(
        format,
        dataset,
        part.shape,
        numbers.stored,
        part.order,
        reader,
        cut=partial(reader.slabs, file) if file is not None and part.in_lines else None,
        naming=numbers.naming if part.shape == numbers.laid.shape else None,
        notes=(*notes, *filter(None, [numbers.note])),
    )
