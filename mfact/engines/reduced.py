"""Gradient descent in reduced coordinates: the iterates of the plain loop at the price of an SVD.

The run starts in a small basis and extends itself by one pass over M whenever the next step
would put more than rounding outside of it, so that the distance to the plain iterates stays at
rounding level by construction. All decisions depend on the state alone, never on the clock or on
how the run is cut into blocks: a resumed run repeats them bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from mfact.core import Array, Engine, Factors, Segment, State, Target
from mfact.engines.basis import Basis
from mfact.engines.kernel import SmallSteps
from mfact.engines.measures import Conserved, cumulative, ledger_terms, rows
from mfact.engines.spectrum import (
    Spectrum,
    excess_loss,
    leaks,
    negative_curvature,
    padded_square,
)

FIRST_PASSES = 4
"""Every run needs at least these; they also give σ₁ for the step size."""

BUFFER_BYTES = 4 << 20
"""Points and gradients kept between two looks; about what the caches hold."""

FIRST_TRY = 4
"""Steps tried after the basis has grown."""

LOOK = 256
"""Blocks of steps never straddle a multiple of this."""

SAFETY = 10.0
"""The carried difference starts in one direction; rounding errors fall in all of them."""

LARGEST_DIFFERENCE = 0.01
"""Of two runs, relative to the factors, for which the linearized step speaks of both."""

ROUNDING = 4.0
"""What a plain step leaves in rounding errors, in units of eps‖(U, V)‖_F; no more may leak."""

GRAM_LOSS_FLOOR = 1e-6
"""Below this part of ½‖M‖², the loss is no longer taken from Gram matrices."""


@dataclass(frozen=True)
class Coordinates:
    """How the small factors are to be read.

    basis: the bases. spectrum: set when the coordinates are those of the SVD of B. changed: the
    step at which the basis last grew. operator, leak_left, leak_right: B and the leaks in dense
    coordinates. energy: ‖B‖_F². unseen: max(‖M‖_F² − ‖B‖_F², 0).
    """

    basis: Basis
    changed: int
    spectrum: Spectrum | None = None
    operator: Array | None = None
    leak_left: Array | None = None
    leak_right: Array | None = None
    energy: float = 0.0
    unseen: float = 0.0


@dataclass(frozen=True)
class Carried:
    """Differences to the plain iterates over a block: n + 1 bounds, and what they come from."""

    distances: Array
    pending: list[tuple[float, float]]
    tangents: Array | None = None
    index: list[int] | None = None

    def tangent_at(self, i: int) -> Array | None:
        if self.tangents is None or self.index is None:
            return None
        tangent: Array = self.tangents[self.index[i]]
        return tangent


class ReducedEngine:
    """Runs the small steps and keeps the basis large enough.

    target: holds M. rank: r. weight: λ of the balance term, 0 for the plain objective.
    gap_tolerance: the relative Eckart–Young gap at which the run may end; near it the engine
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

    def start(self, point: Factors) -> State:
        basis = Basis.begin(point.U, point.V, self.target.norm)
        for _ in range(FIRST_PASSES):
            if basis.exhausted:
                break
            basis = basis.extend(self.target)
        return self.start_in(basis, point)

    def start_in(self, basis: Basis, point: Factors) -> State:
        """Step 0 in a basis that holds `point`."""
        coordinates = self._dense(basis, 0)
        z = self._stack(*basis.enter(*point), basis.size)
        D = z[0] @ z[0].T - z[1] @ z[1].T
        first = ROUNDING * self.eps * np.abs(z)
        return State(0, z, Conserved(D, np.zeros_like(D), tangent=first), coordinates)

    def leave(self, state: State) -> Factors:
        if state.coordinates is None:
            return Factors(*state.point)
        X, Y = self._raw(state.coordinates, state.point)
        return Factors(*state.coordinates.basis.leave(X, Y))

    # -- steps --------------------------------------------------------------------------------

    def advance(self, state: State, step_sizes: Array) -> Segment:
        if state.coordinates is None:
            assert self.beyond_memory is not None
            return self.beyond_memory.advance(state, step_sizes)
        notes: list[str] = []
        # Blocks end at multiples of LOOK, where the growth of differences is judged anew: what
        # is decided there does not depend on where a run was cut.
        if state.step % LOOK == 0:
            state = self._with_stride(self._judge_growth(state), float(step_sizes[0]))
        self._length = max(1, min(self._length, LOOK - state.step % LOOK))
        step_sizes = step_sizes[: self._length]
        while True:
            segment, event = self._try(state, step_sizes)
            if segment is not None:
                return replace(segment, notes=tuple(notes) + segment.notes)
            state = event(state)
            if state.coordinates is None:
                assert self.beyond_memory is not None
                segment = self.beyond_memory.advance(state, step_sizes)
                note = f"the basis reached its limit of {self.max_basis_bytes} bytes; the run"
                return replace(segment, notes=(*notes, f"{note} goes on directly"))
            self._length = FIRST_TRY
            step_sizes = step_sizes[:FIRST_TRY]
            basis = state.coordinates.basis
            if state.coordinates.changed == state.step:
                notes.append(f"basis of {basis.size} columns after {basis.passes} passes")

    def _try(
        self, state: State, step_sizes: Array
    ) -> tuple[Segment | None, Callable[[State], State]]:
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
            leak, size = self._leak(co, Z, eta), np.sqrt(_traces(grams))
            too_much = ~(leak <= ROUNDING * self.eps * size) & np.isfinite(size)
            if not co.basis.exhausted and too_much.any():
                count = int(np.argmax(too_much))
                if count == 0:
                    return None, self._extend
            self._length = self._next_length(leak[:count], size[:count])
            squares = P[:count] @ P[:count].transpose(0, 1, 3, 2)
            if co.spectrum is None:
                due = self._spectrum_due(state, co, Z[:count], P[:count], grams[:count], squares)
                if due.any():
                    count = int(np.argmax(due))
                    if count == 0:
                        return None, self.to_spectrum
            cut = slice(0, count)
            return (
                self._segment(state, steps, eta[cut], squares[cut], leak[cut], size[cut]),
                self._extend,
            )

    def _segment(
        self,
        state: State,
        steps: SmallSteps,
        eta: Array,
        squares: Array,
        leak: Array,
        size: Array,
    ) -> Segment:
        co: Coordinates = state.coordinates
        count, weight, norm = len(eta), self.weight, self.target.norm
        Z, P, grams = steps.Z[: count + 1], steps.P[:count], steps.grams[:count]
        kept: Conserved = state.conserved
        ledgers = cumulative(kept.ledger, ledger_terms(grams, squares, eta, weight))
        flow_times = cumulative(np.array(kept.flow_time), eta)
        table = rows(
            state.step, grams, squares, eta, ledgers[:-1], flow_times[:-1], kept.start, weight, norm
        )
        half = 0.5 * norm**2
        if co.spectrum is not None and self.rank == 1:
            table["alignment_U"] = np.abs(Z[:-1, 0, 0, 0])
            table["alignment_V"] = np.abs(Z[:-1, 1, 0, 0])
        if co.spectrum is not None:
            excess = self._excess(co.spectrum, Z[:-1], P, grams)
            table["loss"] = excess + co.spectrum.floor(self.rank)
            table["gap"] = excess / half if half else excess
            table["optimum"] = np.full(count, co.spectrum.floor(self.rank))
        else:
            table["loss"] = self._gram_loss(co, Z[:-1], P, grams)
            table["gap"] = np.full(count, np.nan)
            table["optimum"] = np.full(count, np.nan)
        table["relative_residual"] = np.sqrt(2 * np.maximum(table["loss"], 0)) / (norm or 1.0)
        table["leak"] = leak
        # A step differs from the plain one by what leaks and by rounding.
        fresh = leak + ROUNDING * self.eps * size
        Z, base = Z.copy(), state.step
        carried = self._carried(state, steps, eta, fresh)
        distances = carried.distances
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
                tangent=None if lost[i] else carried.tangent_at(i),
                pending=carried.pending[i],
            )
            return State(base + i, Z[i], conserved, co)

        return Segment(table, state_at(count), state_at)

    def _carried(self, state: State, steps: SmallSteps, eta: Array, fresh: Array) -> Carried:
        """What the differences to the plain iterates become over a block of steps."""
        kept: Conserved = state.conserved
        if kept.tangent is None:
            growth = np.maximum(1 + eta * kept.rho, eta * kept.top - 1)
            return Carried(_accumulate(kept.distance, growth, fresh), [(0.0, 0.0)] * (len(eta) + 1))
        co: Coordinates = state.coordinates
        moves, pending, index = [], [kept.pending], [0]
        for i, (step_size, new) in enumerate(zip(eta.tolist(), fresh.tolist(), strict=True)):
            total = pending[-1][0] + step_size, pending[-1][1] + new
            if (state.step + i + 1) % kept.stride == 0:
                moves.append((i, *total))
                total = (0.0, 0.0)
            pending.append(total)
            index.append(len(moves))
        sigma = co.spectrum.sigma if co.spectrum is not None else None
        tangents = steps.differences(co.operator, sigma, moves, kept.tangent)
        flat = tangents.reshape(len(tangents), -1)
        sizes = np.sqrt(np.einsum("ni,ni->n", flat, flat))[index]
        waiting = np.array([more for _, more in pending])
        return Carried(SAFETY * (sizes + waiting), pending, tangents, index)

    # -- what the coordinates are -------------------------------------------------------------

    def _extend(self, state: State) -> State:
        """One more block on each side; the factors get zeros there. Or the run goes on directly."""
        if self._memory_ends(state):
            conserved = replace(state.conserved, tangent=None, rho=0.0, top=0.0)
            return State(state.step, self.leave(state), conserved)
        return self._grown(state)

    def _grown(self, state: State) -> State:
        basis = state.coordinates.basis.extend(self.target)
        return self._map(
            state,
            lambda z: self._stack(*self._raw(state.coordinates, z), basis.size),
            self._dense(basis, state.step),
        )

    def _memory_ends(self, state: State) -> bool:
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
        state = self._map(
            state, lambda z: np.stack([z[0] @ spectrum.phi, z[1] @ spectrum.psi]), coordinates
        )
        return self._judge_growth(state)

    @staticmethod
    def _map(state: State, change: Callable[[Array], Array], coordinates: Coordinates) -> State:
        """The same state in other coordinates."""
        kept: Conserved = state.conserved
        if kept.tangent is not None:
            kept = replace(kept, tangent=change(kept.tangent))
        return State(state.step, change(state.point), kept, coordinates)

    def _judge_growth(self, state: State) -> State:
        """Stop carrying a difference along once none can grow by more than a tenth."""
        co: Coordinates = state.coordinates
        if co.spectrum is None:
            return state
        rho, top = negative_curvature(state.point, co.spectrum.sigma, self.weight)
        sigma, kept = co.spectrum.sigma, state.conserved
        after = sigma[self.rank] if len(sigma) > self.rank else 0.0
        # Near the optimum rho falls like the error, by 1 − η(σ_r − σ_{r+1}) a step.
        if kept.tangent is None or rho <= 0.1 * (sigma[min(self.rank, len(sigma)) - 1] - after):
            kept = replace(kept, tangent=None, rho=rho, top=top)
        return replace(state, conserved=kept)

    def _with_stride(self, state: State, eta: float) -> State:
        """How many steps a carried difference may take at once: while η times the sharpness stays
        small, one linear step of Ση is as good.
        """
        kept: Conserved = state.conserved
        if kept.tangent is None:
            return state
        co: Coordinates = state.coordinates
        if co.spectrum is not None:
            _, top = negative_curvature(state.point, co.spectrum.sigma, self.weight)
        else:
            top = math.sqrt(co.energy) + 2 * float(np.vdot(state.point, state.point))
            top *= 1 + self.weight
        room = 0.5 / (eta * top) if 0 < eta * top < math.inf else 1.0
        stride = 1 << max(0, min(int(math.log2(max(room, 1.0))), 8))
        return replace(state, conserved=replace(kept, stride=stride))

    def sharpen(self, state: State, tolerance: float, most: int = 200) -> State:
        """Extend until the optimum that B sees is within `tolerance` (of ½‖M‖²) of M's own.

        A space that is exhausted before it holds all of M goes on with random directions.
        """
        half = 0.5 * self.target.norm**2
        state = self.to_spectrum(state)
        for _ in range(most):
            co: Coordinates = state.coordinates
            assert co.spectrum is not None
            basis = co.basis
            settled = co.spectrum.shortfall(self.rank) <= tolerance * half
            unseen = co.spectrum.tail > 64 * self.eps * self.target.norm**2
            full = max(basis.B.shape) >= min(self.target.shape)
            if (settled and not (basis.exhausted and unseen)) or (full and basis.exhausted):
                break
            if self._memory_ends(state):
                break
            if basis.exhausted:
                basis = basis.enrich(self.rank, seed=basis.passes)
                state = replace(state, coordinates=replace(co, basis=basis))
                # Two blocks at least: the first alone has no Ritz residual to judge by.
                state = self._grown(state)
            state = self.extended(state)
        return state

    def settle(self, state: State, residual: float, most: int = 200) -> State:
        """Extend until the leading r Ritz pairs are known to a relative residual.

        A run whose limit is in a basis that holds these pairs no longer leaks much.
        """
        state = self.to_spectrum(state)
        for _ in range(most):
            spectrum = state.coordinates.spectrum
            if state.coordinates.basis.exhausted or self._memory_ends(state):
                break
            if spectrum.residuals.max(initial=0.0) <= residual * spectrum.sigma[0]:
                break
            state = self.extended(state)
        return state

    def extended(self, state: State) -> State:
        """One more block on each side, in SVD coordinates."""
        return self.to_spectrum(self._grown(state))

    def _dense(self, basis: Basis, step: int) -> Coordinates:
        left, right = leaks(basis)
        energy = float(np.vdot(basis.B, basis.B))
        return Coordinates(
            basis,
            step,
            None,
            padded_square(basis.B, basis.size),
            left,
            right,
            energy,
            max(self.target.norm**2 - energy, 0.0),
        )

    @staticmethod
    def _raw(co: Coordinates, z: Array) -> tuple[Array, Array]:
        """X = LᵀU and Y = QᵀV from either kind of coordinates, without the padding."""
        X, Y = z[0].T, z[1].T
        if co.spectrum is not None:
            X, Y = co.spectrum.phi @ X, co.spectrum.psi @ Y
        return X[: co.basis.left.known], Y[: co.basis.right.known]

    def _stack(self, X: Array, Y: Array, size: int) -> Array:
        z = np.zeros((2, self.rank, size), self.target.dtype)
        z[0, :, : len(X)], z[1, :, : len(Y)] = X.T, Y.T
        return z

    def _buffers(self, size: int, wanted: int) -> SmallSteps:
        """Buffers for this size, growing with use so that a short stay costs little."""
        per_step = 4 * size * self.rank * self.target.dtype.itemsize
        most = max(8, min(LOOK, BUFFER_BYTES // per_step))
        old = self._steps
        if old is not None and old.size == size and old.length >= min(wanted, most):
            return old
        length = min(max(8, 2 * wanted), most)
        memory = None if old is None else old.memory
        self._steps = SmallSteps(self.rank, size, length, self.target.dtype, self.weight, memory)
        return self._steps

    # -- judgements, each for all steps of a block ----------------------------------------------

    def _leak(self, co: Coordinates, Z: Array, eta: Array) -> Array:
        """η‖(I − LLᵀ)M Q Y‖ with the mirror image: what each step leaves outside the bases."""
        if co.basis.exhausted:
            return np.zeros(len(eta), Z.dtype)
        source = co.spectrum if co.spectrum is not None else co
        assert source.leak_left is not None
        assert source.leak_right is not None
        left = Z[:, 1] @ source.leak_left.T
        right = Z[:, 0] @ source.leak_right.T
        total = np.einsum("nrb,nrb->n", left, left) + np.einsum("nrb,nrb->n", right, right)
        return np.asarray(eta * np.sqrt(total))

    def _next_length(self, leak: Array, size: Array) -> int:
        """How many steps to try next: twice as many, or until the leak will be too much."""
        length = 2 * self._length
        if len(leak) >= 2 and leak[-1] > leak[-2] > 0:
            room = math.log(ROUNDING * self.eps * size[-1] / leak[-1])
            length = min(length, 1 + math.ceil(1.2 * room / math.log(leak[-1] / leak[-2])))
        return max(2, length)

    def _spectrum_due(
        self, state: State, co: Coordinates, Z: Array, P: Array, grams: Array, squares: Array
    ) -> Array:
        """Where SVD coordinates begin to pay, or are needed for an exact loss or gap."""
        steps = state.step + np.arange(len(grams)) - co.changed
        pays = (steps * self.rank >= 20 * co.basis.size) | (self.rank == 1)
        loss = self._gram_loss(co, Z, P, grams)
        total = self.target.norm**2
        # f − f* ≥ ‖∇f‖²/(2L) with L = 2σ₁ max(1, λ): before that, the gap cannot be met. At the
        # saddle at 0 the gradient is small too, but the loss has not yet fallen by ½σ₁².
        sharpness = 2 * math.sqrt(max(co.energy, self.eps)) * max(1.0, self.weight)
        gradient = _traces(squares)
        near = gradient <= self.gap_tolerance * total * sharpness
        near &= total - 2 * loss >= 0.9 * co.energy / max(1, min(self.rank, co.basis.size))
        return np.asarray(pays | near | (2 * loss <= GRAM_LOSS_FLOOR * total))

    def _excess(self, spectrum: Spectrum, Z: Array, P: Array, grams: Array) -> Array:
        """excess_loss(), from Gram matrices where at most eight of its digits are lost."""
        total = 0.5 * float(np.sum(spectrum.sigma[: self.rank].astype(np.float64) ** 2))
        excess = total + self._gram_difference(Z, P, grams)
        close = excess <= math.sqrt(self.eps) * 0.5 * self.target.norm**2
        if close.any():
            excess[close] = excess_loss(Z[close], spectrum.sigma)
        return np.asarray(excess)

    def _gram_loss(self, co: Coordinates, Z: Array, P: Array, grams: Array) -> Array:
        """f in dense coordinates: ½(‖B‖² − 2⟨X, BY⟩ + ⟨A, C⟩ + ‖M‖² − ‖B‖²)."""
        return self._gram_difference(Z, P, grams) + 0.5 * (co.energy + co.unseen)

    def _gram_difference(self, Z: Array, P: Array, grams: Array) -> Array:
        """½‖XYᵀ − B‖² − ½‖B‖² = ½⟨A, C⟩ − ⟨X, BY⟩."""
        A, C = grams[:, 0], grams[:, 1]
        mixed = C + (self.weight / 2) * (A - C)
        # P_X = B Y − X K_X holds B Y already.
        inner = np.einsum("nrk,nrk->n", Z[:, 0], P[:, 0]) + np.einsum("nij,nij->n", A, mixed)
        product = np.einsum("nij,nij->n", A, C)
        return np.asarray(0.5 * product - inner)


def _traces(pairs: Array) -> Array:
    """tr of both matrices of each pair, n×2×r×r -> n."""
    return np.asarray(np.trace(pairs, axis1=2, axis2=3).sum(axis=1))


def _accumulate(first: float, growth: Array, added: Array) -> Array:
    """d_0 = first, d_{t+1} = growth_t d_t + added_t, one after another."""
    values = [first]
    for factor, more in zip(growth.tolist(), added.tolist(), strict=True):
        values.append(values[-1] * factor + more)
    return np.array(values)
