"""Each claim at 0.99 and at 1.01 of its limit: just inside it holds, just outside it does not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mfact.theory.certified import CertifiedMonitor
from mfact.theory.ledger import LedgerMonitor
from mfact.theory.lemma_3_1 import Lemma31Monitor
from mfact.theory.rates import RateMonitor
from mfact.theory.theorem_3_1 import Theorem31Monitor
from mfact.theory.theorem_3_2 import Theorem32Monitor

EPS = np.finfo(float).eps
NORM, SIGMA, TARGET, COUNT, AT = 3.0, 2.5, 0.5, 20, 11
SIDES = pytest.mark.parametrize("factor", [0.99, 1.01])


def info_for(**change):
    """What a run under all hypotheses tells, of a 50×40 matrix of rank r = 1."""
    info = {
        "norm": NORM,
        "sigma_1": SIGMA,
        "rank": 1,
        "shape": (50, 40),
        "schedule": {"name": "theorem-3.1"},
        "eps": TARGET,
        "start": {"name": "gaussian", "std": 1e-3},
        "numerical_rank": 1,
        "singular_values": [SIGMA, 0.0],
    }
    return {**info, **change}


def still(**change):
    """Rows of a run that stands at a loss near zero, with a column changed here and there."""
    rows = {"step": np.arange(float(COUNT)), "loss": np.full(COUNT, 1e-24)}
    rows |= {name: np.zeros(COUNT) for name in ("gradient_norm", "imbalance", "drift", "audit")}
    rows |= {name: np.ones(COUNT) for name in ("size_U", "size_V", "alignment_U", "alignment_V")}
    rows["step_size"] = np.full(COUNT, 1e-3)
    for name, values in change.items():
        for i, value in values.items():
            rows[name][i] = value
    return rows


def claims_of(monitor, info, rows):
    monitor.start(info)
    monitor.segment(rows)
    claims = {claim.name: claim for claim in monitor.claims()}
    for claim in claims.values():
        if claim.verdict == "holds":
            assert claim.numbers.get("margin", 0.0) >= 0
            assert "margin -" not in claim.detail
    return claims


def judged(claim, factor, outside="violated"):
    assert claim.verdict == ("holds" if factor < 1 else outside), claim.detail
    if outside == "violated" and factor > 1:
        assert f"step {AT}" in claim.detail


def rounding(loss):
    """Of ½‖R‖²: entries of R are off by 8 units of M, and the sum by 8 of itself."""
    off = 8 * EPS * NORM
    return off * math.sqrt(2 * loss) + off**2 / 2 + 8 * EPS * loss


def risen(factor):
    return {t: 1e-24 + factor * 2 * rounding(1e-24) for t in range(AT, COUNT)}


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
    info = info_for(rank=2, numerical_rank=2)
    claims = claims_of(Lemma31Monitor(), info, still(**{column: {AT: factor * limit}}))
    judged(claims.pop(name), factor)
    assert {claim.verdict for claim in claims.values()} == {"holds"}
    last = still(**{column: {AT: limit}})  # the limit itself is inside, with a margin of 0
    claim = claims_of(Lemma31Monitor(), info, last)[name]
    assert (claim.verdict, claim.numbers["margin"]) == ("holds", 0.0)


@SIDES
@pytest.mark.parametrize("start", [True, False])
def test_lemma_3_1_descent(factor, start):
    loss = {0: factor * 2 * NORM**2} if start else risen(factor)
    claims = claims_of(Lemma31Monitor(), info_for(), still(loss=loss))
    claim = claims["lemma-3.1-ii"]
    assert claim.verdict == ("holds" if factor < 1 else "violated")
    if factor > 1:
        assert f"violated at step {0 if start else AT}:" in claim.detail


@SIDES
def test_hypotheses_of_lemma_3_1(factor):
    flips = {
        "is not between 0": {"eps": factor * NORM},
        "variance": {"start": {"name": "gaussian", "std": math.sqrt(factor * TARGET / 50)}},
    }
    for words, change in flips.items():
        claim = claims_of(Lemma31Monitor(), info_for(**change), still())["lemma-3.1-iii"]
        judged(claim, factor, "hypotheses not met")
        assert (words in claim.detail) == (factor > 1)


@SIDES
def test_theorem_3_1(factor):
    # The last row decides, whatever the ones before.
    for late in (0.0, 1e-24):
        rows = still(loss={AT: late, COUNT - 1: 0.5 * (factor * TARGET) ** 2})
        claim = claims_of(Theorem31Monitor(), info_for(), rows)["theorem-3.1"]
        judged(claim, factor, "inconclusive")


CERTIFIED = info_for(schedule={"name": "certified"}, numerical_rank=7)
STEP = min(1 / (12 * NORM), TARGET / (2 * NORM**2))


@SIDES
@pytest.mark.parametrize(
    "rows",
    [
        lambda factor: still(imbalance={AT: factor * TARGET}),
        lambda factor: still(loss=risen(factor)),
        # A fall, but by less than (η/2)‖∇f‖²: what is promised is 1.5 ± 0.5 units of rounding.
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
        claim = claims_of(CertifiedMonitor(), {**CERTIFIED, "eps": eps}, rows)["certified"]
        judged(claim, factor, "hypotheses not met")
        assert (words in claim.detail) == (factor > 1)


CONSTANT = info_for(schedule={"name": "constant"}, eps=None)


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


RATIO = info_for(schedule={"name": "theorem-3.2"}, eps=None, start={"name": "gaussian", "std": 0})


@SIDES
@pytest.mark.parametrize(("large", "small"), [("U", "V"), ("V", "U")])
def test_theorem_3_2_ratio(factor, large, small):
    rows = still(**{f"alignment_{large}": {AT: 2 * factor * 100}, f"alignment_{small}": {AT: 2}})
    claim = claims_of(Theorem32Monitor(), RATIO, rows)["theorem-3.2-ratio"]
    judged(claim, factor, "inconclusive")
    assert (f"outside from step {AT}:" in claim.detail) == (factor > 1)


@SIDES
def test_theorem_3_2_rate(factor):
    # At 1e-3 of σ₁, the deepest level passed, by the step that the bound allows; then no more.
    eta, loss = 1e-3, lambda level: 0.5 * (level * SIGMA) ** 2
    bound = 2 * math.log(50 / 1e-3) / math.log(1 + eta * SIGMA)
    rows = still(loss=dict.fromkeys(range(AT), 0.5) | dict.fromkeys(range(AT, COUNT), loss(9e-4)))
    rows["step"][AT:] = factor * bound + np.arange(COUNT - AT)
    claim = claims_of(Theorem32Monitor(), RATIO, rows)["theorem-3.2-rate"]
    judged(claim, factor, "inconclusive")
    assert claim.numbers["eps"] == pytest.approx(1e-3)
    assert claim.numbers["bound"] == pytest.approx(bound, rel=1e-12)


@SIDES
def test_theorem_3_2_levels(factor):
    rows = still(loss=dict.fromkeys(range(COUNT), 0.5 * (factor * 1e-2 * SIGMA) ** 2))
    claim = claims_of(Theorem32Monitor(), RATIO, rows)["theorem-3.2-rate"]
    assert claim.numbers["eps"] == pytest.approx(1e-2 if factor < 1 else 1e-1)


@SIDES
def test_theorem_3_2_hypotheses(factor):
    std = factor * 0.5 * math.sqrt(SIGMA / 50)
    flips = {
        "c_init": ({**RATIO, "start": {"name": "gaussian", "std": std}}, still()),
        "c_step": (RATIO, still(step_size={AT: factor / SIGMA})),
    }
    for words, (info, rows) in flips.items():
        for claim in claims_of(Theorem32Monitor(), info, rows).values():
            judged(claim, factor, "hypotheses not met")
            assert (words in claim.detail) == (factor > 1)


def contracting(decay, count=400, eta=0.05):
    """‖∇f‖ = e^{−decay·t}, ending before rounding."""
    rows = {"step": np.arange(float(count)), "step_size": np.full(count, eta)}
    return rows | {"gradient_norm": np.exp(-decay * np.arange(count))}


def rate_of(rows, **change):
    return claims_of(RateMonitor(), {**CONSTANT, "singular_values": [SIGMA, 1.0], **change}, rows)[
        "late-rate"
    ]


@SIDES
def test_late_rate(factor):
    expected = -math.log(1 - 0.05 * (SIGMA - 1))
    slow = rate_of(contracting(0.9 / factor * expected))
    assert slow.verdict == ("holds" if factor < 1 else "inconclusive")
    assert ("slower" in slow.detail) == (factor > 1)
    fast = rate_of(contracting(1.1 * factor * expected))
    assert fast.verdict == "holds"
    assert ("faster" in fast.detail) == (factor > 1)


@SIDES
def test_late_rate_within_what_is_known_of_the_gap(factor):
    # σ_2 = 1 ± 0.2 and σ_1 = 2.5 ± 0.1: a gap of 1.2 to 1.8.
    errors = {"singular_value_errors": [0.1, 0.2]}
    least, most = (-math.log(1 - 0.05 * gap) for gap in (1.2, 1.8))
    slow = rate_of(contracting(0.9 / factor * least), **errors)
    assert slow.verdict == ("holds" if factor < 1 else "inconclusive")
    assert "predicted 1 − (0.06 to 0.09) a step" in slow.detail
    fast = rate_of(contracting(1.1 * factor * most), **errors)
    assert ("faster" in fast.detail) == (factor > 1)


@SIDES
def test_late_rate_of_the_balanced_objective_within_what_is_known(factor):
    # 2λσ_1 = 0.5 ± 0.04, far below the gap of 1.5 ± 0.2.
    balanced = {"objective": "balanced", "balance_weight": 0.1}
    least = -math.log(1 - 0.05 * 2 * 0.1 * (SIGMA - 0.2))
    rows = contracting(0.9 / factor * least)
    slow = rate_of(rows, **balanced, singular_value_errors=[0.1, 0.1])
    assert slow.verdict == ("holds" if factor < 1 else "inconclusive")


@SIDES
@pytest.mark.parametrize("change", ["errors", "zero", "default"])
def test_late_rate_of_a_gap_that_is_not_known(factor, change):
    if change == "errors":
        options = {"singular_value_errors": [0.0, factor * (SIGMA - 1) / 2]}
    elif change == "zero":
        options = {"zero": factor * (SIGMA - 1) / 2}
    else:  # below √max(d1, d2)·ε·σ₁, here of a pair far below σ₁
        gap = 2 * math.sqrt(50) * EPS * SIGMA / factor
        options = {"singular_values": [gap, 0.0]}
    claim = rate_of(contracting(0.08), **options, numerical_rank=7)
    assert ("is known to" in claim.detail) == (factor > 1)
    assert (claim.verdict == "hypotheses not met") == (factor > 1)


@SIDES
def test_late_rate_needs_two_decades_above_rounding(factor):
    # Half decades of ‖∇f‖/m^1.5: four of them fit, or not, above 100 ε.
    floor = 100 * EPS * NORM**1.5
    rows = contracting(0.05, count=200)
    rows["gradient_norm"] = floor * 10**2.65 * np.exp(-0.05 * np.arange(200))
    assert rate_of(rows).numbers
    rows["gradient_norm"] *= 10 ** (-0.8 if factor > 1 else 0)
    assert bool(rate_of(rows).numbers) == (factor < 1)
