"""A closer look before an outcome is claimed: the optimum itself, and the second order."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mfact.core import Factors, Outcome, State, Target
from mfact.engines.differences import SAFETY
from mfact.engines.direct import DirectEngine
from mfact.engines.reduced import ReducedEngine
from mfact.engines.spectrum import excess_loss
from mfact.stopping import StopWatch, Verdict
from mfact.theory.lemma_3_2 import (
    GLOBAL_OPTIMUM,
    STRICT_SADDLE,
    Certificate,
    certify,
    certify_spectral,
    escape,
)

MOST_ESCAPES = 100


@dataclass(frozen=True)
class Optimum:
    """The leading singular values of M and what follows from them.

    values: σ₁ … σ_{r+1} as far as they are known; floor: ½Σ_{i>r}σ_i²; error: how far floor may
    lie above the true one, both in units of M².
    """

    values: tuple[float, ...]
    floor: float
    error: float


class Judge:
    """Confirms verdicts with what the engine's coordinates show, and escapes from saddles.

    tol: the gap to confirm, relative to ½‖M‖_F². may_escape: move off a strict saddle and go on.
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
            gap = self._gap(state)
            if gap is not None and gap > self.tol:
                return state, None
            return state, self._as_known(verdict)
        certificate = self.certificate(state)
        if certificate.verdict == GLOBAL_OPTIMUM:
            reason = f"{verdict.reason}, and {certificate.reason}"
            return state, replace(verdict, outcome=Outcome.GLOBAL_OPTIMUM, reason=reason)
        if certificate.verdict == STRICT_SADDLE:
            if self.may_escape and self.escapes < MOST_ESCAPES:
                self.escapes += 1
                return self._escaped(state, certificate), None
            if verdict.needs in ("second order", "stall"):
                # It will leave by itself: the next look is due when it has had time to.
                self.watch.wait_until(2 * state.step + 64)
                return state, None
            return state, replace(
                verdict, outcome=Outcome.SADDLE, reason=f"{verdict.reason}: {certificate.reason}"
            )
        return state, replace(verdict, reason=f"{verdict.reason}; {certificate.reason}")

    def sharpened(self, state: State) -> State:
        """The state in coordinates that show the optimum to a tenth of the tolerance."""
        if isinstance(self.engine, ReducedEngine) and state.coordinates is not None:
            state = self.engine.sharpen(state, 0.1 * max(self.tol, 1e-13))
            self.optimum = optimum_of(self.engine, state)
        elif (kept := state.conserved).optimum is not None:
            self.optimum = Optimum((), kept.optimum, kept.optimum_error)
        return state

    def certificate(self, state: State) -> Certificate:
        """Lemma 3.2 at this state, in SVD coordinates where there are some."""
        tol = max(self.tol, 1e-13)
        if isinstance(self.engine, ReducedEngine) and state.coordinates is not None:
            state = self.engine.to_spectrum(state)  # without --optimum it may not be there yet
            spectrum = state.coordinates.spectrum
            X, Y = state.point[0].T, state.point[1].T
            return certify_spectral(
                X,
                Y,
                spectrum.sigma,
                unresolved=spectrum.beyond(self.engine.rank),
                coupling=float(spectrum.residuals.max(initial=0.0)),
                norm=self.target.norm,
                weight=self.weight,
                tol=tol,
            )
        leading = None
        if self.optimum is not None and self.optimum.values:
            values = np.array(self.optimum.values)
            leading = (values, self.optimum.error / max(values.max(initial=0.0), 1e-300))
        U, V = self.engine.leave(state)
        return certify(self.target, U, V, weight=self.weight, leading=leading, tol=tol)

    def _as_known(self, verdict: Verdict) -> Verdict:
        """A gap within the tolerance proves no more than the optimum is known to."""
        error = 0.0 if self.optimum is None else self.optimum.error
        error /= 0.5 * self.target.norm**2 or 1.0
        if error <= max(self.tol, 1e-13):
            return verdict
        reason = f"{verdict.reason}, but the optimum is known to {error:.2e} only"
        return replace(verdict, outcome=Outcome.CONVERGED, reason=reason)

    def _gap(self, state: State) -> float | None:
        """The gap against the optimum that is known now."""
        if not isinstance(self.engine, ReducedEngine) or state.coordinates is None:
            return None
        excess = excess_loss(state.point[None], state.coordinates.spectrum.sigma)[0]
        return float(excess) / (0.5 * self.target.norm**2 or 1.0)

    def _escaped(self, state: State, certificate: Certificate) -> State:
        """The state moved along the direction of negative curvature; D starts anew from there."""
        point: Any
        if state.coordinates is not None:
            X, Y = escape(state.point[0].T, state.point[1].T, certificate)
            point = np.stack([X.T, Y.T])
        else:
            X, Y = point = escape(state.point[0], state.point[1], certificate)
        conserved = replace(state.conserved, start=X.T @ X - Y.T @ Y - state.conserved.ledger)
        if conserved.tangent is None and math.isfinite(conserved.distance) and state.coordinates:
            size = float(np.linalg.norm(point)) or 1.0
            conserved = replace(conserved, tangent=conserved.distance / SAFETY / size * point)
        return replace(state, point=point, conserved=conserved)


def optimum_of(engine: ReducedEngine, state: State) -> Optimum:
    """What the SVD coordinates of a state know of the optimum."""
    spectrum = state.coordinates.spectrum
    values = tuple(float(s) for s in spectrum.sigma[: engine.rank + 1])
    return Optimum(values, spectrum.floor(engine.rank), spectrum.shortfall(engine.rank))


def leave(engine: ReducedEngine | DirectEngine, state: State) -> Factors:
    """(U, V) of a state, C order, owned."""
    return Factors(*(np.ascontiguousarray(factor) for factor in engine.leave(state)))
