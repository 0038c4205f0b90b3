"""A closer look before an outcome is claimed: the optimum itself, and the second order."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from mfact.core import LEAST_TOLERANCE, Factors, Optimum, Outcome, State, Target
from mfact.engines.differences import SAFETY
from mfact.engines.direct import DirectEngine
from mfact.engines.losses import GRAM_LOSS_FLOOR
from mfact.engines.reduced import ReducedEngine
from mfact.krylov.spectrum import excess_loss
from mfact.stopping import StopWatch, Verdict
from mfact.theory.lemma_3_2 import (
    GLOBAL_OPTIMUM,
    STRICT_SADDLE,
    Certificate,
    certify,
    certify_spectral,
    escape,
)
from mfact.theory.monitoring import rounding_of_loss

MOST_ESCAPES = 100


class Judge:
    """Confirms verdicts with what the engine's coordinates show, and escapes from saddles.

    tol: the gap to confirm. may_escape: move off a strict saddle and go on.
    """

    def __init__(
        self,
        engine: ReducedEngine | DirectEngine,
        target: Target,
        watch: StopWatch,
        weight: float,
        tol: float,
        optimum: Optimum | None,
        may_escape: bool,
    ) -> None:
        self.engine, self.target, self.watch, self.weight = engine, target, watch, weight
        self.tol, self.optimum, self.may_escape = tol, optimum, may_escape
        self.escapes = 0

    def __call__(self, state: State, verdict: Verdict) -> tuple[State, Verdict | None]:
        state = self.sharpened(state)
        if verdict.needs == "optimum":
            return state, self._met(state, verdict)
        certificate = self.certificate(state)
        if certificate.kind == GLOBAL_OPTIMUM:
            reason = f"{verdict.reason}, and {certificate.reason}"
            return state, replace(verdict, outcome=Outcome.GLOBAL_OPTIMUM, reason=reason)
        if certificate.kind == STRICT_SADDLE:
            if self.may_escape and self.escapes < MOST_ESCAPES:
                self.escapes += 1
                return self._escaped(state, certificate), None
            if verdict.needs in ("second order", "stall", "gap"):
                # It will leave by itself: the next look is due when it has had time to.
                self.watch.wait_until(2 * state.step + 64)
                return state, None
            return state, replace(
                verdict, outcome=Outcome.SADDLE, reason=f"{verdict.reason}: {certificate.reason}"
            )
        if verdict.needs == "gap":
            self.watch.wait_until(state.step + state.step // 4 + 64)
            return state, None
        return state, replace(verdict, reason=f"{verdict.reason}; {certificate.reason}")

    def sharpened(self, state: State) -> State:
        """The state in coordinates that show the optimum to a tenth of the tolerance."""
        if isinstance(self.engine, ReducedEngine) and state.coordinates is not None:
            state = self.engine.sharpen(state, 0.1 * self.certifiable)
            self.optimum = state.coordinates.spectrum.optimum
        elif (kept := state.conserved).optimum is not None:
            self.optimum = kept.optimum
        return state

    @property
    def certifiable(self) -> float:
        """The gap that a certificate is asked for: the tolerance, and no rounding."""
        return max(self.tol, LEAST_TOLERANCE)

    def certificate(self, state: State) -> Certificate:
        """Lemma 3.2 at this state: in SVD coordinates, or by passes over M where there are none,
        or where they may grow no more and do not show the optimum to the tolerance.
        """
        if not isinstance(self.engine, ReducedEngine) or state.coordinates is None:
            return self._by_passes(state, self.optimum)
        state = self.engine.to_spectrum(state)  # without --optimum it may not be there yet
        spectrum = state.coordinates.spectrum
        if self._beyond_memory(self.engine, state):
            return self._by_passes(state, None)
        X, Y = state.point[0].T, state.point[1].T
        return certify_spectral(
            X,
            Y,
            spectrum.sigma,
            optimum=spectrum.optimum,
            unresolved=spectrum.hidden,
            coupling=float(spectrum.residuals[: self.engine.rank].max(initial=0.0)),
            norm=self.target.norm,
            weight=self.weight,
            tol=self.certifiable,
        )

    def _beyond_memory(self, engine: ReducedEngine, state: State) -> bool:
        """Whether the bases may grow no more and do not show the optimum to the tolerance."""
        optimum: Optimum = state.coordinates.spectrum.optimum
        return engine.memory_ends(state) and not optimum.known_to(self.tol)

    def _by_passes(self, state: State, optimum: Optimum | None) -> Certificate:
        U, V = self.engine.leave(state)
        loss = 0.5 * self.target.residual_norm(U, V) ** 2
        return certify(
            self.target,
            U,
            V,
            weight=self.weight,
            optimum=optimum,
            loss=loss,
            tol=self.certifiable + self._rounding(loss),
        )

    def _rounding(self, loss: float) -> float:
        """How far two ways to a loss differ in rounding, as a gap."""
        if self.optimum is None:
            return 0.0
        norm, dtype = self.target.norm, self.target.dtype
        off = float(rounding_of_loss(loss, norm, str(dtype)))
        if loss > 0.5 * GRAM_LOSS_FLOOR * norm**2:
            off += 4 * float(np.finfo(dtype).eps) * norm**2
        return off / self.optimum.unit

    def _met(self, state: State, verdict: Verdict) -> Verdict | None:
        """The verdict on a gap within the tolerance, against the optimum that is known now."""
        optimum = self.optimum
        if optimum is None:
            return verdict
        gap, error = self._gap(state, optimum), optimum.gap_error
        if not optimum.known_to(self.tol):
            if gap is not None and gap > self.tol:
                return None
            certificate = self.certificate(state)
            if certificate.kind == GLOBAL_OPTIMUM:
                return replace(verdict, reason=certificate.reason)
            # Asked again at a tenth of it; one that is zero already tells nothing more.
            self.watch.ask_below(0.1 * gap if gap else -1.0)
            return None
        # It must be met whatever the error, and where some saddle has as small a gap, undercut it.
        needed = min(optimum.sure(self.tol), max(self.tol - error, 0.0))
        asked = self.watch.tol is None or self.watch.tol > needed
        if asked:
            self.watch.ask_below(needed)
        return None if (asked if gap is None else gap > needed) else verdict

    def _gap(self, state: State, optimum: Optimum) -> float | None:
        """The gap of the state; None where no coordinates show it, and that of the row stands."""
        if not isinstance(self.engine, ReducedEngine) or state.coordinates is None:
            return None
        spectrum = state.coordinates.spectrum
        above = float(spectrum.above(excess_loss(state.point[None], spectrum.sigma)[0]))
        return max(above, 0.0) / optimum.unit

    def _escaped(self, state: State, certificate: Certificate) -> State:
        """The state moved along the direction of negative curvature; D starts anew from there."""
        point: Any
        if isinstance(self.engine, ReducedEngine) and state.coordinates is not None:
            state = self.engine.to_spectrum(state)
            if self._beyond_memory(self.engine, state):
                state = self.engine.plain(state)  # where the direction is, by passes
        if state.coordinates is not None:
            X, Y = escape(state.point[0].T, state.point[1].T, certificate)
            point = np.stack([X.T, Y.T])
        else:
            moved = escape(state.point[0], state.point[1], certificate)
            # The direction is float64; a run in float32 stays there.
            X, Y = point = Factors(*(factor.astype(self.target.dtype) for factor in moved))
        conserved = replace(state.conserved, start=X.T @ X - Y.T @ Y - state.conserved.ledger)
        if conserved.tangent is None and math.isfinite(conserved.distance) and state.coordinates:
            size = float(np.linalg.norm(point)) or 1.0
            conserved = replace(conserved, tangent=conserved.distance / SAFETY / size * point)
        return replace(state, point=point, conserved=conserved)


def leave(engine: ReducedEngine | DirectEngine, state: State) -> Factors:
    """(U, V) of a state, C order, owned."""
    return Factors(*(np.ascontiguousarray(factor) for factor in engine.leave(state)))
