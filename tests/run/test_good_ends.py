"""Runs that end well, by the gap, the residual or the gradient, for the right reason."""

from __future__ import annotations

import numpy as np
import pytest
from known_matrix import NORM, M, true_gap

from mfact.core import Outcome
from mfact.errors import DataError
from mfact.run.solve import solve


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


@pytest.mark.parametrize("engine", ["direct", "reduced"])
def test_a_tolerance_of_zero_ends_at_rounding(engine):
    result = solve(M, rank=2, schedule="constant", engine=engine, seed=1, tol=0, patience=50)
    assert result.outcome is Outcome.GLOBAL_OPTIMUM
    assert true_gap(result) < 1e-13
    assert result.summary["iterations"] < 5000


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
