"""The steps of plain gradient descent in bases, by the kernel."""

from __future__ import annotations

import numpy as np

from mfact.core import Array, Followed, Memory, Method, State
from mfact.engines.coordinates import Reduced
from mfact.engines.differences import Carried, carried
from mfact.engines.kernel import SmallSteps
from mfact.engines.losses import leak_of
from mfact.problems.factorization import Factorization


class GradientSteps(SmallSteps):
    """Steps as mfact.engines.block.Steps has them."""

    def __init__(
        self,
        problem: Factorization,
        method: Method,
        rank: int,
        size: int,
        length: int,
        memory: Array | None,
    ) -> None:
        super().__init__(rank, size, length, np.dtype(float), problem.weight, memory)
        self.problem, self.law = problem, method.law

    def enter(self, state: State) -> None:
        self.Z[0] = state.point[0]

    def take(self, co: Reduced, eta: Array, first: int) -> Array:
        self.run(co.operator, co.sigma, eta.tolist(), first)
        return leak_of(co, self.Z[first : first + len(eta)], eta)

    def follow(self, eta: Array, memory: Memory) -> Followed:
        n = len(eta)
        squares = self.squares[:n]
        told = (squares[:, 0] - squares[:, 1],)
        return self.law.follow(eta, told, self.problem.pull(self.grams[:n]), memory)

    def memory_at(self, i: int) -> Memory:
        return ()

    def moves(self, count: int) -> dict[str, Array]:
        return {}

    def carried(self, state: State, co: Reduced, eta: Array, fresh: Array) -> Carried:
        return carried(state, co, self, eta, fresh)
