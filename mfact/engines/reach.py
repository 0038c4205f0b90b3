"""How far the bases reach: they grow where a run needs them to, as long as there is memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mfact.core import Distance, Plain, Point, State, Target, eps_of
from mfact.engines.coordinates import Krylov, Reduced, Singular, mapped, reduced, small
from mfact.engines.differences import ROUNDING, judge_growth
from mfact.engines.measures import opened
from mfact.krylov.basis import Basis
from mfact.krylov.columns import random_columns
from mfact.krylov.spectrum import Spectrum
from mfact.targets.counted import leads_of

FIRST_PASSES = 2
"""Every run needs at least these; they also give σ₁ for the step size."""

MOST_EXTENSIONS = 200
"""Passes that a closer look takes at most."""


class Reach:
    """States in bases of M, and what extends them.

    target: holds M. rank: r. weight: λ of the balance term, 0 for the plain objective.
    max_basis_bytes: memory for both bases, None for no limit. sigma_1: of M, as far as it is known.
    """

    def __init__(
        self,
        target: Target,
        rank: int,
        weight: float = 0.0,
        max_basis_bytes: int | None = None,
        sigma_1: float | None = None,
    ) -> None:
        self.target, self.rank, self.weight = target, rank, weight
        self.max_basis_bytes = max_basis_bytes
        self.eps = eps_of(target, sigma_1)

    def start(self, point: Point, *, drawn: bool = False) -> State:
        """Step 0 in bases of its own; drawn: the point is random."""
        U, V = point
        leads = leads_of(self.target)
        basis = Basis.begin(U, V, self.target.norm, leads=leads, drawn=drawn)
        basis = basis.probed() if drawn else basis
        for _ in range(FIRST_PASSES):
            if basis.exhausted:
                break
            basis = basis.extend(self.target)
        return self.start_in(basis, point)

    def start_in(self, basis: Basis, point: Point) -> State:
        """Step 0 in a basis that holds `point`."""
        U, V = point
        inside = small(*basis.enter(U, V), basis.size)
        X, Y = inside[0]
        first = Distance(tangent=ROUNDING * self.eps * np.abs(inside[0]))
        coordinates = Krylov.of(basis, 0, self.target.norm)
        return State(0, inside, (), opened((X @ X.T - Y @ Y.T,)), coordinates, first)

    def full(self, state: State) -> bool:
        """Whether the bases cannot grow, or may not: also where there are none any more."""
        co = reduced(state)
        return co is None or co.basis.exhausted or self.memory_ends(state)

    def memory_ends(self, state: State) -> bool:
        """Whether both bases would hold more than they may once they are extended."""
        co = reduced(state)
        if co is None or self.max_basis_bytes is None:
            return False
        return co.basis.bytes_next > self.max_basis_bytes

    def grown(self, state: State, co: Reduced) -> State:
        """One more block on each side; the factors get zeros there."""
        basis = co.basis.extend(self.target)
        return mapped(
            state,
            lambda z: small(*co.known((z,)), basis.size)[0],
            Krylov.of(basis, state.step, self.target.norm),
        )

    def spectral(self, state: State) -> State:
        """The same state in SVD coordinates, or on the factors themselves where it is so."""
        co = state.coordinates
        if not isinstance(co, Krylov):
            return state
        spectrum = Spectrum.of(co.basis, self.rank, self.target)
        state = mapped(
            state,
            lambda z: np.stack([z[0] @ spectrum.phi, z[1] @ spectrum.psi]),
            Singular(co.basis, spectrum),
        )
        return judge_growth(state, self.rank, self.weight)

    def extended(self, state: State) -> State:
        """One more block on each side, in SVD coordinates."""
        co = reduced(state)
        return state if co is None else self.spectral(self.grown(state, co))

    def left(self, state: State, tolerance: float, passes: int) -> State:
        """The same state without bases, from which a run goes on beyond memory.

        tolerance: to which the optimum must be known: else it would end the run too early. passes:
        over M that a step takes there.
        """
        state = self.spectral(state)
        optimum = state.coordinates.optimum
        known = optimum is not None and optimum.known_to(tolerance)
        return replace(
            state,
            point=tuple(state.coordinates.leave(state.point)),
            memory=tuple(part for z in state.memory for part in state.coordinates.leave((z,))),
            distance=replace(state.distance, tangent=None, rho=0.0, top=0.0),
            coordinates=Plain(
                optimum if known else None,
                ahead=state.coordinates.passes - passes * state.step,
                each=passes,
            ),
        )

    def sharpened(self, state: State, tolerance: float) -> State:
        """Extend until the optimum that B sees is within `tolerance`, a gap, of M's own.

        Where the start alone spans the space, or the space is exhausted before it holds all of M,
        random columns join it: only they can tell that no larger singular value is hidden.
        """
        state = self.spectral(state)
        for _ in range(MOST_EXTENSIONS):
            co = state.coordinates
            if not isinstance(co, Singular):
                break
            settled = co.spectrum.shortfall <= tolerance * co.spectrum.unit
            whole = max(co.basis.B.shape) >= min(self.target.shape)
            if settled or (whole and co.basis.exhausted):
                break
            wider = state
            if not co.basis.probes or co.basis.exhausted:
                basis = co.basis.probed(random_columns(self.rank))
                wider = replace(state, coordinates=replace(co, basis=basis))
            if self.memory_ends(wider):
                break
            state = self.extended(wider)
        return state

    def settled(self, state: State, residual: float, against: int = 1) -> State:
        """Extend until the leading r Ritz pairs are known to a residual relative to σ_against.

        A run whose limit is in a basis that holds these pairs no longer leaks much.
        """
        state = self.spectral(state)
        for _ in range(MOST_EXTENSIONS):
            co = state.coordinates
            if not isinstance(co, Singular) or self.full(state):
                break
            sigma = co.sigma
            unit = max(float(sigma[min(against, len(sigma)) - 1]), 1e-6 * float(sigma[0]))
            if co.spectrum.residuals[: self.rank].max(initial=0.0) <= residual * unit:
                break
            state = self.extended(state)
        return state
