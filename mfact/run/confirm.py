"""A closer look before an outcome is claimed: the optimum itself, and the second order."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mfact.core import LEAST_TOLERANCE, Engine, Optimum, Outcome, State, eps_of
from mfact.descent import Confirmed, Known
from mfact.engines.coordinates import Singular
from mfact.problems.factorization import Factorization
from mfact.problems.optimum import offset_error
from mfact.stopping import Stop
from mfact.theory.lemma_3_2 import (
    GLOBAL_OPTIMUM,
    STRICT_SADDLE,
    Certificate,
    certify,
    certify_spectral,
    escape,
)
from mfact.theory.monitoring import rounding_of_fit

MOST_ESCAPES = 100


@dataclass(frozen=True)
class Judge:
    """Confirms stops with what the engine's coordinates show, and escapes from saddles.

    tol: the gap to confirm. escapes: whether it may move off a strict saddle and go on.
    """

    engine: Engine
    problem: Factorization
    tol: float
    escapes: bool = False

    def __call__(self, state: State, stop: Stop, known: Known) -> Confirmed:
        state, known = self.sharpened(state, known)
        if stop.needs == "optimum":
            return self._met(state, stop, known)
        seen, certificate = self.certificate(state)
        if certificate.kind == GLOBAL_OPTIMUM:
            reason = f"{stop.reason}, and {certificate.reason}"
            proved = replace(stop, outcome=Outcome.GLOBAL_OPTIMUM, reason=reason)
            return Confirmed(state, proved, known)
        if certificate.kind == STRICT_SADDLE:
            if self.escapes and known.escapes < MOST_ESCAPES:
                moved = self.engine.moved(
                    seen, escape(*seen.coordinates.factors(seen.point), certificate)
                )
                return Confirmed(moved, None, replace(known, escapes=known.escapes + 1))
            if stop.needs in ("second order", "stall", "gap"):
                # It will leave by itself: the next look is due when it has had time to.
                return Confirmed(state, None, known, wait_until=2 * state.step + 64)
            reason = f"{stop.reason}: {certificate.reason}"
            saddle = replace(stop, outcome=Outcome.SADDLE, reason=reason)
            return Confirmed(state, saddle, known)
        if stop.needs == "gap":
            return Confirmed(state, None, known, wait_until=state.step + state.step // 4 + 64)
        return Confirmed(state, replace(stop, reason=f"{stop.reason}; {certificate.reason}"), known)

    def sharpened(self, state: State, known: Known) -> tuple[State, Known]:
        """The state in coordinates that show the optimum to a tenth of the tolerance."""
        state = self.engine.sharpened(state, 0.1 * self.certifiable)
        return state, replace(known, optimum=self._optimum(state) or known.optimum)

    def _optimum(self, state: State) -> Optimum | None:
        """What the coordinates know of it, less what the means that are taken off leave unknown."""
        optimum = state.coordinates.optimum
        if optimum is None or not (target := self.problem.target).offset:
            return optimum
        gap = (state.coordinates.above(state.point) or 0.0) / optimum.unit
        off = offset_error(target, optimum, max(gap, self.certifiable))
        return replace(optimum, error=optimum.error + off * optimum.unit)

    @property
    def certifiable(self) -> float:
        """The gap that a certificate is asked for: the tolerance, and no rounding."""
        return max(self.tol, LEAST_TOLERANCE)

    def certificate(self, state: State) -> tuple[State, Certificate]:
        """Lemma 3.2 at this state, and the coordinates in which it is told: SVD coordinates, or by
        passes over M where there are none, or where they do not show the optimum and may not grow.
        """
        state = self.engine.seen(state)
        co, problem = state.coordinates, self.problem
        if isinstance(co, Singular):
            X, Y = co.factors(state.point)
            spectrum = co.spectrum
            return state, certify_spectral(
                X,
                Y,
                spectrum.sigma,
                optimum=self._optimum(state),
                unresolved=spectrum.hidden,
                coupling=float(spectrum.residuals[: spectrum.rank].max(initial=0.0)),
                norm=problem.scale,
                offset=problem.target.offset,
                weight=problem.weight,
                tol=self.certifiable,
            )
        U, V = co.leave(state.point)
        loss = 0.5 * problem.target.residual_norm(U, V) ** 2
        return state, certify(
            problem.target,
            U,
            V,
            weight=problem.weight,
            optimum=self._optimum(state),
            loss=loss,
            tol=self.certifiable + self._rounding(state, loss),
        )

    def _rounding(self, state: State, loss: float) -> float:
        """How far two ways to a loss differ in rounding, as a gap."""
        optimum = state.coordinates.optimum
        if optimum is None:
            return 0.0
        norm, unit = self.problem.scale, eps_of(self.problem.target)
        return float(rounding_of_fit(loss, norm, unit)) / optimum.unit

    def _met(self, state: State, stop: Stop, known: Known) -> Confirmed:
        """The stop on a gap within the tolerance, against the optimum that is known now."""
        optimum = known.optimum
        if optimum is None:
            return Confirmed(state, stop, known)
        above = state.coordinates.above(state.point)
        # Where no coordinates show it, the gap of the row stands.
        gap = None if above is None else max(above, 0.0) / optimum.unit
        if not optimum.known_to(self.tol):
            if gap is not None and gap > self.tol:
                return Confirmed(state, None, known)
            _, certificate = self.certificate(state)
            if certificate.kind == GLOBAL_OPTIMUM:
                return Confirmed(state, replace(stop, reason=certificate.reason), known)
            # Asked again at a tenth of it; one that is zero already tells nothing more.
            return Confirmed(state, None, known, ask_below=0.1 * gap if gap else -1.0)
        # It must be met whatever the error, and where some saddle has as small a gap, undercut it.
        needed = min(optimum.sure(self.tol), max(self.tol - optimum.gap_error, 0.0))
        met = stop.within <= needed if gap is None else gap <= needed
        return Confirmed(state, stop if met else None, known, ask_below=needed)
