"""A sparse matrix whose arrays a child process reads piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from mfact.core import Kind
from mfact.matrices import by_hand
from mfact.matrices.apart import Piece, apart
from mfact.matrices.values import BLOCK_BYTES, Told, check_fits, refuse_memory


@dataclass(frozen=True)
class Group:
    """Where the arrays of a sparse matrix stand in a group.

    family: "h5ad", "10x", "matlab", "hdf5" or "zarr". major: "CSR", "CSC" or "COO". names, shapes:
    of the values, then of what by_hand.Kept calls places. notes: on how they were understood.
    """

    family: str
    major: str
    shape: tuple[int, int]
    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    dtype: Kind
    notes: tuple[str, ...] = ()

    @property
    def entries(self) -> int:
        return self.shapes[0][0]


def read_gathered(
    group: Group, pieces: Callable[[], Iterator[Piece]], dtype: Kind, told: Told, label: str, *,
    occupied: bool,
) -> Any:  # fmt: skip
    """The csr_array of a group, in dtype.

    pieces: for the child; each of a note (name, place of the first line) and some lines.
    """
    index = np.dtype(np.int64)
    kinds = (dtype, *(index for _ in group.shapes[1:]))
    sizes = [prod(shape) * kind.itemsize for shape, kind in zip(group.shapes, kinds, strict=True)]
    check_fits(sum(sizes) + BLOCK_BYTES, label)
    try:
        arrays = [np.empty(*each) for each in zip(group.shapes, kinds, strict=True)]
    except (MemoryError, ValueError):
        refuse_memory(label)
    by_name = dict(zip(group.names, arrays, strict=True))
    done = 0
    with np.errstate(over="ignore", invalid="ignore"):
        for (name, start), block in apart(pieces, label, max(sizes)):
            by_name[name][start : start + len(block)] = block
            done += block.size
            told(done / sum(map(prod, group.shapes)))
    return by_hand.matrix(group.major, group.shape, arrays, label, occupied=occupied)
