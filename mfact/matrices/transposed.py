"""A matrix whose writer lists its lengths reversed: read as it lies, and handed on as Mᵀ."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import numpy as np

from mfact.core import Array, Names
from mfact.matrices.decoded import Decoded, decoded
from mfact.matrices.missing import NotFinite
from mfact.matrices.slabs import Fetcher, Like, Slabs
from mfact.matrices.values import Look, Reader, SparseReader, Told, silent

_ORDERS = {"C": "F", "F": "C", "CSR": "CSC", "CSC": "CSR"}
_CHUNKS = re.compile(r"chunked \((\d+), (\d+)\)")


def transposed(look: Look) -> Look:
    """The transpose of what was looked at, by the same reader."""
    reader = _Sparse(look.reader) if look.sparse else _Dense(look.reader)
    return replace(
        look,
        shape=look.shape[::-1],
        order=_ORDERS.get(look.order) or _CHUNKS.sub(r"chunked (\2, \1)", look.order),
        reader=reader,
        cut=None if look.cut is None else partial(_cut, look.cut),
        naming=None if look.naming is None else partial(_named, look.naming),
    )


@dataclass(frozen=True)
class _Dense:
    of: Reader

    def read(self, dtype: np.dtype[Any], told: Told = silent) -> Any:
        with _places_turned():
            return self.of.read(dtype, told).T


@dataclass(frozen=True)
class _Sparse:
    of: Reader

    @property
    def entries(self) -> int:
        return cast(SparseReader, self.of).entries

    def read(self, dtype: np.dtype[Any], told: Told = silent, *, occupied: bool = False) -> Any:
        with _places_turned():
            of = cast(SparseReader, self.of)
            read = of.read(dtype, told, occupied=True) if occupied else of.read(dtype, told)
        return read.T.tocsr()


@dataclass(frozen=True, eq=False)
class _Slabs(Like):
    """The same slabs, turned: rows for columns."""

    @property
    def shape(self) -> tuple[int, int]:
        return self.of.shape[1], self.of.shape[0]

    @property
    def columns(self) -> bool:
        return not self.of.columns

    @contextmanager
    def opened(self, readers: int) -> Iterator[_Fetcher]:
        with self.of.opened(readers) as fetcher:
            yield _Fetcher(fetcher)

    def place(self, slab: int, index: tuple[int, ...]) -> tuple[int, int]:
        row, column = self.of.place(slab, index[::-1])
        return column, row


@dataclass(frozen=True)
class _Fetcher:
    of: Fetcher

    def fetch(self, slab: int, room: Array) -> Array:
        return self.of.fetch(slab, room).T


def _cut(cut: Any, block_bytes: int) -> Slabs:
    found = cut(block_bytes)
    if isinstance(found, Decoded):
        return decoded(_Slabs(found.of), found.decoding)
    return _Slabs(found)


def _named(naming: Any) -> Names:
    found: Names = naming()
    return Names(found.columns, found.rows)


@contextmanager
def _places_turned() -> Iterator[None]:
    """Rows for columns in what is said of entries."""
    try:
        yield
    except NotFinite as error:
        if error.found is None:
            raise
        raise error.found.flipped().error() from None
