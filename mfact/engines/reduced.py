"""Methods that commute with rotation, in reduced coordinates: the iterates of the plain loop at
the price of an SVD.

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
from mfact.engines.any_steps import AnySteps, first_tangent
from mfact.engines.block import Block, Steps, segment
from mfact.engines.coordinates import Krylov, Reduced, reduced, small
from mfact.engines.differences import ROUNDING, SAFETY, judge_growth, with_stride
from mfact.engines.gradient_steps import GradientSteps
from mfact.engines.losses import gram_loss, traces
from mfact.engines.measures import reopened
from mfact.engines.reach import Reach
from mfact.methods.gradient_descent import GradientDescent
from mfact.problems.factorization import GRAM_LOSS_FLOOR, Factorization

BUFFER_BYTES = 2 << 20
"""Points and gradients kept between two looks; about what the caches hold."""

FIRST_TRY = 4
"""Steps taken before it is looked for the first time whether they leak."""

LOOK = 256
"""Blocks of steps never straddle a multiple of this."""

EARLY_LOOK = 64
"""Nor of this, before the first multiple of LOOK."""

SHORT = 16
"""Steps in a block that is short; a long one has half as many as there were before it."""

PAYS = 4
"""SVD coordinates pay once r times the steps since the bases grew is this many times K: then the
products with B, and with differences, have cost as much as the SVD."""


Change = Callable[[State], State]


class ReducedEngine:
    """Runs the small steps and keeps the basis large enough.

    problem: a factorization. reach: extends the bases. gap_tolerance: the Eckart–Young gap at which
    the run may end; near it the engine turns to SVD coordinates, where the gap is exact.
    beyond_memory: the engine in which a run goes on, from the same point, whose bases may grow no
    more; one whose reach has no limit needs none. method: the update rule, steps of plain gradient
    descent by a kernel of its own.
    """

    name = "reduced"

    def __init__(
        self,
        problem: Factorization,
        reach: Reach,
        gap_tolerance: float = 1e-10,
        beyond_memory: Engine | None = None,
        method: Method | None = None,
    ) -> None:
        self.problem, self.reach, self.gap_tolerance = problem, reach, gap_tolerance
        self.method = method or GradientDescent()
        self.plain = type(self.method) is GradientDescent
        self.beyond_memory = beyond_memory
        self.rank, self.weight, self.eps = reach.rank, problem.weight, reach.eps
        self._steps: Steps | None = None
        # What must be done to this state before its next step can be taken; else it is found anew.
        self._due: tuple[State | None, Change] = None, self._reached

    @staticmethod
    def runs(problem: type[Problem], method: Method) -> str:
        if not issubclass(problem, Factorization):
            return "knows no coordinates for such a problem"
        if not method.commutes_with_rotation:
            return f"keeps coordinates in which {method.name} would be another iteration"
        return ""

    def start(self, point: Point) -> State:
        return self.opened(self.reach.start(point))

    def opened(self, state: State) -> State:
        factors = state.coordinates.factors(state.point)
        ledger = replace(state.ledger, memory=self.method.law.init(self.problem, factors))
        kept = len(self.method.init(factors)) // len(factors)
        memory = tuple(np.zeros_like(state.point[0]) for _ in range(kept))
        state = replace(state, memory=memory, ledger=ledger)
        return state if self.plain else first_tangent(state, self.eps)

    # -- steps --------------------------------------------------------------------------------

    def advance(self, state: State, step_sizes: Array) -> Segment:
        # Blocks end at multiples of LOOK, where the growth of differences is judged anew: what
        # is decided there does not depend on where a run was cut.
        look = LOOK if state.step >= LOOK else EARLY_LOOK
        if reduced(state) is not None and state.step % look == 0:
            state = judge_growth(state, self.rank, self.weight)
            state = with_stride(state, float(step_sizes[0]), self.weight)
        most = min(look - state.step % look, max(SHORT, state.step // 2))
        while (co := reduced(state)) is not None:
            known, change = self._due
            found = change if known is state else self._try(state, co, step_sizes[:most])
            if isinstance(found, Segment):
                return found
            state = found(state)
        assert self.beyond_memory is not None
        return self.beyond_memory.advance(state, step_sizes)

    def _try(self, state: State, co: Reduced, step_sizes: Array) -> Segment | Change:
        """A segment, or what must be done to the state before the first step can be taken."""
        if isinstance(co, Krylov):
            left = -(-PAYS * co.basis.size // self.rank) - (state.step - co.changed)
            if left <= 0 or self.rank == 1:
                return self.reach.spectral
            step_sizes = step_sizes[:left]
        steps, then = self._buffers(co.size), None
        eta = step_sizes[: steps.length]
        steps.enter(state)
        with np.errstate(all="ignore"):
            leak, size = self._taken(steps, co, eta)
            count = len(leak)
            if count < len(eta):
                then = self._reached
            Z, P, grams = steps.Z[:count], steps.P[:count], steps.grams[:count]
            squares, loss = steps.squares[:count], None
            if isinstance(co, Krylov):
                loss = gram_loss(co, Z, P, grams, self.weight)
                due = self._spectrum_due(co, loss, traces(squares))
                if due.any():
                    count, then = int(np.argmax(due)), self.reach.spectral
            if count == 0:
                assert then is not None
                return then
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
            found = segment(self.problem, state, co, steps, block, self.eps)
        if then is not None:
            self._due = found.state, then
        return found

    def _taken(self, steps: Steps, co: Reduced, eta: Array) -> tuple[Array, Array]:
        """Steps from Z[0] while they leak no more than rounding: the leak of each, ‖(U, V)‖_F."""
        leaks, sizes = [np.zeros(0)], [np.zeros(0)]
        done, length = 0, len(eta) if co.basis.exhausted else FIRST_TRY
        while done < len(eta):
            tried = slice(done, min(done + length, len(eta)))
            leak = steps.take(co, eta[tried], done)
            size = np.sqrt(traces(steps.grams[tried]))
            too_much = ~(leak <= ROUNDING * self.eps * size) & np.isfinite(size)
            leaks_out = not co.basis.exhausted and bool(too_much.any())
            count = int(np.argmax(too_much)) if leaks_out else len(leak)
            leaks.append(leak[:count])
            sizes.append(size[:count])
            if leaks_out:
                break
            done, length = tried.stop, self._next_length(length, leak, size)
        return np.concatenate(leaks), np.concatenate(sizes)

    def _spectrum_due(self, co: Krylov, loss: Array, gradient: Array) -> Array:
        """Where SVD coordinates are needed for an exact loss or gap.

        gradient: its squared norm.
        """
        total = self.problem.scale**2
        # f − f* ≥ ‖∇f‖²/(2L) with L the sharpness at σ₁: before that, the gap cannot be met. At the
        # saddle at 0 the gradient is small too, but the loss has not yet fallen by ½σ₁².
        sharpness = self.problem.sharpness * math.sqrt(max(co.energy, self.eps))
        near = gradient <= self.gap_tolerance * total * sharpness
        near &= total - 2 * loss >= 0.9 * co.energy / max(1, min(self.rank, co.basis.size))
        return np.asarray(near | (2 * loss <= GRAM_LOSS_FLOOR * total))

    def _reached(self, state: State) -> State:
        """One more block on each side. Or the run goes on directly."""
        co = reduced(state)
        if co is None or (self.beyond_memory is not None and self.reach.memory_ends(state)):
            return self.reach.left(state, self.gap_tolerance, self.method.passes)
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
            return self.reach.left(state, self.gap_tolerance, self.method.passes)
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
        return self.opened(replace(state, point=point, ledger=ledger, distance=distance))

    # -- buffers ----------------------------------------------------------------------------------

    def _buffers(self, size: int) -> Steps:
        """Buffers for this size, in the same memory for all."""
        old = self._steps
        if old is not None and old.size == size:
            return old
        length = max(8, min(LOOK, BUFFER_BYTES // (4 * size * self.rank * 8)))
        memory = None if old is None else old.memory
        if memory is None:
            memory = np.empty(BUFFER_BYTES // 8)
        kind = GradientSteps if self.plain else AnySteps
        made: Steps = kind(self.problem, self.method, self.rank, size, length, memory)
        self._steps = made
        return made

    def _next_length(self, length: int, leak: Array, size: Array) -> int:
        """How many steps to try next: twice as many, or until the leak will be too much."""
        length *= 2
        # Of a run that has left the floats nothing is foretold.
        if len(leak) >= 2 and size[-1] < math.inf > leak[-1] > leak[-2] > 0:
            room = math.log(ROUNDING * self.eps * size[-1] / leak[-1])
            length = min(length, 1 + math.ceil(1.2 * room / math.log(leak[-1] / leak[-2])))
        return max(2, length)
