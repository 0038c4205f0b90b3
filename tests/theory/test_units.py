"""All monitors at once: the units of M change no verdict, cuts into blocks change nothing."""

from __future__ import annotations

import functools
import itertools
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded import told

from mfact.theory.monitors import Monitors

text = functools.partial(json.dumps, sort_keys=True)

POWERS = {
    "step": 0,
    "step_size": -1,
    "flow_time": -1,
    "loss": 2,
    "penalty": 2,
    "gradient_norm": 1.5,
    "imbalance": 1,
    "drift": 1,
    "ledger": 1,
    "audit": 1,
    "size_U": 1,
    "size_V": 1,
    "alignment_U": 0.5,
    "alignment_V": 0.5,
}
"""How each column grows with the units of M."""

NAMES = {
    "lemma-3.1-i",
    "lemma-3.1-ii",
    "lemma-3.1-iii",
    "theorem-3.1",
    "certified",
    "ledger",
    "drift-bound",
    "theorem-3.2-ratio",
    "theorem-3.2-rate",
    "late-rate",
}


def in_units(rows, s):
    return {name: column * s ** POWERS[name] for name, column in rows.items()}


def facts_in_units(facts, s):
    found = {name: getattr(facts, name) * s for name in ("norm", "sigma_1", "zero")}
    for name in ("singular_values", "errors"):
        found[name] = tuple(value * s for value in getattr(facts, name))
    eps = None if facts.eps is None else facts.eps * s
    return told(facts, **found, eps=eps, scale=facts.scale * s**0.5)


def claims_of(facts, *blocks):
    monitors = Monitors()
    monitors.start(facts)
    for rows in blocks:
        monitors.segment(rows)
    return {claim.name: claim for claim in monitors.claims()}


@pytest.fixture
def cases(plain):
    """Runs that between them bring out each verdict: (facts, rows)."""

    def run(sigma, r, std, size, count, schedule, eps=None, weight=0.0, **change):
        rng = np.random.default_rng(61)
        M, Phi, Psi = plain.matrix(rng, (30, 20), sigma)
        U, V = std * rng.standard_normal((30, r)), std * rng.standard_normal((20, r))
        pair = (Phi[:, 0], Psi[:, 0]) if r == 1 else None
        rows, _, _ = plain.record(M, U, V, size, count, weight, pair=pair)
        objective = "balanced" if weight else "plain"
        facts = plain.information(M, r, schedule, std, eps, objective, weight or 1.0)
        return told(facts, **change), rows

    short = 1 / (24 * np.sqrt(1.36))
    skipped = run([1.0, 0.5], 2, 0.1, lambda t: 0.02, 4000, "constant")
    skipped[1]["flow_time"] = 0.02 * skipped[1]["step"]
    thin = {name: column[::25] for name, column in skipped[1].items()}
    bad = run([1.0, 0.6], 2, 0.02, lambda t: 0.1, 300, "theorem-3.1", 0.4)
    for name in ("imbalance", "loss", "size_U"):
        bad[1][name][150] *= 1e4
    bad[1]["audit"][100] = 1e-10
    return {
        "theorem-3.1": run([1.0, 0.6], 2, 0.02, lambda t: 0.1, 300, "theorem-3.1", 0.4),
        "early": run([1.0, 0.6], 2, 0.02, lambda t: 0.1, 9, "theorem-3.1", 0.4),
        "theorem-3.2": run([1.0], 1, 0.02, lambda t: 0.1, 300, "theorem-3.2"),
        "certified": run([1.0, 0.6], 2, 0.05, lambda t: short, 600, "certified", 0.5),
        "slow": run([1.0, 0.9], 2, 0.1, lambda t: 0.3, 300, "constant"),
        "gap": run([1.0, 0.5, 0.3], 2, 0.1, lambda t: 0.3, 900, "constant", None, 0.0,
                   errors=(0.0, 0.01, 0.02)),
        "unknown": run([1.0, 0.5, 0.3], 2, 0.1, lambda t: 0.3, 900, "constant", None, 0.0,
                       zero=0.11),
        "balanced": run([1.0, 0.5], 2, 0.1, lambda t: 0.3, 900, "constant", None, 1.0),
        "skipped": (skipped[0], thin),
        "bad": bad,
        "bouncing": run([1.0, 0.5], 2, 0.1, lambda t: 1.05, 2000, "constant"),
    }  # fmt: skip


@pytest.mark.parametrize("s", [1e6, 1e-6, 3.0, 2.0**-20])
def test_the_units_of_m_change_no_verdict(cases, s):
    verdicts = set()
    for case, (facts, rows) in cases.items():
        here = claims_of(facts, rows)
        there = claims_of(facts_in_units(facts, s), in_units(rows, s))
        for name, claim in here.items():
            assert there[name].verdict == claim.verdict, (case, there[name])
            verdicts.add((name, claim.verdict))
        for name in {"contraction", "predicted"} & here["late-rate"].numbers.keys():
            found = there["late-rate"].numbers[name]
            assert found == pytest.approx(here["late-rate"].numbers[name], rel=1e-9)
        if here["late-rate"].verdict == "holds":
            measured = here["late-rate"].detail.split(" (steps")[0]
            assert there["late-rate"].detail.split(" (steps")[0] == measured
    assert {name for name, _ in verdicts} == NAMES
    assert {name for name, verdict in verdicts if verdict == "holds"} == NAMES
    assert {name for name, verdict in verdicts if verdict == "violated"} >= {
        "lemma-3.1-i", "lemma-3.1-ii", "lemma-3.1-iii", "ledger",
    }  # fmt: skip


@given(
    seed=st.integers(0, 10**6),
    schedule=st.sampled_from(["constant", "theorem-3.1", "theorem-3.2", "certified"]),
    noise=st.floats(0, 0.5),
    cuts=st.sets(st.integers(1, 199), max_size=12),
    leaps=st.booleans(),
)
def test_random_rows_in_any_blocks(seed, schedule, noise, cuts, leaps):
    """Rows of no run at all: limits are met and missed, and the cut is never seen."""
    rng, count = np.random.default_rng(seed), 200
    eps = float(rng.uniform(0.1, 2)) if schedule in ("theorem-3.1", "certified") else None
    decay = np.exp(-rng.uniform(0.01, 0.2) * np.arange(count))
    fresh = lambda: np.exp(noise * rng.standard_normal(count))  # noqa: E731
    rows = {name: 10 ** rng.uniform(-3, 1) * fresh() for name in POWERS}
    rows["step"] = np.cumsum(rng.integers(1, 3 if leaps else 2, count)) - 1.0
    rows["loss"] = 10 ** rng.uniform(-2, 1) * decay**2 * fresh()
    rows["gradient_norm"] = rows["gradient_norm"] * decay
    rows["step_size"] = 10 ** rng.uniform(-3, 0) * fresh()
    rows["flow_time"] = np.cumsum(rows["step_size"])
    rows["audit"] = 10 ** rng.uniform(-16, -11) * fresh()
    if not leaps:
        del rows["flow_time"]
    scale = 10 ** rng.uniform(-4, 0)
    facts = told(schedule=schedule, eps=eps, scale=scale, singular_values=(1.0, 0.0), zero=1e-15)
    whole, parts = Monitors(), Monitors()
    whole.start(facts)
    whole.segment(rows)
    parts.start(facts)
    for first, last in itertools.pairwise([0, *sorted(cuts), count]):
        memory = json.loads(json.dumps(parts.state()))
        parts = Monitors()
        parts.start(facts)
        parts.restore(memory)
        parts.segment({name: column[first:last] for name, column in rows.items()})
    assert parts.claims() == whole.claims()
    assert text(parts.state()) == text(whole.state())
    for claim in whole.claims():
        if claim.verdict == "holds":
            assert claim.numbers.get("margin", 0.0) >= 0, claim
            assert "margin -" not in claim.detail
