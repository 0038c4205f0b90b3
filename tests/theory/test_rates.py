"""The late rate against plain runs and against the eigenvalues of the Hessian."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.monitor_contract import MonitorContract, seen_run
from oracles import hessian
from recorded import told

from mfact.theory.rates import RateMonitor, expected_decay, local_rate


def run(plain, sigma, schedule, count, weight=0.0, seed=41, rank=2):
    rng = np.random.default_rng(seed)
    M, _, _ = plain.matrix(rng, (16, 12), sigma)
    U, V = 0.1 * rng.standard_normal((16, rank)), 0.1 * rng.standard_normal((12, rank))
    rows, U, V = plain.record(M, U, V, schedule, count, weight)
    objective = "balanced" if weight else "plain"
    facts = plain.information(M, rank, "constant", 0.1, objective=objective, weight=weight)
    return M, rows, U, V, facts


def claim_of(facts, rows):
    monitor = RateMonitor()
    monitor.start(facts)
    monitor.segment(rows)
    return monitor.claims()[0]


@pytest.mark.parametrize("weight", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("sigma", [[1.0, 0.5], [1.0, 0.5, 0.3, 0.1]])
def test_the_rate_of_plain_runs(plain, sigma, weight):
    _, rows, _, _, facts = run(plain, sigma, lambda t: 0.3, 3000, weight)
    claim = claim_of(facts, rows)
    assert claim.verdict == "holds", claim.detail
    # The same from two gradient norms, without levels: between 1e-6 and 1e-9 of the largest.
    g = rows["gradient_norm"]
    a, b = (np.flatnonzero(g > x * g.max())[-1] for x in (1e-6, 1e-9))
    direct = (g[b] / g[a]) ** (1 / (b - a))
    assert claim.numbers["contraction"] == pytest.approx(direct, rel=1e-2)


def test_the_rate_under_decaying_steps(plain):
    _, rows, _, _, facts = run(plain, [1.0, 0.5], lambda t: 0.4 / (t + 1) ** 0.3, 4000)
    assert claim_of(facts, rows).verdict == "holds"


def test_skipped_steps_are_compared_in_flow_time(plain):
    _, rows, _, _, facts = run(plain, [1.0, 0.5], lambda t: 0.02, 4000)
    rows["flow_time"] = 0.02 * rows["step"]
    rows["log10_step"] = rows["step"] + 300
    rows["step"] = np.where(rows["step"] > 100, np.inf, rows["step"])
    kept = {n: v[::25] for n, v in rows.items()}
    claim = claim_of(facts, kept)
    assert claim.verdict == "holds", claim.detail
    assert "measured e^(−" in claim.detail
    assert "predicted e^(−1 σ_r s) in a flow time s (steps 10^" in claim.detail
    # Two gradient norms, and the flow time between them, in units of 1/σ_r = 2.
    direct = np.log(kept["gradient_norm"][80] / kept["gradient_norm"][60]) / (20 * 25 * 0.02 / 2)
    assert np.log(claim.numbers["contraction"]) == pytest.approx(direct, rel=2e-2)
    assert claim.numbers["predicted"] == pytest.approx(np.exp(-1))


@pytest.mark.parametrize("weight", [0.0, 0.2, 1.0])
def test_the_slowest_mode_is_the_smallest_positive_eigenvalue(plain, weight):
    M, Phi, Psi = plain.matrix(np.random.default_rng(42), (6, 5), [1.0, 0.6, 0.25])
    U, V = Phi[:, :2] * np.sqrt([1.0, 0.6]), Psi[:, :2] * np.sqrt([1.0, 0.6])
    values = np.linalg.eigvalsh(hessian(M, U, V, weight))
    # Flat directions (rotations, unbalancing) have eigenvalue 0 up to rounding.
    assert values[values > 1e-12].min() == pytest.approx(local_rate(0.35, 0.6, weight), abs=1e-12)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"singular_values": ()}, "not known"),
        ({"singular_values": (1.0, 0.5, 0.5)}, "and σ_r − σ_{r+1} = 0"),
        ({"singular_values": (1.0, 1e-16, 0.0)}, "is known to 8.882e-16 only"),
        ({"numerical_rank": 1}, "M has numerical rank 1, below r = 2"),
        ({"method": "adam"}, "the method is adam"),
    ],
)
def test_what_is_missing_is_named(plain, change, words):
    _, rows, _, _, facts = run(plain, [1.0, 0.5], lambda t: 0.3, 800)
    claim = claim_of(told(facts, **change), rows)
    assert claim.verdict == "hypotheses not met"
    assert words in claim.detail


def test_faster_than_the_slowest_mode_is_no_fault(plain):
    # From a start of 1e-6 the mode outside is far below what the fitted ones still lack.
    rng = np.random.default_rng(44)
    M, _, _ = plain.matrix(rng, (16, 12), [1.0])
    u, v = 1e-6 * rng.standard_normal((16, 1)), 1e-6 * rng.standard_normal((12, 1))
    rows, _, _ = plain.record(M, u, v, lambda t: 0.05, 430)
    claim = claim_of(plain.information(M, 1, "constant", 1e-6), rows)
    assert claim.verdict == "holds"
    assert "faster" in claim.detail
    assert claim.numbers["contraction"] == pytest.approx(1 - 2 * 0.05, rel=1e-2)


def test_a_short_run_and_a_diverging_one_have_no_rate(plain):
    _, rows, _, _, facts = run(plain, [1.0, 0.5], lambda t: 0.3, 20)
    assert "two decades" in claim_of(facts, rows).detail
    rows["gradient_norm"][-1] = np.inf
    assert "two decades" in claim_of(facts, rows).detail


def test_a_far_from_balanced_limit_is_not_called_a_violation(plain):
    rng = np.random.default_rng(43)
    M, Phi, Psi = plain.matrix(rng, (16, 12), [1.0])
    u, v = 4 * Phi + 1e-3 * rng.standard_normal((16, 1)), 0.2 * Psi
    rows, _, _ = plain.record(M, u, v, lambda t: 0.05, 6000)
    claim = claim_of(plain.information(M, 1, "constant", 0.1), rows)
    assert claim.verdict == "inconclusive"
    assert "balanced" in claim.detail


def test_the_decay_of_steps_that_vary_is_the_sum_of_their_logarithms():
    eta = 1.0 + 0.1 * np.cos(np.arange(100))
    exact = -np.sum(np.log(1 - 0.5 * eta))
    found = expected_decay(0.5, 100, eta.sum(), np.sum(eta**2))
    # The spread adds 0.25 %, its fourth power 1e-5 of that sum at most.
    assert found == pytest.approx(exact, rel=2e-5)
    assert abs(exact + 100 * np.log(1 - 0.5 * eta.mean())) > 1e-3 * exact


@pytest.mark.parametrize(("share", "known"), [(10**-0.75, False), (10**-0.45, True)])
def test_two_decades_in_three_steps_are_too_few(plain, share, known):
    _, rows, _, _, facts = run(plain, [1.0, 0.5], lambda t: 0.3, 12)
    rows["gradient_norm"] = share ** rows["step"]
    assert (claim_of(facts, rows).verdict != "hypotheses not met") == known


def test_a_gap_to_zero_is_known_where_the_rank_is(plain):
    _, rows, _, _, facts = run(plain, [1.0, 0.5], lambda t: 0.3, 900)
    alone = told(facts, singular_values=(1.0, 0.5))
    assert claim_of(alone, rows).numbers["rate"] == 0.5
    assert "are not known" in claim_of(told(alone, numerical_rank=None), rows).detail
    # M without more singular values than r.
    whole = told(alone, numerical_rank=None, shape=(16, 2))
    assert claim_of(whole, rows).numbers["rate"] == 0.5


class TestRateMonitor(MonitorContract):
    def make(self):
        return RateMonitor()

    def seen(self):
        return seen_run("constant", lambda t: 0.3)
