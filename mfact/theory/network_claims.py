"""Section 2 of the paper held against every measured step of a network run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from mfact.core import Array, Claim, Rows, Verdict, moves
from mfact.networks.architecture import Joint
from mfact.theory.monitoring import Kept, Peak
from mfact.theory.network_descent import Bound
from mfact.theory.network_facts import NetworkFacts
from mfact.theory.network_ledger import Audit, Lines, Pair, Rounding
from mfact.words import brief

PAPER = "Du, Hu, Lee 2018, {}, in its discrete form; mfact, derived"
EULER = 256.0  # units of rounding of ‖W_h‖‖∂L/∂W_h‖ that a sum of their products may be off by
APART = 32.0  # the same a step, of the dual form: 22 was seen
ADAPTED = 10.0  # of the length of a step, for steps as long in flat places as in steep ones
STEP = 4.0  # of ‖W‖², that 2η times it may be off by; see NetworkMonitor


class NetworkMonitor(Kept):
    """Audits the laws of a network, bounds their drift, and checks Euler's identity.

    segment() gets every row; the columns of laws count where they were measured, NaN elsewhere.
    - theorems 2.1, 2.2, 2.3, corollary 2.1: Q_t − Q_0 is what the ledger of the method gives, but
      for rounding (see Rounding), at each measured row.
      Of steps that are not linear in the gradients no law is known: then it is both lines of the
      identity in InPlace, what each of them added is told, and the claims are not met.
    - drift-bound: see Bound.
    - euler: ⟨W_h, ∂L/∂W_h⟩ is the same in every layer, relative to ‖W_h‖‖∂L/∂W_h‖ up to
          ε (256 + 4 ‖W‖/(η‖∇L‖)),
      in dual form, whose two halves go apart by a rounding a step, ε (256 + t + (4 + 16t) …).
      Where ∂L/∂W_h is small because its terms cancel, its
      rounding is not: steps that gradient descent bears round W by ε‖W‖, of which this is the sum.
      Steps d of Adam bear ten times the curvature of ‖∇L‖/‖d‖ in place of that of 1/η.
    Source: mfact, derived; Euler's identity of a sum over layers: Liang et al. 2019.
    """

    kept = ("pairs", "whole", "rounding", "bound", "euler", "first_order", "moved")

    def start(self, facts: NetworkFacts) -> None:
        self.facts = facts
        audit = Audit if facts.linear else Lines
        self.pairs = {str(joint.h): Pair(joint, audit) for joint in facts.joints}
        self.whole = audit()
        self.rounding, self.bound = Rounding(), Bound()
        self.euler, self.first_order = Peak(), Peak()
        self.moved: list[float] | None = None

    def segment(self, rows: Rows) -> None:
        if not len(rows["step"]):
            return
        with np.errstate(all="ignore"):
            self.bound.see(rows, self.facts)
            moved = self._moved(rows)
            measured = ~np.isnan(np.asarray(rows["norm_1"], float))
            if measured.any():
                table = {
                    name: np.asarray(column[measured], float)
                    for name, column in {**rows, "moved": moved}.items()
                }
                self._measured(table)

    def _moved(self, rows: Rows) -> Array:
        """Σ‖v_{s+1} − v_s‖² before each row where it is known; else Σ(η‖∇L‖/(1 − μ))², which bounds
        it but for the decay.
        """
        # No step is taken from the last row of a run, and none has a size there.
        squares = np.nan_to_num((moves(rows) / (1 - self.facts.momentum)) ** 2)
        done, last = self.moved or (0.0, 0.0)
        found = np.cumsum(np.append(done, np.append(last, squares)))[1:-1]
        self.moved = [float(found[-1]), float(squares[-1])]
        return np.asarray(found)

    def _measured(self, table: dict[str, Array]) -> None:
        facts, pairs = self.facts, self.pairs.values()
        for pair in pairs:
            pair.see(table, facts)
        sizes = np.sum([pair.sizes(table) for pair in pairs], axis=0)
        allowed = self.rounding.allowed(facts, table["step"], sizes, table["moved"])
        self.whole.see(table, allowed, table)
        self.first_order.see(table["first_order"], np.inf, table)
        length = table["step_size"] * table["gradient_norm"]
        if "move" in table:
            length = np.minimum(length, table["move"] / ADAPTED)
        length /= np.sqrt(sizes)
        age = table["step"] if facts.dual else 0.0
        limit = facts.unit * (EULER + age + (STEP + APART * age) / length)
        # The end of a run has no step, and its row no length.
        self.euler.see(table["euler"], np.where(np.isnan(limit), np.inf, limit), table)

    def claims(self, final: NetworkFacts | None = None) -> tuple[Claim, ...]:
        facts = final or self.facts
        if self.euler.value is None:
            return ()
        p = "p_h " if any(joint.degree not in (1, None) for joint in facts.joints) else ""
        dense = "no two layers that are fully connected follow each other"
        linear = (
            "no two layers have a linear activation between them, without masks, shared weights"
            " and max pooling"
        )
        kept = "Q_t − Q_0 is what the exact law of the steps gives, Q = {}"
        found = [
            self._law_claim(
                "theorem-2.1", PAPER.format("Theorem 2.1"),
                kept.format(f"‖W_h[i, :]‖² − {p}‖W_{{h+1}}[:, i]‖² of each neuron i"),
                lambda joint: joint.is_dense, dense, lambda pair: [pair.units],
            ),
            self._law_claim(
                "theorem-2.2", PAPER.format("Theorem 2.2"),
                kept.format("W_hW_hᵀ − W_{h+1}ᵀW_{h+1}"),
                lambda joint: joint.is_matrix, linear, lambda pair: [pair.matrix],
            ),
            self._law_claim(
                "corollary-2.1", PAPER.format("Corollary 2.1"),
                kept.format(f"‖W_h‖_F² − {p}‖W_{{h+1}}‖_F²"),
                lambda joint: joint.is_dense, dense, lambda pair: [pair.layers],
            ),
            self._law_claim(
                "theorem-2.3", PAPER.format("Theorem 2.3"),
                kept.format(f"‖v_h‖² − {p}‖v_{{h+1}}‖² of free parameters, by channels and groups"),
                lambda joint: True, "", lambda pair: [pair.layers, pair.units], [self.whole],
            ),
        ]  # fmt: skip
        return (*found, *self.bound.claims(facts, self.pairs.values()), self._euler_claim(p))

    def _law_claim(
        self,
        name: str,
        source: str,
        statement: str,
        speaks_of: Callable[[Joint], bool],
        lack: str,
        audits: Callable[[Pair], Sequence[Audit]],
        more: Sequence[Audit] = (),
    ) -> Claim:
        pairs = [pair for pair in self.pairs.values() if speaks_of(pair.joint)]
        if not pairs:
            return Claim(name, statement, Verdict.NOT_MET, lack, source)
        seen = [audit for pair in pairs for audit in audits(pair)]
        drift, told = (_top(a.drift for a in seen), _top(a.told for a in seen))
        lines = [audit for audit in seen if isinstance(audit, Lines)]
        seen += more
        off, allowed = _top(a.off for a in seen), max(a.allowed for a in seen)
        numbers = {"drift": drift, "ledger": told, "audit": off, "allowed": allowed}
        lacks = self.facts.lawless()
        over = [a.off.over for a in seen if a.off.over]
        what = "the law gives"
        if lines:
            # An identity, whatever the activations: it closes, or something is wrong.
            what = "both lines give"
            first, second = _top(a.line_1 for a in lines), _top(a.line_2 for a in lines)
            numbers |= {"line_1": first, "line_2": second}
            if not over:
                detail = (
                    f"{'; '.join(lacks)}; Q moved by up to {brief(drift)}: line 1, Σ −2η⟨v, Cd⟩,"
                    f" alone by {brief(first)}, line 2, Σ η²⟨d, Cd⟩, by {brief(second)}; both"
                    f" together are off by at most {brief(off)} (rounding)"
                )
                return Claim(name, statement, Verdict.NOT_MET, detail, source, numbers)
        elif lacks:
            numbers["first_order"] = _top([self.first_order])
            detail = (
                f"{lacks[0]}; moved by up to {brief(drift)}, in first order at a relative"
                f" {brief(numbers['first_order'])}"
            )
            return Claim(name, statement, Verdict.NOT_MET, detail, source, numbers)
        if over:
            step = min(over, key=float)
            detail = (
                f"violated at step {step}: off by up to {brief(off)}, while Q moved by"
                f" {brief(drift)} and {what} {brief(told)}"
            )
            return Claim(name, statement, Verdict.VIOLATED, detail, source, numbers)
        detail = (
            f"what the flow keeps moved by {brief(drift)}, the exact law of the steps gives"
            f" {brief(told)}, off by at most {brief(off)} (rounding)"
        )
        return Claim(name, statement, Verdict.HOLDS, detail, source, numbers)

    def _euler_claim(self, p: str) -> Claim:
        worst = _top([self.euler])
        statement = f"⟨W_h, ∂L/∂W_h⟩ = {p}⟨W_{{h+1}}, ∂L/∂W_{{h+1}}⟩, biases of layer h counted"
        verdict = Verdict.HOLDS
        detail = f"spread at most {brief(worst)} of ‖W_h‖‖∂L/∂W_h‖ (rounding)"
        if lacks := self.facts.unscaled():
            verdict = Verdict.NOT_MET
            detail = f"{lacks[0]}; spread up to {brief(worst)} of ‖W_h‖‖∂L/∂W_h‖"
        elif self.euler.over:
            verdict = Verdict.VIOLATED
            detail = f"violated at step {self.euler.over}: spread up to {brief(worst)}"
        source = "mfact, derived; the sum over layers: Liang et al. 2019"
        return Claim("euler", statement, verdict, detail, source, {"spread": worst})


def _top(peaks: Iterable[Peak]) -> float:
    values = [np.nan if peak.value is None else peak.value for peak in peaks]
    return float(np.max(values))
