"""L and ∇L of a network on BLAS, in place: nothing large is allocated from step to step.

The points are cut into a fixed number of chunks, whatever the number of workers; each is a task,
and what they find is added in their order, so that the bits do not depend on the workers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle

import numpy as np

from mfact.core import Array
from mfact.host.threads import Workers
from mfact.methods.in_place import add
from mfact.networks.architecture import Architecture
from mfact.networks.layers import Dense
from mfact.networks.losses import Loss
from mfact.networks.shared import Shared
from mfact.networks.tiles import Chunk, Sums, Tile, even, small_buffers


class Machine:
    """Steps on the parameters themselves.

    net: its shapes. X: points as rows, m×n₀. Y: targets m×p, or m labels. point: the arrays that
    steps act on, W_1, b_1, …, in the order of net.names. slope: ∂L/∂point, after evaluate().
    """

    def __init__(self, net: Architecture, X: Array, Y: Array, loss: Loss, workers: Workers) -> None:
        self.net, self.X, self.Y, self.loss, self.workers = net, X, Y, loss, workers
        self.dtype = X.dtype
        self._chunks: dict[int, list[Chunk]] = {}
        self._tiles: list[dict[int, Tile]] = [{} for _ in range(workers.count)]
        self._batch: dict[int, tuple[Array, Array]] = {}
        self.point = [np.zeros(shape, self.dtype) for shape in net.shapes]
        self.slope = [np.zeros(shape, self.dtype) for shape in net.shapes]
        # The parts that are stepped as they are: all but the `own` first ones.
        self.own, self.rest, self.rest_slope = 0, self.point, self.slope
        self._shared = [
            Shared(share, part.shape[0], self.dtype) if share is not None else None
            for part, share in zip(net.parts, self._ties("share"), strict=True)
        ]
        self._masks = self._ties("mask")

    def start(self, weights: Sequence[Array]) -> None:
        """Begin at these parameters, in the order of net.names."""
        for mine, given in zip(self.point, weights, strict=True):
            mine[...] = given

    def weights(self) -> tuple[Array, ...]:
        """W_1, b_1, … themselves, not to be kept."""
        return tuple(self.point)

    def load(self, point: Sequence[Array]) -> None:
        """Go to a point that kept() gave."""
        for mine, given in zip(self.point, point, strict=True):
            mine[...] = given

    def kept(self) -> tuple[Array, ...]:
        """The point as a value."""
        return tuple([part.copy() for part in self.point])

    def evaluate(self, rows: Array | None = None) -> Sums:
        """L at the point, and slope ← ∂L/∂point. rows: of the points in the batch; None: all."""
        X, Y = self.X, self.Y
        if rows is not None:
            X, Y = self._taken(rows)
        chunks, parts, scale = self._cut(len(X)), self._parts(), 1 / len(X)
        with small_buffers():
            sums = self.workers.each([partial(c.run, X, Y, parts, scale) for c in chunks])
            self._gather(chunks)
        return Sums(sum([s.loss for s in sums]), sum([s.output for s in sums]))

    def outputs(self) -> Array:
        """f of all points, p×m."""
        into, parts = np.empty((self.net.outputs, len(self.X)), self.dtype), self._parts()
        chunks = self._cut(len(self.X))
        self.workers.each([partial(c.outputs, self.X, parts, into) for c in chunks])
        return into

    def _taken(self, rows: Array) -> tuple[Array, Array]:
        """These rows of X and Y, in buffers that are kept."""
        count = len(rows)
        if count not in self._batch:
            made = (np.empty((count, *each.shape[1:]), each.dtype) for each in (self.X, self.Y))
            self._batch[count] = (next(made), next(made))
        X, Y = self._batch[count]
        # mode="clip": with "raise", NumPy would fill a copy first.
        np.take(self.X, rows, axis=0, out=X, mode="clip")
        np.take(self.Y, rows, axis=0, out=Y, mode="clip")
        return X, Y

    def _cut(self, count: int) -> list[Chunk]:
        """The chunks of so many points, made once."""
        if count not in self._chunks:
            cuts = zip(even(count, grids=self.net.has_grids), cycle(self._tiles), strict=False)
            chunks = self._chunks[count] = [self._chunk(*each) for each in cuts]
            # What the others find is added to what the first does, in the slope itself.
            for k, slope in enumerate(self.rest_slope, self.own):
                if self._shared[k] is None:
                    chunks[0].grads[k] = slope
        return self._chunks[count]

    def _chunk(self, rows: slice, tiles: dict[int, Tile]) -> Chunk:
        shapes = [part.full for part in self.net.parts]
        return Chunk(self.net, self.loss, rows, self.dtype, shapes, tiles)

    def _parts(self) -> list[Array]:
        """Each layer's matrix, those of shared weights filled in."""
        return [
            v if shared is None else shared.fill(v)
            for v, shared in zip(self.rest, self._shared[self.own :], strict=True)
        ]

    def _gather(self, chunks: Sequence[Chunk]) -> None:
        """slope ← the chunks' gradients in their order, missing and shared weights seen to."""
        for k, slope in enumerate(self.rest_slope, self.own):
            shared, mask, total = self._shared[k], self._masks[k], chunks[0].grads[k]
            for chunk in chunks[1:]:
                total += chunk.grads[k]
            if mask is not None:
                total *= mask
            if shared is not None:
                shared.gather(total, slope)

    def _ties(self, name: str) -> list[Array | None]:
        """The mask or share of each part; None where it has none."""
        return [
            getattr(part.stage.layer, name, None) if part.name.startswith("W") else None
            for part in self.net.parts
        ]


class DualMachine(Machine):
    """The first layer in dual form: Z_1 = W_1X is stepped by K = XᵀX, and W_1 = c·W_1(0) + A Xᵀ.

    With δ_1 = ∂L/∂Z_1 the gradient of W_1 is δ_1Xᵀ, so that a step of W_1 is one of (Z_1, A, c) by
    (δ_1K, δ_1, 0); momentum and weight decay are linear and the same on all three. A bias of the
    layer is one more row of ones under X. point: A (n_1×m), c, Z_1 cut into chunks, then the other
    parts. Half the first layer's flops where m < 2n_0, and all of its ledger for nothing.
    Source: mfact, derived.
    """

    def __init__(self, net: Architecture, X: Array, Y: Array, loss: Loss, workers: Workers) -> None:
        super().__init__(net, X, Y, loss, workers)
        m, first = len(X), net.weighted[0]
        self.own = 2 if first.layer.biases() else 1
        self.rest, self.rest_slope = self.point[self.own :], self.slope[self.own :]
        n = first.made[0]
        chunks = self._cut(m)
        D, DK = np.zeros((n, m), self.dtype), []
        A, c, Z = np.zeros((n, m), self.dtype), np.ones(1, self.dtype), []
        for chunk in chunks:
            width = chunk.rows.stop - chunk.rows.start
            Z.append(np.zeros((n, width), self.dtype))
            DK.append(np.zeros((n, width), self.dtype))
            chunk.hold(Z[-1], D[:, chunk.rows])
        self._K = [self._products(chunk.rows) for chunk in chunks]
        self.cuts = [chunk.rows for chunk in chunks]
        self.first, self.first_slope = [A, c, *Z], [D, np.zeros(1, self.dtype), *DK]
        self.point = [*self.first, *self.rest]
        self.slope = [*self.first_slope, *self.rest_slope]
        self.begun = [np.zeros(shape, self.dtype) for shape in net.shapes[: self.own]]
        self.begun_Z: list[Array] = []
        self._W = [np.empty_like(part) for part in self.begun]
        self._inputs = even(net.given[0])

    def _products(self, rows: slice) -> Array:
        """Columns of K = XᵀX, with the ones of a bias."""
        K = np.ascontiguousarray(self.X @ self.X[rows].T)
        if self.own == 2:
            K += 1
        return K

    def start(self, weights: Sequence[Array]) -> None:
        self.begun = [part.astype(self.dtype) for part in weights[: self.own]]
        for mine, given in zip(self.rest, weights[self.own :], strict=True):
            mine[...] = given
        A, c, *Z = self.first
        A[...], c[...] = 0, 1
        for chunk, part in zip(self._cut(len(self.X)), Z, strict=True):
            np.matmul(self.begun[0], self.X[chunk.rows].T, out=part)
            if self.own == 2:
                part += self.begun[1][:, None]
        self.begun_Z = [part.copy() for part in Z]

    def weights(self) -> tuple[Array, ...]:
        A, c = self.first[:2]
        self.workers.each(
            [partial(np.matmul, A, self.X[:, cut], out=self._W[0][:, cut]) for cut in self._inputs]
        )
        add(self._W[0], float(c[0]), self.begun[0])
        if self.own == 2:
            self._W[1][...] = A.sum(axis=1) + c * self.begun[1]
        return (*self._W, *self.rest)

    def load(self, point: Sequence[Array]) -> None:
        super().load(point[: len(self.point)])
        begun = point[len(self.point) :]
        self.begun, self.begun_Z = list(begun[: self.own]), list(begun[self.own :])

    def kept(self) -> tuple[Array, ...]:
        # What a run begins with is not written to, and all its states share it.
        return (*super().kept(), *self.begun, *self.begun_Z)

    def _chunk(self, rows: slice, tiles: dict[int, Tile]) -> Chunk:
        shapes = [(0,)] * self.own + [part.full for part in self.net.parts[self.own :]]
        return Chunk(self.net, self.loss, rows, self.dtype, shapes, tiles, dual=True)

    def _parts(self) -> list[Array]:
        return [*self.begun, *super()._parts()]  # those of the first layer are not looked at

    def _gather(self, chunks: Sequence[Chunk]) -> None:
        D, c, *DK = self.first_slope
        c[...] = 0
        tasks: list[Callable[[], object]] = [
            partial(np.matmul, D, K, out=into) for K, into in zip(self._K, DK, strict=True)
        ]
        others = super()._gather
        tasks[-1] = partial(_both, partial(others, chunks), tasks[-1])
        self.workers.each(tasks)


def _both(one: Callable[[], object], other: Callable[[], object]) -> None:
    one()
    other()


def suits(net: Architecture, *, batch: bool) -> str:
    """Why the dual form does not go with a network; empty where it does. batch: of some points."""
    layer = net.stages[0].layer
    if batch:
        return "goes with full batches only"
    if not isinstance(layer, Dense):
        return "is of a dense first layer"
    if layer.mask is not None or layer.share is not None:
        return "goes with no mask or share of the first layer"
    return ""


def is_faster_dual(net: Architecture, count: int) -> bool:
    """Whether the dual form is faster by half or more: of 2n_1m² flops against 4n_1n_0m, m ≤ n_0.

    Between n_0 and 2n_0 it saves less, and A drifts in the null space of X, where no gradient holds
    it: the audit grows like t² with rounding.
    """
    return count <= net.given[0]
