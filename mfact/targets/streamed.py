"""A file whose matrix stays there: how it is cut, and what buffers its passes get."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from mfact.host.threads import Workers
from mfact.matrices.slabs import Slabs, length_of
from mfact.matrices.source import MatrixSource
from mfact.matrices.values import Told
from mfact.targets.blocks import READERS, BlockTarget
from mfact.targets.pieces import LEAST_PIECE, PIECE_BYTES
from mfact.targets.reading import levels

SLAB_BYTES = 32 << 20
"""Of a slab: so much that a disk reads it at full speed, so little that a few fit anywhere. It does
not depend on the memory there is, for the bits of a pass depend on it."""

LEAST_LINES, LONG_LINE = 32, 1 << 20
"""Of a slab whose lines take more bytes than that: each slab adds to sums as long as a line, for
each column that it is multiplied by, which for few lines would take longer than they do."""

BUFFER_BYTES = 256 << 20
"""Of buffers at most: as many as two threads that read and four that work have use for."""

LEAST_BUFFERS = 3
"""One is read into, one waits, one is worked on: where there is no memory for more."""

COPIES_OF_PIECES = 3
"""As converted, as float64, and the differences from it."""


@dataclass(frozen=True)
class Streamed:
    """A dense matrix in a file, cut into slabs. depth: how many of these are in memory at a time,
    during a pass.
    """

    slabs: Slabs
    depth: int

    @property
    def summed(self) -> int:
        """Lines of the side that every slab adds to: each worker has a part of these sums."""
        return length_of(self.slabs)

    @property
    def begun(self) -> int:
        """Sums of these lines that are begun at a time, beside those of workers."""
        return levels(len(self.slabs.cuts) - 1)

    @property
    def needed(self) -> int:
        """Bytes of the buffers, and of the pieces that one worker has at a time."""
        longest = max(end - start for start, end in pairwise(self.slabs.cuts))
        piece = min(max(PIECE_BYTES, 8 * LEAST_PIECE * self.summed), 8 * longest * self.summed)
        return self.depth * self.slabs.room + COPIES_OF_PIECES * piece

    def target(self, dtype: str, stored_eps: float, told: Told, workers: Workers) -> BlockTarget:
        """Nothing is read before the first pass."""
        d1, d2 = self.slabs.shape
        packed = self.slabs.file_bytes < d1 * d2 * self.slabs.stored.itemsize
        # To unpack takes a processor, to read hardly any.
        readers = workers.count if packed else READERS
        depth = min(self.depth, readers + workers.count + 1)
        return BlockTarget(
            self.slabs, dtype, stored_eps, workers, depth=depth, readers=readers, told=told
        )


def cut(source: MatrixSource) -> tuple[Slabs | None, int]:
    """Its slabs, None where it cannot be read in parts, and about how many bytes each was to have:
    by the file alone. Raises what MatrixSource.slabs raises.
    """
    slabs = source.slabs(SLAB_BYTES)
    line = 0 if slabs is None else length_of(slabs) * slabs.stored.itemsize
    if line <= LONG_LINE:
        return slabs, SLAB_BYTES
    return source.slabs(LEAST_LINES * line), LEAST_LINES * line


def streamed(source: MatrixSource) -> list[Streamed]:
    """The matrix of a file that can be read in parts, with all buffers of use and with the least;
    none of one that cannot.

    Raises StorageError for a file that is damaged, or not the one that was looked at.
    """
    slabs, _ = cut(source)
    if slabs is None:
        return []
    depths = (max(LEAST_BUFFERS, BUFFER_BYTES // slabs.room), LEAST_BUFFERS)
    fewer = dict.fromkeys(min(depth, len(slabs.cuts) - 1) for depth in depths)
    return [Streamed(slabs, depth) for depth in fewer]
