"""Every number that a run ends with, recomputed from the factors it ends with."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from end_truth import Truth, from_factors, held, options_of, tells_one_story
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import gaussian, matrix

from mfact.core import Factors, Outcome
from mfact.run.solve import solve

SHAPE = (14, 11)
SPECTRA = {
    "rank 3": [3.0, 2.0, 1.0],
    "rank 3 and weak": [3.0, 0.3, 0.02],
    "full": [3.0, 2.0, 1.5, 1.0, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1],
}
ENDS = {
    "optimum": ({"tol": 1e-6, "max_iter": 100_000}, (Outcome.GLOBAL_OPTIMUM,)),
    "residual": ({"tol": 0.0, "tol_residual": 0.5}, (Outcome.CONVERGED,)),
    "first": ({"max_iter": 0}, (Outcome.ITERATION_LIMIT,)),
    "limit": ({"max_iter": 12}, (Outcome.ITERATION_LIMIT,)),
    "diverged": ({"step_size": 1.0}, (Outcome.DIVERGED,)),
    "decayed": (
        {"schedule": "power", "max_iter": 40, "fast_forward": "off"}, (Outcome.ITERATION_LIMIT,),
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("rank", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", SPECTRA)
@pytest.mark.parametrize("weight", [0.0, 0.5])
@pytest.mark.parametrize("engine", ["direct", "reduced"])
def test_a_run_says_what_its_factors_are(tmp_path, engine, weight, kind, rank, end):
    rng = np.random.default_rng(rank)
    M, _, _ = matrix(rng, SHAPE, SPECTRA[kind])
    start = gaussian(rng, SHAPE, rank, 0.1)
    options, outcomes = ENDS[end]
    if end == "residual" and rank < 3:
        options = {**options, "tol_residual": 0.9}
    result = from_factors(tmp_path, M, *start, weight, engine=engine,
                          **{"schedule": "constant", **options})  # fmt: skip
    assert result.outcome in outcomes
    held(result, Truth(M, result, weight, start))
    tells_one_story(result)
    assert result.trace["step"][-1] == result.summary["iterations"]
    for name in ("loss", "drift", "imbalance"):
        assert result.trace[name][-1] == result.summary[name]
    if end == "first":
        assert np.allclose(result.U, start.U, atol=1e-14)
        assert result.summary["drift"] <= 1e-14


@pytest.mark.parametrize("weight", [0.0, 0.5])
@pytest.mark.parametrize("engine", ["direct", "reduced"])
@pytest.mark.parametrize("far", [False, True])
def test_after_an_escape_the_drift_is_the_law_from_where_it_led(tmp_path, engine, weight, far):
    """A jump is no gradient step: D₀ is moved by what it changed D, and D − D₀ stays the ledger.

    The last recorded ‖D − D₀‖ and ‖Σ η²(…)‖ agree at every row, and the audit is rounding.
    far: it starts within the spaces of the saddle, and has a ledger when it comes there.
    """
    M, phi, psi = matrix(np.random.default_rng(6), SHAPE, SPECTRA["rank 3"])
    root = np.sqrt([3.0, 1.0])
    U, V = (W[:, [0, 2]] * root for W in (phi, psi))
    if far:
        U, V = U * [0.5, 0.9], V * [0.8, 0.6]
    elif not weight:
        U, V = U * [1.5, 1.0], V / [1.5, 1.0]  # unbalanced, stationary where λ = 0
    result = from_factors(tmp_path, M, U, V, weight, schedule="constant", engine=engine,
                          escape=True, every=1, tol_gradient=1e-7, max_iter=20_000)  # fmt: skip
    assert result.outcome is Outcome.GLOBAL_OPTIMUM
    assert result.summary["escapes"] == 1
    assert not far or result.trace["ledger"][3] > 1e-3
    held(result, Truth(M, result, weight))
    size = result.trace["size_U"] + result.trace["size_V"]
    # A few hundred additions of terms of the size of the factors.
    assert np.all(result.trace["audit"] <= 1e-13 * size)
    assert np.allclose(result.trace["drift"], result.trace["ledger"], rtol=1e-6, atol=1e-13)


UNITS = (1.0, 1e6, 1e-6)


@settings(max_examples=10)
@given(
    seed=st.integers(0, 10**6),
    kind=st.sampled_from(sorted(SPECTRA)),
    rank=st.integers(1, 3),
    weight=st.sampled_from([0.0, 0.5]),
    engine=st.sampled_from(["direct", "reduced"]),
    end=st.sampled_from(
        [{"max_iter": 30}, {"tol": 1e-6}, {"tol": 0.0, "tol_residual": 0.9},
         {"optimum": False, "tol_gradient": 1e-3}, {"schedule": "power", "max_iter": 100}]
    ),
)  # fmt: skip
def test_how_a_run_ends_does_not_depend_on_the_unit_of_the_matrix(
    seed, kind, rank, weight, engine, end
):
    M, _, _ = matrix(np.random.default_rng(seed), SHAPE, SPECTRA[kind])
    results = [
        solve(unit * M, rank=rank, seed=seed, engine=engine,
              **{"schedule": "constant", "max_iter": 50_000, **end}, **options_of(weight))
        for unit in UNITS
    ]  # fmt: skip
    first = results[0]
    for unit, other in zip(UNITS, results, strict=True):
        assert other.outcome is first.outcome
        assert abs(other.summary["iterations"] - first.summary["iterations"]) <= 1
        verdicts = [{c.name: c.verdict for c in result.claims} for result in (first, other)]
        assert verdicts[0] == verdicts[1]
        assert other.summary["verdict"] == first.summary["verdict"]
        held(other, Truth(unit * M, other, weight))


def test_a_run_from_the_answer_ends_at_once(tmp_path):
    M, phi, psi = matrix(np.random.default_rng(9), SHAPE, SPECTRA["full"])
    root = np.sqrt(SPECTRA["full"][:3])
    start = Factors(phi[:, :3] * root, psi[:, :3] * root)
    result = from_factors(tmp_path, M, *start, schedule="constant")
    assert (result.outcome, result.summary["iterations"]) == (Outcome.GLOBAL_OPTIMUM, 0)
    held(result, Truth(M, result, 0.0, start))


# Singular values, the smallest far above and far below rounding of the largest (2e-16 √14), and
# how many of them there are.
RANKS = [
    ([3.0, 2.0, 1.0], 3), ([3.0, 2.0, 1e-10], 3), ([3.0, 2.0, 1e-17], 2), ([3.0], 1),
    (np.linspace(3, 1, 11), 11),
]  # fmt: skip


@pytest.mark.parametrize(("sigma", "rank_of_M"), RANKS)
@pytest.mark.parametrize("rank", [1, 2, 3, 4, 11])
@pytest.mark.parametrize("engine", ["direct", "reduced"])
def test_lemma_3_2_is_for_matrices_of_that_very_rank(engine, rank, sigma, rank_of_M):
    """From the answer on, where the point is stationary: only the rank may be lacking."""
    M, phi, psi = matrix(np.random.default_rng(2), SHAPE, sigma)
    k, root = min(rank, len(sigma)), np.sqrt(sigma)
    U, V = np.zeros((SHAPE[0], rank)), np.zeros((SHAPE[1], rank))
    U[:, :k], V[:, :k] = phi[:, :k] * root[:k], psi[:, :k] * root[:k]
    result = solve_from(M, U, V, engine)
    claim = next(claim for claim in result.claims if claim.name == "lemma-3.2")
    if rank == rank_of_M:
        assert claim.verdict == "holds", claim.detail
    else:
        assert claim.verdict == "hypotheses not met"
        # Of a smaller r only that the next value is there.
        known = (
            f"M has numerical rank {rank_of_M}, not r = {rank}",
            f"M has rank above r = {rank}",
        )
        assert any(words in claim.detail for words in known[: 2 if rank < rank_of_M else 1])


def solve_from(M, U, V, engine):
    with tempfile.TemporaryDirectory() as folder:
        return from_factors(Path(folder), M, U, V, schedule="constant", engine=engine, tol=1e-6,
                            max_iter=50, seed=None)  # fmt: skip
