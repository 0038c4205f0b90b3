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

from mfact.core import Array, Engine, Factors, Optimum, Segment, State, Target
from mfact.engines.coordinates import Coordinates, dense, mapped, raw, stack
from mfact.engines.differences import carried, judge_growth, with_stride
from mfact.engines.kernel import SmallSteps
from mfact.engines.losses import GRAM_LOSS_FLOOR, excess_of, gram_loss, leak_of, traces
from mfact.engines.measures import Conserved, measured
from mfact.krylov.basis import LEAST_PROBES, Basis
from mfact.krylov.spectrum import Spectrum

FIRST_PASSES = 4
"""Every run needs at least these; they also give σ₁ for the step size."""

BUFFER_BYTES = 2 << 20
"""Points and gradients kept between two looks; about what the caches hold."""

FIRST_TRY = 4
"""Steps tried after the basis has grown."""

LOOK = 256
"""Blocks of steps never straddle a multiple of this."""

LARGEST_DIFFERENCE = 0.01
"""Of two runs, relative to the factors, for which the linearized step speaks of both."""

ROUNDING = 4.0
"""What a plain step leaves in rounding errors, in units of eps‖(U, V)‖_F; no more may leak."""


class ReducedEngine:
    """Runs the small steps and keeps the basis large enough.

    target: holds M. rank: r. weight: λ of the balance term, 0 for the plain objective.
    gap_tolerance: the Eckart–Young gap at which the run may end; near it the engine
    turns to SVD coordinates, where the gap is exact. max_basis_bytes: memory for both bases;
    a run that needs more goes on in the engine beyond_memory, from the same point.
    """

    name = "reduced"

    def __init__(
        self,
        target: Target,
        rank: int,
        weight: float = 0.0,
        gap_tolerance: float = 1e-10,
        max_basis_bytes: int | None = None,
        beyond_memory: Engine | None = None,
    ) -> None:
        self.target, self.rank, self.weight = target, rank, weight
        self.gap_tolerance = gap_tolerance
        self.max_basis_bytes, self.beyond_memory = max_basis_bytes, beyond_memory
        self.eps = float(np.finfo(target.dtype).eps)
        self._steps: SmallSteps | None = None
        # How many steps to try at once; it changes what is thrown away, never a result.
        self._length = FIRST_TRY

    # -- entering and leaving -----------------------------------------------------------------

    def start(self, point: Factors, *, drawn: bool = False) -> State:
        """Step 0 in bases of its own; drawn: the point is random."""
        basis = Basis.begin(point.U, point.V, self.target.norm, drawn=drawn)
        basis = basis.probed() if drawn else basis
        for _ in range(FIRST_PASSES):
            if basis.exhausted:
                break
            basis = basis.extend(self.target)
        return self.start_in(basis, point)

    def start_in(self, basis: Basis, point: Factors) -> State:
        """Step 0 in a basis that holds `point`."""
        coordinates = dense(basis, 0, self.target.norm)
        z = stack(*basis.enter(*point), basis.size)
        D = z[0] @ z[0].T - z[1] @ z[1].T
        first = ROUNDING * self.eps * np.abs(z)
        return State(0, z, Conserved(D, np.zeros_like(D), tangent=first), coordinates)

    def leave(self, state: State) -> Factors:
        if state.coordinates is None:
            return Factors(*state.point)
        X, Y = raw(state.coordinates, state.point)
        return Factors(*state.coordinates.basis.leave(X, Y))

    # -- steps --------------------------------------------------------------------------------

    def advance(self, state: State, step_sizes: Array) -> Segment:
        # Blocks end at multiples of LOOK, where the growth of differences is judged anew: what
        # is decided there does not depend on where a run was cut.
        if state.coordinates is not None and state.step % LOOK == 0:
            state = judge_growth(state, self.rank, self.weight)
            state = with_stride(state, float(step_sizes[0]), self.weight)
        self._length = max(1, min(self._length, LOOK - state.step % LOOK))
        while state.coordinates is not None:
            found = self._try(state, step_sizes[: self._length])
            if isinstance(found, Segment):
                return found
            state = found(state)
            self._length = min(self._length, FIRST_TRY)
        assert self.beyond_memory is not None
        return self.beyond_memory.advance(state, step_sizes)

    def _try(self, state: State, step_sizes: Array) -> Segment | Callable[[State], State]:
        """A segment, or what must be done to the state before the first step can be taken."""
        co: Coordinates = state.coordinates
        steps = self._buffers(co.basis.size, len(step_sizes))
        count = min(len(step_sizes), steps.length)
        eta = step_sizes[:count]
        steps.Z[0] = state.point
        sigma = co.spectrum.sigma if co.spectrum is not None else None
        with np.errstate(all="ignore"):
            steps.run(co.operator, sigma, eta.tolist())
            Z, P, grams = steps.Z[:count], steps.P[:count], steps.grams[:count]
            leak, size = leak_of(co, Z, eta), np.sqrt(traces(grams))
            too_much = ~(leak <= ROUNDING * self.eps * size) & np.isfinite(size)
            if not co.basis.exhausted and too_much.any():
                count = int(np.argmax(too_much))
                if count == 0:
                    return self._extend
            self._length = self._next_length(leak[:count], size[:count])
            squares = P[:count] @ P[:count].transpose(0, 1, 3, 2)
            loss = None
            if co.spectrum is None:
                loss = gram_loss(co, Z[:count], P[:count], grams[:count], self.weight)
                due = self._spectrum_due(state, co, loss, traces(squares))
                if due.any():
                    count = int(np.argmax(due))
                    if count == 0:
                        return self.to_spectrum
            cut = slice(0, count)
            return self._segment(state, steps, eta[cut], squares[cut], leak[cut], size[cut], loss)

    def _segment(
        self,
        state: State,
        steps: SmallSteps,
        eta: Array,
        squares: Array,
        leak: Array,
        size: Array,
        loss: Array | None,
    ) -> Segment:
        """The steps taken, measured; loss: of at least these where M is dense, else None."""
        co: Coordinates = state.coordinates
        count, weight, norm = len(eta), self.weight, self.target.norm
        Z, P, grams = steps.Z[: count + 1], steps.P[:count], steps.grams[:count]
        kept: Conserved = state.conserved
        table, ledgers, flow_times = measured(kept, state.step, grams, squares, eta, weight, norm)
        if co.spectrum is not None and self.rank == 1:
            table["alignment_U"] = np.abs(Z[:-1, 0, 0, 0])
            table["alignment_V"] = np.abs(Z[:-1, 1, 0, 0])
        if co.spectrum is not None:
            above = co.spectrum.above(excess_of(co.spectrum, Z[:-1], P, grams, weight))
            table["loss"] = above + co.spectrum.floor
            table["above"] = above
            table["gap"] = np.maximum(above, 0) / co.spectrum.unit
            table["optimum"] = np.full(count, co.spectrum.floor)
        else:
            assert loss is not None
            table["loss"] = loss[:count]
            for name in ("above", "gap", "optimum"):
                table[name] = np.full(count, np.nan)
        table["relative_residual"] = np.sqrt(2 * np.maximum(table["loss"], 0)) / (norm or 1.0)
        table["leak"] = leak
        # A step differs from the plain one by what leaks and by rounding.
        fresh = leak + ROUNDING * self.eps * size
        Z, base = Z.copy(), state.step
        differences = carried(state, steps, eta, fresh)
        distances = differences.distances
        # The linear law holds for small differences only; once one is not, nothing is known.
        lost = np.maximum.accumulate(~(distances <= LARGEST_DIFFERENCE * np.append(size, size[-1])))
        distances[lost] = math.inf
        table["distance"] = distances[:-1]

        def state_at(i: int) -> State:
            conserved = replace(
                kept,
                ledger=ledgers[i],
                flow_time=float(flow_times[i]),
                distance=float(distances[i]),
                tangent=None if lost[i] else differences.tangent_at(i),
                pending=differences.pending[i],
            )
            return State(base + i, Z[i], conserved, co)

        return Segment(table, state_at(count), state_at)

    # -- what the coordinates are -------------------------------------------------------------

    def _extend(self, state: State) -> State:
        """One more block on each side; the factors get zeros there. Or the run goes on directly."""
        return self.plain(state) if self.memory_ends(state) else self._grown(state)

    def plain(self, state: State) -> State:
        """The same state without coordinates, from which a run goes on beyond memory."""
        optimum: Optimum = self.to_spectrum(state).coordinates.spectrum.optimum
        # An optimum that is not known to the tolerance would end the run too early.
        conserved = replace(
            state.conserved,
            tangent=None,
            rho=0.0,
            top=0.0,
            optimum=optimum if optimum.known_to(self.gap_tolerance) else None,
        )
        return State(state.step, self.leave(state), conserved)

    def _grown(self, state: State) -> State:
        basis = state.coordinates.basis.extend(self.target)
        return mapped(
            state,
            lambda z: stack(*raw(state.coordinates, z), basis.size),
            dense(basis, state.step, self.target.norm),
        )

    def memory_ends(self, state: State) -> bool:
        """Whether both bases would hold more than they may once they are extended."""
        if self.beyond_memory is None or self.max_basis_bytes is None:
            return False
        basis, (d1, d2) = state.coordinates.basis, self.target.shape
        columns = (basis.left.known + basis.left.pending, basis.right.known + basis.right.pending)
        held = (d1 * columns[0] + d2 * columns[1]) * self.target.dtype.itemsize
        return bool(held > self.max_basis_bytes)

    def to_spectrum(self, state: State) -> State:
        """The same state in SVD coordinates."""
        co: Coordinates = state.coordinates
        if co.spectrum is not None:
            return state
        spectrum = Spectrum.of(co.basis, self.rank, self.target)
        coordinates = replace(co, spectrum=spectrum, operator=None, leak_left=None, leak_right=None)
        state = mapped(
            state, lambda z: np.stack([z[0] @ spectrum.phi, z[1] @ spectrum.psi]), coordinates
        )
        return judge_growth(state, self.rank, self.weight)

    def sharpen(self, state: State, tolerance: float, most: int = 200) -> State:
        """Extend until the optimum that B sees is within `tolerance`, a gap, of M's own.

        Where the start alone spans the space, or the space is exhausted before it holds all of M,
        random columns join it: only they can tell that no larger singular value is hidden.
        """
        state = self.to_spectrum(state)
        for _ in range(most):
            co: Coordinates = state.coordinates
            assert co.spectrum is not None
            settled = co.spectrum.shortfall <= tolerance * co.spectrum.unit
            full = max(co.basis.B.shape) >= min(self.target.shape)
            if settled or self.memory_ends(state) or (full and co.basis.exhausted):
                break
            if not co.basis.probes or co.basis.exhausted:
                basis = co.basis.probed(max(self.rank, LEAST_PROBES))
                state = replace(state, coordinates=replace(co, basis=basis))
            state = self.extended(state)
        return state

    def settle(self, state: State, residual: float, against: int = 1, most: int = 200) -> State:
        """Extend until the leading r Ritz pairs are known to a residual relative to σ_against.

        A run whose limit is in a basis that holds these pairs no longer leaks much.
        """
        state = self.to_spectrum(state)
        for _ in range(most):
            spectrum = state.coordinates.spectrum
            if state.coordinates.basis.exhausted or self.memory_ends(state):
                break
            sigma = spectrum.sigma
            unit = max(float(sigma[min(against, len(sigma)) - 1]), 1e-6 * float(sigma[0]))
            if spectrum.residuals[: self.rank].max(initial=0.0) <= residual * unit:
                break
            state = self.extended(state)
        return state

    def extended(self, state: State) -> State:
        """One more block on each side, in SVD coordinates."""
        return self.to_spectrum(self._grown(state))

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

    # -- judgements, each for all steps of a block ----------------------------------------------

    def _next_length(self, leak: Array, size: Array) -> int:
        """How many steps to try next: twice as many, or until the leak will be too much."""
        length = 2 * self._length
        if len(leak) >= 2 and leak[-1] > leak[-2] > 0:
            room = math.log(ROUNDING * self.eps * size[-1] / leak[-1])
            length = min(length, 1 + math.ceil(1.2 * room / math.log(leak[-1] / leak[-2])))
        return max(2, length)

    def _spectrum_due(self, state: State, co: Coordinates, loss: Array, gradient: Array) -> Array:
        """Where SVD coordinates begin to pay, or are needed for an exact loss or gap.

        gradient: its squared norm.
        """
        steps = state.step + np.arange(len(loss)) - co.changed
        pays = (steps * self.rank >= 20 * co.basis.size) | (self.rank == 1)
        total = self.target.norm**2
        # f − f* ≥ ‖∇f‖²/(2L) with L = 2σ₁ max(1, λ): before that, the gap cannot be met. At the
        # saddle at 0 the gradient is small too, but the loss has not yet fallen by ½σ₁².
        sharpness = 2 * math.sqrt(max(co.energy, self.eps)) * max(1.0, self.weight)
        near = gradient <= self.gap_tolerance * total * sharpness
        near &= total - 2 * loss >= 0.9 * co.energy / max(1, min(self.rank, co.basis.size))
        return np.asarray(pays | near | (2 * loss <= GRAM_LOSS_FLOOR * total))
