"""Theorem 3.1: with small starts and steps like 1/(t+1) the limit is within ε of M."""

from __future__ import annotations

import numpy as np

from mfact.core import Array, Claim, Rows, Verdict
from mfact.theory.facts import Facts
from mfact.theory.lemma_3_1 import hypotheses
from mfact.theory.monitoring import Monitor, step_label
from mfact.words import brief

SOURCE = "Du, Hu, Lee 2018, Theorem 3.1"


class Theorem31Monitor(Monitor):
    """‖U_tV_tᵀ − M‖_F ≤ ε: the theorem says it of the limit, with high probability.

    As f never increases along such a run (Lemma 3.1 (ii)), a step within ε settles it for
    all later ones. A run that ends before says nothing about the limit: inconclusive.
    Source: Du, Hu, Lee 2018, Theorem 3.1.
    """

    kept = ("reached", "residual", "at")

    def start(self, facts: Facts) -> None:
        self.facts = facts
        self.reached: str | None = None
        self.residual: float | None = None
        self.at: str | None = None

    def segment(self, rows: Rows) -> None:
        eps = self.facts.eps
        if eps is None or not len(rows["step"]):
            return
        residual: Array = np.sqrt(2 * np.maximum(np.asarray(rows["loss"], float), 0.0))
        inside = np.flatnonzero(residual <= eps)
        if self.reached is None and len(inside):
            self.reached = step_label(rows, int(inside[0]))
        self.residual, self.at = float(residual[-1]), step_label(rows, -1)

    def claims(self, final: Facts | None = None) -> tuple[Claim, ...]:
        facts = final or self.facts
        eps = facts.eps
        if eps is None or self.residual is None:
            return ()
        measured = f"‖UVᵀ − M‖_F = {brief(self.residual)} at step {self.at}"
        lacks = hypotheses(facts)
        if lacks:
            verdict, detail = Verdict.NOT_MET, "; ".join(lacks) + f". Measured: {measured}"
        elif self.residual <= eps:
            verdict = Verdict.HOLDS
            detail = f"reached at step {self.reached}; {measured}, margin {eps - self.residual:.4g}"
        else:
            verdict, detail = Verdict.INCONCLUSIVE, f"the run ended before: {measured}"
        statement = f"the limit of the run has ‖UVᵀ − M‖_F ≤ ε = {brief(eps)}"
        numbers = {"eps": float(eps), "residual": self.residual}
        return (Claim("theorem-3.1", statement, verdict, detail, SOURCE, numbers),)
