"""How runs end and what they say of it, recomputed from the factors, the matrix and its SVD."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from end_truth import Truth, from_factors, held, held_gap, tells_one_story
from matrices import gaussian, matrix

from mfact.core import Outcome
from mfact.run.solve import solve
from mfact.targets.dense import DenseTarget
from mfact.theory.lemma_3_2 import certify

SHAPE = (14, 11)
SPECTRA = {
    "rank 3": [3.0, 2.0, 1.0],
    "rank 3 and weak": [3.0, 0.5, 0.1],
    "full": [3.0, 2.0, 1.5, 1.0, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1],
}
ENDS = {
    "optimum": {"tol": 1e-9, "max_iter": 200_000},
    "limit": {"max_iter": 12},
    "late limit": {"max_iter": 60},
}
GOOD = (Outcome.GLOBAL_OPTIMUM, Outcome.CONVERGED)


@pytest.mark.slow
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("rank", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", SPECTRA)
@pytest.mark.parametrize("weight", [0.0, 0.5])
@pytest.mark.parametrize("engine", ["direct", "reduced"])
def test_a_run_says_what_its_factors_are(tmp_path, engine, weight, kind, rank, end):
    rng = np.random.default_rng(rank)
    M, _, _ = matrix(rng, SHAPE, SPECTRA[kind])
    start = gaussian(rng, SHAPE, rank, 0.3)
    result = from_factors(tmp_path, M, *start, weight, schedule="constant", engine=engine,
                          **ENDS[end])  # fmt: skip
    truth = Truth(M, result, weight, start)
    held(result, truth)
    held_gap(result, truth)
    tells_one_story(result)
    if end == "optimum":
        # At rank 4 of 3 the last columns go to zero more slowly than exponentially; the gap is
        # that of the three there are.
        assert result.outcome is Outcome.GLOBAL_OPTIMUM
        assert result.outcome.exit_code == 0
        assert truth.gap <= 1e-9 + truth.rounding / truth.unit
        assert result.summary["gap"] <= 1e-9
        sure = 1 - (truth.sigma[truth.k] / truth.sigma[truth.k - 1]) ** 2
        assert truth.gap < sure
    elif result.outcome not in GOOD:
        assert (result.outcome, result.outcome.exit_code) == (Outcome.ITERATION_LIMIT, 3)
        assert result.summary["iterations"] == ENDS[end]["max_iter"]
        assert f"--max-iter is {ENDS[end]['max_iter']}" in result.message


@pytest.mark.parametrize("weight", [0.0, 1.0])
@pytest.mark.parametrize("engine", ["direct", "reduced"])
@pytest.mark.parametrize(
    ("sigma", "pairs", "component"),
    [
        ([3.0, 2.0, 1.0], [0, 2], 2), ([3.0, 2.0, 1.0], [1], 1), ([3.0, 2.0, 1.0], [0], 2),
        ([3.0, 2.0, 1.0], [0, 1], 3), ([3.0, 1e-3], [0], 2), ([1.0, 1e-5, 1e-6], [0, 2], 2),
        ([3.0, 2.0, 1.0], [], 1),
    ],
)  # fmt: skip
def test_a_saddle_is_none_the_better_for_the_size_of_what_it_misses(
    tmp_path, engine, weight, sigma, pairs, component
):
    """Of r = |S| or one more; the gap of what is missing is about 1, however small it is."""
    M, phi, psi = matrix(np.random.default_rng(4), SHAPE, sigma)
    rank = max(len(pairs), component)
    U, V = np.zeros((SHAPE[0], rank)), np.zeros((SHAPE[1], rank))
    for column, pair in enumerate(pairs):
        U[:, column] = phi[:, pair] * sigma[pair] ** 0.5
        V[:, column] = psi[:, pair] * sigma[pair] ** 0.5
    result = from_factors(tmp_path, M, U, V, weight, schedule="constant", engine=engine,
                          max_iter=3)  # fmt: skip
    truth = Truth(M, result, weight)
    assert truth.gap > 0.5
    held(result, truth)
    held_gap(result, truth)
    tells_one_story(result)
    assert result.outcome in (Outcome.SADDLE, Outcome.ITERATION_LIMIT)
    assert result.outcome.exit_code == 3
    assert f"component {component} is not fitted" in result.message
    # Nor without a word about the singular values.
    assert certify(DenseTarget(M), U, V, weight=weight).kind != "global optimum"


@pytest.mark.parametrize("engine", ["direct", "reduced"])
@pytest.mark.parametrize("steps", [5, 40])
def test_a_limit_names_the_components_that_are_not_there_yet(engine, steps):
    M, _, _ = matrix(np.random.default_rng(4), SHAPE, [3.0, 1.0, 0.01])
    result = solve(M, rank=3, schedule="constant", seed=1, engine=engine, max_iter=steps,
                   start_scale=1e-3)  # fmt: skip
    assert result.outcome is Outcome.ITERATION_LIMIT
    truth = Truth(M, result)
    held(result, truth)
    held_gap(result, truth)
    assert result.summary["gap"] > 0.5
    assert re.search("components? .*3 (is|are) not fitted", result.message)


@pytest.mark.parametrize(
    "options",
    [
        {"dtype": "float32", "tol": 1e-5},
        {"dtype": "float32", "tol": 1e-5, "engine": "direct"},
        {"dtype": "float32", "max_iter": 25},
        {"max_basis_bytes": 8 * sum(SHAPE) * 5, "tol": 1e-8},
        {"max_basis_bytes": 8 * sum(SHAPE) * 5, "max_iter": 25},
    ],
)
@pytest.mark.parametrize("kind", SPECTRA)
def test_errors_above_rounding_are_owned_up_to(options, kind):
    """float32, and an optimum that a small basis does not show to the last digit."""
    M, _, _ = matrix(np.random.default_rng(5), SHAPE, SPECTRA[kind])
    M = M.astype(options.get("dtype", "float64"))
    result = solve(M, rank=2, seed=2, schedule="constant", **{"max_iter": 20_000, **options})
    truth = Truth(M, result)
    held(result, truth)
    held_gap(result, truth)
    tells_one_story(result)
    if result.outcome is Outcome.GLOBAL_OPTIMUM:
        assert truth.gap <= options.get("tol", 1e-10) + truth.rounding / truth.unit


@pytest.mark.parametrize("tol", [1e-4, 1e-9])
@pytest.mark.parametrize("columns", [4, 24])
@pytest.mark.parametrize("engine", ["direct", "auto"])
@pytest.mark.parametrize("seed", [0, 2, 5])
def test_a_tolerance_is_met_where_bases_are_too_small_to_show_the_optimum(
    engine, columns, tol, seed
):
    """All noise: no gap is shown, a certificate tells when it is met, and soon after it is."""
    M = np.random.default_rng(seed).standard_normal((80, 60))
    result = solve(M, rank=2, schedule="constant", seed=1, engine=engine, tol=tol, every=1,
                   max_basis_bytes=8 * sum(M.shape) * columns, max_iter=20_000)  # fmt: skip
    truth = Truth(M, result)
    held(result, truth)
    assert math.isnan(result.summary["gap"])
    assert result.outcome is Outcome.GLOBAL_OPTIMUM
    assert truth.gap <= tol + truth.rounding / truth.unit
    gaps = (result.trace["loss"] - 0.5 * np.sum(truth.sigma[2:] ** 2)) / truth.unit
    first, last = int(np.argmax(gaps <= tol)), result.summary["iterations"]
    # Looks are a quarter and 64 steps apart; what a certificate bounds is twice the gap or so.
    assert last <= 1.6 * first + 100
    assert f"of {8 * sum(M.shape) * columns} bytes" in " ".join(result.summary["notes"])
