"""Gradient descent in reduced coordinates: the iterates of the plain loop at the price of an SVD.

The run starts in a small basis and extends itself by one pass over M whenever the next step
would put more than rounding outside of it, so that the distance to the plain iterates stays at
rounding level by construction. All decisions depend on the state alone, never on the clock or on
how the run is cut into blocks: a resumed run repeats them bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mfact.core import Array, Distance, Engine, Factors, Method, Point, Problem, Segment, State
from mfact.engines.block import Block, segment
from mfact.engines.coordinates import Krylov, Reduced, reduced, small
from mfact.engines.differences import ROUNDING, SAFETY, judge_growth, with_stride
from mfact.engines.kernel import SmallSteps
from mfact.engines.losses import gram_loss, leak_of, traces
from mfact.engines.measures import reopened
from mfact.engines.reach import Reach
from mfact.methods.gradient_descent import GradientDescent
from mfact.problems.factorization import GRAM_LOSS_FLOOR, Factorization

BUFFER_BYTES = 2 << 20
"""Points and gradients kept between two looks; about what the caches hold."""

FIRST_TRY = 4
"""Steps tried after the basis has grown."""

LOOK = 256
"""Blocks of steps never straddle a multiple of this."""


class ReducedEngine:
    """Runs the small steps and keeps the basis large enough.

    problem: a factorization. reach: extends the bases. gap_tolerance: the Eckart–Young gap at which
    the run may end; near it the engine turns to SVD coordinates, where the gap is exact.
    beyond_memory: the engine in which a run goes on, from the same point, whose bases may grow no
    more; one whose reach has no limit needs none.
    """

    name = "reduced"

    def __init__(
        self,
        problem: Factorization,
        reach: Reach,
        gap_tolerance: float = 1e-10,
        beyond_memory: Engine | None = None,
    ) -> None:
        self.problem, self.reach, self.gap_tolerance = problem, reach, gap_tolerance
        self.beyond_memory = beyond_memory
        self.rank, self.weight, self.eps = reach.rank, problem.weight, reach.eps
        self._steps: SmallSteps | None = None
        # How many steps to try at once; it changes what is thrown away, never a result.
        self._length = FIRST_TRY

    @staticmethod
    def runs(problem: type[Problem], method: Method) -> str:
        if not issubclass(problem, Factorization):
            return "knows no coordinates for such a problem"
        if not method.commutes_with_rotation:
            return f"keeps coordinates in which {method.name} would be another iteration"
        if type(method) is not GradientDescent:
            # It may run there, but by steps of its own.
            return f"takes the steps of gradient-descent, not of {method.name}"
        return ""

    def start(self, point: Point) -> State:
        return self.reach.start(point)

    # -- steps --------------------------------------------------------------------------------

    def advance(self, state: State, step_sizes: Array) -> Segment:
        # Blocks end at multiples of LOOK, where the growth of differences is judged anew: what
        # is decided there does not depend on where a run was cut.
        if reduced(state) is not None and state.step % LOOK == 0:
            state = judge_growth(state, self.rank, self.weight)
            state = with_stride(state, float(step_sizes[0]), self.weight)
        self._length = max(1, min(self._length, LOOK - state.step % LOOK))
        while (co := reduced(state)) is not None:
            found = self._try(state, co, step_sizes[: self._length])
            if isinstance(found, Segment):
                return found
            state = found(state)
            self._length = min(self._length, FIRST_TRY)
        assert self.beyond_memory is not None
        return self.beyond_memory.advance(state, step_sizes)

    def _try(
        self, state: State, co: Reduced, step_sizes: Array
    ) -> Segment | Callable[[State], State]:
        """A segment, or what must be done to the state before the first step can be taken."""
        steps = self._buffers(co.size, len(step_sizes))
        count = min(len(step_sizes), steps.length)
        eta = step_sizes[:count]
        steps.Z[0] = state.point[0]
        with np.errstate(all="ignore"):
            steps.run(co.operator, co.sigma, eta.tolist())
            Z, P, grams = steps.Z[:count], steps.P[:count], steps.grams[:count]
            leak, size = leak_of(co, Z, eta), np.sqrt(traces(grams))
            too_much = ~(leak <= ROUNDING * self.eps * size) & np.isfinite(size)
            if not co.basis.exhausted and too_much.any():
                count = int(np.argmax(too_much))
                if count == 0:
                    return self._reached
            self._length = self._next_length(leak[:count], size[:count])
            squares = P[:count] @ P[:count].transpose(0, 1, 3, 2)
            loss = None
            if isinstance(co, Krylov):
                loss = gram_loss(co, Z[:count], P[:count], grams[:count], self.weight)
                due = self._spectrum_due(co, state.step, loss, traces(squares))
                if due.any():
                    count = int(np.argmax(due))
                    if count == 0:
                        return self.reach.spectral
            block = Block(
                eta[:count],
                steps.Z[: count + 1],
                P[:count],
                grams[:count],
                squares[:count],
                leak[:count],
                size[:count],
                None if loss is None else loss[:count],
            )
            return segment(self.problem, state, co, steps, block)

    def _spectrum_due(self, co: Krylov, step: int, loss: Array, gradient: Array) -> Array:
        """Where SVD coordinates begin to pay, or are needed for an exact loss or gap.

        gradient: its squared norm.
        """
        steps = step + np.arange(len(loss)) - co.changed
        pays = (steps * self.rank >= 20 * co.basis.size) | (self.rank == 1)
        total = self.problem.scale**2
        # f − f* ≥ ‖∇f‖²/(2L) with L the sharpness at σ₁: before that, the gap cannot be met. At the
        # saddle at 0 the gradient is small too, but the loss has not yet fallen by ½σ₁².
        sharpness = self.problem.sharpness * math.sqrt(max(co.energy, self.eps))
        near = gradient <= self.gap_tolerance * total * sharpness
        near &= total - 2 * loss >= 0.9 * co.energy / max(1, min(self.rank, co.basis.size))
        return np.asarray(pays | near | (2 * loss <= GRAM_LOSS_FLOOR * total))

    def _reached(self, state: State) -> State:
        """One more block on each side. Or the run goes on directly."""
        co = reduced(state)
        if co is None or (self.beyond_memory is not None and self.reach.memory_ends(state)):
            return self.reach.left(state, self.gap_tolerance)
        return self.reach.grown(state, co)

    # -- a closer look ------------------------------------------------------------------------

    def sharpened(self, state: State, tolerance: float) -> State:
        return self.reach.sharpened(state, tolerance)

    def seen(self, state: State) -> State:
        """In SVD coordinates, or on the factors themselves where the bases may grow no more and do
        not show the optimum to the tolerance.
        """
        state = self.reach.spectral(state)
        optimum = state.coordinates.optimum
        hidden = optimum is None or not optimum.known_to(self.gap_tolerance)
        if hidden and self.reach.memory_ends(state):
            return self.reach.left(state, self.gap_tolerance)
        return state

    def moved(self, state: State, factors: Factors) -> State:
        co = reduced(state)
        if co is None:
            assert self.beyond_memory is not None
            return self.beyond_memory.moved(state, factors)
        point = small(*factors, co.size)
        distance: Distance = state.distance
        if distance.tangent is None and math.isfinite(distance.bound):
            size = float(np.linalg.norm(point[0])) or 1.0
            distance = replace(distance, tangent=distance.bound / SAFETY / size * point[0])
        ledger = reopened(state.ledger, self.problem.balance(factors))
        return replace(state, point=point, ledger=ledger, distance=distance)

    # -- buffers, and judgements for all steps of a block -----------------------------------------

    def _buffers(self, size: int, wanted: int) -> SmallSteps:
        """Buffers for this size, growing with use so that a short stay costs little."""
        per_step = 4 * size * self.rank * 8
        most = max(8, min(LOOK, BUFFER_BYTES // per_step))
        old = self._steps
        if old is not None and old.size == size and old.length >= min(wanted, most):
            return old
        length = min(max(8, 2 * wanted), most)
        memory = None if old is None else old.memory
        self._steps = SmallSteps(self.rank, size, length, np.dtype(float), self.weight, memory)
        return self._steps

    def _next_length(self, leak: Array, size: Array) -> int:
        """How many steps to try next: twice as many, or until the leak will be too much."""
        length = 2 * self._length
        if len(leak) >= 2 and leak[-1] > leak[-2] > 0:
            room = math.log(ROUNDING * self.eps * size[-1] / leak[-1])
            length = min(length, 1 + math.ceil(1.2 * room / math.log(leak[-1] / leak[-2])))
        return max(2, length)
