"""Gradient descent from many starts at once, in the singular vectors of M.

A gaussian start looks the same in every orthonormal basis, so it is drawn in the singular
vectors of M = ΦΣΨᵀ. With k = rank M, the rows of U outside the span of Φ enter gradient descent
through their Gram matrix alone, which is Wishart distributed with d1 − k degrees of freedom; its
triangular factor (Bartlett) has at most r rows. So (U, V) becomes a pair with k + r rows or fewer,
drawn from its exact distribution, and gradient descent on the k×k matrix Σ, padded with zeros,
has the same UᵀU, VᵀV, ΦᵀU, ΨᵀV and loss at every step. No cost depends on d1 and d2.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from mfact.core import Array


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
        """U₊ = U − η(U VᵀV − MV), V₊ = V − η(V UᵀU − MᵀU), both from the old point."""

    def keep(self, which: Array) -> None:
        """Goes on with the starts that `which` marks; called between measure and step."""


class RankOne:
    """Columns instead of matrices: u and v of all starts side by side, no BLAS call.

    U, V: (count, rows, 1) as from `draw`; values: the k non-zero singular values of M.
    """

    def __init__(self, U: Array, V: Array, values: Array) -> None:
        self.u, self.v = np.ascontiguousarray(U[:, :, 0].T), np.ascontiguousarray(V[:, :, 0].T)
        self.values = values[:, None]

    def measure(self) -> Measured:
        """(ab − σ₁)² + a²q + p‖v‖² − 2Σ_{i>1}σ_i u_i v_i, where a = u₁, b = v₁.

        p = ‖u‖² − a² and q = ‖v‖² − b² are summed directly: no two large numbers are subtracted.
        """
        u, v, k = self.u, self.v, self.values.size
        a, b = u[0], v[0]
        p, q = (np.einsum("kn,kn->n", rest, rest) for rest in (u[1:], v[1:]))
        self.norm_u, self.norm_v = a * a + p, b * b + q
        excess = (a * b - self.values[0]) ** 2 + a * a * q + p * self.norm_v
        if k > 1:
            excess -= 2 * np.einsum("k,kn,kn->n", self.values[1:, 0], u[1:k], v[1:k])
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


class Stacked:
    """Any rank: stacks of small matrices, multiplied by one call for all starts.

    U, V: (count, rows, r) as from `draw`; values: the k non-zero singular values of M.
    """

    def __init__(self, U: Array, V: Array, values: Array) -> None:
        self.U, self.V, self.values = U, V, values

    def measure(self) -> Measured:
        """‖H_U H_Vᵀ − Σ_r‖² + ⟨P_h, Q_t⟩ + ⟨P_t, Q_h⟩ + ⟨P_t, Q_t⟩ − 2Σ_{i>r}σ_i ⟨U_i, V_i⟩.

        H are the first r rows; P and Q the Gram matrices of the first rows (h) and the rest (t)
        of U and V: no two large numbers are subtracted.
        """
        U, V, values = self.U, self.V, self.values
        k, h = values.size, min(U.shape[2], values.size)
        P_h, P_t, Q_h, Q_t = (_gram(A) for A in (U[:, :h], U[:, h:], V[:, :h], V[:, h:]))
        self.P, self.Q = P_h + P_t, Q_h + Q_t
        head = U[:, :h] @ V[:, :h].transpose(0, 2, 1) - np.diag(values[:h])
        excess = _inner(head, head) + _inner(P_h, Q_t) + _inner(P_t, self.Q)
        excess -= 2 * np.einsum("k,nkr,nkr->n", values[h:], U[:, h:k], V[:, h:k])
        return Measured(excess, np.sqrt(_trace(P_h) / _trace(Q_h)))

    def step(self, eta: float) -> None:
        k = self.values.size
        U, V = self.U - eta * (self.U @ self.Q), self.V - eta * (self.V @ self.P)
        signal = eta * self.values[:, None]
        U[:, :k] += signal * self.V[:, :k]
        V[:, :k] += signal * self.U[:, :k]
        self.U, self.V = U, V

    def keep(self, which: Array) -> None:
        self.U, self.V = self.U[which], self.V[which]
        self.P, self.Q = self.P[which], self.Q[which]


def _gram(A: Array) -> Array:
    gram: Array = A.transpose(0, 2, 1) @ A
    return gram


def _inner(A: Array, B: Array) -> Array:
    products: Array = np.einsum("nij,nij->n", A, B)
    return products


def _trace(A: Array) -> Array:
    traces: Array = np.trace(A, axis1=1, axis2=2)
    return traces


class Ends(NamedTuple):
    """How each start ended; the fields of `mfact.studies.sweep.Sweep` of the same names."""

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
