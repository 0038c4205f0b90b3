"""The ledger over thousands of steps that bounce: rounding is no violation, a wrong step is."""

from __future__ import annotations

import matrices
import numpy as np
import pytest
from recorded import told

from mfact.methods.gradient_descent import GradientLaw
from mfact.run.solve import solve
from mfact.studies.check import recompute
from mfact.targets.dense import DenseTarget
from mfact.theory.ledger import LedgerMonitor

SHARE = 1e-9  # of η² in a wrong step: 4.5e6 units of rounding
SHAPES = ((57, 38), (33, 31), (70, 24), (40, 52))


class Rows:
    """Keeps each row that a run shows."""

    def __init__(self):
        self.parts = []

    def start(self, facts):
        self.facts = facts

    def segment(self, rows):
        self.parts.append({name: np.array(column) for name, column in rows.items()})

    def stop(self, result):
        names = self.parts[0].keys() & self.parts[-1].keys()
        self.rows = {name: np.concatenate([part[name] for part in self.parts]) for name in names}


def noisy(seed, shape, r):
    """A matrix with max(r, 2) singular values 1 … 0.3 and a little noise."""
    sigma = np.linspace(1, 0.3, max(r, 2))
    return matrices.noisy(np.random.default_rng(seed), shape, sigma, 0.05 / np.sqrt(np.prod(shape)))


def bouncing(seed, engine, size, steps, **options):
    """A run at size/σ₁, where 1/σ₁ is the most that a balanced optimum bears."""
    r = seed % 5 + 1
    M = noisy(seed, SHAPES[seed % 4], r)
    kept = Rows()
    options |= {"step_size": size / np.linalg.norm(M, 2), "max_iter": steps, "force": True}
    result = solve(
        M, rank=r, schedule="constant", engine=engine, seed=seed, observers=[kept], **options
    )
    return M, result, kept


def verdict(facts, rows):
    monitor = LedgerMonitor()
    monitor.start(facts)
    monitor.segment(rows)
    return monitor.claims()[0].verdict


def wrong(patch, right=GradientLaw.follow):
    """From here on the law has η²(1 + SHARE) in place of η²."""

    def follow(self, step_sizes, squares, pulls, memory):
        return right(self, step_sizes, tuple((1 + SHARE) * S for S in squares), pulls, memory)

    patch.setattr(GradientLaw, "follow", follow)


@pytest.mark.parametrize("size", [1.02, 1.06, 1.1, 1.13])
@pytest.mark.parametrize("engine", ["direct", "reduced"])
def test_bouncing_runs_close_their_ledger_unless_a_step_is_wrong(monkeypatch, engine, size):
    steps = 1500 if engine == "direct" else 5000
    for seed in range(2):
        seed += round(100 * size)
        _, result, kept = bouncing(seed, engine, size, steps)
        # They do bounce to the end: what each step rounds does not fade.
        late = (kept.rows["step_size"] * kept.rows["gradient_norm"])[-100:]
        assert np.sqrt(np.mean(late**2)) > 1e-3
        assert {c.name: c.verdict for c in result.claims}["ledger"] == "holds"
        for k in (2, 7, 64, 500):
            thin = {name: column[::k] for name, column in kept.rows.items()}
            assert verdict(kept.facts, thin) == "holds"
        with monkeypatch.context() as patch:
            wrong(patch)
            _, result, _ = bouncing(seed, engine, size, steps)
        assert {c.name: c.verdict for c in result.claims}["ledger"] == "violated"


@pytest.mark.parametrize("size", [0.15, 0.3, 0.9])
@pytest.mark.parametrize("engine", ["direct", "reduced"])
def test_so_do_runs_that_converge(monkeypatch, engine, size):
    # Their drift times SHARE is far above the rounding of its own time: else nothing is found.
    _, result, kept = bouncing(round(100 * size), engine, size, 2000)
    assert {c.name: c.verdict for c in result.claims}["ledger"] == "holds"
    drift = kept.rows["drift"] * SHARE
    size_of_all = np.cumsum(kept.rows["size_U"] + kept.rows["size_V"])
    assert np.any(drift > 100 * np.finfo(float).eps * size_of_all)
    wrong(monkeypatch)
    _, result, _ = bouncing(round(100 * size), engine, size, 2000)
    assert {c.name: c.verdict for c in result.claims}["ledger"] == "violated"


@pytest.mark.parametrize("every", [1, 37, 600])
@pytest.mark.parametrize("size", [1.05, 1.12])
def test_check_finds_no_violation_in_a_file_with_fewer_rows(every, size):
    M, result, _ = bouncing(3, "reduced", size, 6000, every=every)
    found = recompute(DenseTarget(M), result)
    assert {c.name: c.verdict for c in found.claims}["ledger"] == "holds"


@pytest.mark.parametrize(("factor", "expected"), [(0.99, "holds"), (1.01, "violated")])
@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_allowance_is_the_sum_that_is_stated(factor, expected, k, dtype):
    # Random rows of steps k apart; the row looked at is one in the middle, of either kind.
    rng = np.random.default_rng(k)
    names = ("size_U", "size_V", "step_size", "gradient_norm", "loss", "drift")
    rows = {name: rng.uniform(0.1, 2, 40) for name in names}
    rows["step"] = k * np.arange(40.0)
    rows["audit"] = np.zeros(40)
    n = rows["size_U"] + rows["size_V"]
    each = n + (rows["step_size"] * rows["gradient_norm"]) ** 2
    at = 27
    added = sum(k * max(each[t - 1], each[t]) for t in range(1, at + 1))
    allowed = np.finfo(dtype).eps * (64 * max(n[: at + 1]) + 8 * added)
    rows["audit"][at] = factor * allowed
    assert verdict(told(dtype=dtype), rows) == expected


def test_rows_of_a_flight_have_no_audit_and_end_no_sum():
    names = ("step", "loss", "gradient_norm", "step_size", "size_U", "size_V", "drift")
    plain = {name: np.ones(3) for name in (*names, "audit")} | {"step": np.arange(3.0)}
    plain["audit"] = np.zeros(3)
    leaps = {name: np.ones(2) for name in names} | {"step": np.array([1e6, np.inf])}
    leaps["log10_step"] = np.array([6.0, 400.0])
    monitor = LedgerMonitor()
    monitor.start(told())
    monitor.segment(plain)
    before = monitor.claims()[0].numbers["allowed"]
    monitor.segment(leaps)
    audit, bound = monitor.claims()
    assert audit.verdict == "holds"
    assert audit.numbers["allowed"] == before == np.finfo(float).eps * (64 * 2 + 8 * 2 * 3)
    assert "before 1000000, where fast-forward begins" in audit.statement
    assert bound.verdict == "hypotheses not met"
