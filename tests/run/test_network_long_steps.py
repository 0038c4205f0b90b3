"""Steps that are too long end with the last good point and a step that is not; hard small runs."""

from __future__ import annotations

import re

import numpy as np
import pytest

import mfact
from mfact.core import Outcome, Verdict

pytestmark = pytest.mark.filterwarnings("ignore::mfact.errors.ConvergenceWarning")

SMALL = {"layers": "8:6r-5r-3", "data": "gaussian", "points_count": 40, "seed": 2}
LONG = {
    "small": {**SMALL, "step_size": 50.0, "start_scale": 1.0},
    "softmax": {**SMALL, "loss": "softmax", "weight_decay": 1.0, "step_size": 300.0},
    "large targets": {**SMALL, "target_scale": 300.0, "step_size": 0.5, "start_scale": 1e-5,
                      "start": "paper-unbalanced", "method": "momentum"},
    "nesterov": {**SMALL, "method": "nesterov", "step_size": 30.0, "start": "kaiming"},
    "convolutions": {**SMALL, "layers": "1x4x4-c3k3p1r-flat-3", "start": "xavier",
                     "step_size": 50.0, "target_scale": 100.0, "dtype": "float32"},
    "square": {**SMALL, "layers": "8:5q-3", "step_size": 40.0, "start": "xavier"},
    "linear": {**SMALL, "layers": "8:5-5-5-5-3", "step_size": 20.0, "start_scale": 1.0},
    "logistic, batches": {**SMALL, "loss": "logistic", "batch": 5, "step_size": 100.0,
                          "weight_decay": 0.1, "start": "kaiming"},
    "like Figure 2": {"layers": "100:30r-30r-10", "data": "uniform", "points_count": 100,
                      "seed": 0, "step_size": 200.0},
}  # fmt: skip


def step_of(message):
    found = re.search(r"use step_size=([0-9.e+-]*\d) or less", message)
    assert found, message
    return float(found[1])


@pytest.mark.parametrize("name", LONG)
def test_the_step_that_is_told_works(name):
    options = {**LONG[name], "max_iter": 400}
    result = mfact.network(**options)
    assert result.outcome is Outcome.DIVERGED, result.message
    assert result.outcome.exit_code == 4
    for W in result.weights.values():
        assert np.isfinite(W).all()
    eta = step_of(result.message)
    assert 0 < eta < options["step_size"]
    again = mfact.network(**{**options, "step_size": eta})
    assert again.outcome is not Outcome.DIVERGED, (result.message, again.message)
    assert not violated(again)


def violated(result):
    return [claim for claim in result.claims if claim.verdict is Verdict.VIOLATED]


def test_a_step_beyond_all_numbers_diverges_too():
    result = mfact.network(**SMALL, step_size=1e300, max_iter=5)
    assert result.outcome is Outcome.DIVERGED
    assert step_of(result.message) < 10


def test_without_memory_for_the_curvature_the_run_still_ends(monkeypatch):
    real = mfact.network(**SMALL, step_size=50.0, start_scale=1.0, max_iter=50)
    plans = "mfact.run.network.ending.curvature_plan"
    monkeypatch.setattr(plans, lambda *_: type("Plan", (), {"fits": False}))
    result = mfact.network(**SMALL, step_size=50.0, start_scale=1.0, max_iter=50)
    assert result.message.endswith("Use a smaller step_size")
    assert all(np.array_equal(W, result.weights[name]) for name, W in real.weights.items())


HARD = {
    "one point": {"points_count": 1},
    "one wide": {"layers": "8:1r-1r-1", "start": "kaiming"},
    "one input": {"layers": "1:3r-1", "start": "kaiming"},
    "depth 20": {"layers": "8:" + "4r-" * 19 + "2", "start": "kaiming"},
    "depth 20, small start": {"layers": "8:" + "4-" * 19 + "2", "start_scale": 1e-4},
    "decay to nothing": {"weight_decay": 1.0, "step_size": 0.2, "dtype": "float32",
                         "max_iter": 600, "start": "xavier"},
}  # fmt: skip


@pytest.mark.parametrize("form", ["primal", "dual"])
@pytest.mark.parametrize("name", HARD)
def test_hard_runs_end_with_no_claim_violated(name, form):
    options = {**SMALL, "step_size": 0.05, "max_iter": 200, "form": form, **HARD[name]}
    result = mfact.network(**options)
    assert result.outcome in (Outcome.COMPLETED, Outcome.STALLED), result.message
    assert not violated(result)


def test_zero_targets_of_a_network_at_zero_stand_still():
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((20, 5)), np.zeros((20, 2))
    W = {"W/1": np.zeros((4, 5)), "W/2": np.zeros((2, 4))}
    result = mfact.network(X, Y, layers="4r-2", start=W, step_size=0.1, max_iter=50)
    assert result.outcome is Outcome.CONVERGED
    assert result.summary["loss"] == 0
    assert not violated(result)


def test_dead_units_of_relu_stand_still():
    """All z below zero: no gradient anywhere, which is said."""
    rng = np.random.default_rng(0)
    X, Y = np.abs(rng.standard_normal((20, 5))), rng.standard_normal((20, 2))
    W = {"W/1": -np.ones((4, 5)), "W/2": np.ones((2, 4))}
    result = mfact.network(X, Y, layers="4r-2", start=W, step_size=0.1, max_iter=50)
    assert result.outcome is Outcome.STALLED
    assert "the gradient is zero" in result.message
    assert all(np.array_equal(result.weights[name], each) for name, each in W.items())
    assert not violated(result)


@pytest.mark.parametrize("tol_loss", [None, 0.0])
def test_a_start_at_an_exact_optimum(tol_loss):
    """Y = W₂W₁X in numbers that are exact: L = 0 from the first step on."""
    rng = np.random.default_rng(1)
    X = rng.integers(-2, 3, (20, 5)).astype(float)
    W = {"W/1": rng.integers(-2, 3, (4, 5)) * 1.0, "W/2": rng.integers(-2, 3, (2, 4)) * 1.0}
    Y = X @ W["W/1"].T @ W["W/2"].T
    result = mfact.network(
        X, Y, layers="4-2", start=W, step_size=0.01, max_iter=50, tol_loss=tol_loss
    )
    assert result.outcome is Outcome.CONVERGED
    assert result.summary["loss"] == 0
    assert all(np.array_equal(result.weights[name], each) for name, each in W.items())
    assert not violated(result)
