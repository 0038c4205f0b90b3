"""Each claim at 0.99 and at 1.01 of its limit: just inside it holds, just outside it does not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from edges import (
    AT,
    CONSTANT,
    COUNT,
    EPS,
    HELD,
    NORM,
    SIDES,
    TARGET,
    claims_of,
    judged,
    risen,
    rounding,
    still,
)
from recorded import told

from mfact.theory.certified import CertifiedMonitor
from mfact.theory.ledger import LedgerMonitor
from mfact.theory.lemma_3_1 import Lemma31Monitor
from mfact.theory.theorem_3_1 import Theorem31Monitor


@SIDES
@pytest.mark.parametrize(
    ("name", "column", "limit"),
    [
        ("lemma-3.1-i", "imbalance", TARGET),
        ("lemma-3.1-iii", "size_U", 5 * math.sqrt(2) * NORM),
        ("lemma-3.1-iii", "size_V", 5 * math.sqrt(2) * NORM),
    ],
)
def test_lemma_3_1_bounds(factor, name, column, limit):
    facts = told(HELD, rank=2, numerical_rank=2)
    claims = claims_of(Lemma31Monitor(), facts, still(**{column: {AT: factor * limit}}))
    judged(claims.pop(name), factor)
    assert {claim.verdict for claim in claims.values()} == {"holds"}
    last = still(**{column: {AT: limit}})  # the limit itself is inside, with a margin of 0
    claim = claims_of(Lemma31Monitor(), facts, last)[name]
    assert (claim.verdict, claim.numbers["margin"]) == ("holds", 0.0)


@SIDES
@pytest.mark.parametrize("start", [True, False])
def test_lemma_3_1_descent(factor, start):
    loss = {0: factor * 2 * NORM**2} if start else risen(factor)
    claims = claims_of(Lemma31Monitor(), HELD, still(loss=loss))
    claim = claims["lemma-3.1-ii"]
    assert claim.verdict == ("holds" if factor < 1 else "violated")
    if factor > 1:
        assert f"violated at step {0 if start else AT}:" in claim.detail


@SIDES
def test_hypotheses_of_lemma_3_1(factor):
    flips = {
        "is not between 0": {"eps": factor * NORM},
        "variance": {"scale": math.sqrt(factor * TARGET / 50)},
    }
    for words, change in flips.items():
        claim = claims_of(Lemma31Monitor(), told(HELD, **change), still())["lemma-3.1-iii"]
        judged(claim, factor, "hypotheses not met")
        assert (words in claim.detail) == (factor > 1)


@SIDES
def test_theorem_3_1(factor):
    # The last row decides, though all before it are within ε.
    rows = still(loss={COUNT - 1: 0.5 * (factor * TARGET) ** 2})
    claim = claims_of(Theorem31Monitor(), HELD, rows)["theorem-3.1"]
    judged(claim, factor, "inconclusive")


CERTIFIED = told(HELD, schedule="certified", numerical_rank=7)


@SIDES
@pytest.mark.parametrize(
    "rows",
    [
        lambda factor: still(imbalance={AT: factor * TARGET}),
        lambda factor: still(loss=risen(factor)),
        # No rise, but (η/2)‖∇f‖² is promised: 2 roundings of f, one of each loss.
        lambda factor: still(
            gradient_norm={AT - 1: math.sqrt(factor * 4 * rounding(1e-24) / 1e-3)}
        ),
    ],
)
def test_certified_claims(factor, rows):
    judged(claims_of(CertifiedMonitor(), CERTIFIED, rows(factor))["certified"], factor)


@SIDES
@pytest.mark.parametrize("eps", [TARGET, 2.0])
def test_certified_hypotheses(factor, eps):
    step = min(1 / (12 * NORM), eps / (2 * NORM**2))
    flips = {
        "longer than": still(step_size={AT: factor * step}),
        "above ε/3": still(imbalance={0: factor * eps / 3}),
        "above ⅔‖M‖_F²": still(loss={0: factor * 2 / 3 * NORM**2}),
    }
    for words, rows in flips.items():
        claim = claims_of(CertifiedMonitor(), told(CERTIFIED, eps=eps), rows)["certified"]
        judged(claim, factor, "hypotheses not met")
        assert (words in claim.detail) == (factor > 1)


@SIDES
def test_drift_bound(factor):
    # f falls from 1 to ½ while ‖∇f‖ = 0: nothing is promised, and the bound is 2 η_max ½.
    falls = {t: 1 - 0.5 * t / (COUNT - 1) for t in range(COUNT)}
    rows = still(loss=falls, step_size={3: 2e-3}, drift={AT: factor * 2e-3})
    claim = claims_of(LedgerMonitor(), CONSTANT, rows)["drift-bound"]
    judged(claim, factor)
    assert claim.numbers["bound"] == pytest.approx(2e-3, rel=1e-12)


@SIDES
@pytest.mark.parametrize("size", [1.0, 1e-9])
def test_drift_bound_is_held_up_to_rounding_and_then_says_so(factor, size):
    # Nothing moves: the bound is 0; in each of 19 steps n is rounded, at both ends the loss.
    allowed = EPS * (64 + 8 * (COUNT - 1)) * 2 * size + 4 * 1e-3 * rounding(0.5)
    rows = still(loss=dict.fromkeys(range(COUNT), 0.5), drift={AT: factor * allowed})
    rows |= {name: np.full(COUNT, size) for name in ("size_U", "size_V")}
    claim = claims_of(LedgerMonitor(), CONSTANT, rows)["drift-bound"]
    judged(claim, factor)
    assert "margin" not in claim.detail
    assert factor > 1 or "no more above it than rounding" in claim.detail


@SIDES
def test_drift_bound_hypothesis(factor):
    claim = claims_of(LedgerMonitor(), CONSTANT, still(loss=risen(factor)))["drift-bound"]
    judged(claim, factor, "hypotheses not met")
    assert (f"step {AT} decreased f" in claim.detail) == (factor > 1)
