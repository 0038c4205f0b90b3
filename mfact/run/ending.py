"""The end of a run: certificate, summary, message, and the result drawn from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mfact.core import Array, Claim, Factors, Optimum, Outcome, Result, State, Verdict
from mfact.descent import Finish
from mfact.engines.reduced import ReducedEngine
from mfact.problems.optimum import numerical_rank, zero_in
from mfact.run.advice import unfitted
from mfact.run.confirm import leave
from mfact.run.message import message
from mfact.run.recorder import HIDDEN
from mfact.run.summary import problem_of, settings_of, summary_of
from mfact.theory.facts import Facts
from mfact.theory.lemma_3_2 import GLOBAL_OPTIMUM, STRICT_SADDLE, Certificate, lemma_3_2
from mfact.theory.written import written_factors

if TYPE_CHECKING:
    from mfact.run.running import Run

FAR = 1e-3
"""Of the factors: a bound on the distance to the plain iterates above which it is noted."""


class Ending:
    """Draws the result of a run from where it stopped and what was seen of it."""

    def __init__(self, run: Run, finish: Finish) -> None:
        self.run, self.finish = run, finish

    def result(self, *, reproducible: bool, argv: Sequence[str] | None) -> Result:
        """Everything that is known of the run; with reproducible without clock, host and paths."""
        from mfact.host.provenance import gather, repeatable

        state, certificate = self.finish.state, None
        if self.finish.outcome is not Outcome.DIVERGED:
            if self.run.settings.optimum:
                state = self.run.judge.sharpened(state)
            certificate = self._certificate(state)
        finish = self._agreeing(certificate)
        if isinstance(self.run.engine, ReducedEngine) and state.coordinates is None:
            self.run.notes.append(
                f"the basis reached its limit of {self.run.basis_limit} bytes:"
                " steps went on directly"
            )
        factors = leave(self.run.engine, state)
        basis = None if state.coordinates is None else state.coordinates.basis
        loose = None if basis is None else basis.orthogonality()
        written = self._written(factors, loose or 0.0, 0 if basis is None else basis.passes)
        if written.verdict is Verdict.VIOLATED:
            # What is known of the last step says nothing of these factors.
            finish, certificate = self._faulty(written), None
        outcome = finish.outcome
        assert outcome is not None
        optimum = self.run.judge.optimum
        trace = self._trace(optimum)
        facts = self._final_facts(optimum)
        claims = self.run.monitors.claims(facts)
        if certificate is not None:
            claims += (lemma_3_2(certificate, facts), _verdict_claim(certificate))
        claims += (written,)
        summary = summary_of(self.run, state, trace, optimum, certificate, loose)
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
            U=factors.U,
            V=factors.V,
            trace={name: col for name, col in trace.items() if name not in HIDDEN},
            problem=problem_of(self.run, optimum),
            settings=settings_of(self.run),
            summary=summary,
            claims=claims,
            provenance={} if reproducible else gather(argv),
        )
        for observer in self.run.observers:
            observer.stop(result)
        return repeatable(result) if reproducible else result

    def _written(self, factors: Factors, loose: float, passes: int) -> Claim:
        """One pass: the loss of the factors that go into the file, beside the recorded one."""
        last, target = self.run.recorder.last, self.run.target
        with np.errstate(over="ignore", invalid="ignore"):
            residual = target.residual_norm(*factors)
            return written_factors(last, factors, residual, target, loose=loose, passes=passes)

    def _faulty(self, written: Claim) -> Finish:
        """The end of a run whose factors are not those of its last step, said at once."""
        reason = (
            f"of the factors written, {written.detail}. The memory or the matrix has changed:"
            " run it again, and hold it to `mfact check`"
        )
        self.run.warn(f"{Outcome.FAULTY.sentence}: {reason}")
        return dataclasses.replace(self.finish, outcome=Outcome.FAULTY, reason=reason)

    def _unfitted(
        self, state: State, optimum: Optimum | None, certificate: Certificate | None
    ) -> list[int]:
        if optimum is None or certificate is None:
            return []
        return unfitted(state, optimum, stationary=certificate.kind == STRICT_SADDLE)

    def _agreeing(self, certificate: Certificate | None) -> Finish:
        """The end of the run, not contradicted by its certificate.

        A limit at which the tolerance turns out to be met is none; and no optimum is claimed that
        the certificate, which sees all that is known by now, does not confirm.
        """
        finish, watched = self.finish, self.run.rules.tol is not None
        if certificate is None:
            return finish
        good = certificate.kind == GLOBAL_OPTIMUM
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

    def _rank_of_M(self, optimum: Optimum) -> int | None:
        """The numerical rank of M, where the known singular values tell it."""
        if not optimum.values:
            return None
        rank = numerical_rank(optimum.values, self._zero)
        if rank < len(optimum.values) or len(optimum.values) == min(self.run.target.shape):
            return rank
        return rank if 2 * optimum.floor <= self._zero**2 else None

    def _final_facts(self, optimum: Optimum | None) -> Facts:
        """What the run was told of, and what has become known of M."""
        if optimum is None:
            return self.run.facts
        return dataclasses.replace(
            self.run.facts,
            singular_values=optimum.values,
            errors=optimum.errors,
            zero=self._zero,
            numerical_rank=self._rank_of_M(optimum),
        )


def _verdict_claim(certificate: Certificate) -> Claim:
    """The verdict of the certificate as a claim of its own."""
    return Claim(
        name="global-optimum",
        statement="the end point is a global optimum",
        verdict=certificate.optimal,
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
