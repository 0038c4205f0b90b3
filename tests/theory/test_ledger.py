"""The ledger against the measured drift of plain loops, the bound against bad steps."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.monitor_contract import MonitorContract, seen_run
from hypothesis import given
from hypothesis import strategies as st
from oracles import plain_loop

from mfact.methods.gradient_descent import GradientDescent
from mfact.problems.factorization import Factorization, unbalance
from mfact.targets.dense import DenseTarget
from mfact.theory.ledger import LedgerMonitor


@given(st.integers(0, 10**6), st.integers(1, 4), st.sampled_from([0.0, 0.3, 1.0]))
def test_one_step_changes_d_by_exactly_the_ledger(seed, r, weight):
    rng = np.random.default_rng(seed)
    M, U, V = (rng.standard_normal(s) for s in ((7, 5), (7, r), (5, r)))
    before, after = plain_loop(M, U, V, [0.01], weight)
    change = unbalance(*after) - unbalance(*before)
    # D is of order 10 with 12 terms an entry: about 100 units of rounding.
    problem, law = Factorization(DenseTarget(M), weight), GradientDescent().law
    at = problem.evaluate((U, V))
    moved = GradientDescent().step(problem, (U, V), at, 0.01, ())
    (square,) = law.told(problem, (U, V), at, moved, 0.01, ())
    (pull,) = problem.pull(at.seen)
    (entry,) = law.follow(np.array([0.01]), (square[None],), (pull[None],), ()).entries
    assert np.allclose(change, entry[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("weight", [0.0, 1.0])
@pytest.mark.parametrize("size", [0.05, 0.3, 0.5])
def test_a_plain_run_closes_its_ledger(plain, weight, size):
    rng = np.random.default_rng(3)
    M, _, _ = plain.matrix(rng, (30, 20), [1.0, 0.7, 0.4])
    U, V = 0.1 * rng.standard_normal((30, 3)), 0.1 * rng.standard_normal((20, 3))
    rows, _, _ = plain.record(M, U, V, lambda t: size, 600, weight)
    monitor = LedgerMonitor()
    name = "balanced" if weight else "plain"
    monitor.start(plain.information(M, 3, "constant", 0.1, objective=name, weight=weight))
    monitor.segment(rows)
    audit, bound = monitor.claims()
    assert audit.verdict == "holds"
    assert audit.numbers["audit"] < 1e-13
    if weight:
        assert bound.verdict == "hypotheses not met"
    else:
        measured = rows["drift"].max()
        assert bound.numbers["drift"] == measured
        # Independent of the descent hypothesis, and here computed by another sum.
        squares = np.sum(rows["step_size"][:-1] ** 2 * rows["gradient_norm"][:-1] ** 2)
        assert bound.numbers["sum_of_squares"] == pytest.approx(squares, rel=1e-12)
        assert measured <= squares


def test_the_bound_holds_for_short_steps_and_is_withdrawn_for_long_ones(plain):
    rng = np.random.default_rng(4)
    M, _, _ = plain.matrix(rng, (12, 9), [1.0, 0.5])
    U, V = 0.3 * rng.standard_normal((12, 2)), 0.3 * rng.standard_normal((9, 2))
    short, _, _ = plain.record(M, U, V, lambda t: 0.1, 300)
    monitor = LedgerMonitor()
    monitor.start(plain.information(M, 2, "constant", 0.3))
    monitor.segment(short)
    claim = monitor.claims()[1]
    assert claim.verdict == "holds"
    assert claim.numbers["bound"] == pytest.approx(0.2 * (short["loss"][0] - short["loss"][-1]))
    long, _, _ = plain.record(M, U, V, lambda t: 0.95, 60)
    monitor.start(plain.information(M, 2, "constant", 0.3))
    monitor.segment(long)
    claim = monitor.claims()[1]
    decrease = long["loss"][:-1] - long["loss"][1:]
    bad = np.flatnonzero(decrease < 0.5 * 0.95 * long["gradient_norm"][:-1] ** 2 - 1e-12)
    assert claim.verdict == "hypotheses not met"
    assert f"step {bad[0] + 1} decreased f by less" in claim.detail


def test_a_ledger_that_does_not_close_is_reported_with_its_step(plain):
    rng = np.random.default_rng(5)
    M, _, _ = plain.matrix(rng, (12, 9), [1.0, 0.5])
    rows, _, _ = plain.record(M, np.eye(12, 2), np.eye(9, 2), lambda t: 0.1, 30)
    rows["audit"][17:] = 1e-9
    monitor = LedgerMonitor()
    monitor.start(plain.information(M, 2, "constant", 0.3))
    monitor.segment(rows)
    claim = monitor.claims()[0]
    assert claim.verdict == "violated"
    assert "step 17" in claim.detail


def test_skipped_steps_withdraw_the_bound(plain):
    rng = np.random.default_rng(6)
    M, _, _ = plain.matrix(rng, (12, 9), [1.0, 0.5])
    rows, _, _ = plain.record(M, np.eye(12, 2), np.eye(9, 2), lambda t: 0.1, 30)
    kept = {n: v[[0, 1, 2, 10, 30]] for n, v in rows.items()}
    monitor = LedgerMonitor()
    monitor.start(plain.information(M, 2, "constant", 0.3))
    for block in plain.blocks(kept, 2):
        monitor.segment(block)
    claim = monitor.claims()[1]
    assert claim.verdict == "hypotheses not met"
    assert "before step 10" in claim.detail


class TestLedgerMonitor(MonitorContract):
    def make(self):
        return LedgerMonitor()

    def seen(self):
        return seen_run("constant", lambda t: 0.1)
