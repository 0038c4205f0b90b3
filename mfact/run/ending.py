"""The end of a run: certificate, claims, summary, and the result drawn from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mfact.core import (
    Array,
    Claim,
    Document,
    Factors,
    Names,
    Optimum,
    Outcome,
    Result,
    State,
    Verdict,
)
from mfact.errors import MfactError
from mfact.host.provenance import gather, repeatable
from mfact.problems.optimum import known_rank, zero_in
from mfact.run.advice import unfitted
from mfact.run.keeper import Keeper
from mfact.run.message import message
from mfact.run.modes import modes_of
from mfact.run.progress import Finish, Live, Plan
from mfact.run.summary import problem_of, settings_of, summary_of
from mfact.targets.door import Held
from mfact.theory.facts import Facts
from mfact.theory.lemma_3_2 import (
    GLOBAL_OPTIMUM,
    STRICT_SADDLE,
    Certificate,
    global_optimum,
    lemma_3_2,
)
from mfact.theory.written import written_factors
from mfact.trace import COLUMNS


@dataclass(frozen=True)
class Ending:
    """Draws the result of a run from where it stopped and what was seen of it.

    matrix: as it is held; reads the names of its rows and columns.
    """

    plan: Plan
    live: Live
    keeper: Keeper
    matrix: Held

    def result(self, finish: Finish, *, reproducible: bool, argv: Sequence[str] | None) -> Result:
        """Everything that is known of the run; with reproducible without clock, host and paths."""
        plan, live = self.plan, self.live
        at, certificate = finish.progress.at, None
        if finish.outcome is not Outcome.DIVERGED:
            if plan.asked.settings.optimum:
                state, known = plan.judge.sharpened(at.state, at.known)
                at = replace(at, state=state, known=known)
            certificate = self._certificate(at.state)
        state, optimum = at.state, at.known.optimum
        names, lost = self._names()
        notes = (*finish.progress.notes, *lost)
        finish = replace(finish, progress=replace(finish.progress, at=at, notes=notes))
        finish = self._agreeing(finish, certificate)
        factors = leave(state)
        loose = state.coordinates.orthogonality()
        written = self._written(factors, state, loose)
        if written.verdict is Verdict.VIOLATED:
            # What is known of the last step says nothing of these factors.
            finish, certificate = self._faulty(finish, written), None
        trace = self._trace(optimum)
        facts = self._final_facts(optimum)
        claims = live.monitors.claims(facts)
        if certificate is not None:
            claims += (lemma_3_2(certificate, facts), global_optimum(certificate))
        claims += (written,)
        missing = []
        if optimum is not None and certificate is not None:
            stationary = certificate.kind == STRICT_SADDLE
            missing = unfitted(state, optimum, stationary=stationary)
        result = Result(
            outcome=finish.outcome,
            message=message(plan, finish, certificate, missing, first_size(trace)),
            U=factors.U,
            V=factors.V,
            trace={name: trace[name] for name in COLUMNS if name in trace},
            problem=problem_of(plan, optimum),
            settings=settings_of(plan, live.recorder.every),
            summary=summary_of(plan, finish, live, self.keeper, trace, certificate, loose),
            claims=claims,
            provenance={} if reproducible else gather(argv, live.workers, self._place()),
            modes=modes_of(live.modes, plan.chosen.escape, plan.target),
            names=names,
            mean=plan.target.mean,
        )
        for observer in live.observers:
            observer.stop(result)
        return repeatable(result) if reproducible else result

    def _names(self) -> tuple[Names, list[str]]:
        """Of rows and columns, or a note on why they are not kept: a result is worth more."""
        try:
            return self.matrix.names(), []
        except MfactError as error:
            text = f"the names of rows and columns are not kept: {error.sentence}"
            self.live.warn(text)
            return Names(), [text]

    def _place(self) -> Document:
        """What is known of where M was held, if not here."""
        return {self.matrix.where: dict(self.matrix.place)} if self.matrix.place else {}

    def _written(self, factors: Factors, state: State, loose: float) -> Claim:
        """One pass: the loss of the factors that go into the file, beside the recorded one."""
        last, target, passes = self.live.recorder.last, self.plan.target, state.coordinates.passes
        with np.errstate(over="ignore", invalid="ignore"):
            residual = target.residual_norm(*factors)
            return written_factors(last, factors, residual, target, loose=loose, passes=passes)

    def _faulty(self, finish: Finish, written: Claim) -> Finish:
        """The end of a run whose factors are not those of its last step, said at once."""
        reason = (
            f"of the factors written, {written.detail}. The memory or the matrix has changed:"
            " run it again, and hold it to `mfact check`"
        )
        self.live.warn(f"{Outcome.FAULTY.sentence}: {reason}")
        return replace(finish, outcome=Outcome.FAULTY, reason=reason)

    def _agreeing(self, finish: Finish, certificate: Certificate | None) -> Finish:
        """The end of the run, not contradicted by its certificate.

        A limit at which the tolerance turns out to be met is none; and no optimum is claimed that
        the certificate, which sees all that is known by now, does not confirm.
        """
        rules, step = self.plan.rules, finish.progress.at.state.step
        if certificate is None:
            return finish
        good = certificate.kind == GLOBAL_OPTIMUM
        limit = finish.outcome in (Outcome.ITERATION_LIMIT, Outcome.TIME_LIMIT)
        if good and rules.tol is not None and limit and step >= rules.min_iter:
            reason = f"{finish.reason}, and {certificate.reason}"
            return replace(finish, outcome=Outcome.GLOBAL_OPTIMUM, reason=reason)
        if finish.outcome is Outcome.GLOBAL_OPTIMUM and not good:
            reason = f"{finish.reason}, but {certificate.reason}"
            return replace(finish, outcome=Outcome.CONVERGED, reason=reason)
        return finish

    def _certificate(self, state: State) -> Certificate:
        _, certificate = self.plan.judge.certificate(state)
        last = self.live.recorder.last.get("loss")
        if last is not None and self.live.recorder.last["step"] == state.step:
            # SVD coordinates do not see what lies outside of them; the loss does.
            certificate = replace(certificate, loss=float(last))
        return certificate

    def _trace(self, optimum: Optimum | None) -> dict[str, Array]:
        """The recorded rows, the gap of each against the optimum known at the end."""
        trace = self.live.recorder.table()
        if optimum is None or not trace:
            return trace
        above = np.where(
            np.isnan(trace["above"]),
            trace["loss"] - optimum.floor,
            trace["above"] + (trace["optimum"] - optimum.floor),
        )
        return {**trace, "gap": np.maximum(above, 0.0) / optimum.unit}

    def _final_facts(self, optimum: Optimum | None) -> Facts:
        """What the run was told of, and what has become known of M."""
        if optimum is None:
            return self.plan.facts
        zero = zero_in(self.plan.target, self.plan.chosen.sigma_1)
        return replace(
            self.plan.facts,
            singular_values=optimum.values,
            errors=optimum.errors,
            zero=zero,
            numerical_rank=known_rank(
                optimum.values, zero, min(self.plan.target.shape), rest=2 * optimum.floor
            ),
        )


def first_size(trace: Mapping[str, Array]) -> float:
    """‖U_0‖_F² + ‖V_0‖_F², 0 where it was not recorded."""
    return float(trace["size_U"][0] + trace["size_V"][0]) if trace else 0.0


def leave(state: State) -> Factors:
    """(U, V) of a state, C order, owned."""
    return Factors(*map(np.ascontiguousarray, state.coordinates.leave(state.point)))
