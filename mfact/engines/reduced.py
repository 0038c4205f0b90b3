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
from typing import NamedTuple

import numpy as np

from mfact.core import Array, Distance, Engine, Factors, Method, Point, Problem, Segment, State
from mfact.engines.coordinates import Krylov, Reduced, Singular, reduced, small
from mfact.engines.differences import (
    LARGEST_DIFFERENCE,
    ROUNDING,
    SAFETY,
    carried,
    judge_growth,
    with_stride,
)
from mfact.engines.kernel import SmallSteps
from mfact.engines.losses import excess_of, gram_loss, leak_of, traces
from mfact.engines.measures import gaps, measured, reopened
from mfact.engines.reach import Reach
from mfact.methods.gradient_descent import GradientDescent, added
from mfact.problems.factorization import GRAM_LOSS_FLOOR, Factorization, pull_of

BUFFER_BYTES = 2 << 20
"""Points and gradients kept between two looks; about what the caches hold."""

FIRST_TRY = 4
"""Steps tried after the basis has grown."""

LOOK = 256
"""Blocks of steps never straddle a multiple of this."""


class Block(NamedTuple):
    """Steps that were taken: Z (n+1)×2×r×K, minus the gradients P and Gram matrices of n of them.

    leak: what each left outside. size: ‖(U, V)‖_F. squares: n×2×r×r, (G_UᵀG_U, G_VᵀG_V).
    loss: in dense coordinates; None in SVD coordinates, where only its excess is exact.
    """

    eta: Array
    Z: Array
    P: Array
    grams: Array
    squares: Array
    leak: Array
    size: Array
    loss: Array | None


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
        if type(method) is not GradientDescent:
            # Others may commute with rotations, and still these steps are not theirs.
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
                due = self._spectrum_due(state.step, co, loss, traces(squares))
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
            return self._segment(state, co, steps, block)

    def _segment(self, state: State, co: Reduced, steps: SmallSteps, block: Block) -> Segment:
        """The steps taken, measured."""
        table, ledger_at = measured(
            state.ledger,
            state.step,
            block.eta,
            (block.grams[:, 0] - block.grams[:, 1],),
            added(
                block.eta[:, None, None],
                (block.squares[:, 0] - block.squares[:, 1],),
                (pull_of(block.grams, self.weight),),
            ),
            np.sqrt(np.trace(block.squares.sum(axis=1), axis1=1, axis2=2)),
            self.problem.scale,
        )
        table |= self._losses(co, block)
        table["leak"] = block.leak
        # A step differs from the plain one by what leaks and by rounding.
        fresh = block.leak + ROUNDING * self.eps * block.size
        Z, base = block.Z.copy(), state.step
        differences = carried(state, co, steps, block.eta, fresh)
        distances, size = differences.distances, block.size
        # The linear law holds for small differences only; once one is not, nothing is known.
        lost = np.maximum.accumulate(~(distances <= LARGEST_DIFFERENCE * np.append(size, size[-1])))
        distances[lost] = math.inf
        table["distance"] = distances[:-1]

        def state_at(i: int) -> State:
            distance = replace(
                state.distance,
                bound=float(distances[i]),
                tangent=None if lost[i] else differences.tangent_at(i),
                pending=differences.pending[i],
            )
            return State(base + i, (Z[i],), (), ledger_at(i), co, distance)

        return Segment(table, state_at(len(block.eta)), state_at)

    def _losses(self, co: Reduced, block: Block) -> dict[str, Array]:
        """The columns of the factorization, and how far it is from the optimum where that shows."""
        if isinstance(co, Singular):
            Z, spectrum = block.Z[:-1], co.spectrum
            above = excess_of(spectrum, Z, block.P, block.grams, self.weight) - spectrum.surplus
            columns = self.problem.columns(block.grams, above + spectrum.floor)
            columns |= gaps(above, spectrum.floor, spectrum.unit)
            if self.rank == 1:
                columns["alignment_U"] = np.abs(Z[:, 0, 0, 0])
                columns["alignment_V"] = np.abs(Z[:, 1, 0, 0])
            return columns
        assert block.loss is not None
        unknown = np.full(len(block.loss), np.nan)
        return self.problem.columns(block.grams, block.loss) | gaps(unknown, math.nan, 1.0)

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
        X, Y = factors
        point = small(X, Y, co.size)
        distance: Distance = state.distance
        if distance.tangent is None and math.isfinite(distance.bound):
            size = float(np.linalg.norm(point[0])) or 1.0
            distance = replace(distance, tangent=distance.bound / SAFETY / size * point[0])
        ledger = reopened(state.ledger, (X.T @ X - Y.T @ Y,))
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

    def _spectrum_due(self, step: int, co: Krylov, loss: Array, gradient: Array) -> Array:
        """Where SVD coordinates begin to pay, or are needed for an exact loss or gap.

        gradient: its squared norm.
        """
        steps = step + np.arange(len(loss)) - co.changed
        pays = (steps * self.rank >= 20 * co.basis.size) | (self.rank == 1)
        total = self.problem.scale**2
        # f − f* ≥ ‖∇f‖²/(2L) with L = 2σ₁ max(1, λ): before that, the gap cannot be met. At the
        # saddle at 0 the gradient is small too, but the loss has not yet fallen by ½σ₁².
        sharpness = 2 * math.sqrt(max(co.energy, self.eps)) * max(1.0, self.weight)
        near = gradient <= self.gap_tolerance * total * sharpness
        near &= total - 2 * loss >= 0.9 * co.energy / max(1, min(self.rank, co.basis.size))
        return np.asarray(pays | near | (2 * loss <= GRAM_LOSS_FLOOR * total))
