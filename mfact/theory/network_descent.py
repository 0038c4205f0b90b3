"""How far steps that decrease L can move the laws of a network."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mfact.core import Claim, Rows, Verdict
from mfact.theory.decrease import COLUMNS, Decrease
from mfact.theory.monitoring import Kept, Peak, rounding_of_loss
from mfact.theory.network_facts import NetworkFacts
from mfact.theory.network_ledger import Pair
from mfact.words import brief


class Bound(Decrease, Kept):
    """|Q_T − Q_0| ≤ 2 p η_max (L_0 − L_T), if every step has L₊ ≤ L − (η/2)‖∇L‖².

    Of the layers h and h + 1, and of Σ_i|·| over the units between them: a step adds
    η²(‖∂L/∂W_h‖² − p‖∂L/∂W_{h+1}‖²), at most p η²‖∇L‖² ≤ 2 p η (L − L₊), p the degree of φ_h. The
    hypothesis is checked at every step, up to the rounding of L; a kink of ReLU breaks it.
    Source: mfact, derived.
    """

    kept = Decrease.SEEN

    def see(self, rows: Rows, facts: NetworkFacts) -> None:
        """All rows of a block, measured or not."""
        table = {name: np.asarray(rows[name], float) for name in COLUMNS}
        self.follow(table, rows, facts.norm, facts.unit)

    def claims(self, facts: NetworkFacts, pairs: Iterable[Pair]) -> tuple[Claim, ...]:
        assert self.first_loss is not None
        of_loss = float(rounding_of_loss(self.first_loss, facts.norm, facts.unit))
        bound = self.bound
        worst, over = 0.0, ""
        for pair in pairs:
            p = pair.joint.degree or 1
            # Both losses of the bound are rounded, and so is Q, of each unit.
            rounding = pair.units.allowed * pair.joint.units + 4 * p * self.largest_step * of_loss
            drift = max(_value(pair.layers.drift), _value(pair.sums))
            worst = max(worst, drift / p)
            if not drift <= p * bound + rounding and not over:
                over = f"layers {pair.joint.h} and {pair.joint.h + 1} at step {pair.sums.at}"
        numbers = {
            "drift": worst,
            "bound": bound,
            "sum_of_squares": self.squares,
            "largest_step_size": self.largest_step,
            "shortfall": _value(self.rise),
        }
        lacks = facts.missing_descent()
        known = not lacks and not self.skipped
        lacks += self.shortcomings("L")
        measured = f"measured {brief(worst)}"
        if lacks:
            verdict, detail = Verdict.NOT_MET, "; ".join(lacks) + f"; {measured}"
            if known:
                detail += f", at most Σ η²‖∇L‖² = {brief(self.squares)} whatever the steps"
        elif over:
            verdict, detail = Verdict.VIOLATED, f"{measured}, {over}"
        else:
            verdict, detail = Verdict.HOLDS, f"{measured}, margin {brief(bound - worst)}"
            if worst > bound:
                detail = f"{measured}: no more above it than rounding"
        degree = "p_h " if any(joint.degree not in (1, None) for joint in facts.joints) else ""
        statement = (
            f"|Q_t − Q_0| ≤ 2 {degree}η_max (L_0 − L_T) = {degree}{brief(bound)} of each two"
            " layers, and of Σ_i|·| over their units"
        )
        return (Claim("drift-bound", statement, verdict, detail, "mfact, derived", numbers),)


def _value(peak: Peak) -> float:
    return np.nan if peak.value is None else peak.value
