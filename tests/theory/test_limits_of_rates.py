"""The rates of convergence at 0.99 and at 1.01 of what is claimed of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from edges import AT, CONSTANT, COUNT, EPS, HELD, NORM, SIDES, SIGMA, claims_of, judged, still
from recorded import told

from mfact.theory.rates import RateMonitor
from mfact.theory.theorem_3_2 import Theorem32Monitor

RATIO = told(HELD, schedule="theorem-3.2", eps=None, scale=0)


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
        "c_init": (told(RATIO, scale=std), still()),
        "c_step": (RATIO, still(step_size={AT: factor / SIGMA})),
    }
    for words, (facts, rows) in flips.items():
        for claim in claims_of(Theorem32Monitor(), facts, rows).values():
            judged(claim, factor, "hypotheses not met")
            assert (words in claim.detail) == (factor > 1)


def contracting(decay, count=400, eta=0.05):
    """‖∇f‖ = e^{−decay·t}, ending before rounding."""
    rows = {"step": np.arange(float(count)), "step_size": np.full(count, eta)}
    return rows | {"gradient_norm": np.exp(-decay * np.arange(count))}


def rate_of(rows, **change):
    facts = told(CONSTANT, **{"singular_values": (SIGMA, 1.0), **change})
    return claims_of(RateMonitor(), facts, rows)["late-rate"]


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
    errors = {"errors": (0.1, 0.2)}
    least, most = (-math.log(1 - 0.05 * gap) for gap in (1.2, 1.8))
    slow = rate_of(contracting(0.9 / factor * least), **errors)
    assert slow.verdict == ("holds" if factor < 1 else "inconclusive")
    assert "predicted 1 − (0.06 to 0.09) a step" in slow.detail
    fast = rate_of(contracting(1.1 * factor * most), **errors)
    assert ("faster" in fast.detail) == (factor > 1)


@SIDES
def test_late_rate_of_the_balanced_objective_within_what_is_known(factor):
    # 2λσ_1 = 0.5 ± 0.04, far below the gap of 1.5 ± 0.2.
    balanced = {"objective": "balanced", "weight": 0.1}
    least = -math.log(1 - 0.05 * 2 * 0.1 * (SIGMA - 0.2))
    rows = contracting(0.9 / factor * least)
    slow = rate_of(rows, **balanced, errors=(0.1, 0.1))
    assert slow.verdict == ("holds" if factor < 1 else "inconclusive")


@SIDES
@pytest.mark.parametrize("change", ["errors", "zero"])
def test_late_rate_of_a_gap_that_is_not_known(factor, change):
    if change == "errors":
        options = {"errors": (0.0, factor * (SIGMA - 1) / 2)}
    else:
        options = {"zero": factor * (SIGMA - 1) / 2}
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
