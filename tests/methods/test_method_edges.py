"""Runs that are hard on a method: ties, noise, spare columns, a balance term, steps too long."""

from __future__ import annotations

import numpy as np
import pytest
from matrices import matrix
from random_methods import TURNING

from mfact.core import Outcome
from mfact.methods.choice import METHODS, PLAIN
from mfact.run.solve import solve

OTHERS = [name for name in METHODS if name != PLAIN]
SPECTRA = {
    "tie": np.array([1, 0.6, 0.5, 0.3, 0.3, 0.1]),
    "tail": np.r_[1, 0.8, 0.6, 0.4, 0.4 * 0.97 ** np.arange(15)],
    "flat": np.ones(20),
    "noise": None,
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", SPECTRA)
@pytest.mark.parametrize("name", ["momentum", "nesterov"])
def test_the_momentum_chosen_converges_where_the_gap_vanishes(name, kind):
    for seed in range(6):
        rng = np.random.default_rng(seed)
        M = rng.standard_normal((40, 30))
        if (sigma := SPECTRA[kind]) is not None:
            M = matrix(rng, M.shape, sigma)[0]
        run = solve(M, rank=4, method=name, seed=seed, max_iter=3000)
        assert run.outcome is Outcome.GLOBAL_OPTIMUM, seed


@pytest.mark.slow
@pytest.mark.parametrize("weight", [0.3, 1.0, 2.5, 10.0])
@pytest.mark.parametrize("name", [name for name in OTHERS if name in TURNING])
def test_the_usual_step_is_stable_with_any_balance_term(name, weight):
    M = matrix(np.random.default_rng(0), (30, 20), [3, 2, 0.3, 0.02, 0.01])[0]
    options = {"objective": "balanced", "balance_weight": weight, "max_iter": 20_000}
    run = solve(M, rank=3, method=name, seed=1, **options)
    assert run.outcome is Outcome.GLOBAL_OPTIMUM
    assert run.trace["relative_imbalance"][-1] < 1e-3


@pytest.mark.parametrize("kappa", [5, 100])
@pytest.mark.parametrize("name", ["scaled", "alternating-scaled"])
def test_spare_columns_do_not_hold_scaled_methods_up(name, kappa):
    """Above the rank of M the Gram matrices become singular; plain descent slows down there."""
    M = matrix(np.random.default_rng(2), (30, 20), np.geomspace(1, 1 / kappa, 3))[0]
    run = solve(M, rank=5, method=name, seed=1, max_iter=60)
    assert run.outcome is Outcome.GLOBAL_OPTIMUM
    assert np.isfinite(run.trace["log_det_audit"]).all()


@pytest.mark.parametrize("engine", ["auto", "direct"])
@pytest.mark.parametrize("step_size", [50.0, 1e9])
@pytest.mark.parametrize("name", OTHERS)
def test_steps_that_leave_the_floats_are_told_as_divergence(name, step_size, engine):
    M = matrix(np.random.default_rng(3), (30, 20), [3, 2, 1, 0.1, 0.05])[0]
    run = solve(M, rank=3, method=name, step_size=step_size, seed=1, engine=engine, max_iter=400)
    assert run.outcome is Outcome.DIVERGED
