"""Theorem 3.2: for rank 1, u and v stay in proportion and converge at a linear rate."""

from __future__ import annotations

import math

import numpy as np

from mfact.core import Array, Claim, Rows, Verdict
from mfact.theory.facts import Facts
from mfact.theory.monitoring import Monitor, Peak
from mfact.words import brief

SOURCE = "Du, Hu, Lee 2018, Theorem 3.2"
RATIO_LIMIT = 100.0  # C of [1/C, C]: 0.89 of 2,000 starts with c_init = c_step = 0.1 stay inside
LEVELS = tuple(10.0**-k for k in range(1, 15))


def iterations_bound(shape: tuple[int, int], eps: float, step_size: float, sigma_1: float) -> float:
    """The O(log(d/ε)) of the theorem with a constant: 2 ln(d/ε) / ln(1 + ησ₁) iterations.

    eps: relative residual to reach, 0 < ε < 1. step_size: η < 1/σ₁.
    While small, (a, b) = (uᵀu*, vᵀv*) grows along a = b by the factor 1 + ησ₁ a step; from a
    typical |a_0| ~ √(σ₁/d) that takes ½ ln d / ln(1 + ησ₁) steps. Near the optimum the error
    shrinks by 1 − ησ₁ a step, ln(1/ε)/(−ln(1 − ησ₁)) steps, fewer than with ln(1 + ησ₁). The
    factor 2 is for the start's constant and luck. Source: mfact, derived, for Theorem 3.2.

    >>> round(iterations_bound((50, 50), 1e-6, 0.1, 1.0))
    372
    """
    return 2 * math.log(max(shape) / eps) / math.log1p(step_size * sigma_1)


def hypotheses(facts: Facts) -> list[str]:
    """What is missing of the hypotheses of Theorem 3.2, as phrases."""
    lacks = facts.missing(schedules=("theorem-3.2", "constant"), exact_rank=True)
    if facts.rank != 1:
        lacks.insert(0, f"r = {facts.rank}, the theorem is about r = 1")
    if facts.start != "gaussian" or facts.scale is None:
        lacks.append(f"the start is {facts.start}, not Gaussian")
    elif facts.scale > 0.5 * math.sqrt(facts.sigma_1 / max(facts.shape)):
        c_init = facts.scale / math.sqrt(facts.sigma_1 / max(facts.shape))
        lacks.append(f"c_init = {brief(c_init)} is not small (start std over √(σ₁/d))")
    return lacks


class Theorem32Monitor(Monitor):
    """The ratio |uᵀu*| / |vᵀv*| and the iterations to each relative residual, for r = 1.

    Needs the columns alignment_U = |uᵀu*| and alignment_V = |vᵀv*|; without them only the
    rate is judged. The theorem's constants are not stated: the ratio is judged against
    [1/100, 100] and the iterations against iterations_bound. Outside of either the verdict is
    "inconclusive", because the theorem speaks of constant probability over the start.
    Source: Du, Hu, Lee 2018, Theorem 3.2.
    """

    kept = ("high", "low", "last_ratio", "passed", "largest_step", "residual")

    def start(self, facts: Facts) -> None:
        self.facts = facts
        self.high, self.low = Peak(), Peak()
        self.last_ratio: float | None = None
        self.passed: list[float] = []
        self.largest_step = 0.0
        self.residual: float | None = None

    def segment(self, rows: Rows) -> None:
        if self.facts.rank != 1 or not len(rows["step"]):
            return
        if "alignment_U" in rows and "alignment_V" in rows:
            u, v = (np.asarray(rows[f"alignment_{s}"], float) for s in "UV")
            with np.errstate(divide="ignore", invalid="ignore"):
                self.high.see(u / v, RATIO_LIMIT, rows)
                self.low.see(v / u, RATIO_LIMIT, rows)
                self.last_ratio = float(u[-1] / v[-1])
        residual: Array = np.sqrt(2 * np.maximum(np.asarray(rows["loss"], float), 0.0))
        residual /= self.facts.sigma_1
        while len(self.passed) < len(LEVELS):
            inside = np.flatnonzero(residual <= LEVELS[len(self.passed)])
            if not len(inside):
                break
            self.passed.append(float(rows["step"][inside[0]]))
        self.largest_step = max(self.largest_step, float(np.max(rows["step_size"])))
        self.residual = float(residual[-1])

    def claims(self, final: Facts | None = None) -> tuple[Claim, ...]:
        facts = final or self.facts
        if facts.rank != 1 or self.residual is None:
            return ()
        lacks = hypotheses(facts)
        if facts.plain and self.largest_step * facts.sigma_1 >= 1:
            lacks.append(f"c_step = ησ₁ = {brief(self.largest_step * facts.sigma_1)} is not < 1")
        ratio = (self._ratio(lacks),) if self.last_ratio is not None else ()
        return (*ratio, self._rate(facts, lacks))

    def _ratio(self, lacks: list[str]) -> Claim:
        high, low = float(self.high.value or 0.0), 1 / float(self.low.value or math.inf)
        measured = f"between {brief(low)} and {brief(high)}, {brief(self.last_ratio)} at the end"
        if lacks:
            verdict, detail = Verdict.NOT_MET, "; ".join(lacks) + f". Measured: {measured}"
        elif self.high.over or self.low.over:
            at = self.high.over or self.low.over
            verdict = Verdict.INCONCLUSIVE
            detail = (
                f"{measured}; outside from step {at}: the theorem claims it with constant"
                " probability only"
            )
        else:
            verdict, detail = Verdict.HOLDS, measured
        statement = f"c_0 ≤ |uᵀu*|/|vᵀv*| ≤ C_0 for all t, here C_0 = 1/c_0 = {RATIO_LIMIT:g}"
        numbers = {"smallest": low, "largest": high, "last": float(self.last_ratio or math.nan)}
        return Claim("theorem-3.2-ratio", statement, verdict, detail, SOURCE, numbers)

    def _rate(self, facts: Facts, lacks: list[str]) -> Claim:
        residual = float(math.nan if self.residual is None else self.residual)
        statement = "‖uvᵀ − M‖_F ≤ εσ₁ after O(log(d/ε)) iterations"
        numbers = {"relative_residual": residual}
        eps, steps, bound = LEVELS[0], math.inf, math.nan
        if self.passed:
            eps, steps = LEVELS[len(self.passed) - 1], self.passed[-1]
            numbers |= {"eps": eps, "iterations": steps}
            measured = f"ε = {eps:g} after {steps:.0f} iterations"
            if facts.plain:
                bound = iterations_bound(facts.shape, eps, self.largest_step, facts.sigma_1)
                numbers["bound"] = bound
                measured += f", against {bound:.0f}"
        else:
            measured = f"relative residual {brief(residual)} at the end"
        if lacks:
            verdict, detail = Verdict.NOT_MET, "; ".join(lacks) + f". Measured: {measured}"
        elif steps <= bound:
            verdict, detail = Verdict.HOLDS, f"{measured} = 2 ln(d/ε)/ln(1 + ησ₁)"
        else:
            verdict = Verdict.INCONCLUSIVE
            detail = f"{measured}; the theorem claims it with constant probability only"
        return Claim("theorem-3.2-rate", statement, verdict, detail, SOURCE, numbers)
