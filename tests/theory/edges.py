"""A claim just inside and just outside of its limit: rows that stand still but for one column."""

from __future__ import annotations

import math

import numpy as np
import pytest
from recorded import told

EPS = np.finfo(float).eps
NORM, SIGMA, TARGET, COUNT, AT = 3.0, 2.5, 0.5, 20, 11
SIDES = pytest.mark.parametrize("factor", [0.99, 1.01])


HELD = told(
    norm=NORM, sigma_1=SIGMA, rank=1, shape=(50, 40), schedule="theorem-3.1", eps=TARGET,
    scale=1e-3, numerical_rank=1, singular_values=(SIGMA, 0.0),
    zero=math.sqrt(50) * EPS * SIGMA,
)  # fmt: skip
"""What a run under all hypotheses tells, of a 50×40 matrix of rank r = 1."""


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


def claims_of(monitor, facts, rows):
    monitor.start(facts)
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
    """Of ½‖R‖²: entries of R are off by 8 units of M, and the sum by 8 of itself; Gram matrices, of
    which all but a small loss is, by 8 units of ‖M‖².
    """
    off = 8 * EPS * NORM
    gram = 8 * EPS * NORM**2 if loss > 0.5e-8 * NORM**2 else 0.0
    return off * math.sqrt(2 * loss) + off**2 / 2 + 8 * EPS * loss + gram


def risen(factor):
    return {t: 1e-24 + factor * 2 * rounding(1e-24) for t in range(AT, COUNT)}


CONSTANT = told(HELD, schedule="constant", eps=None)
