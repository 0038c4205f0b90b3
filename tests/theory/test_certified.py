"""The certified step: its claim on random runs, and each hypothesis taken away."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.monitor_contract import MonitorContract, seen_run
from recorded import told

from mfact.schedules import certified, certified_step
from mfact.theory.certified import CertifiedMonitor


def claim_of(facts, rows):
    monitor = CertifiedMonitor()
    monitor.start(facts)
    monitor.segment(rows)
    return monitor.claims()[0]


@pytest.fixture
def certified_run(plain):
    """Runs from the largest start with ‖D_0‖ ≤ ε/3 and f_0 ≤ ⅔m², M of full rank."""

    def run(seed, r, eps_share, factor=1.0, start_factor=1.0, count=300):
        rng = np.random.default_rng(seed)
        M = 10.0 ** rng.uniform(-3, 3) * rng.standard_normal((12, 9))
        m = np.linalg.norm(M)
        eps = eps_share * m
        U, V = rng.standard_normal((12, r)), rng.standard_normal((9, r))
        size = 0.999 * np.sqrt(eps / 3 / np.linalg.norm(U.T @ U - V.T @ V))
        size = min(size, np.sqrt(0.15 * m / (np.linalg.norm(U) * np.linalg.norm(V))))
        size *= start_factor
        eta = factor * certified_step(eps, m)
        rows, _, _ = plain.record(M, size * U, size * V, lambda t: eta, count)
        return rows, plain.information(M, r, "certified", size, eps)

    return run


@pytest.mark.parametrize("r", [1, 2, 4])
@pytest.mark.parametrize("eps_share", [0.01, 0.16, 0.5, 0.99])
def test_it_holds_on_random_runs_whatever_the_rank_of_m(certified_run, r, eps_share):
    for seed in range(4):
        rows, facts = certified_run(seed, r, eps_share)
        claim = claim_of(facts, rows)
        assert claim.verdict == "holds", claim.detail
        assert rows["imbalance"].max() <= facts.eps
        assert np.all(np.diff(rows["loss"]) <= 1e-12 * rows["loss"][0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"factor": 1.01}, "step 0 is longer than"),
        ({"start_factor": 1.1}, "is above ε/3"),
        ({"start_factor": 4.0, "eps_share": 0.9}, "is above ⅔‖M‖_F²"),
    ],
)
def test_each_missing_hypothesis_is_named(certified_run, change, words):
    rows, facts = certified_run(**{"seed": 1, "r": 2, "eps_share": 0.05, "count": 20, **change})
    claim = claim_of(facts, rows)
    assert claim.verdict == "hypotheses not met"
    assert words in claim.detail


@pytest.mark.parametrize("column", ["imbalance", "loss"])
def test_one_bad_step_is_caught_and_named(certified_run, column):
    rows, facts = certified_run(seed=2, r=2, eps_share=0.1, count=60)
    rows[column][40] *= 100
    assert "violated at step 40" in claim_of(facts, rows).detail


def test_the_schedule_takes_this_step():
    assert certified(eps=0.3, norm=2.0).size == certified_step(0.3, 2.0)


def test_a_run_without_eps_makes_no_claim(certified_run):
    rows, facts = certified_run(seed=3, r=1, eps_share=0.1, count=5)
    monitor = CertifiedMonitor()
    monitor.start(told(facts, eps=None))
    monitor.segment(rows)
    assert monitor.claims() == ()


def test_over_skipped_steps_only_the_decrease_is_held(certified_run, plain):
    rows, facts = certified_run(seed=4, r=2, eps_share=0.1, count=60)
    kept = {name: column[[0, 1, 2, 30, 60]] for name, column in rows.items()}
    for cuts in ((), (1, 3)):
        monitor = CertifiedMonitor()
        monitor.start(facts)
        for block in plain.blocks(kept, *cuts):
            monitor.segment(block)
        (claim,) = monitor.claims()
        assert claim.verdict == "holds"
        assert "fast-forwarded" in claim.detail
    assert "fast-forwarded" not in claim_of(facts, rows).detail


class TestCertifiedMonitor(MonitorContract):
    def make(self):
        return CertifiedMonitor()

    def seen(self):
        size = certified(0.3, np.hypot(1.0, 0.5)).size
        return seen_run("certified", lambda t: size, std=0.05, eps=0.3)
