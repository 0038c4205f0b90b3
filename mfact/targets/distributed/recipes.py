"""A matrix in a file as any process finds it again, and knows that it is the same."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mfact.errors import MfactError, StorageError
from mfact.host.pools import blas_pools
from mfact.matrices.slabs import Slabs
from mfact.matrices.source import MatrixSource, open_matrix
from mfact.targets.pieces import Pieces
from mfact.targets.reading import shards
from mfact.words import printable


@dataclass(frozen=True)
class Recipe:
    """How any process finds M again, and knows that it is the same.

    path: absolute. size, changed: of the file, bytes and whole seconds, which copies between
    machines keep. slabs: how many, of about block_bytes each; cuts: a digest of where they are cut,
    for there may be a million.
    """

    path: str
    dataset: str | None
    follow_links: bool
    transpose: bool
    dtype: str
    block_bytes: int
    size: int
    changed: int
    shape: tuple[int, int]
    slabs: int
    cuts: str

    @classmethod
    def of(cls, source: MatrixSource, slabs: Slabs, dtype: str, block_bytes: int) -> Recipe:
        """Of a matrix that has been looked at, and cut. Raises StorageError where it is gone."""
        path = str(Path(source.path).absolute())
        return cls(
            path, source.dataset, source.follow_links, source.transpose, dtype, block_bytes,
            *_told_by_system(path), slabs.shape, len(slabs.cuts) - 1, _digest(slabs),
        )  # fmt: skip

    def shard(self, number: int) -> range:
        """The slabs of a shard."""
        return _shards(self.slabs)[number]

    def pieces(self) -> Pieces:
        """The matrix, opened here. Raises StorageError where it cannot be seen, or is another."""
        if _told_by_system(self.path) != (self.size, self.changed):
            raise StorageError(
                f"{printable(self.path)} was changed since it was looked at, or is another there",
                "let all workers see the same file, and leave it as it is",
            )
        return _opened(self)


@lru_cache(maxsize=8)
def _shards(slabs: int) -> tuple[range, ...]:
    return tuple(shards(slabs))


@lru_cache(maxsize=8)
def _opened(recipe: Recipe) -> Pieces:
    source = open_matrix(
        recipe.path,
        dataset=recipe.dataset,
        follow_links=recipe.follow_links,
        transpose=recipe.transpose,
    )
    slabs = source.slabs(recipe.block_bytes)
    if slabs is None or (_digest(slabs), slabs.shape) != (recipe.cuts, recipe.shape):
        raise StorageError(
            f"{printable(recipe.path)} holds another matrix there",
            "let all workers see the same file",
        )
    return Pieces(slabs, np.dtype(recipe.dtype))


def _digest(slabs: Slabs) -> str:
    told = np.array([*slabs.cuts, slabs.columns], np.int64).tobytes() + str(slabs.stored).encode()
    return sha256(told).hexdigest()


def _told_by_system(path: str) -> tuple[int, int]:
    try:
        status = Path(path).stat()
    except OSError as error:
        raise StorageError(
            f"{printable(path)} cannot be seen: {error.strerror}",
            "keep it where all workers can read it, under the same path",
        ) from error
    return status.st_size, int(status.st_mtime)


USABLE = 0.8
"""Of the memory of a worker, for shards: the rest for what comes of them in a pass."""


class Witness(NamedTuple):
    """What a worker says of itself. refused: why it cannot take part, in words, or ""; blas: the
    processors that its libraries multiply for; usable: share of its memory, before Dask would put
    results on a disk, or have it wait."""

    refused: str
    blas: tuple[str, ...]
    usable: float


def witness(recipe: Recipe) -> Witness:
    """Whether the worker that runs this sees the matrix."""
    import dask

    blas = tuple(sorted({str(getattr(pool, "architecture", "")) for pool in blas_pools()}))
    limits = (dask.config.get(f"distributed.worker.memory.{name}", None) or 1.0
              for name in ("target", "spill", "pause"))  # fmt: skip
    usable, refused = min(USABLE, *map(float, limits)), ""
    try:
        recipe.pieces()
    except MfactError as error:
        refused = error.sentence
    return Witness(refused, blas, usable)
