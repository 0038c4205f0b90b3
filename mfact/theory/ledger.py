"""The ledger of the drift: by how much D = UᵀU − VᵀV moves, exactly and at most."""

from __future__ import annotations

import math

import numpy as np

from mfact.core import Array, Claim, Rows, Verdict
from mfact.theory.decrease import COLUMNS, Decrease
from mfact.theory.facts import Facts
from mfact.theory.monitoring import Monitor, Peak, rounding_of_fit
from mfact.words import brief

SOURCE = "mfact, derived; for gradient flow Du, Hu, Lee 2018, Theorem 2.2"
A_STEP = 8.0  # units of rounding of n + η²‖∇f‖² that a step may leave in D: see LedgerMonitor
ENDS = 64.0  # of the largest n: in D_0, in D_t, and in changes of coordinates


class LedgerMonitor(Decrease, Monitor):
    """Audits the ledger and holds the measured drift against its bounds.

    - audit: ‖(D_t − D_0) − ledger_t‖_F must be zero but for rounding, at every step. With n =
      ‖U‖_F² + ‖V‖_F² and the unit ε of rounding, the allowance is
          ε (64 max_{s≤t} n_s + 8 Σ_{s<t} (n_s + η_s²‖∇f_s‖²)).
      A step rounds U₊ = U − ηG by ½ε(‖U‖ + η‖G‖) and so D₊ by up to ε(n + η²‖∇f‖²); rounding
      G moves D by 2η‖U‖‖δG‖, of the same size for the steps that gradient descent bears; so do
      the products in the ledger's term. A run that bounces between two points repeats its
      errors, so that they add up like t, not like √t: over 900 runs in both precisions, with
      steps 0.02 to 1.15 times the stable one, at most 2.7 a step was seen where 8 are allowed.
      The first term is for D_t itself and for changes of coordinates on the way: 20 was seen.
      Of a row that follows k steps after the one before, the larger of both counts k times.
    - bound: if every step has f₊ ≤ f − (η/2)‖∇f‖², then ‖D_T − D_0‖_F ≤ 2 η_max (f_0 − f_T).
      From the ledger, ‖G_UᵀG_U − G_VᵀG_V‖_F ≤ ‖∇f‖², hence ‖D_T − D_0‖_F ≤ Σ η²‖∇f‖², which
      holds for any step sizes, and η‖∇f‖² ≤ 2(f − f₊) makes it the sum above.
    An error that is a share x of every step's term is found once x‖ledger_t‖_F, less than the
    rounding so far, exceeds the allowance at one t: early, before the steps have added up.
    The hypothesis is checked at every step that was seen, up to the rounding of f.
    Source: mfact, derived.
    """

    rounding = staticmethod(rounding_of_fit)
    kept = (*Decrease.SEEN, "audit", "drift", "largest_size", "rounded", "allowed")

    def start(self, facts: Facts) -> None:
        super().__init__()
        self.facts = facts
        self.audit, self.drift = Peak(), Peak()
        self.largest_size = self.rounded = self.allowed = 0.0

    def segment(self, rows: Rows) -> None:
        if not len(rows["step"]):
            return
        table = {name: np.asarray(rows[name], float) for name in COLUMNS}
        table["size"] = np.asarray(rows["size_U"], float) + np.asarray(rows["size_V"], float)
        columns = self.follow(table, rows, self.facts.norm, self.facts.unit)
        with np.errstate(invalid="ignore", over="ignore"):
            # Not where steps were fast-forwarded: no sum was kept there.
            if "audit" in rows and self.facts.law:
                self.audit.see(np.asarray(rows["audit"], float), self._allowance(columns), rows)
            self.drift.see(np.asarray(rows["drift"], float), math.inf, rows)

    def _allowance(self, columns: Rows) -> Array:
        """Of each row, what rounding may have added up to; sums in their order (see Decrease)."""
        steps = np.diff(columns["step"])
        each = columns["size"] + (columns["step_size"] * columns["gradient_norm"]) ** 2
        added = np.where(steps > 0, steps * np.maximum(each[:-1], each[1:]), 0.0)
        rounded = np.cumsum(np.append(self.rounded, added))[1:]
        largest = np.maximum.accumulate(np.append(self.largest_size, columns["size"][1:]))[1:]
        allowed: Array = self.facts.unit_of_step * (ENDS * largest + A_STEP * rounded)
        self.rounded, self.largest_size = float(rounded[-1]), float(largest[-1])
        self.allowed = float(allowed[-1])
        return allowed

    def claims(self, final: Facts | None = None) -> tuple[Claim, ...]:
        facts = final or self.facts
        if self.last is None or self.first_loss is None:
            return ()
        return (self._audit_claim(), self._bound_claim(facts))

    def _audit_claim(self) -> Claim:
        worst, drift = self.audit.value, self.drift.value
        verdict = Verdict.VIOLATED if self.audit.over else Verdict.HOLDS
        detail = f"off by at most {brief(worst)} (rounding), while D moved by {brief(drift)}"
        if self.audit.over:
            detail = f"violated at step {self.audit.over}: off by up to {brief(worst)}"
        if not self.facts.law:
            verdict = Verdict.NOT_MET
            detail = f"no law of {self.facts.method} is known. D moved by {brief(drift)}"
        return Claim(
            "ledger",
            "the drift D_t − D_0 is what the exact law of the method gives, at every step"
            + (f" before {self.skipped}, where fast-forward begins" if self.skipped else ""),
            verdict,
            detail,
            SOURCE,
            {"audit": _float(worst), "drift": _float(drift), "allowed": self.allowed},
        )

    def _bound_claim(self, facts: Facts) -> Claim:
        assert self.first_loss is not None
        bound = self.bound
        drift, unit = _float(self.drift.value), self.facts.unit
        of_loss = float(rounding_of_fit(self.first_loss, self.facts.norm, unit))
        # Both losses of the bound are rounded, and so is D.
        rounding = self.allowed + 4 * self.largest_step * of_loss
        numbers = {
            "drift": drift,
            "bound": bound,
            "rounding": rounding,
            "sum_of_squares": self.squares,
            "largest_step_size": self.largest_step,
            "shortfall": _float(self.rise.value),
        }
        lacks = facts.missing() + self.shortcomings("f")
        measured = f"measured {brief(drift)}"
        if lacks:
            verdict = Verdict.NOT_MET
            detail = "; ".join(lacks) + f"; measured drift {brief(drift)}"
            if not facts.missing() and not self.skipped:
                detail += f", at most Σ η²‖∇f‖² = {brief(self.squares)} whatever the steps"
        elif drift <= bound:
            verdict, detail = Verdict.HOLDS, f"{measured}, margin {brief(bound - drift)}"
        elif drift <= bound + rounding:
            verdict = Verdict.HOLDS
            detail = f"{measured}: no more above it than rounding, {brief(rounding)}"
        else:
            verdict, detail = Verdict.VIOLATED, f"{measured} at step {self.drift.at}"
        statement = f"‖D_t − D_0‖_F ≤ 2 η_max (f_0 − f_T) = {brief(bound)}"
        return Claim("drift-bound", statement, verdict, detail, "mfact, derived", numbers)


def _float(value: float | None) -> float:
    return math.nan if value is None else float(value)
