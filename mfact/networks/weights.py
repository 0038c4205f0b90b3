"""Quadratic forms of a layer's weights: ⟨p, q⟩ unit by unit, on the side it feeds or draws from.

p and q are points, or gradients, as lists of arrays in the order that the steps act on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mfact.core import Array
from mfact.networks.machine import DualMachine

Points = Sequence[Array]
Scales = Array | None
"""s_u of the units on one side of a layer, laws×units; None where that side has none."""


@dataclass(frozen=True)
class PlainWeights:
    """A matrix n×(units·spread), or kernels K×C×kh×kw: at `at` in a point, biases at `bias`."""

    at: int
    bias: int | None
    units: int

    def rows(self, p: Points, q: Points) -> Array:
        """⟨p, q⟩ over what goes into each unit, its bias among it."""
        found: Array = np.vecdot(_flat(p[self.at]), _flat(q[self.at]))
        if self.bias is not None:
            found += p[self.bias] * q[self.bias]
        return found

    def columns(self, p: Points, q: Points) -> Array:
        """⟨p, q⟩ over what goes out of each unit of the layer before."""
        P, Q = p[self.at], q[self.at]
        if P.size == len(P) * self.units:
            return np.asarray(np.einsum("ij,ij->j", _flat(P), _flat(Q)))
        return np.asarray(np.einsum("kcx,kcx->c", self._cube(P), self._cube(Q)))

    def row_gram(self, p: Points, q: Points) -> Array:
        """rows() of each two units: p qᵀ."""
        found: Array = _flat(p[self.at]) @ _flat(q[self.at]).T
        if self.bias is not None:
            found += np.outer(p[self.bias], q[self.bias])
        return found

    def column_gram(self, p: Points, q: Points) -> Array:
        P, Q = (
            self._cube(each[self.at]).transpose(1, 0, 2).reshape(self.units, -1) for each in (p, q)
        )
        return np.asarray(P @ Q.T)

    def combined(self, p: Points, q: Points, fed: Scales, drawn: Scales) -> Array:
        """Σ c_k p_k q_k of each law, c_k = fed − drawn of parameter k's units."""
        found = np.zeros(1) if fed is None else fed @ self.rows(p, q)
        return np.asarray(found if drawn is None else found - drawn @ self.columns(p, q))

    def square(self, p: Points) -> tuple[float, float]:
        """‖p‖² of the weights, and of the biases."""
        return _square(p[self.at]), 0.0 if self.bias is None else _square(p[self.bias])

    def _cube(self, P: Array) -> Array:
        return P.reshape(len(P), self.units, -1)


@dataclass(frozen=True, eq=False)
class SharedWeights:
    """Free parameters v with W[i, j] = v[g[i, j]] (Theorem 2.3).

    into, out_of: the group of units that each feeds, and draws from; −1: none. groups_in: of each
    unit fed. groups_out: how many are drawn from, also where no weight does. use: of each parameter
    one, (unit it feeds, unit it draws from), as both sides of a law see it.
    """

    at: int
    bias: int | None
    into: Array
    out_of: Array
    groups_in: Array
    groups_out: int
    use: tuple[Array, Array]

    def rows(self, p: Points, q: Points) -> Array:
        """By groups of units."""
        count = int(self.groups_in.max()) + 1
        found = _sums(self.into, p[self.at], q[self.at], count)
        if self.bias is not None:
            found += _sums(self.groups_in, p[self.bias], q[self.bias], count)
        return found

    def columns(self, p: Points, q: Points) -> Array:
        """By groups of units."""
        return _sums(self.out_of, p[self.at], q[self.at], self.groups_out)

    def combined(self, p: Points, q: Points, fed: Scales, drawn: Scales) -> Array:
        v, w, found = p[self.at], q[self.at], np.zeros(1)
        for scales, units, sign in ((fed, self.use[0], 1), (drawn, self.use[1], -1)):
            if scales is not None:
                found = found + sign * (scales @ _sums(units, v, w, scales.shape[1]))
        if self.bias is not None and fed is not None:
            found += fed @ (p[self.bias] * q[self.bias])
        return np.asarray(found)

    def square(self, p: Points) -> tuple[float, float]:
        return _square(p[self.at]), 0.0 if self.bias is None else _square(p[self.bias])


@dataclass(frozen=True)
class DualWeights:
    """The first layer in dual form: p stands for p_c·W_1(0) + P Xᵀ, and carries its Z = p X.

    ⟨p, q⟩ = p_c q_c⟨W_1(0), W_1(0)⟩ + p_c⟨Z_1(0), Q⟩ + ⟨P, Z_q⟩ by rows, because QK = Z_q − q_c
    Z_1(0): no pass over X, nor over W_1. Source: mfact, derived.
    """

    machine: DualMachine

    def rows(self, p: Points, q: Points) -> Array:
        return self._of(p, q, diagonal=True)

    def row_gram(self, p: Points, q: Points) -> Array:
        return self._of(p, q, diagonal=False)

    def combined(self, p: Points, q: Points, fed: Scales, drawn: Scales) -> Array:
        assert fed is not None
        return np.asarray(fed @ self.rows(p, q))

    def square(self, p: Points) -> tuple[float, float]:
        return float(self.rows(p, p).sum()), 0.0

    def _of(self, p: Points, q: Points, *, diagonal: bool) -> Array:
        """p qᵀ, or its diagonal alone."""
        machine = self.machine
        pairs = [(p[0][:, cut], Z) for cut, Z in zip(machine.cuts, q[2:], strict=False)]
        found = _sum_of(pairs, diagonal=diagonal)
        p_c, q_c = float(p[1][0]), float(q[1][0])
        if p_c:
            begun = [_flat(W) for W in machine.begun]
            found += p_c * q_c * _sum_of([(W, W) for W in begun], diagonal=diagonal)
            cuts = zip(machine.begun_Z, machine.cuts, strict=True)
            pairs = [(Z, q[0][:, cut]) for Z, cut in cuts]
            found += p_c * _sum_of(pairs, diagonal=diagonal)
        return found


Weights = PlainWeights | SharedWeights | DualWeights
"""The free parameters of one layer, biases among them where it has some. All have rows(), what goes
into each unit, combined() and square(); what has a layer before it has columns().
"""


def _sum_of(pairs: Sequence[tuple[Array, Array]], *, diagonal: bool) -> Array:
    """Σ A Bᵀ, or its diagonal alone."""
    parts = [np.vecdot(A, B) if diagonal else A @ B.T for A, B in pairs]
    return np.asarray(sum(parts[1:], parts[0]))


def _flat(part: Array) -> Array:
    """A row for each unit that is fed."""
    return part.reshape(len(part), -1)


def _square(part: Array) -> float:
    return float(np.vdot(part, part))


BLOCK = 4096
"""Parameters taken at a time where as many numbers are allocated; more with more groups."""


def _sums(groups: Array, p: Array, q: Array, count: int) -> Array:
    """Σ p_k q_k of each group; those of group −1 are left out."""
    found, size = np.zeros(count + 1), max(BLOCK, count)
    for i in range(0, len(groups), size):
        some = slice(i, i + size)
        found += np.bincount(groups[some] + 1, p[some] * q[some], count + 1)
    return found[1:]
