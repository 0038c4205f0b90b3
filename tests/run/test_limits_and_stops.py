"""Runs that end at a limit, diverge, stall or are interrupted: the reason, and a way out."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
from known_matrix import NORM, SIGMA, M

from mfact.core import Outcome
from mfact.run.solve import solve


@pytest.mark.parametrize("engine", ["direct", "reduced"])
def test_divergence_is_found_at_once_and_the_last_point_kept(engine):
    eta = 3.0 / SIGMA[0]
    result = solve(M, rank=2, schedule="constant", step_size=eta, engine=engine, seed=1)
    assert result.outcome is Outcome.DIVERGED
    assert result.outcome.exit_code == 4
    assert np.isfinite(result.U).all()
    assert np.isfinite(result.V).all()
    # The kept point is the last one shown, and in bounds.
    loss = 0.5 * np.linalg.norm(result.U @ result.V.T - M) ** 2
    assert loss == pytest.approx(result.trace["loss"][-1], rel=1e-9)
    assert result.trace["step"][-1] == result.summary["iterations"] < 60
    assert loss < 1e4 * 0.5 * NORM**2
    assert f"{eta:.4g}" in result.message
    assert "1/σ₁" in result.message
    assert f"--step-size {0.5 / SIGMA[0]:.3g}" in result.message


def test_what_the_message_of_a_divergence_says_converges():
    eta = 0.5 / SIGMA[0]
    again = solve(M, rank=2, schedule="constant", step_size=eta, seed=1)
    assert again.outcome is Outcome.GLOBAL_OPTIMUM


@pytest.mark.parametrize("engine", ["direct", "reduced"])
def test_infinity_at_the_first_step_keeps_the_start(engine):
    result = solve(M, rank=2, schedule="constant", step_size=1e120, engine=engine, seed=1)
    assert result.outcome is Outcome.DIVERGED
    assert result.summary["iterations"] == 0
    assert np.isfinite(result.U).all()


@pytest.mark.parametrize("engine", ["direct", "reduced"])
def test_iteration_limit(engine):
    result = solve(M, rank=2, schedule="constant", engine=engine, seed=1, max_iter=7)
    assert result.outcome is Outcome.ITERATION_LIMIT
    assert result.summary["iterations"] == 7
    assert result.trace["step"][-1] == 7
    assert "--max-iter is 7" in result.message


def test_no_steps_at_all():
    result = solve(M, rank=2, schedule="constant", seed=1, max_iter=0)
    assert result.outcome is Outcome.ITERATION_LIMIT
    assert result.summary["iterations"] == 0
    assert result.trace["step"].tolist() == [0]


def test_steps_that_decayed_name_the_constant_schedule():
    result = solve(
        M, rank=3, schedule="power", seed=1, max_iter=50, tol=1e-12, fast_forward="off", force=True
    )
    assert result.outcome is Outcome.ITERATION_LIMIT
    assert "--schedule constant" in result.message


def test_time_limit():
    result = solve(M, rank=2, schedule="constant", step_size=1e-6, seed=1, max_time=0.5, force=True)
    assert result.outcome is Outcome.TIME_LIMIT
    assert 0 < result.summary["iterations"] < 10**6
    assert "--max-time" in result.message


@pytest.mark.parametrize("engine", ["direct", "reduced"])
def test_stalled_by_patience(engine):
    """A step of 1e-14/σ₁ lowers the loss by 1e-14 of itself: not by 1e-12 in five steps."""
    result = solve(
        M,
        rank=2,
        schedule="constant",
        step_size=1e-14 / SIGMA[0],
        engine=engine,
        seed=1,
        patience=5,
        force=True,
    )
    assert result.outcome is Outcome.STALLED
    assert result.summary["iterations"] == 5
    assert "did not decrease for 5 steps" in result.message
    assert "--patience" in result.message


@pytest.mark.parametrize("engine", ["direct", "reduced"])
def test_stalled_because_steps_are_below_rounding(engine):
    result = solve(
        M, rank=2, schedule="constant", step_size=1e-22, engine=engine, seed=1, force=True
    )
    assert result.outcome is Outcome.STALLED
    assert result.summary["iterations"] == 0
    assert "too small" in result.message


class Raiser:
    """Sends the process a signal when the run has come to a step."""

    def __init__(self, step, number):
        self.step, self.number, self.sent = step, number, False

    def start(self, facts): ...

    def stop(self, result): ...

    def segment(self, rows):
        if not self.sent and rows["step"][-1] >= self.step:
            self.sent = True
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("engine", ["direct", "reduced"])
def test_interrupted_by_a_signal(engine, number):
    before = signal.getsignal(number)
    result = solve(
        M,
        rank=2,
        schedule="constant",
        step_size=1e-5,
        engine=engine,
        seed=1,
        max_iter=10**6,
        force=True,
        signals=True,
        observers=[Raiser(300, number)],
    )
    assert result.outcome is Outcome.INTERRUPTED
    assert result.summary["signal"] == number
    # The block in progress is finished, and no other begun.
    assert 300 <= result.summary["iterations"] < 300 + 2 * 1024
    assert result.trace["step"][-1] == result.summary["iterations"]
    assert signal.getsignal(number) is before


def test_a_limit_that_was_not_asked_for_is_named_too(monkeypatch):
    A = np.random.default_rng(5).standard_normal((80, 60))
    monkeypatch.setattr("mfact.run.prepare.planned_basis", lambda plan: (80 + 60) * 8 * 12)
    result = solve(A, rank=2, schedule="constant", seed=1, max_iter=200)
    assert "limit of 13440 bytes" in " ".join(result.summary["notes"])


@pytest.mark.parametrize("columns", [4, 12, 24])
def test_a_run_that_reaches_the_memory_limit_says_so_and_ends_right(columns):
    rng = np.random.default_rng(5)
    A = rng.standard_normal((80, 60)) + np.outer(rng.standard_normal(80), rng.standard_normal(60))
    limit = (80 + 60) * 8 * columns
    result = solve(
        A, rank=2, schedule="constant", seed=1, max_basis_bytes=limit, max_iter=20000, tol=1e-9
    )
    assert f"limit of {limit} bytes" in " ".join(result.summary["notes"])
    assert result.outcome is Outcome.GLOBAL_OPTIMUM
    values = np.linalg.svd(A, compute_uv=False)
    loss = 0.5 * np.sum((result.U @ result.V.T - A) ** 2)
    assert loss == pytest.approx(0.5 * np.sum(values[2:] ** 2), rel=1e-9)
