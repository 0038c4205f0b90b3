"""A method that commutes with rotation, from many starts at once, in the singular vectors of M.

A gaussian start looks the same in every orthonormal basis, so it is drawn in the singular
vectors of M = ΦΣΨᵀ. With k = rank M, the rows of U outside the span of Φ enter such a method
through their Gram matrix alone, which is Wishart distributed with d1 − k degrees of freedom; its
triangular factor (Bartlett) has at most r rows. So (U, V) becomes a pair with k + r rows or fewer,
drawn from its exact distribution, and the steps on the k×k matrix Σ, padded with zeros, have the
same UᵀU, VᵀV, ΦᵀU, ΨᵀV and loss at every step. No cost depends on d1 and d2.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from mfact.core import Array, Evaluation, Method, Point
from mfact.problems.diagonal import combined, inner
from mfact.problems.stacked import Stacked


def draw(
    rng: np.random.Generator, count: int, shape: tuple[int, int], k: int, r: int
) -> tuple[Array, Array]:
    """`count` standard gaussian starts of a d1×d2 matrix of rank k, in its singular vectors.

    Returns U of shape (count, k + min(r, d1 − k), r), ΦᵀU above the triangle of the rest, and V of
    shape (count, k + min(r, d2 − k), r) likewise.
    """
    d1, d2 = shape
    return _factor(rng, count, k, d1 - k, r), _factor(rng, count, k, d2 - k, r)


def _factor(rng: np.random.Generator, count: int, k: int, rest: int, r: int) -> Array:
    """Standard gaussian k×r rows, and T with TᵀT distributed as for `rest` more of them."""
    rows = min(rest, r)
    made = np.zeros((count, k + rows, r))
    made[:, :k] = rng.standard_normal((count, k, r))
    for i in range(rows):
        made[:, k + i, i] = np.sqrt(rng.chisquare(rest - i, count))
        made[:, k + i, i + 1 :] = rng.standard_normal((count, r - 1 - i))
    return made


class Measured(NamedTuple):
    """excess: ‖UVᵀ − M‖_F² − Σ_{i>r}σ_i²; ratio: ‖Φ_rᵀU‖_F/‖Ψ_rᵀV‖_F; one entry a start."""

    excess: Array
    ratio: Array


class Batch(Protocol):
    """The pairs (U, V) of many starts: where each stands, and how it steps."""

    def measure(self) -> Measured:
        """Excess and ratio at the present points; called before each step."""

    def step(self, eta: float) -> None:
        """v₊ = v − ηd."""

    def keep(self, which: Array) -> None:
        """Goes on with the starts that `which` marks; called between measure and step."""


class RankOne:
    """Gradient descent on columns instead of matrices: u and v of all starts side by side.

    A BLAS call for each start, as Stacked makes, would cost more than all else: the gradient is
    written out here once more.

    U, V: (count, rows, 1) as from `draw`; values: the k non-zero singular values of M.
    """

    def __init__(self, U: Array, V: Array, values: Array) -> None:
        self.u, self.v = np.ascontiguousarray(U[:, :, 0].T), np.ascontiguousarray(V[:, :, 0].T)
        self.values = values[:, None]

    def measure(self) -> Measured:
        """With a = u₁, b = v₁, p = ‖u‖² − a² and q = ‖v‖² − b²; p and q are summed directly."""
        u, v, k = self.u, self.v, self.values.size
        a, b = u[0], v[0]
        p, q = (np.einsum("kn,kn->n", rest, rest) for rest in (u[1:], v[1:]))
        aa = a * a
        self.norm_u, self.norm_v = aa + p, b * b + q
        tail = np.einsum("k,kn,kn->n", self.values[1:, 0], u[1:k], v[1:k]) if k > 1 else None
        excess = combined(np.multiply, a * b - self.values[0], aa, p, q, self.norm_v, tail)
        return Measured(excess, np.abs(a) / np.abs(b))

    def step(self, eta: float) -> None:
        k = self.values.size
        u, v = self.u * (1 - eta * self.norm_v), self.v * (1 - eta * self.norm_u)
        u[:k] += eta * self.values * self.v[:k]
        v[:k] += eta * self.values * self.u[:k]
        self.u, self.v = u, v

    def keep(self, which: Array) -> None:
        self.u, self.v = self.u[:, which], self.v[:, which]
        self.norm_u, self.norm_v = self.norm_u[which], self.norm_v[which]


class Stacks:
    """Any rank and method: stacks of small matrices, multiplied by one call for all starts.

    U, V: (count, rows, r) as from `draw`; values: the k non-zero singular values of M.
    """

    def __init__(self, U: Array, V: Array, values: Array, method: Method) -> None:
        self.problem, self.method = Stacked(values), method
        self.point: Point = (U, V)
        self.memory, self.at = method.init(self.point), self.problem.evaluate(self.point)

    def measure(self) -> Measured:
        h = self.problem.fitted(self.point[0])
        size_U, size_V = (inner(X, X) for X in (X[:, :h] for X in self.point))
        return Measured(np.asarray(2 * self.at.value), np.sqrt(size_U / size_V))

    def step(self, eta: float) -> None:
        moved = self.method.step(self.problem, self.point, self.at, eta, self.memory)
        self.point, self.memory = moved.point, moved.memory
        self.at = self.problem.evaluate(self.point)

    def keep(self, which: Array) -> None:
        value, gradient, balance, seen = self.at
        self.at = Evaluation(
            np.asarray(value)[which],
            _those(gradient, which),
            _those(balance, which),
            seen[:, which],
        )
        self.point, self.memory = _those(self.point, which), _those(self.memory, which)


def _those(parts: tuple[Array, ...], which: Array) -> tuple[Array, ...]:
    return tuple([part[which] for part in parts])


class Ends(NamedTuple):
    """How each start ended; the fields of `mfact.theory.frequencies.Sweep` of the same names."""

    hits: Array
    low: Array
    high: Array
    last: Array
    diverged: Array


def descend(batch: Batch, count: int, eta: float, bounds: Array, max_iter: int) -> Ends:
    """Steps of size η until each start's excess is at most the last of the falling `bounds`.

    Each run depends on its own start alone: it ends when it has converged or overflowed.
    """
    hits = np.full((bounds.size, count), -1)
    low, high, last = np.full(count, np.inf), np.zeros(count), np.empty(count)
    diverged = np.zeros(count, dtype=bool)
    alive, level = np.arange(count), np.zeros(count, dtype=int)
    ladder = np.append(bounds, -np.inf)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for t in range(max_iter + 1):
            excess, ratio = batch.measure()
            low[alive], high[alive] = np.fmin(low[alive], ratio), np.fmax(high[alive], ratio)
            last[alive] = ratio
            while (reached := excess <= ladder[level]).any():
                hits[level[reached], alive[reached]] = t
                level += reached
            lost = ~np.isfinite(excess)
            diverged[alive[lost]] = True
            going = ~lost & (level < bounds.size)
            if not going.any():
                break
            if not going.all():
                alive, level = alive[going], level[going]
                batch.keep(going)
            batch.step(eta)
    return Ends(hits, low, high, last, diverged)
