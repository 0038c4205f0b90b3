"""Runs that come to rest on a saddle, ranks above that of M, and matrices of a few rows."""

from __future__ import annotations

import numpy as np
import pytest
from end_truth import from_factors
from matrices import matrix
from oracles import exact_gap
from scipy.linalg import hilbert

from mfact.core import Outcome
from mfact.run.solve import solve

STARTS = {
    "all alike": lambda rng, d1, d2: (np.full((d1, 2), 0.1), np.full((d2, 2), 0.1)),
    "equal columns": lambda rng, d1, d2: tuple(
        np.repeat(0.1 * rng.standard_normal((d, 1)), 2, axis=1) for d in (d1, d2)
    ),
    "a zero column": lambda rng, d1, d2: tuple(
        np.c_[0.1 * rng.standard_normal((d, 1)), np.zeros(d)] for d in (d1, d2)
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("options", [{}, {"schedule": "constant"}, {"objective": "balanced"}])
@pytest.mark.parametrize("make", ["diag(3, 2, 1)", "noise"])
def test_a_start_that_only_reaches_a_saddle_comes_to_rest_there(tmp_path, start, options, make):
    """Equal columns stay equal, so that UVᵀ has rank 1; of decaying steps too there is an end."""
    rng = np.random.default_rng(2)
    M = np.diag([3.0, 2.0, 1.0]) if make != "noise" else rng.standard_normal((14, 11))
    result = from_factors(tmp_path, M, *STARTS[start](rng, *M.shape), **options)
    assert (result.outcome, result.outcome.exit_code) == (Outcome.SADDLE, 3)
    assert np.linalg.matrix_rank(result.U @ result.V.T, tol=1e-6) == 1
    assert result.summary["gap"] == pytest.approx(exact_gap(M, result.U, result.V), rel=1e-6)
    assert result.summary["gap"] > 0.5
    assert "component 2 is not fitted" in result.message
    assert "--escape" in result.message
    assert result.summary["verdict"] == "strict saddle"
    assert "forecast_log10_iterations" not in result.summary  # there is no end to foresee


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["plain", "balanced"])
@pytest.mark.parametrize("engine", ["direct", "reduced"])
@pytest.mark.parametrize("rank", [2, 3, 4])
@pytest.mark.parametrize("scale", [0.05, 1.0])
def test_columns_beyond_the_rank_of_the_matrix(objective, engine, rank, scale):
    """ones((4, 7)) has rank 1; a large start leaves its mass in columns that nothing needs."""
    M = np.ones((4, 7))
    result = solve(M, rank=rank, start_scale=scale, seed=1, schedule="constant", engine=engine,
                   objective=objective, min_iter=200, tol=1e-8)  # fmt: skip
    assert result.outcome is Outcome.GLOBAL_OPTIMUM
    assert result.summary["iterations"] >= 200
    off = np.linalg.norm(result.U @ result.V.T - M)
    # R is formed from numbers of the size of M and of the factors.
    rounding = 1e-15 * (np.linalg.norm(result.U) ** 2 + np.linalg.norm(result.V) ** 2)
    norm = np.linalg.norm(M)
    assert result.summary["relative_residual"] == pytest.approx(off / norm, rel=1e-6, abs=rounding)
    assert result.summary["loss"] == pytest.approx(0.5 * off**2, rel=1e-6, abs=rounding**2)
    assert (result.trace["loss"] >= 0).all()
    assert (result.trace["gap"] >= 0).all()
    assert result.problem["fitted_rank"] == 1
    assert exact_gap(M, result.U, result.V) <= 1e-8
    claims = {claim.name: claim for claim in result.claims}
    assert claims["global-optimum"].verdict == "holds"
    assert "M has numerical rank 1" in claims["lemma-3.2"].detail


def test_what_rounding_on_storage_left_is_no_component():
    """Rank 8 in float16, -r 16: eight components are to be fitted, and the rest is rounding."""
    rng = np.random.default_rng(9)
    M = (rng.standard_normal((200, 8)) @ rng.standard_normal((8, 150))).astype("f2")
    sigma = np.linalg.svd(M.astype(float), compute_uv=False)
    assert sigma[8] > 100 * 2**-52 * 200**0.5 * sigma[0]  # in float64 there are 150 of them
    result = solve(M, rank=16, schedule="constant", seed=1)
    assert result.outcome is Outcome.GLOBAL_OPTIMUM
    assert result.problem["fitted_rank"] == 8
    R = result.U @ result.V.T - M.astype(float)
    excess = 0.5 * np.sum(R**2) - 0.5 * np.sum(sigma[8:] ** 2)
    assert excess <= 1e-10 * 0.5 * sigma[7] ** 2 + 1e-13 * np.sum(sigma**2)
    assert (
        solve(M.astype(float), rank=8, schedule="constant", seed=1).problem["fitted_rank"] is None
    )


@pytest.mark.slow
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("schedule", ["constant", "auto"])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_matrix_of_five_rows_from_a_file(tmp_path, rank, schedule, seed):
    """The bases hold all of it and the random columns besides; nothing goes on without them."""
    M, rng = hilbert(12)[:5], np.random.default_rng(seed)
    U, V = 0.1 * rng.standard_normal((5, rank)), 0.1 * rng.standard_normal((12, rank))
    result = from_factors(tmp_path, M, U, V, schedule=schedule, tol=1e-6)
    assert result.outcome is Outcome.GLOBAL_OPTIMUM
    assert {claim.name: claim.verdict for claim in result.claims}["global-optimum"] == "holds"
    assert np.isfinite(result.trace["gap"]).all()
    assert "basis" not in " ".join(result.summary.get("notes", []))
    assert result.summary["gap"] == pytest.approx(exact_gap(M, result.U, result.V), abs=1e-9)


def test_a_component_does_not_hide_behind_the_mean():
    """1e6 + one component + noise: the best rank 2 has a loss of 0.0078, the mean alone of 2000."""
    t, x = np.linspace(0, 1, 200), np.linspace(0, 3, 80)
    noise = 1e-3 * np.random.default_rng(1).standard_normal((200, 80))
    M = 1e6 + np.outer(np.sin(6 * t), np.cos(x)) + noise
    result = solve(M, rank=2, schedule="constant", seed=1, max_iter=2000)
    assert result.outcome is Outcome.ITERATION_LIMIT
    assert "component 2 is not fitted" in result.message
    assert result.summary["gap"] == pytest.approx(exact_gap(M, result.U, result.V), rel=1e-3)
    assert result.summary["gap"] > 0.9
    assert solve(M, rank=1, schedule="constant", seed=1).outcome is Outcome.GLOBAL_OPTIMUM
    M, _, _ = matrix(np.random.default_rng(1), (30, 20), [1e6, 1.0])
    near = solve(M, rank=2, schedule="constant", start="spectral", start_scale=0.9, seed=1,
                 max_iter=300)  # fmt: skip
    assert near.summary["gap"] == pytest.approx((1 - 0.81) ** 2, abs=0.05)
