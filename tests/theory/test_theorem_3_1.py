"""Theorem 3.1's monitor on runs that reach ε, that end before, and that may not speak."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.monitor_contract import MonitorContract, seen_run
from recorded import told

from mfact.theory.theorem_3_1 import Theorem31Monitor


@pytest.fixture
def run(plain):
    """Rows of a run with steps that reach ε, told as if they were the theorem's."""
    rng = np.random.default_rng(21)
    M, _, _ = plain.matrix(rng, (20, 15), [1.0])
    eps, std = 0.1, 0.01
    U, V = std * rng.standard_normal((20, 1)), std * rng.standard_normal((15, 1))
    rows, U, V = plain.record(M, U, V, lambda t: 0.2, 200)
    residual = np.linalg.norm(U @ V.T - M)
    return rows, plain.information(M, 1, "theorem-3.1", std, eps), residual


def claim_of(facts, *segments):
    monitor = Theorem31Monitor()
    monitor.start(facts)
    for rows in segments:
        monitor.segment(rows)
    return monitor.claims()


def test_it_holds_when_the_end_is_within_eps(run, plain):
    rows, facts, residual = run
    (claim,) = claim_of(facts, *plain.blocks(rows, 7, 90))
    assert claim.verdict == "holds"
    assert claim.numbers["residual"] == pytest.approx(residual, abs=1e-15)
    first = np.flatnonzero(rows["loss"] <= 0.5 * facts.eps**2)[0]
    assert f"reached at step {first};" in claim.detail


def test_a_run_that_ends_before_says_nothing_of_the_limit(run, plain):
    rows, facts, _ = run
    (claim,) = claim_of(facts, plain.blocks(rows, 10)[0])
    assert claim.verdict == "inconclusive"


def test_without_hypotheses_it_only_measures(run):
    rows, facts, _ = run
    (claim,) = claim_of(told(facts, numerical_rank=3), rows)
    assert claim.verdict == "hypotheses not met"
    assert "M has numerical rank 3" in claim.detail
    assert claim_of(told(facts, eps=None), rows) == ()


class TestTheorem31Monitor(MonitorContract):
    def make(self):
        return Theorem31Monitor()

    def seen(self):
        return seen_run("theorem-3.1", lambda t: 0.2, sigma=[1.0], std=0.01, eps=0.1)
