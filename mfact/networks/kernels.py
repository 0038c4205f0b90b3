"""What each layer does to a tile of points, in buffers that are kept: sample last, C×H×W×b."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from mfact.core import Array, Kind
from mfact.networks.architecture import Stage
from mfact.networks.layers import Conv, Dense, Flatten, Pool

Parts = tuple[Array, ...]
"""(W,) or (W, b) of a layer; () of one without weights."""


class Kernel(Protocol):
    """One stage on tiles of b points.

    out: where forward() leaves φ(z), of the stage's shape and b.
    """

    out: Array

    def forward(self, x: Array, parts: Parts) -> None:
        """out ← φ(z(x))."""

    def backward(
        self, delta: Array, x: Array, parts: Parts, grads: Parts, into: Array | None
    ) -> None:
        """From delta = ∂L/∂out, which is used up: grads ← ∂L/∂parts, into ← ∂L/∂x."""  # fmt: skip


class DenseKernel:
    """z = Wx + b: x is n×b, in any order."""

    def __init__(self, stage: Stage, width: int, dtype: Kind) -> None:
        self.activation = stage.layer.activation
        shape = (stage.made[0], width)
        self.z = np.empty(shape, dtype)
        self.out = self.z if self.activation.is_linear else np.empty(shape, dtype)
        self.kept = self.activation.room(shape, dtype)

    def forward(self, x: Array, parts: Parts) -> None:
        np.matmul(parts[0], x, out=self.z)
        if len(parts) > 1:
            self.z += parts[1][:, None]
        self.activation.forward(self.z, self.out, self.kept)

    def backward(
        self, delta: Array, x: Array, parts: Parts, grads: Parts, into: Array | None
    ) -> None:
        self.activation.backward(delta, self.z, self.kept)
        np.matmul(delta, x.T, out=grads[0])
        if len(parts) > 1:
            np.add.reduce(delta, axis=1, out=grads[1])
        if into is not None:
            np.matmul(parts[0].T, delta, out=into)


class ConvKernel:
    """z = V P + b by GEMM, P the patches (C·kh·kw)×(oh·ow·b), filled by kh·kw strided copies."""

    def __init__(self, stage: Stage, width: int, dtype: Kind) -> None:
        layer = stage.layer
        assert isinstance(layer, Conv)
        self.activation = layer.activation
        sizes = (layer.kernel, layer.stride, layer.padding, stage.given[1:], stage.made[1:])
        down, across = (
            [_seen(i, *rest) for i in range(k)] for k, *rest in zip(*sizes, strict=True)
        )
        # (i, j) of the kernel, where on the grid that comes out, and what it sees there.
        self.places = [
            ((slice(None), i, j, y.out, x.out), (slice(None), y.given, x.given))
            for i, y in enumerate(down)
            for j, x in enumerate(across)
        ]
        # Where a kernel's entry sees the padding, these stay zero.
        self.patches = np.zeros((stage.given[0], *layer.kernel, *stage.made[1:], width), dtype)
        self.slopes: Array | None = None  # of the patches; made when asked for
        self.z = np.empty((*stage.made, width), dtype)
        self.out = self.z if self.activation.is_linear else np.empty_like(self.z)
        self.kept = self.activation.room(self.z.shape, dtype)

    def forward(self, x: Array, parts: Parts) -> None:
        for out, given in self.places:
            self.patches[out] = x[given]
        V, z = parts[0].reshape(len(parts[0]), -1), self.z.reshape(len(self.z), -1)
        np.matmul(V, self.patches.reshape(V.shape[1], -1), out=z)
        if len(parts) > 1:
            z += parts[1][:, None]
        self.activation.forward(self.z, self.out, self.kept)

    def backward(
        self, delta: Array, x: Array, parts: Parts, grads: Parts, into: Array | None
    ) -> None:
        self.activation.backward(delta, self.z, self.kept)
        D, V = delta.reshape(len(delta), -1), parts[0].reshape(len(delta), -1)
        np.matmul(D, self.patches.reshape(V.shape[1], -1).T, out=grads[0].reshape(V.shape))
        if len(parts) > 1:
            np.add.reduce(D, axis=1, out=grads[1])
        if into is None:
            return
        if self.slopes is None:
            self.slopes = np.empty_like(self.patches)
        np.matmul(V.T, D, out=self.slopes.reshape(V.shape[1], -1))
        into[...] = 0
        for out, given in self.places:
            seen = into[given]
            seen += self.slopes[out]


class _Seen(NamedTuple):
    """Along one side of the grid: places of what comes out, and the places given that they see."""

    out: slice
    given: slice


def _seen(i: int, stride: int, padding: int, given: int, made: int) -> _Seen:
    """What the i-th entry of a kernel sees: its place o sees os + i − p, where there is that."""
    first = max(0, -((i - padding) // stride))
    last = min(made, (given - 1 + padding - i) // stride + 1)
    if last <= first:
        return _Seen(slice(0), slice(0))
    start = first * stride + i - padding
    return _Seen(slice(first, last), slice(start, start + (last - first - 1) * stride + 1, stride))


class PoolKernel:
    """The largest or the mean of each window; of equal ones the first is the largest.

    The windows are copied side by side, entry by entry: all else then runs along whole arrays.
    """

    def __init__(self, stage: Stage, width: int, dtype: Kind) -> None:
        layer = stage.layer
        assert isinstance(layer, Pool)
        self.size, self.is_max = layer.size, layer.kind == "max"
        self.out = np.empty((*stage.made, width), dtype)
        self.seen = np.empty((*self.size, *self.out.shape), dtype)
        self.rows = self.seen.reshape(-1, *self.out.shape)
        self.taken = np.empty_like(self.out)

    def forward(self, x: Array, parts: Parts) -> None:
        self.seen[...] = self._windows(x)
        if self.is_max:
            np.maximum.reduce(self.rows, axis=0, out=self.out)
        else:
            np.add.reduce(self.rows, axis=0, out=self.out)
            self.out /= len(self.rows)

    def backward(
        self, delta: Array, x: Array, parts: Parts, grads: Parts, into: Array | None
    ) -> None:
        assert into is not None
        into[...] = 0  # what no window reaches
        if self.is_max:
            for row in self.rows:
                np.equal(row, self.out, out=self.taken, casting="unsafe")
                np.multiply(delta, self.taken, out=row)
                delta -= row
            self._windows(into)[...] = self.seen
        else:
            delta /= len(self.rows)
            self._windows(into)[...] = delta

    def _windows(self, x: Array) -> Array:
        """x as kh×kw×C×oh×ow×b."""
        (kh, kw), (C, oh, ow, b) = self.size, self.out.shape
        cut = x[:, : kh * oh, : kw * ow].reshape(C, oh, kh, ow, kw, b)
        return cut.transpose(2, 4, 0, 1, 3, 5)


class FlattenKernel:
    """C×H×W×b as (C·H·W)×b: the same numbers."""

    def __init__(self, stage: Stage, width: int, dtype: Kind) -> None:
        self.out = np.empty((*stage.made, width), dtype)

    def forward(self, x: Array, parts: Parts) -> None:
        self.out[...] = x.reshape(self.out.shape)

    def backward(
        self, delta: Array, x: Array, parts: Parts, grads: Parts, into: Array | None
    ) -> None:
        assert into is not None
        into[...] = delta.reshape(into.shape)


def kernel(stage: Stage, width: int, dtype: Kind) -> Kernel:
    """The kernel of a stage on tiles of that many points."""
    kinds: dict[type, type] = {
        Dense: DenseKernel,
        Conv: ConvKernel,
        Pool: PoolKernel,
        Flatten: FlattenKernel,
    }
    made: Kernel = kinds[type(stage.layer)](stage, width, dtype)
    return made
