"""Every way a run can end, reached for the right reason, and a message with a way out."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest
from matrices import holding, matrix

from mfact.core import Outcome
from mfact.errors import DataError
from mfact.run.solve import solve

SIGMA = np.array([4, 3, 2.5, 2, 1.5, 1, 0.7, 0.4])
M, PHI, PSI = matrix(np.random.default_rng(0), (30, 20), SIGMA)
NORM = float(np.linalg.norm(M))


@pytest.fixture
def start_file(tmp_path):
    """Writes (U, V) where --start can read them."""

    def write(U, V):
        path = tmp_path / "start.npz"
        np.savez(path, U=U, V=V)
        return str(path)

    return write


def planted(*pairs, size=1.0):
    """U and V that hold these singular pairs of M: stationary when size is 1."""
    return holding(PHI, SIGMA, PSI, list(pairs), size=size)


def true_gap(result):
    """The relative Eckart–Young gap of the factors that were returned."""
    rank = result.U.shape[1]
    loss = 0.5 * np.sum((result.U @ result.V.T - M) ** 2)
    return (loss - 0.5 * np.sum(SIGMA[rank:] ** 2)) / (0.5 * NORM**2)


@pytest.mark.parametrize("engine", ["direct", "reduced"])
@pytest.mark.parametrize("objective", ["plain", "balanced"])
def test_global_optimum(engine, objective):
    result = solve(
        M, rank=3, schedule="constant", engine=engine, objective=objective, seed=1, tol=1e-9
    )
    assert result.outcome is Outcome.GLOBAL_OPTIMUM
    assert -1e-14 < true_gap(result) <= 1e-9
    assert result.summary["verdict"] == "global optimum"
    assert result.trace["gap"][-1] <= 1e-9 < result.trace["gap"][0]


def test_the_first_step_within_the_tolerance_ends_it():
    result = solve(M, rank=2, schedule="constant", seed=1, every=1)
    assert np.all(result.trace["gap"][:-1] > 1e-10)
    assert result.trace["step"].tolist() == list(range(result.summary["iterations"] + 1))


def test_min_iter_holds_it_back():
    result = solve(M, rank=2, schedule="constant", seed=1, min_iter=1500)
    assert result.outcome is Outcome.GLOBAL_OPTIMUM
    assert result.summary["iterations"] == 1500


@pytest.mark.parametrize("engine", ["direct", "reduced"])
def test_converged_by_the_residual(engine):
    result = solve(
        M, rank=8, schedule="constant", engine=engine, seed=1, optimum=False, tol_residual=1e-3
    )
    assert result.outcome is Outcome.CONVERGED
    assert np.linalg.norm(result.U @ result.V.T - M) <= 1e-3 * NORM
    assert "--tol-residual" in result.message


@pytest.mark.parametrize("std", [1e-6, 1e-8])
@pytest.mark.parametrize("engine", ["direct", "reduced"])
def test_a_tiny_start_does_not_pass_for_convergence(engine, std):
    """At such a start the gradient is small already: it is a saddle's."""
    result = solve(
        M, rank=2, schedule="constant", engine=engine, seed=1, start_scale=std, tol_gradient=1e-4
    )
    assert result.outcome in (Outcome.CONVERGED, Outcome.GLOBAL_OPTIMUM)
    assert result.summary["iterations"] > 50
    assert true_gap(result) < 1e-6


@pytest.mark.parametrize("how", [{}, {"optimum": False}, {"tol_gradient": 1e-4}, {"patience": 50}])
@pytest.mark.parametrize("engine", ["direct", "reduced"])
def test_zero_is_a_saddle(engine, how, start_file):
    zero = start_file(np.zeros((30, 2)), np.zeros((20, 2)))
    result = solve(M, rank=2, schedule="constant", engine=engine, start=zero, max_iter=5000, **how)
    assert result.outcome is Outcome.SADDLE
    assert result.summary["iterations"] <= 1
    # There the Hessian is −[[0, M], [Mᵀ, 0]] in each column.
    assert result.summary["curvature"] == pytest.approx(-SIGMA[0], rel=1e-6)
    assert "--escape" in result.message


SADDLES = [(1,), (0, 2), (0, 1, 4), (0, 1, 2, 5)]


@pytest.mark.parametrize("pairs", SADDLES)
@pytest.mark.parametrize("engine", ["direct", "reduced"])
def test_planted_saddles_are_named(engine, pairs, start_file):
    rank = len(pairs)
    left_out = next(i for i in range(9) if i not in pairs)
    result = solve(
        M,
        rank=rank,
        schedule="constant",
        engine=engine,
        start=start_file(*planted(*pairs)),
        max_iter=2000,
    )
    if result.outcome is Outcome.GLOBAL_OPTIMUM:  # rounding has led it away by itself
        assert result.summary["iterations"] > 50
        assert true_gap(result) <= 1e-10
        return
    assert result.outcome is Outcome.SADDLE
    # Least curvature σ(fitted least) − σ(left out) on the pair that is left out.
    expected = SIGMA[max(pairs)] - SIGMA[left_out]
    assert result.summary["curvature"] == pytest.approx(expected, rel=1e-6)
    # f − f* = ½(σ² left out − σ² in its place)
    rank = len(pairs)
    expected_gap = (SIGMA[left_out] ** 2 - SIGMA[max(pairs)] ** 2) / SIGMA[rank - 1] ** 2
    assert result.summary["gap"] == pytest.approx(expected_gap, rel=1e-9)


@pytest.mark.parametrize("pairs", SADDLES)
def test_a_saddle_without_rounding_is_named(pairs, start_file):
    """Powers of four on the diagonal: the gradient is exactly zero."""
    values = 4.0 ** np.arange(4, -4, -1)
    U = np.eye(8)[:, list(pairs)] * np.sqrt(values[list(pairs)])
    result = solve(
        np.diag(values),
        rank=len(pairs),
        schedule="constant",
        engine="direct",
        start=start_file(U, U),
        max_iter=2000,
    )
    assert result.outcome is Outcome.SADDLE
    assert result.summary["gradient_norm"] == 0
    assert np.array_equal(result.U, U)


@pytest.mark.parametrize("pairs", SADDLES)
@pytest.mark.parametrize("engine", ["direct", "reduced"])
@pytest.mark.parametrize("objective", ["plain", "balanced"])
def test_escape_leads_from_each_saddle_to_the_optimum(engine, objective, pairs, start_file):
    result = solve(
        M,
        rank=len(pairs),
        schedule="constant",
        engine=engine,
        objective=objective,
        start=start_file(*planted(*pairs)),
        escape=True,
        max_iter=5000,
    )
    assert result.outcome is Outcome.GLOBAL_OPTIMUM
    assert -1e-14 < true_gap(result) <= 1e-10
    # The jump is no gradient step, and the ledger must start anew there.
    assert result.summary["ledger_audit"] < 1e-12 * NORM


def test_escape_from_zero(start_file):
    zero = start_file(np.zeros((30, 3)), np.zeros((20, 3)))
    result = solve(M, rank=3, schedule="constant", start=zero, escape=True, max_iter=5000)
    assert result.outcome is Outcome.GLOBAL_OPTIMUM
    assert result.summary["escapes"] >= 1
    assert true_gap(result) <= 1e-10


@pytest.mark.parametrize("weight", [0.0, 1e-14, 1e-12])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_start_that_misses_the_leading_vectors(rank, weight, start_file):
    """σ₁ and the optimum must be those of M, not of the space that the start reaches."""
    rng = np.random.default_rng(3)
    U, V = (0.02 * rng.standard_normal((d, rank)) for d in M.shape)
    U -= (1 - weight) * PHI[:, :rank] @ (PHI[:, :rank].T @ U)
    V -= (1 - weight) * PSI[:, :rank] @ (PSI[:, :rank].T @ V)
    result = solve(M, rank=rank, schedule="constant", start=start_file(U, V), max_iter=20000)
    assert result.problem["sigma_1"] == pytest.approx(SIGMA[0], rel=1e-5)
    assert result.problem["optimum"] == pytest.approx(0.5 * np.sum(SIGMA[rank:] ** 2), rel=1e-9)
    assert result.outcome in (Outcome.GLOBAL_OPTIMUM, Outcome.SADDLE)
    if result.outcome is Outcome.GLOBAL_OPTIMUM:
        assert true_gap(result) <= 1e-10


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


@pytest.mark.parametrize("engine", ["direct", "reduced"])
def test_a_tolerance_of_zero_ends_at_rounding(engine):
    result = solve(M, rank=2, schedule="constant", engine=engine, seed=1, tol=0, patience=50)
    assert result.outcome is Outcome.GLOBAL_OPTIMUM
    assert true_gap(result) < 1e-13
    assert result.summary["iterations"] < 5000


def test_patience_alone_does_not_take_a_plateau_for_the_end(start_file):
    """Near a saddle the loss rests for a long time, and goes on."""
    U, V = planted(1, size=1 - 1e-9)
    U += 1e-9 * PHI[:, :1]
    V += 1e-9 * PSI[:, :1]
    result = solve(
        M, rank=1, schedule="constant", start=start_file(U, V), patience=5, max_iter=5000
    )
    assert result.outcome is Outcome.GLOBAL_OPTIMUM
    assert true_gap(result) <= 1e-10


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


def test_no_optimum_leaves_the_gradient_to_judge():
    result = solve(M, rank=2, schedule="constant", seed=1, optimum=False)
    assert result.outcome in (Outcome.CONVERGED, Outcome.GLOBAL_OPTIMUM)
    assert "gradient" in result.message
    assert true_gap(result) < 1e-12


def test_a_zero_matrix_is_refused():
    with pytest.raises(DataError, match="zero"):
        solve(np.zeros((6, 5)), rank=2)


@pytest.mark.parametrize("engine", ["direct", "reduced"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 2)])
def test_the_smallest_matrices(engine, shape):
    A = np.random.default_rng(2).standard_normal(shape) + 2
    result = solve(A, rank=min(shape), schedule="constant", engine=engine, seed=1)
    assert result.outcome is Outcome.GLOBAL_OPTIMUM
    assert np.allclose(result.U @ result.V.T, A, atol=1e-4)


def test_a_limit_that_was_not_asked_for_is_named_too(monkeypatch):
    A = np.random.default_rng(5).standard_normal((80, 60))
    monkeypatch.setattr("mfact.run.solve.planned_basis", lambda plan: (80 + 60) * 8 * 12)
    result = solve(A, rank=2, schedule="constant", seed=1, max_iter=200)
    assert "limit of 13440 bytes" in result.summary["notes"][0]


@pytest.mark.parametrize("columns", [4, 12, 24])
def test_a_run_that_reaches_the_memory_limit_says_so_and_ends_right(columns):
    rng = np.random.default_rng(5)
    A = rng.standard_normal((80, 60)) + np.outer(rng.standard_normal(80), rng.standard_normal(60))
    limit = (80 + 60) * 8 * columns
    result = solve(
        A, rank=2, schedule="constant", seed=1, max_basis_bytes=limit, max_iter=20000, tol=1e-9
    )
    assert f"limit of {limit} bytes" in result.summary["notes"][0]
    assert result.outcome is Outcome.GLOBAL_OPTIMUM
    values = np.linalg.svd(A, compute_uv=False)
    loss = 0.5 * np.sum((result.U @ result.V.T - A) ** 2)
    assert loss == pytest.approx(0.5 * np.sum(values[2:] ** 2), rel=1e-9)
