"""The steps of any method that commutes with rotation, in bases: its own code on small factors.

Each is taken where the blocks that the bases would grow by next have joined them. In these the
factors have nothing yet; what a step puts there is what it leaves outside of the bases.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from mfact.core import (
    Array,
    Evaluation,
    Followed,
    Memory,
    Method,
    Moved,
    Point,
    State,
    eps_of,
    stacked,
)
from mfact.engines.coordinates import Reduced, Singular
from mfact.engines.differences import ROUNDING, Carried
from mfact.engines.kernel import pattern_of
from mfact.engines.measures import size_of
from mfact.problems.factorization import GRAM_LOSS_FLOOR, Factorization

NUDGE, MOST = 1e-8, 100.0
"""Of the factors: how far apart the two steps are of which the difference is the linear step's; and
how many times enlarged a difference is at most, so that of rounding itself it is the linear law,
also where f − f* is hardly more than that."""

SAFETY = 40.0
"""As that of plain steps: a difference may lie along what grows by a fortieth of it only."""


class InBases:
    """A Target: M in the bases and in the blocks that come next, as far as it is known there.

    [[B, F'], [F, 0]] where B is K×K, and F and F' are what the bases leak on either side.
    """

    stored_eps, offset = 0.0, 0.0
    dtype = np.dtype(float)

    def __init__(self, co: Reduced, norm: float) -> None:
        self.co, self.norm, self.K = co, norm, co.size
        B = np.diag(co.sigma) if isinstance(co, Singular) else co.operator
        self.unseen = co.spectrum.tail if isinstance(co, Singular) else co.unseen
        none = np.zeros((0, self.K))
        left, right = (none, none) if co.basis.exhausted else (co.leak_left, co.leak_right)
        corner = np.zeros((len(left), len(right)))
        self.M = np.block([[B, right.T], [left, corner]])
        self.B = self.M[: self.K, : self.K]
        self.shape = self.M.shape

    def products(self, U: Array, V: Array) -> tuple[Array, Array]:
        return self.M @ V, self.M.T @ U

    def residual_norm(self, U: Array, V: Array) -> float:
        R = U[: self.K] @ V[: self.K].T - self.B
        return math.sqrt(float(np.vdot(R, R)) + max(self.unseen, 0.0))

    def entered(self, z: Array) -> Point:
        """(X, Y) from 2×r×K, with zeros in what comes next."""
        found = tuple(np.zeros((d, z.shape[1])) for d in self.shape)
        for X, part in zip(found, z, strict=True):
            X[: self.K] = part.T
        return found

    def split(self, point: Point) -> tuple[Array, float]:
        """2×r×K, and how much lies outside of the bases."""
        X, Y = point
        inside = np.empty((2, X.shape[1], self.K))
        inside[0], inside[1] = X[: self.K].T, Y[: self.K].T
        return inside, size_of((X[self.K :], Y[self.K :]))


@dataclass(frozen=True)
class Rounded(Factorization):
    """The same in bases, its gradient and its loss off by a share of what they are made of.

    top: the largest singular value in the bases.
    """

    top: float = 0.0
    share: float = 0.0

    def evaluate(self, point: Point) -> Evaluation:
        at = super().evaluate(point)
        if not self.share:
            return at
        size = size_of(point)
        # MV and U(VᵀV), of which the gradient is the difference.
        G = self.share * size * (self.top + (1 + self.weight) * size**2)
        pattern = pattern_of((sum(map(len, point)), point[0].shape[1]), point[0].dtype)
        noises = pattern[: len(point[0])], pattern[len(point[0]) :]
        gradient = tuple([g - G * n for g, n in zip(at.gradient, noises, strict=True)])
        value = float(at.value)
        return at._replace(value=value + self.share * self._terms(value), gradient=gradient)

    def _terms(self, value: float) -> float:
        """Of which the loss is the sum: ‖M‖² of the Gram form, ‖R‖‖M‖ where R is formed."""
        formed = 2 * value <= GRAM_LOSS_FLOOR * self.scale**2
        return (math.sqrt(2 * value) if formed else self.scale) * self.scale


class AnySteps:
    """Steps as mfact.engines.block.Steps has them, by a method's own step."""

    def __init__(
        self,
        problem: Factorization,
        method: Method,
        rank: int,
        size: int,
        length: int,
        memory: Array | None,
    ) -> None:
        self.problem, self.method, self.size, self.length = problem, method, size, length
        self.memory = memory
        self.Z = np.empty((length + 1, 2, rank, size))
        self.P = np.empty((length, 2, rank, size))
        self.grams, self.squares = np.empty((2, length, 2, rank, rank))
        self._memories: list[Memory] = []
        self._told: list[tuple[Array, ...]] = []
        self._outside: list[list[float]] = []
        self._moves: list[float] = []
        self._small: tuple[InBases, Rounded] | None = None

    def enter(self, state: State) -> None:
        self.Z[0] = state.point[0]
        self._memories = [state.memory]

    def take(self, co: Reduced, eta: Array, first: int) -> Array:
        for kept in (self._told, self._outside, self._moves):
            del kept[first:]
        del self._memories[first + 1 :]
        (bases, problem), law = self._in(co), self.method.law
        for t, step_size in enumerate(eta.tolist(), first):
            point, memory = bases.entered(self.Z[t]), self._parts(bases, self._memories[t])
            at, moved = self._step(problem, point, memory, step_size)
            self._told.append(law.told(problem, point, at, moved, step_size, memory))
            (self.Z[t + 1], *after), outside = self._split(bases, moved)
            slope, _ = bases.split(at.gradient)
            self.P[t], self.grams[t] = -slope, at.seen
            self.squares[t] = slope @ slope.swapaxes(1, 2)
            self._memories.append(tuple(after))
            self._outside.append(outside)
            self._moves.append(step_size * size_of(moved.direction))
        return self._leaks(eta, first)

    def _leaks(self, eta: Array, first: int) -> Array:
        """What each leaves outside now, or later by what has come into the memory."""
        outside = np.array(self._outside[first : first + len(eta)])
        kept = eta * self.method.lasting * outside[:, 1:].max(axis=1, initial=0.0)
        return np.asarray(np.maximum(outside[:, 0], kept))

    def follow(self, eta: Array, memory: Memory) -> Followed:
        n = len(eta)
        told, pulls = stacked(self._told[:n]), self.problem.pull(self.grams[:n])
        return self.method.law.follow(eta, told, pulls, memory)

    def memory_at(self, i: int) -> Memory:
        return self._memories[i]

    def moves(self, count: int) -> dict[str, Array]:
        return {"move": np.array(self._moves[:count])}

    def carried(self, state: State, co: Reduced, eta: Array, fresh: Array) -> Carried:
        """The difference by the linear step, as the difference of two steps tells it."""
        tangent, idle = state.distance.tangent, [(0.0, 0.0)] * (len(eta) + 1)
        if tangent is None:
            return Carried(np.full(len(eta) + 1, math.inf), idle)
        bases, problem = self._in(co)
        unit = ROUNDING * eps_of(self.problem.target, problem.top)
        pattern, tangents = pattern_of(tangent.shape[1:], tangent.dtype), [tangent]
        for t, (step_size, new) in enumerate(zip(eta.tolist(), fresh.tolist(), strict=True)):
            size = float(np.linalg.norm(self.Z[t]))
            moved_by = [float(np.linalg.norm(each)) for each in tangents[-1]]
            largest = max(moved_by[0], *(step_size * each for each in moved_by[1:]), 1e-300)
            nudge = min(NUDGE * (size or 1.0) / largest, MOST)
            rounded = replace(problem, share=nudge * unit)
            here = [self.Z[t], *self._memories[t]]
            there = nudge * tangents[-1]
            for z, moved_z in zip(here, there, strict=True):
                moved_z += z
            point, memory = bases.entered(there[0]), self._parts(bases, tuple(there[1:]))
            _, moved = self._step(rounded, point, memory, step_size)
            parts, _ = self._split(bases, moved)
            after = [self.Z[t + 1], *self._memories[t + 1]]
            added = [new, *self._outside[t][1:]]
            change = np.empty_like(tangent)
            for d, part, z, more in zip(change, parts, after, added, strict=True):
                np.subtract(part, z, d)
                d /= nudge
                d += more * pattern
            tangents.append(change)
        # What swings comes back through zero, and is then in the memory.
        sizes = [
            math.hypot(float(np.linalg.norm(d[0])), step_size * float(np.linalg.norm(d[1:])))
            for d, step_size in zip(tangents[1:], eta.tolist(), strict=True)
        ]
        bounds = np.array([state.distance.bound, *(SAFETY * size for size in sizes)])
        return Carried(bounds, idle, np.array(tangents), list(range(len(tangents))))

    def _step(
        self, problem: Factorization, point: Point, memory: Memory, step_size: float
    ) -> tuple[Evaluation, Moved]:
        at = problem.evaluate(point)
        return at, self.method.step(problem, point, at, step_size, memory)

    def _in(self, co: Reduced) -> tuple[InBases, Rounded]:
        """M in the bases, made once for each."""
        if self._small is None or self._small[0].co is not co:
            bases = InBases(co, self.problem.scale)
            top = float(np.linalg.norm(bases.B, 2))
            self._small = bases, Rounded(bases, self.problem.weight, top=top)
        return self._small

    def _parts(self, bases: InBases, memory: Memory) -> Memory:
        return tuple(part for z in memory for part in bases.entered(z))

    def _split(self, bases: InBases, moved: Moved) -> tuple[list[Array], list[float]]:
        """The point and each thing kept as 2×r×K, and how much of each lies outside."""
        pairs = [moved.point, *zip(moved.memory[::2], moved.memory[1::2], strict=True)]
        inside, outside = zip(*(bases.split(pair) for pair in pairs), strict=True)
        return list(inside), list(outside)


def first_tangent(state: State, eps: float) -> State:
    """A state whose difference begins with the rounding of its point, nothing in the memory."""
    size, z = state.distance.bound / SAFETY, state.point[0]
    if not math.isfinite(size):
        return replace(state, distance=replace(state.distance, tangent=None))
    begun = ROUNDING * eps * np.abs(z)
    if size:
        begun = size / (float(np.linalg.norm(z)) or 1.0) * z
    tangent = np.stack([begun, *(np.zeros_like(part) for part in state.memory)])
    bound = SAFETY * float(np.linalg.norm(begun))
    kept = replace(state.distance, bound=bound, tangent=tangent, stride=1)
    return replace(state, distance=kept)
