"""A tile of points through the network and back; chunks of tiles, each a task of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from mfact.core import Array, Kind
from mfact.networks.architecture import Architecture
from mfact.networks.kernels import DenseKernel, Parts, kernel
from mfact.networks.losses import Loss

CHUNKS = 4
LEAST_CHUNK, LEAST_GRID_CHUNK = 128, 16
"""Points below which more chunks cost more than they bring; those on a grid take longer."""

GRID_TILE = 64
"""Bytes of the points of a tile where there are convolutions: a line of the cache, and the patches
of so few points stay in it.
"""

DENSE_TILE = 1024
"""Points a tile where there are none: what a loss allocates for each point stays small."""

BUFFER = 1024
"""Numbers that NumPy copies at a time where it works on arrays with gaps: its own 8192 of each
array leave the first cache, and take 190 KB where a convolution's slopes are added up.
"""


def even(count: int, *, grids: bool = False) -> list[slice]:
    """So many points cut into chunks, whatever the number of workers."""
    least = LEAST_GRID_CHUNK if grids else LEAST_CHUNK
    parts = next((n for n in (CHUNKS, CHUNKS // 2) if count >= n * least), 1)
    edges = [i * count // parts for i in range(parts + 1)]
    return [slice(a, b) for a, b in pairwise(edges)]


@contextmanager
def small_buffers() -> Iterator[None]:
    """NumPy's buffers of the size above, in this thread and its workers."""
    with np.errstate():  # which puts the size back, too
        np.setbufsize(BUFFER)
        yield


class Sums(NamedTuple):
    """Over points: loss Σℓ/m; output Σ⟨f, ∂ℓ/∂f⟩/m."""

    loss: float
    output: float


class HeldKernel(DenseKernel):
    """The first layer in dual form: z = Z, n×b, which is held from step to step; δ is all that is
    asked of it.
    """

    def hold(self, Z: Array) -> None:
        """Take the array that the steps act on."""
        self.z = Z
        if self.activation.is_linear:
            self.out = Z

    def forward(self, x: Array, parts: Parts) -> None:
        self.activation.forward(self.z, self.out, self.kept)

    def backward(
        self, delta: Array, x: Array, parts: Parts, grads: Parts, into: Array | None
    ) -> None:
        self.activation.backward(delta, self.z, self.kept)


class Tile:
    """Buffers for b points at every stage."""

    def __init__(
        self, net: Architecture, loss: Loss, width: int, dtype: Kind, *, dual: bool
    ) -> None:
        stages = net.stages
        self.loss, self.width = loss, width
        self.kernels = [kernel(stage, width, dtype) for stage in stages]
        if dual:
            self.kernels[0] = HeldKernel(stages[0], width, dtype)
        self.deltas = [np.empty_like(each.out) for each in self.kernels]
        # Each stage's part of (W/1, b/1, W/2, …).
        self.slots, at = [], 0
        for stage in stages:
            count = (1 if stage.is_weighted else 0) + (1 if stage.layer.biases() else 0)
            self.slots.append(slice(at, at + count))
            at += count
        # Nothing asks for slopes before the first weights.
        self.first = next(i for i, stage in enumerate(stages) if stage.is_weighted)
        self.grid = np.empty((*net.given, width), dtype) if len(net.given) == 3 else None

    def hold(self, Z: Array, D: Array) -> None:
        """The first layer in dual form: its z, and where its δ is left, n×b."""
        held = self.kernels[0]
        assert isinstance(held, HeldKernel)
        held.hold(Z)
        self.deltas[0] = D

    def forward(self, X: Array, parts: Sequence[Array]) -> Array:
        """f, p×b, of points that are the rows of X."""
        x = self._entered(X)
        for each, slot in zip(self.kernels, self.slots, strict=True):
            each.forward(x, tuple(parts[slot]))
            x = each.out
        return x

    def run(
        self,
        X: Array,
        Y: Array,
        parts: Sequence[Array],
        grads: Sequence[Array],
        scale: float,
    ) -> Sums:
        """Forward and back: grads ← those of Σℓ·scale."""
        f, E = self.forward(X, parts), self.deltas[-1]
        value = self.loss.value(f, Y, E)
        E *= scale
        output = float(np.vdot(f, E))
        kernels, slots = self.kernels, self.slots
        for i in range(len(kernels) - 1, self.first - 1, -1):
            x = kernels[i - 1].out if i else self._entered(X, again=True)
            kernels[i].backward(
                self.deltas[i],
                x,
                tuple(parts[slots[i]]),
                tuple(grads[slots[i]]),
                self.deltas[i - 1] if i > self.first else None,
            )
        return Sums(value * scale, output)

    def _entered(self, X: Array, *, again: bool = False) -> Array:
        """The points as columns, or on their grid."""
        if self.grid is None:
            return X.T
        if not again:
            self.grid.reshape(-1, self.width)[...] = X.T
        return self.grid


class Chunk:
    """A fixed part of the points, a task of one BLAS thread.

    rows: which. grads: what they add to the gradient. tiles: by width, those of the worker that
    takes the chunk, which all its chunks share, so that they stay in its cache.
    """

    def __init__(
        self,
        net: Architecture,
        loss: Loss,
        rows: slice,
        dtype: Kind,
        shapes: Sequence[tuple[int, ...]],
        tiles: dict[int, Tile],
        *,
        dual: bool = False,
    ) -> None:
        self.rows = rows
        count = rows.stop - rows.start
        most = GRID_TILE // np.dtype(dtype).itemsize if net.has_grids else DENSE_TILE
        width = count if dual else min(most, count)
        edges = [*range(rows.start, rows.stop, width), rows.stop]
        self.cuts = [slice(a, b) for a, b in pairwise(edges)]
        widths = {cut.stop - cut.start for cut in self.cuts}
        for w in widths - tiles.keys():
            tiles[w] = Tile(net, loss, w, dtype, dual=dual)
        self.tiles = tiles
        self._held: tuple[Array, Array] | None = None
        self.grads = [np.empty(shape, dtype) for shape in shapes]
        several = len(self.cuts) > 1
        self.more = [np.empty(shape, dtype) for shape in shapes] if several else []

    def hold(self, Z: Array, D: Array) -> None:
        """In the dual form: take the first layer's z, and where to leave its δ."""
        self._held = Z, D

    def run(self, X: Array, Y: Array, parts: Sequence[Array], scale: float) -> Sums:
        """grads ← those of the chunk, tile after tile in their order."""
        loss = output = 0.0
        for i, cut in enumerate(self.cuts):
            tile = self._tile(cut)
            found = tile.run(X[cut], Y[cut], parts, self.more if i else self.grads, scale)
            loss, output = loss + found.loss, output + found.output
            for total, part in zip(self.grads, self.more if i else (), strict=False):
                total += part
        return Sums(loss, output)

    def outputs(self, X: Array, parts: Sequence[Array], into: Array) -> None:
        """into[:, rows] ← f."""
        for cut in self.cuts:
            into[:, cut] = self._tile(cut).forward(X[cut], parts)

    def _tile(self, cut: slice) -> Tile:
        tile = self.tiles[cut.stop - cut.start]
        if self._held is not None:
            tile.hold(*self._held)
        return tile
