"""Lemma 3.1: along the run D stays small, f decreases, U and V stay bounded."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mfact.core import Claim, Rows, Verdict
from mfact.theory.facts import Facts
from mfact.theory.monitoring import Monitor, Peak, rounding_of_fit
from mfact.words import brief

SOURCE = "Du, Hu, Lee 2018, Lemma 3.1"


def start_exponent(eps: float, std: float, d: int) -> float:
    """p such that the entries' variance std² is ε/d^p: Theorem 3.1 asks for a p > 0.

    eps: ε in the units of M. std: in units of √M. d: max(d1, d2).
    Source: Theorem 3.1, N(0, ε/poly(d)), read as a variance. The polynomial is not stated;
    a p of 1 keeps E‖U_0ᵀU_0 − V_0ᵀV_0‖ of the order of ε, larger p make it small.

    >>> start_exponent(1.0, 0.01, 100)
    2.0
    """
    if d == 1:
        return math.inf if std**2 <= eps else -math.inf
    return math.log(eps / std**2) / math.log(d) if std > 0 else math.inf


def eps_hypotheses(facts: Facts) -> list[str]:
    """What is missing of 0 < ε < ‖M‖_F, as phrases."""
    eps, norm = facts.eps, facts.norm
    if eps is None:
        return [f"the schedule {facts.schedule.name} has no ε"]
    if not 0 < eps < norm:
        return [f"ε = {brief(eps)} is not between 0 and ‖M‖_F = {brief(norm)}"]
    return []


def hypotheses(facts: Facts) -> list[str]:
    """What is missing of the hypotheses of Theorem 3.1 and Lemma 3.1, as phrases."""
    lacks = facts.missing(schedules=("theorem-3.1",), exact_rank=True) + eps_hypotheses(facts)
    if facts.start != "gaussian" or facts.scale is None:
        lacks.append(f"the start is {facts.start}, not Gaussian")
    elif facts.eps is not None and facts.eps > 0:
        d = max(facts.shape)
        p = start_exponent(facts.eps, facts.scale, d)
        if not p >= 1:
            lacks.append(
                f"the start's variance {brief(facts.scale**2)} is ε/d^{p:.2f}, above ε/d ="
                f" {brief(facts.eps / d)}"
            )
    return lacks


class Lemma31Monitor(Monitor):
    """Lemma 3.1 at every step that the run shows.

    (i) ‖D_t‖_F ≤ ε; (ii) f_t ≤ f_{t−1} up to the rounding of f (see rounding_of_fit), and
    f_0 ≤ 2‖M‖_F²; (iii) ‖U_t‖_F², ‖V_t‖_F² ≤ 5√r ‖M‖_F. The lemma holds with high
    probability over the start. Without its hypotheses the measured values are still given.
    Source: Du, Hu, Lee 2018, Lemma 3.1.
    """

    kept = ("imbalance", "rise", "norms", "first_loss", "last_loss", "count")

    def start(self, facts: Facts) -> None:
        self.facts = facts
        self.imbalance, self.rise, self.norms = Peak(), Peak(), Peak()
        self.first_loss: float | None = None
        self.last_loss: float | None = None
        self.count = 0

    def segment(self, rows: Rows) -> None:
        if not len(rows["step"]):
            return
        eps = self.facts.eps
        limit = math.inf if eps is None else eps
        with np.errstate(invalid="ignore", over="ignore"):
            self.imbalance.see(np.asarray(rows["imbalance"], float), limit, rows)
            norms = np.maximum(rows["size_U"], rows["size_V"])
            self.norms.see(np.asarray(norms, float), self._norm_bound(), rows)
            loss = np.asarray(rows["loss"], float)
            if "penalty" in rows:  # what gradient descent must decrease
                loss = loss + np.asarray(rows["penalty"], float)
            if self.first_loss is None or self.last_loss is None:
                self.first_loss = self.last_loss = float(loss[0])
            before = np.concatenate([[self.last_loss], loss[:-1]])
            allowed = 2 * rounding_of_fit(before, self.facts.norm, self.facts.unit)
            self.rise.see(loss - before, allowed, rows)
        self.last_loss = float(loss[-1])
        self.count += len(loss)

    def _norm_bound(self) -> float:
        return 5 * math.sqrt(self.facts.rank) * self.facts.norm

    def claims(self, final: Facts | None = None) -> tuple[Claim, ...]:
        facts = final or self.facts
        if self.first_loss is None:
            return ()
        lacks = hypotheses(facts)
        return (self._balanced(facts, lacks), self._decreasing(facts, lacks), self._bounded(lacks))

    def _balanced(self, facts: Facts, lacks: list[str]) -> Claim:
        eps, imbalance = facts.eps, self.imbalance
        measured = f"largest ‖D_t‖_F = {brief(imbalance.value)} (step {imbalance.at})"
        numbers = {"largest_imbalance": float(imbalance.value or 0.0)}
        if eps is not None:
            numbers |= {"eps": float(eps), "margin": float(eps) - numbers["largest_imbalance"]}
        statement = "‖D_t‖_F ≤ ε" + (f" = {brief(eps)}" if eps is not None else "") + " for all t"
        return self._claim("lemma-3.1-i", statement, lacks, imbalance.over, measured, numbers)

    def _decreasing(self, facts: Facts, lacks: list[str]) -> Claim:
        limit = 2 * facts.norm**2
        over = self.rise.over or (None if (self.first_loss or 0.0) <= limit else "0")
        worst = float(self.rise.value or 0.0)
        name = "f" if facts.objective == "plain" else "f + (λ/8)‖D‖_F²"
        measured = f"f_0 = {brief(self.first_loss)}, largest rise in a step {brief(max(worst, 0))}"
        statement = f"{name} never increases, and f_0 ≤ 2‖M‖_F² = {brief(limit)}"
        numbers = {"first_loss": float(self.first_loss or 0.0), "limit": limit, "rise": worst}
        return self._claim("lemma-3.1-ii", statement, lacks, over, measured, numbers)

    def _bounded(self, lacks: list[str]) -> Claim:
        bound, norms = self._norm_bound(), self.norms
        measured = f"largest of both {brief(norms.value)} (step {norms.at})"
        numbers = {"bound": bound, "largest_norm": float(norms.value or 0.0)}
        numbers["margin"] = bound - numbers["largest_norm"]
        statement = f"‖U_t‖_F², ‖V_t‖_F² ≤ 5√r ‖M‖_F = {brief(bound)} for all t"
        return self._claim("lemma-3.1-iii", statement, lacks, norms.over, measured, numbers)

    def _claim(
        self,
        name: str,
        statement: str,
        lacks: list[str],
        over: str | None,
        measured: str,
        numbers: dict[str, Any],
    ) -> Claim:
        if lacks:
            verdict = Verdict.NOT_MET
            result = f"; it fails at step {over}" if over else ""
            detail = "; ".join(lacks) + f". Measured: {measured}{result}"
        elif over:
            verdict, detail = Verdict.VIOLATED, f"violated at step {over}: {measured}"
        else:
            verdict, detail = Verdict.HOLDS, f"{measured}, at each of {self.count} points seen"
            if "margin" in numbers:
                detail += f"; margin {brief(numbers['margin'])}"
        return Claim(name, statement, verdict, detail, SOURCE, numbers)
