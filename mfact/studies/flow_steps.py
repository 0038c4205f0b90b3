"""Steps of a method of one size, so many of them, and what they have kept of its law."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np

from mfact.core import Array, Evaluation, Method, Point, Problem
from mfact.methods.scaled import Scaled, damping_of
from mfact.problems.diagonal import Diagonal, grams, twice_excess
from mfact.problems.factorization import Factorization, gradient
from mfact.problems.resolved import Resolved

EPS = 2.0**-52

BLOCK, BLOCK_BYTES = 64, 4 << 20
"""Steps that are looked at at once, and what that may take: some ten matrices r×r each."""


class Ended(NamedTuple):
    """Where steps have ended. log_det_drift: of scaled ones, how far what their law keeps has
    moved. hidden: how far rounding alone may have moved that.
    """

    point: Point
    log_det_drift: float = inf
    hidden: float = 0.0


@dataclass(frozen=True)
class Above(Factorization):
    """The same problem for M = diag(σ), told by f − ½Σ_{i>r}σ_i² with all its digits, or not at all
    for steps that do not ask for it, which then take half the time.
    """

    valued: bool = False

    @classmethod
    def of(cls, problem: Diagonal, *, valued: bool) -> Above:
        return cls(Resolved(problem.sigma, 0.0, 0.0, None), problem.weight, valued=valued)

    def evaluate(self, point: Point) -> Evaluation:
        U, V = point
        G_U, G_V, A, C = gradient(U, V, *self.target.products(U, V), self.weight)
        value = self._above(U, V) if self.valued else np.nan
        return Evaluation(value, (G_U, G_V), (A - C,), np.array([A, C]))

    def _above(self, U: Array, V: Array) -> float:
        assert isinstance(self.target, Resolved)
        Z, h = (U[None], V[None]), min(U.shape)
        first, rest = zip(*(grams(X, h) for X in Z), strict=True)
        return 0.5 * float(twice_excess(self.target.sigma, Z, first, rest)[0])


def taken(problem: Problem, method: Method, point: Point, step_size: float, count: int) -> Ended:
    """The point after so many steps of this size; not finite where they diverge."""
    memory = method.init(point)
    with np.errstate(all="ignore"):
        for _ in range(count):
            at = problem.evaluate(point)
            moved = method.step(problem, point, at, step_size, memory)
            point, memory = moved.point, moved.memory
    return Ended(point)


def followed(problem: Problem, method: Scaled, point: Point, step_size: float, count: int) -> Ended:
    """The same of scaled steps, with what they have kept: what each adds to log det(UᵀU + λI) −
    log det(VᵀV + λI) with the λ of its own is added up.
    """
    drift, condition = 0.0, 1.0
    rank = point[0].shape[1]
    block = max(1, min(BLOCK, BLOCK_BYTES // (80 * rank**2)))
    for start in range(0, count, block):
        seen, damping = [], []
        with np.errstate(all="ignore"):
            for t in range(start, min(start + block, count) + 1):
                at = problem.evaluate(point)
                seen.append(at.seen)
                if t < min(start + block, count):
                    damping.append(damping_of(at, problem.stiffness(at.seen), method))
                    point = method.step(problem, point, at, step_size, ()).point
        grams, shifts = np.array(seen), np.array(damping)[:, None, None, None] * np.eye(rank)
        if not np.isfinite(grams).all():
            return Ended(point)
        before, after = (np.linalg.slogdet(S + shifts)[1] for S in (grams[:-1], grams[1:]))
        gained = (after - before).sum(axis=0)
        drift += float(gained[0] - gained[1])
        sides = np.linalg.eigvalsh(grams[:-1] + shifts)
        condition = max(condition, float(np.max(sides[..., -1] / sides[..., 0])))
    return Ended(point, abs(drift), EPS * count * rank * condition)
