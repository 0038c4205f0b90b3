"""The certified step: Lemma 3.1's balance and descent, with constants and a short proof."""

from __future__ import annotations

import numpy as np

from mfact.core import Claim, Rows, Verdict
from mfact.schedules import certified_step
from mfact.theory.facts import Facts
from mfact.theory.lemma_3_1 import eps_hypotheses
from mfact.theory.monitoring import Monitor, Peak, rounding_of_fit
from mfact.words import brief

SOURCE = "mfact, derived (after Du, Hu, Lee 2018, Lemma 3.1)"


class CertifiedMonitor(Monitor):
    """Holds the run to the claim of certified_step, with each of its hypotheses checked.

    The claim needs no probability and no rank of M, only numbers known at step 0 and the
    step sizes; it applies to any schedule with an ε whose steps stay below certified_step.
    Source: mfact, derived.
    """

    kept = ("imbalance", "shortfall", "steps", "first", "last", "skipped")

    def start(self, facts: Facts) -> None:
        self.facts = facts
        self.imbalance, self.shortfall, self.steps = Peak(), Peak(), Peak()
        self.first: dict[str, float] | None = None
        self.last: dict[str, float] | None = None
        self.skipped = False

    def segment(self, rows: Rows) -> None:
        eps, norm = self.facts.eps, self.facts.norm
        if eps is None or not len(rows["step"]):
            return
        names = ("step", "loss", "gradient_norm", "step_size", "imbalance")
        ends = [{name: float(rows[name][i]) for name in names} for i in (0, -1)]
        self.first = self.first or ends[0]
        before = self.last or ends[0]
        columns = {n: np.concatenate([[before[n]], np.asarray(rows[n], float)]) for n in names}
        loss, eta = columns["loss"], columns["step_size"]
        with np.errstate(invalid="ignore", over="ignore"):
            self.imbalance.see(columns["imbalance"][1:], eps, rows)
            # ‖M‖_F may come from another sum than that of the schedule.
            self.steps.see(eta[1:], certified_step(eps, norm) * (1 + 1e-12), rows)
            # Over skipped steps only the decrease can be checked, not by how much.
            single = np.diff(columns["step"]) == 1
            self.skipped |= bool(np.any(~single[1:])) or (self.last is not None and not single[0])
            promised = np.where(single, 0.5 * eta[:-1] * columns["gradient_norm"][:-1] ** 2, 0.0)
            allowed = 2 * rounding_of_fit(loss[:-1], norm, self.facts.unit)
            self.shortfall.see(promised - (loss[:-1] - loss[1:]), allowed, rows)
        self.last = ends[1]

    def _lacks(self, facts: Facts) -> list[str]:
        lacks = facts.missing() + eps_hypotheses(facts)
        if self.first is None or facts.eps is None:
            return lacks
        eps, norm = facts.eps, facts.norm
        if self.first["imbalance"] > eps / 3:
            lacks.append(
                f"‖D_0‖_F = {brief(self.first['imbalance'])} is above ε/3 = {brief(eps / 3)}"
            )
        if self.first["loss"] > 2 / 3 * norm**2:
            limit = brief(2 / 3 * norm**2)
            lacks.append(f"f_0 = {brief(self.first['loss'])} is above ⅔‖M‖_F² = {limit}")
        if self.steps.over:
            limit = brief(certified_step(eps, norm))
            lacks.append(f"step {self.steps.over} is longer than min(1/(12m), ε/(2m²)) = {limit}")
        return lacks

    def claims(self, final: Facts | None = None) -> tuple[Claim, ...]:
        facts = final or self.facts
        if facts.eps is None or self.first is None:
            return ()
        lacks, imbalance, short = self._lacks(facts), self.imbalance, self.shortfall
        eps, largest = facts.eps, float(imbalance.value or 0.0)
        over = imbalance.over or short.over
        measured = f"largest ‖D_t‖_F = {brief(largest)} (step {imbalance.at})"
        if lacks:
            verdict, detail = Verdict.NOT_MET, "; ".join(lacks) + f". Measured: {measured}"
        elif over:
            what = "‖D_t‖_F is above ε" if imbalance.over else "f decreased by less than (η/2)‖∇f‖²"
            verdict, detail = Verdict.VIOLATED, f"violated at step {over}: {what}; {measured}"
        else:
            verdict, detail = Verdict.HOLDS, f"{measured}; margin {brief(eps - largest)}"
            if self.skipped:
                detail += "; where steps were fast-forwarded, f decreased from row to row"
        statement = f"f decreases by (η/2)‖∇f‖² or more a step and ‖D_t‖_F ≤ ε = {brief(eps)}"
        numbers = {"eps": eps, "largest_imbalance": largest, "margin": eps - largest}
        return (Claim("certified", statement, verdict, detail, SOURCE, numbers),)
