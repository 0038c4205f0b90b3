"""The claim of each method's law: held against plain loops, and found wrong where one thing is."""

from __future__ import annotations

import json

import numpy as np
import pytest
from contracts.monitor_contract import MonitorContract
from method_rows import MOMENTUM, seen_by
from recorded import told

from mfact.theory.ledger import LedgerMonitor
from mfact.theory.log_det import HIDDEN, LogDetMonitor
from mfact.theory.monitors import Monitors

NAMES = {
    "momentum": "momentum-law", "nesterov": "nesterov-law", "scaled": "ledger", "adam": "no-law",
}  # fmt: skip
EPS = np.finfo(float).eps


def claims_of(facts, rows, monitor=None):
    monitor = monitor or Monitors()
    monitor.start(facts)
    monitor.segment(rows)
    return {claim.name: claim for claim in monitor.claims()}


@pytest.mark.parametrize("method", NAMES)
def test_a_plain_loop_keeps_the_law_that_its_claim_states(method):
    facts, rows = seen_by(method)
    found = claims_of(facts, rows)
    claim = found[NAMES[method]]
    assert claim.verdict == "holds"
    assert claim.numbers["drift"] == rows["drift"].max() > 1e-3
    assert claim.numbers["audit"] < 1e-13
    if method == "adam":
        line = rows["first_order"].max()
        assert claim.numbers["first_order"] == line
        assert f"D moved by {rows['drift'].max():.4g}, line 1 by up to {line:.4g};" in claim.detail
        assert "by nothing else" in claim.statement
    others = {"momentum-law", "nesterov-law", "no-law", "log-det-law", "ledger"}
    own = {NAMES[method]} | ({"log-det-law"} if method == "scaled" else set())
    assert others & found.keys() == own


def test_log_det_is_kept_as_the_steps_shrink_and_d_is_not():
    moved = []
    for eta in (0.2, 0.1, 0.05):
        facts, rows = seen_by("scaled", round(60 / eta), eta)
        claim = claims_of(facts, rows)["log-det-law"]
        assert claim.verdict == "holds"
        moved.append((claim.numbers["drift"], rows["drift"].max()))
    kept, D = np.array(moved).T
    assert np.all(kept[1:] < 0.6 * kept[:-1])
    assert np.all(D[1:] > 0.7 * D[:-1])


@pytest.mark.parametrize("method", [*NAMES, "alternating"])
def test_what_is_said_of_gradient_descent_alone_is_not_said_of(method):
    facts, rows = seen_by("momentum" if method == "alternating" else method)
    found = claims_of(told(facts, method=method, schedule="constant"), rows)
    missing = f"the method is {method}, not gradient descent"
    bound = found["drift-bound"]
    assert bound.verdict == "hypotheses not met"
    assert bound.detail == f"{missing}; measured drift {rows['drift'].max():.4g}"
    assert bound.numbers == {"drift": rows["drift"].max()}
    assert "=" not in bound.statement
    # Of momentum it would be no bound.
    squares = np.sum((rows["step_size"] * rows["gradient_norm"]) ** 2)
    assert method != "momentum" or rows["drift"].max() > squares
    assert (found["late-rate"].verdict, found["late-rate"].detail) == (
        "hypotheses not met", missing,
    )  # fmt: skip
    for name, claim in found.items():
        if name.startswith(("lemma-3.1", "theorem", "certified")):
            assert claim.verdict == "hypotheses not met"
            assert claim.detail.startswith(missing)


def test_nothing_of_1_over_m_is_told_of_steps_in_other_units():
    """c_step = ησ₁, and 2 ln(d/ε)/ln(1 + ησ₁), of ScaledGD with η = 3."""
    facts, rows = seen_by("scaled")
    rows["step_size"] = np.full_like(rows["step_size"], 3.0)
    rows["loss"] = 10.0 ** -np.arange(float(len(rows["loss"])))
    plain = claims_of(told(facts, rank=1, method="gradient-descent", keeps="D"), rows)
    claim = claims_of(told(facts, rank=1), rows)["theorem-3.2-rate"]
    assert "c_step" in plain["theorem-3.2-rate"].detail
    assert "against" in plain["theorem-3.2-rate"].detail
    assert not {"c_step", "against"} & set(claim.detail.split())
    assert "bound" not in claim.numbers


@pytest.mark.parametrize(("factor", "expected"), [(0.99, "holds"), (1.01, "violated")])
@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("method", ["momentum", "adam", "alternating"])
def test_the_allowance_is_of_the_step_that_was_taken(factor, expected, k, method):
    rng = np.random.default_rng(k)
    names = ("size_U", "size_V", "step_size", "gradient_norm", "loss", "drift", "move")
    rows = {name: rng.uniform(0.1, 2, 40) for name in names}
    rows |= {"step": k * np.arange(40.0), "audit": np.zeros(40), "first_order": np.ones(40)}
    n, lasting = rows["size_U"] + rows["size_V"], 20.0 if method == "momentum" else 1.0
    each, at = n + rows["move"] ** 2, 27
    added = sum(k * max(each[t - 1], each[t]) for t in range(1, at + 1))
    rows["audit"][at] = factor * EPS * (64 * max(n[: at + 1]) + 8 * lasting * added)
    facts = told(method=method, keeps="" if method == "adam" else "D", lasting=lasting)
    (claim,) = [
        c for c in claims_of(facts, rows, LedgerMonitor()).values() if "bound" not in c.name
    ]
    assert claim.verdict == expected


@pytest.mark.parametrize(("factor", "expected"), [(0.99, "holds"), (1.01, "violated")])
@pytest.mark.parametrize("k", [1, 5])
def test_the_allowance_of_log_det_is_the_sum_that_is_stated(factor, expected, k):
    rng = np.random.default_rng(k)
    rows = {name: rng.uniform(0.1, 2, 40) for name in ("size_U", "size_V", "move", "log_det")}
    rows |= {"step": k * np.arange(40.0), "condition": 10 ** rng.uniform(0, 4, 40)}
    rows |= {"log_det_audit": np.zeros(40), "log_det_drift": np.ones(40)}
    kappa, m, at = rows["condition"], np.minimum(rows["size_U"], rows["size_V"]), 27
    each = kappa * (np.sqrt(kappa) + rows["move"] ** 2 / m)
    added = sum(k * max(each[t - 1], each[t]) for t in range(1, at + 1))
    rows["log_det_audit"][at] = factor * EPS * 3 * (64 * max(kappa[: at + 1]) + 8 * added)
    claim = claims_of(told(rank=3), rows, LogDetMonitor())["log-det-law"]
    assert claim.verdict == expected


@pytest.mark.parametrize("bad", [np.inf, -1e17, np.nan, 1e12])
def test_a_singular_gram_matrix_is_told_and_never_judged(bad):
    facts, rows = seen_by("scaled", 60)
    worst = rows["log_det_audit"][:40].max()
    rows["condition"][40] = bad
    rows["log_det_audit"][40:] = [np.nan, *np.full(19, 3.0)]
    claim = claims_of(facts, rows, LogDetMonitor())["log-det-law"]
    assert claim.verdict == "inconclusive"
    assert "from step 40 on" in claim.detail
    assert f"off by at most {worst:.4g}" in claim.detail
    rows["log_det_audit"][12] = 1e-6
    claim = claims_of(facts, rows, LogDetMonitor())["log-det-law"]
    assert claim.verdict == "violated"
    assert "step 12" in claim.detail


def test_a_log_det_that_is_no_number_from_the_start_is_told():
    facts, rows = seen_by("scaled", 5)
    rows["log_det"][:] = rows["log_det_audit"][:] = np.nan
    claim = claims_of(facts, rows, LogDetMonitor())["log-det-law"]
    assert claim.verdict == "inconclusive"
    assert claim.detail.startswith("from step 0 on")
    assert "before" not in claim.detail
    assert claim.numbers["allowed"] <= HIDDEN


def test_a_run_that_took_no_step_tells_nothing_of_line_1():
    facts, rows = seen_by("adam", 300)
    first = {name: column[:1] for name, column in rows.items()}
    assert claims_of(facts, first)["no-law"].verdict == "inconclusive"


@pytest.mark.parametrize("objective", ["plain", "balanced"])
def test_the_flow_is_said_to_keep_only_what_it_keeps(objective):
    """A balancing term pulls at both."""
    for method, name, words in (
        ("momentum", "momentum-law", "D is kept"),
        ("scaled", "log-det-law", "the flow keeps it"),
    ):
        facts, rows = seen_by(method, 5)
        claim = claims_of(told(facts, objective=objective), rows)[name]
        assert (words in claim.statement) == (objective == "plain")


@pytest.mark.parametrize("method", ["scaled", "adam"])
def test_a_last_step_that_is_no_number_changes_no_verdict_of_those_before(method):
    """The run ends there: the step that it would have taken is not in the rows."""
    facts, rows = seen_by(method, 40)
    rows["move"][-1] = np.nan
    assert claims_of(facts, rows)[NAMES[method]].verdict == "holds"


def test_an_older_memory_is_taken_up():
    """Of mfact 0.11, in which no monitor knew of other methods."""
    facts, rows = seen_by("momentum")
    half, rest = ({n: c[cut] for n, c in rows.items()} for cut in (slice(150), slice(150, None)))
    before = Monitors()
    before.start(facts)
    before.segment(half)
    state = json.loads(json.dumps(before.state()))
    del state["log-det-law"], state["ledger"]["line_1"]
    after = Monitors()
    after.start(facts)
    after.restore(state)
    for monitors in (before, after):
        monitors.segment(rest)
    assert after.claims() == before.claims()
    assert facts.lasting == 1 / (1 - MOMENTUM)


class TestMomentumLedger(MonitorContract):
    def make(self):
        return LedgerMonitor()

    def seen(self):
        return seen_by("momentum")


class TestAdamLedger(MonitorContract):
    def make(self):
        return LedgerMonitor()

    def seen(self):
        return seen_by("adam")


class TestLogDetMonitor(MonitorContract):
    def make(self):
        return LogDetMonitor()

    def seen(self):
        return seen_by("scaled")
