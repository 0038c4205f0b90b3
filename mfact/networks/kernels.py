"""What each layer does to a tile of points, in buffers that are kept: sample last, C×H×W×b."""

from __future__ import annotations

from typing import Protocol

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
        C, H, W = stage.given
        K, oh, ow = stage.made
        (kh, kw), (ph, pw) = layer.kernel, layer.padding
        self.layer, self.activation = layer, layer.activation
        self.size, self.grid = (H, W), (oh, ow)
        self.padded = np.zeros((C, H + 2 * ph, W + 2 * pw, width), dtype)
        self.patches = np.empty((C, kh, kw, oh, ow, width), dtype)
        self.slopes: Array | None = None  # of the patches; made when asked for
        self.back: Array | None = None
        self.z = np.empty((K, oh, ow, width), dtype)
        self.out = self.z if self.activation.is_linear else np.empty_like(self.z)
        self.kept = self.activation.room(self.z.shape, dtype)

    def fill(self, x: Array) -> None:
        """The patches of x, C×H×W×b."""
        self._inner(self.padded)[...] = x
        for i, j in self._places():
            self.patches[:, i, j] = self._seen(self.padded, i, j)

    def forward(self, x: Array, parts: Parts) -> None:
        self.fill(x)
        V, z = parts[0].reshape(len(parts[0]), -1), self.z.reshape(len(self.z), -1)
        np.matmul(V, self._flat(self.patches), out=z)
        if len(parts) > 1:
            z += parts[1][:, None]
        self.activation.forward(self.z, self.out, self.kept)

    def backward(
        self, delta: Array, x: Array, parts: Parts, grads: Parts, into: Array | None
    ) -> None:
        self.activation.backward(delta, self.z, self.kept)
        D = delta.reshape(len(delta), -1)
        np.matmul(D, self._flat(self.patches).T, out=grads[0].reshape(len(D), -1))
        if len(parts) > 1:
            np.add.reduce(D, axis=1, out=grads[1])
        if into is None:
            return
        if self.slopes is None or self.back is None:
            self.slopes, self.back = np.empty_like(self.patches), np.empty_like(self.padded)
        np.matmul(parts[0].reshape(len(D), -1).T, D, out=self._flat(self.slopes))
        self.back[...] = 0
        for i, j in self._places():
            seen = self._seen(self.back, i, j)
            seen += self.slopes[:, i, j]
        into[...] = self._inner(self.back)

    def _places(self) -> list[tuple[int, int]]:
        kh, kw = self.layer.kernel
        return [(i, j) for i in range(kh) for j in range(kw)]

    def _flat(self, patches: Array) -> Array:
        return patches.reshape(int(np.prod(patches.shape[:3])), -1)

    def _inner(self, padded: Array) -> Array:
        (ph, pw), (H, W) = self.layer.padding, self.size
        return padded[:, ph : ph + H, pw : pw + W]

    def _seen(self, padded: Array, i: int, j: int) -> Array:
        """What the kernel's entry (i, j) sees, over the grid that comes out."""
        (sh, sw), (oh, ow) = self.layer.stride, self.grid
        return padded[:, i : i + sh * (oh - 1) + 1 : sh, j : j + sw * (ow - 1) + 1 : sw]


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
