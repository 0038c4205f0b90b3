"""Runs that meet saddles: named where they end there, left where that is asked for."""

from __future__ import annotations

import numpy as np
import pytest
from known_matrix import NORM, PHI, PSI, SIGMA, M, planted, true_gap

from mfact.core import Outcome
from mfact.run.solve import solve


@pytest.fixture
def start_file(tmp_path):
    """Writes (U, V) where --start can read them."""

    def write(U, V):
        path = tmp_path / "start.npz"
        np.savez(path, U=U, V=V)
        return str(path)

    return write


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
