"""Runs from a file at and near the first saddles: an optimum is claimed where it is one alone."""

from __future__ import annotations

import numpy as np
import pytest
from end_truth import from_factors
from matrices import holding, matrix
from oracles import exact_gap

from mfact.core import Outcome
from mfact.run.solve import solve

SPECTRA = {
    "noise": lambda rng, n: np.linalg.svd(rng.standard_normal((n, n)), compute_uv=False),
    "geometric": lambda rng, n: 0.9 ** np.arange(n) + 1e-6,
    "linear": lambda rng, n: np.linspace(2, 0.1, n),
    "flat": lambda rng, n: 1 + 0.3 * np.sort(rng.random(n))[::-1],
    "slow": lambda rng, n: 1 / np.sqrt(1 + np.arange(n)),
}
GOOD = (Outcome.GLOBAL_OPTIMUM, Outcome.CONVERGED)


def from_pairs(folder, M, phi, psi, sigma, pairs, off=0.0, **options):
    """A run from these singular pairs alone, moved by `off`, through a file."""
    rng = np.random.default_rng(3)
    at = holding(phi, sigma, psi, pairs)
    U, V = (W + off * rng.standard_normal(W.shape) for W in at)
    chosen = {"schedule": "constant", "max_iter": 20_000, **options}
    return from_factors(folder, M, U, V, **chosen)


def told_true(M, result):
    gap = exact_gap(M, result.U, result.V)
    claim = {claim.name: claim.verdict for claim in result.claims}["global-optimum"]
    assert gap <= 1e-9 or result.outcome not in GOOD
    assert gap <= 1e-9 or claim != "holds"
    return gap


@pytest.mark.slow
@pytest.mark.parametrize("kind", SPECTRA)
@pytest.mark.parametrize("pairs", [[1], [0, 2], [1, 2], [0, 1, 3]])
@pytest.mark.parametrize("options", [{}, {"optimum": False}, {"escape": True}])
def test_at_a_saddle(tmp_path, kind, pairs, options):
    rng = np.random.default_rng(60)
    sigma = SPECTRA[kind](rng, 60)
    M, phi, psi = matrix(rng, (60, 60), sigma)
    result = from_pairs(tmp_path, M, phi, psi, sigma, pairs, **options)
    gap = told_true(M, result)
    # A gradient that is rounding may be too large to stop at, and lead away: that is said.
    led_away = any("rounding decided" in note for note in result.summary.get("notes", []))
    if not options and not led_away:
        assert (result.outcome, result.outcome.exit_code) == (Outcome.SADDLE, 3)
    elif not options:
        assert result.outcome is Outcome.SADDLE or gap <= 1e-9
    elif "optimum" in options:
        # Asked about a small gradient it goes on, and rounding may lead it away.
        assert result.outcome is Outcome.SADDLE or gap <= 1e-9
    else:
        assert result.outcome is Outcome.GLOBAL_OPTIMUM or gap > 1e-10
        assert led_away or result.summary["escapes"] >= 1
    # What is said of M is right too, whatever the start shows of it.
    if result.problem["singular_values"]:
        off = np.abs(np.array(result.problem["singular_values"]) - sigma[: len(pairs) + 1])
        assert (off <= np.array(result.problem["singular_values_error"])).all()
    assert abs(result.problem["sigma_1"] - sigma[0]) <= result.problem["sigma_1_error"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", SPECTRA)
@pytest.mark.parametrize("off", [1e-12, 1e-9, 1e-6])
@pytest.mark.parametrize(
    ("pairs", "options"),
    [
        ([1], {}),
        ([1], {"optimum": False}),
        ([0, 2], {"escape": True}),
        ([0, 1, 3], {"engine": "direct"}),
    ],
)
def test_near_a_saddle(tmp_path, kind, off, pairs, options):
    rng = np.random.default_rng(61)
    sigma = SPECTRA[kind](rng, 60)
    M, phi, psi = matrix(rng, (60, 60), sigma)
    result = from_pairs(tmp_path, M, phi, psi, sigma, pairs, off, **options)
    told_true(M, result)
    if off == 1e-6 and result.outcome is not Outcome.ITERATION_LIMIT:
        # So far away it leaves before its gradient is small enough to be taken for a saddle.
        assert result.outcome is Outcome.GLOBAL_OPTIMUM


@pytest.mark.slow
@pytest.mark.parametrize("kind", SPECTRA)
@pytest.mark.parametrize("n", [200, 300])
def test_at_a_saddle_of_a_larger_matrix(tmp_path, kind, n):
    rng = np.random.default_rng(n)
    sigma = SPECTRA[kind](rng, n)
    M, phi, psi = matrix(rng, (n, n), sigma)
    result = from_pairs(tmp_path, M, phi, psi, sigma, [0, 2])
    told_true(M, result)
    assert result.outcome is Outcome.SADDLE
    assert "component 2 is not fitted" in result.message


@pytest.mark.parametrize("engine", ["direct", "reduced"])
def test_the_second_pair_of_noise_alone(tmp_path, engine):
    M = np.random.default_rng(0).standard_normal((100, 100))
    phi, sigma, psi_t = np.linalg.svd(M)
    result = from_pairs(tmp_path, M, phi, psi_t.T, sigma, [1], engine=engine)
    assert (result.outcome, result.outcome.exit_code) == (Outcome.SADDLE, 3)
    truth = (sigma[0] ** 2 - sigma[1] ** 2) / sigma[0] ** 2
    assert result.summary["gap"] == pytest.approx(truth, rel=1e-9)
    told_true(M, result)
    left = from_pairs(tmp_path, M, phi, psi_t.T, sigma, [1], engine=engine, escape=True)
    assert left.outcome is Outcome.GLOBAL_OPTIMUM


@pytest.mark.parametrize("tol", [0.3, 1e-10])
def test_a_tolerance_as_large_as_a_saddles_gap_does_not_make_it_an_optimum(tmp_path, tol):
    """σ₂² is 0.81 of σ₁²: the saddle of the second pair has a gap of 0.19."""
    rng = np.random.default_rng(5)
    sigma = np.r_[1.0, 0.9, np.linspace(0.5, 0.1, 28)]
    M, phi, psi = matrix(rng, (40, 30), sigma)
    result = from_pairs(tmp_path, M, phi, psi, sigma, [1], tol=tol)
    assert result.outcome is Outcome.SADDLE
    assert result.summary["gap"] == pytest.approx(0.19)
    onward = solve(M, rank=1, seed=1, schedule="constant", tol=tol)
    assert onward.outcome is Outcome.GLOBAL_OPTIMUM
    assert onward.summary["gap"] < min(tol, 0.19)
