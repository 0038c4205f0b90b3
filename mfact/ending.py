"""The end of a run: certificate, summary, message, and the result drawn from them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mfact.advice import unfitted
from mfact.core import Array, Claim, Outcome, Result, State
from mfact.descent import Finish
from mfact.engines.reduced import ReducedEngine
from mfact.flow.records import EXACT
from mfact.problems.optimum import Optimum, numerical_rank, zero_in
from mfact.recorder import HIDDEN
from mfact.settings import RunSettings
from mfact.theory.lemma_3_2 import GLOBAL_OPTIMUM, STRICT_SADDLE, Certificate, lemma_3_2
from mfact.verdicts import leave
from mfact.wording import message

if TYPE_CHECKING:
    from mfact.running import Run

FAR = 1e-3
"""Of the factors: a bound on the distance to the plain iterates above which it is noted."""


class Ending:
    """Draws the result of a run from where it stopped and what was seen of it."""

    def __init__(self, run: Run, finish: Finish) -> None:
        self.run, self.finish = run, finish

    def result(self, *, reproducible: bool, argv: Sequence[str] | None) -> Result:
        """Everything that is known of the run; with reproducible without clock, host and paths."""
        from mfact.provenance import gather, repeatable

        state, certificate = self.finish.state, None
        if self.finish.outcome is not Outcome.DIVERGED:
            if self.run.settings.optimum:
                state = self.run.judge.sharpened(state)
            certificate = self._certificate(state)
        finish = self._agreeing(certificate)
        outcome = finish.outcome
        assert outcome is not None
        if isinstance(self.run.engine, ReducedEngine) and state.coordinates is None:
            self.run.notes.append(
                f"the basis reached its limit of {self.run.basis_limit} bytes:"
                " steps went on directly"
            )
        U, V = leave(self.run.engine, state)
        optimum = self.run.judge.optimum
        trace = self._trace(optimum)
        rank_of_M = self._rank_of_M(optimum)
        claims = self.run.monitors.claims(self._final_info(optimum, rank_of_M))
        if certificate is not None:
            claims += (
                lemma_3_2(
                    certificate,
                    self.run.settings.rank,
                    rank_of_M,
                    None if optimum is None else optimum.values or None,
                    None if optimum is None else optimum.errors or None,
                ),
            )
            claims += (_verdict_claim(certificate),)
        summary = self._summary(state, trace, optimum, certificate)
        if summary.get("distance_bound", 0.0) > FAR:
            self.run.notes.append(
                "rounding decided where the run went, so that the plain iterates may have gone"
                " elsewhere: the start is symmetric, or close to a saddle"
            )
            summary["notes"] = [*self.run.notes]
        if self.run.caught and outcome is Outcome.INTERRUPTED:
            summary["signal"] = self.run.caught.number
        if self.run.has_checkpoint:
            summary["checkpoint"] = self.run.checkpoint
        if self.run.unsaved is not None:
            summary["unsaved"] = self.run.unsaved
        result = Result(
            outcome=outcome,
            message=message(
                finish,
                self.run.plan.schedule,
                self.run.plan.problem,
                self.run.plan.sigma_1,
                self.run.settings,
                certificate,
                self._unfitted(state, optimum, certificate),
            ),
            U=U,
            V=V,
            trace={name: col for name, col in trace.items() if name not in HIDDEN},
            problem=self._problem(optimum),
            settings=self._settings(),
            summary=summary,
            claims=claims,
            provenance={} if reproducible else gather(argv),
        )
        for observer in self.run.observers:
            observer.stop(result)
        return repeatable(result) if reproducible else result

    def _unfitted(
        self, state: State, optimum: Optimum | None, certificate: Certificate | None
    ) -> list[int]:
        if optimum is None or certificate is None:
            return []
        return unfitted(state, optimum, stationary=certificate.verdict == STRICT_SADDLE)

    def _agreeing(self, certificate: Certificate | None) -> Finish:
        """The end of the run, not contradicted by its certificate.

        A limit at which the tolerance turns out to be met is none; and no optimum is claimed that
        the certificate, which sees all that is known by now, does not confirm.
        """
        finish, watched = self.finish, self.run.rules.tol is not None
        if certificate is None:
            return finish
        good = certificate.verdict == GLOBAL_OPTIMUM
        limit = finish.outcome in (Outcome.ITERATION_LIMIT, Outcome.TIME_LIMIT)
        if good and watched and limit and finish.state.step >= self.run.rules.min_iter:
            reason = f"{finish.reason}, and {certificate.reason}"
            return dataclasses.replace(finish, outcome=Outcome.GLOBAL_OPTIMUM, reason=reason)
        if finish.outcome is Outcome.GLOBAL_OPTIMUM and not good:
            reason = f"{finish.reason}, but {certificate.reason}"
            return dataclasses.replace(finish, outcome=Outcome.CONVERGED, reason=reason)
        return finish

    def _certificate(self, state: State) -> Certificate:
        certificate = self.run.judge.certificate(state)
        last = self.run.recorder.last.get("loss")
        if last is not None and self.run.recorder.last["step"] == state.step:
            # SVD coordinates do not see what lies outside of them; the loss does.
            certificate = dataclasses.replace(certificate, loss=float(last))
        return certificate

    def _trace(self, optimum: Optimum | None) -> dict[str, Array]:
        """The recorded rows, the gap of each against the optimum known at the end."""
        trace = self.run.recorder.table()
        if optimum is None or not trace:
            return trace
        above = np.where(
            np.isnan(trace["above"]),
            trace["loss"] - optimum.floor,
            trace["above"] + (trace["optimum"] - optimum.floor),
        )
        return {**trace, "gap": np.maximum(above, 0.0) / optimum.unit}

    @property
    def _zero(self) -> float:
        """Up to here a singular value counts as zero."""
        return zero_in(self.run.target, self.run.plan.sigma_1)

    def _rank_of_M(self, optimum: Optimum | None) -> int | None:
        """The numerical rank of M, where the known singular values tell it."""
        if optimum is None or not optimum.values:
            return None
        rank = numerical_rank(optimum.values, self._zero)
        if rank < len(optimum.values) or len(optimum.values) == min(self.run.target.shape):
            return rank
        return rank if 2 * optimum.floor <= self._zero**2 else None

    def _final_info(self, optimum: Optimum | None, rank_of_M: int | None) -> dict[str, Any]:
        if optimum is None:
            return dict(self.run.info)
        return {
            **self.run.info,
            "singular_values": list(optimum.values) or None,
            "singular_value_errors": list(optimum.errors) or None,
            "zero": self._zero,
            "numerical_rank": rank_of_M,
        }

    def _problem(self, optimum: Optimum | None) -> dict[str, Any]:
        d1, d2 = self.run.target.shape
        norm, plan = self.run.target.norm, self.run.plan
        first = plan.sigma_1, plan.sigma_1_error
        if optimum is not None and optimum.values and optimum.errors[0] <= first[1]:
            first = optimum.values[0], optimum.errors[0]
        return {
            **self.run.described,
            "shape": [d1, d2],
            "rank": self.run.settings.rank,
            "objective": self.run.plan.problem.formula,
            "norm": norm,
            "fingerprint": self.run.fingerprint,
            "sigma_1": first[0],
            "sigma_1_error": first[1],
            "singular_values": None if optimum is None else list(optimum.values) or None,
            "singular_values_error": None if optimum is None else list(optimum.errors) or None,
            "fitted_rank": optimum.k if optimum and optimum.k < self.run.settings.rank else None,
            "optimum": None if optimum is None else optimum.floor,
            "optimum_error": None if optimum is None else optimum.error,
        }

    def _settings(self) -> dict[str, Any]:
        """Each option with its value and where it came from, and what was chosen for it."""
        chosen = {
            "schedule": self.run.plan.schedule.name,
            "start_scale": self.run.plan.scale,
            "every": self.run.recorder.every,
            "engine": f"{self.run.engine.name}: {self.run.why}",
            "eps": self.run.info["eps"],
            "tol": self.run.plan.tol,
            "tol_gradient": self.run.rules.tol_gradient,
            "step_size": self.run.plan.schedule(0),
            "threads": self.run.settings.threads or 1,
        }
        table = {}
        for field in dataclasses.fields(RunSettings):
            value = getattr(self.run.settings, field.name)
            source = self.run.sources.get(field.name, "default")
            entry = {"value": value, "source": source}
            if field.name in chosen and chosen[field.name] != value:
                entry["used"] = chosen[field.name]
            table[field.name] = entry
        return table

    def _summary(
        self,
        state: State,
        trace: Mapping[str, Array],
        optimum: Optimum | None,
        certificate: Certificate | None,
    ) -> dict[str, Any]:
        last = {name: float(column[-1]) for name, column in trace.items()} if trace else {}
        audits = trace["audit"][np.isfinite(trace["audit"])] if trace else np.zeros(0)
        kept = state.conserved
        size = math.sqrt(last.get("size_U", 0.0) + last.get("size_V", 0.0))
        reduced = state.coordinates is not None
        names = (
            "loss",
            "penalty",
            "relative_residual",
            "gap",
            "gradient_norm",
            "imbalance",
            "relative_imbalance",
            "drift",
            "norm_ratio",
        )
        landed = self.run.landed
        summary: dict[str, Any] = {
            "forecast_log10_iterations": self.run.forecast,
            "iterations": state.step if landed.get("log10_iterations", 0) < EXACT else None,
            **landed,
            **{name: last.get(name) for name in names},
            "gap_bound": None if optimum is None else optimum.gap_error,
            "ledger_audit": float(audits[-1]) if len(audits) else None,
            "flow_time": kept.flow_time,
            # Two runs that differ by rounding alone never end farther apart than this.
            "distance_bound": min(kept.distance / size, 2.0) if size else 0.0,
            "passes": self.run.target.passes,
            "basis_size": state.coordinates.basis.size if reduced else None,
            "orthogonality": state.coordinates.basis.orthogonality() if reduced else None,
            "escapes": self.run.judge.escapes or None,
            "verdict": None if certificate is None else certificate.verdict,
            "curvature": None if certificate is None else certificate.curvature,
            "notes": [*self.run.notes] or None,
            "seconds": self.run.timer.seconds,
            "wall_seconds": self.run.timer.wall_seconds,
        }
        return {name: value for name, value in summary.items() if value is not None}


def _verdict_claim(certificate: Certificate) -> Claim:
    """The verdict of the certificate as a claim of its own."""
    return Claim(
        name="global-optimum",
        statement="the end point is a global optimum",
        verdict={"global optimum": "holds", "strict saddle": "violated"}.get(
            certificate.verdict, "inconclusive"
        ),
        detail=certificate.reason,
        source="Eckart and Young 1936; Du, Hu, Lee 2018, Lemma 3.2",
        numbers={
            "gap": certificate.gap,
            "gap_error": certificate.gap_error,
            "relative_gradient": certificate.relative_gradient,
            "curvature": certificate.curvature,
            "curvature_residual": certificate.curvature_residual,
        },
    )
