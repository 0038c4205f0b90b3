"""Lemma 3.1's monitor: what holds on plain runs, what is refused, what is caught."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.monitor_contract import MonitorContract, seen_run
from hypothesis import given
from hypothesis import strategies as st
from recorded import told

from mfact.theory.lemma_3_1 import Lemma31Monitor
from mfact.theory.monitoring import Peak, rounding_of_loss


def claims_of(facts, rows):
    monitor = Lemma31Monitor()
    monitor.start(facts)
    monitor.segment(rows)
    return {claim.name: claim for claim in monitor.claims()}


@pytest.fixture
def theorem_run(plain):
    """A run under all hypotheses of Theorem 3.1, with ε = m/2 and variance ε/d²."""
    rng = np.random.default_rng(11)
    M, _, _ = plain.matrix(rng, (30, 20), [1.0, 0.6])
    m = np.linalg.norm(M)
    eps, std = 0.5 * m, np.sqrt(0.5 * m) / 30
    U, V = std * rng.standard_normal((30, 2)), std * rng.standard_normal((20, 2))
    first = np.sqrt(eps / 2) / (100 * m**1.5)
    rows, _, _ = plain.record(M, U, V, lambda t: first / (t + 1), 400)
    return M, rows, plain.information(M, 2, "theorem-3.1", std, eps)


def test_under_the_hypotheses_all_three_hold_with_their_margins(theorem_run):
    _, rows, facts = theorem_run
    claims = claims_of(facts, rows)
    assert [c.verdict for c in claims.values()] == ["holds"] * 3
    assert claims["lemma-3.1-i"].numbers["margin"] == facts.eps - rows["imbalance"].max()
    limit = 5 * np.sqrt(2) * facts.norm
    largest = max(rows["size_U"].max(), rows["size_V"].max())
    assert claims["lemma-3.1-iii"].numbers["margin"] == pytest.approx(limit - largest)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"numerical_rank": 5}, "M has numerical rank 5, not r = 2"),
        ({"numerical_rank": 1}, "M has numerical rank 1, not r = 2"),
        ({"numerical_rank": None, "singular_values": ()}, "not known whether M has rank 2"),
        ({"eps": 2.0}, "is not between 0 and"),
        ({"scale": 1.0}, "variance"),
        ({"start": "balanced"}, "the start is balanced"),
        ({"schedule": "constant", "eps": None}, "the schedule is constant"),
        ({"objective": "balanced"}, "balancing term"),
        ({"method": "momentum"}, "the method is momentum"),
    ],
)
def test_each_missing_hypothesis_is_named(theorem_run, change, words):
    _, rows, facts = theorem_run
    claims = claims_of(told(facts, **change), rows)
    for claim in claims.values():
        assert claim.verdict == "hypotheses not met"
        assert words in claim.detail
        assert "Measured: " in claim.detail
    assert claims["lemma-3.1-i"].numbers["largest_imbalance"] == rows["imbalance"].max()


@pytest.mark.parametrize(
    ("column", "name"),
    [("imbalance", "lemma-3.1-i"), ("loss", "lemma-3.1-ii"), ("size_V", "lemma-3.1-iii")],
)
@pytest.mark.parametrize("bad", [100.0, np.nan])
def test_one_bad_step_is_caught_and_named(theorem_run, column, name, bad):
    _, rows, facts = theorem_run
    rows[column][123] = bad
    claim = claims_of(facts, rows)[name]
    assert claim.verdict == "violated"
    assert "violated at step 123" in claim.detail


def test_a_rise_across_the_edge_of_two_blocks_is_caught(plain, theorem_run):
    _, rows, facts = theorem_run
    rows["loss"][200] = rows["loss"][199] + 1e-9
    monitor = Lemma31Monitor()
    monitor.start(facts)
    for block in plain.blocks(rows, 1, 200):
        monitor.segment(block)
    assert "violated at step 200" in monitor.claims()[1].detail


def test_too_large_a_first_loss_violates(theorem_run):
    _, rows, facts = theorem_run
    rows["loss"][0] = 2.1 * facts.norm**2
    assert "violated at step 0" in claims_of(facts, rows)["lemma-3.1-ii"].detail


def test_the_rank_may_become_known_during_the_run(theorem_run):
    _, rows, facts = theorem_run
    monitor = Lemma31Monitor()
    monitor.start(told(facts, numerical_rank=None, singular_values=()))
    monitor.segment(rows)
    final = told(facts, numerical_rank=None, singular_values=(1.0, 0.6, 1e-17))
    assert all(claim.verdict == "holds" for claim in monitor.claims(final))


@given(st.integers(0, 10**6), st.sampled_from(["float64", "float32"]))
def test_the_rounding_of_the_loss_covers_what_is_seen(seed, dtype):
    # In the sum of the exact R: longdouble is the truth for float64, float64 for float32.
    rng = np.random.default_rng(seed)
    wide = np.longdouble if dtype == "float64" else np.float64
    U, V = (rng.standard_normal((n, 3)).astype(dtype) for n in (20, 15))
    scale = 10.0 ** rng.uniform(-18, 0)
    M = (U @ V.T + scale * rng.standard_normal((20, 15))).astype(dtype)
    loss = 0.5 * np.sum((U @ V.T - M) ** 2)
    exact = 0.5 * np.sum((U.astype(wide) @ V.T.astype(wide) - M.astype(wide)) ** 2)
    norm = float(np.linalg.norm(M))
    unit = float(np.finfo(dtype).eps)
    assert abs(float(loss) - float(exact)) <= rounding_of_loss(float(exact), norm, unit)


def test_rank_is_told_only_when_it_is_known():
    facts = told(shape=(5, 4), singular_values=(2.0, 1.0), zero=1e-15)
    assert facts.rank_of_M is None
    assert told(facts, singular_values=(2.0, 1.0, 1e-16)).rank_of_M == 2
    assert told(facts, singular_values=(2.0, 1.0, 0.5, 0.1)).rank_of_M == 4
    assert told(facts, numerical_rank=3).rank_of_M == 3


def test_a_peak_names_the_first_excess_and_the_largest():
    peak = Peak()
    rows = {"step": np.arange(5.0), "log10_step": np.zeros(5)}
    peak.see(np.array([1.0, 4.0, 2.0, 9.0, 3.0]), 3.5, rows)
    assert (peak.value, peak.at, peak.over) == (9.0, "3", "1")


class TestLemma31Monitor(MonitorContract):
    def make(self):
        return Lemma31Monitor()

    def seen(self):
        return seen_run("theorem-3.1", lambda t: 5e-3 / (t + 1), std=5e-3, eps=0.5)
