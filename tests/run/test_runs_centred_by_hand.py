"""A run of a matrix less its means is that of the matrix made by hand, in extended precision."""

from __future__ import annotations

import numpy as np
import pytest
from centred_by_hand import KINDS, by_hand, means, shifted
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import holed
from scipy.sparse import csr_array

from mfact.core import Outcome, Verdict
from mfact.matrices.source import open_matrix
from mfact.run.solve import solve
from mfact.studies.check import recompute
from mfact.targets import blocks, streamed
from mfact.targets.door import held
from mfact.targets.readahead import read_through

CONSTANT = {"schedule": "constant", "seed": 1}


SEEDS = [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 20))]
KNOWN = ("singular_values", "singular_values_error")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_factors_are_those_of_the_matrix_made_by_hand(kind, seed):
    rng = np.random.default_rng(seed)
    shape, rank = tuple(rng.integers(8, 80, 2).tolist()), int(rng.integers(1, 5))
    sigma = np.sort(rng.uniform(0.05, 1, rank))[::-1]
    A = shifted(rng, shape, sigma, 10.0 ** rng.uniform(-6, -2), 10.0 ** rng.uniform(-1, 6))
    ended = agrees(A, kind, rank, objective=("plain", "balanced")[seed % 2])
    assert ended.outcome is Outcome.GLOBAL_OPTIMUM


@pytest.mark.slow
@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(2, 60), st.integers(2, 60)),
    rank=st.integers(1, 4),
    mean=st.sampled_from([0.0, 0.1, 1.0, 285.0, 1e4, 1e6, 1e7]),
    kind=st.sampled_from(KINDS),
    order=st.sampled_from("CF"),
    spread=st.sampled_from(["even", "geometric", "noise"]),
    dtype=st.sampled_from(["float64", "float64", "float32"]),
    options=st.sampled_from(
        [
            CONSTANT,
            {"seed": 3},
            {**CONSTANT, "objective": "balanced"},
            {**CONSTANT, "max_iter": 30},
            {**CONSTANT, "engine": "direct", "max_iter": 900},
        ]
    ),
)
def test_of_any_shape_and_offset(seed, shape, rank, mean, kind, order, spread, dtype, options):
    rng = np.random.default_rng(seed)
    rank = min(rank, min(shape) - 1)
    sigma = {"even": np.linspace(1, 0.3, rank), "geometric": 0.5 ** np.arange(rank)}
    # In float32 bases of nothing but noise, less a line of it, end in rounding at times.
    noisy = spread == "noise" and dtype == "float64"
    sigma = np.zeros(1) if noisy else sigma.get(spread, sigma["even"])
    noise = 0.5 if noisy else 10.0 ** rng.uniform(-6, -2)
    A = shifted(rng, shape, sigma, noise, mean if dtype == "float64" else min(mean, 285.0))
    agrees(np.asarray(A, dtype, order=order), kind, rank, **options)


def agrees(A, kind, rank, **options):
    """Hold a run of A and its check against those of the matrix made by hand; the run."""
    options = {**CONSTANT, "rank": rank, "dtype": str(A.dtype), **options}
    M = by_hand(A, kind)
    H, eps = M.astype(A.dtype), float(np.finfo(A.dtype).eps)
    run, hand = solve(A, center=kind, **options), solve(H, **options)
    assert not [claim for claim in run.claims if claim.verdict is Verdict.VIOLATED]
    if A.dtype == float:
        assert run.outcome is hand.outcome or below_rounding(run)
    digits = 8e-16 * np.abs(A).max()
    np.testing.assert_allclose(run.mean, means(A, kind).ravel(), rtol=0, atol=digits)
    sigma = np.append(np.linalg.svd(M.astype(float), compute_uv=False), 0.0)
    known, size = run.problem["sigma_known_to"], float(np.linalg.norm(M.astype(float)))
    # Entries of M are rounded as those of A are, and each σ by no more.
    told = ((run.problem[name] or ())[:rank] for name in KNOWN)
    for value, error, exact in zip(*told, sigma, strict=False):
        assert abs(value - exact) <= error + known + 8 * eps * sigma[0]  # of LAPACK, twice
    # In float32 the factors are rounded too, each entry of the product r times.
    off = (8 if A.dtype == float else 32) * eps * float(np.linalg.norm(A.astype(float)))
    if run.outcome is Outcome.GLOBAL_OPTIMUM:
        k = run.problem.get("fitted_rank") or rank
        best, unit = 0.5 * np.sum(sigma[rank:] ** 2), 0.5 * sigma[k - 1] ** 2
        tol = run.settings["tol"].get("used", run.settings["tol"]["value"])
        R = run.U.astype(np.longdouble) @ run.V.T - M
        loss = 0.5 * float(np.sum(R * R))
        assert loss <= 1.05 * best + 1.01 * tol * unit + off * size * eps + off**2
    found = recompute(held(A, str(A.dtype)).centred(kind).target(), run)
    assert not [claim for claim in found.claims if claim.verdict is Verdict.VIOLATED]
    same_steps(A, H, kind, run, {**options, "tol": 0.0, "fast_forward": "off"})
    return run


def below_rounding(run):
    """Whether what is left to do is: the mean is so large that its rounding decides."""
    far = run.problem["uncentered_norm"] > 1e6 * run.problem["norm"]
    return far and run.outcome is Outcome.STALLED


def same_steps(A, H, kind, run, options):
    """After as many steps both are within what they say of the distance to the plain iterates."""
    steps = int(min(run.summary.get("iterations") or 200, 20_000))
    both = {**options, "max_iter": max(steps, 1), "engine": "reduced"}
    one, other = solve(A, center=kind, **both), solve(H, **both)
    near(one, other, one.summary["distance_bound"] + other.summary["distance_bound"])
    if options.get("engine") == "direct":
        plain = solve(A, center=kind, **{**both, "engine": "direct"})
        assert "distance_bound" not in plain.summary  # of steps that no bases follow
        near(plain, other, 2 * one.summary["distance_bound"] + other.summary["distance_bound"])


def near(one, other, bound):
    if one.summary["iterations"] != other.summary["iterations"]:
        return
    apart = np.hypot(*(np.linalg.norm((a - b).astype(float)) for a, b in
                       ((one.U, other.U), (one.V, other.V))))  # fmt: skip
    size = np.hypot(np.linalg.norm(other.U), np.linalg.norm(other.V))
    assert apart <= bound * size


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sigma", [(1.0, 0.005), (1.0, 0.5, 0.005)])
@pytest.mark.parametrize("mean", [1e6, 285.0])
def test_small_components_on_a_large_mean_are_all_fitted(kind, mean, sigma):
    rng = np.random.default_rng(4)
    A = shifted(rng, (120, 80), sigma, 1e-4, mean)
    run = solve(A, rank=len(sigma), center=kind, **CONSTANT)
    M = by_hand(A, kind)
    values = np.linalg.svd(M.astype(float), compute_uv=False)
    R = run.U @ run.V.T - M
    assert run.outcome is Outcome.GLOBAL_OPTIMUM
    assert 0.5 * float(np.sum(R * R)) <= 1.05 * 0.5 * np.sum(values[len(sigma) :] ** 2)
    assert run.summary["loss"] == pytest.approx(0.5 * float(np.sum(R * R)), rel=1e-2)
    fitted = np.linalg.svd(run.U @ run.V.T, compute_uv=False)[: len(sigma)]
    np.testing.assert_allclose(fitted, values[: len(sigma)], rtol=1e-4)
    assert run.problem["sigma_known_to"] < 1e-5 * values[len(sigma) - 1]
    assert run.problem["objective"].startswith("½‖UVᵀ − M‖_F², M = A − ")


@pytest.mark.parametrize("kind", KINDS)
def test_a_gap_on_a_large_mean_is_known_as_far_as_it_says(kind):
    """At a mean of 3e6 and a component of 0.005 its digits are those of the mean."""
    A = shifted(np.random.default_rng(7), (60, 40), [1.0, 0.005], 1e-5, 3e6)
    M = by_hand(A, kind)
    sigma = np.linalg.svd(M.astype(float), compute_uv=False)
    run = solve(A, rank=2, center=kind, **CONSTANT)
    R = run.U @ run.V.T - M
    gap = (float(np.sum(R * R)) - np.sum(sigma[2:] ** 2)) / sigma[1] ** 2
    assert run.outcome is Outcome.GLOBAL_OPTIMUM
    assert gap <= 1e-10
    assert abs(gap - run.summary["gap"]) <= run.summary["gap_bound"]
    assert run.summary["gap_bound"] < 1e-10


@pytest.mark.parametrize("kind", KINDS)
def test_a_sparse_matrix_runs_as_the_dense_one(kind):
    A = holed(np.random.default_rng(5), (60, 45))
    A[A < 0.8] = 0.0
    options = {**CONSTANT, "rank": 3, "tol": 0.0, "max_iter": 200, "center": kind}
    one, other = solve(csr_array(A), **options), solve(A, **options)
    near(one, other, one.summary["distance_bound"] + other.summary["distance_bound"])
    assert one.summary["passes"] == other.summary["passes"]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", KINDS)
def test_in_a_file_it_is_read_once_more(kind, order, tmp_path, monkeypatch):
    A = shifted(np.random.default_rng(6), (70, 40), [1.0, 0.5], 0.05, 30.0)
    run, readings = counted(tmp_path, monkeypatch, np.asarray(A, order=order), center=kind)
    M = by_hand(A, kind).astype(float)
    hand, by_itself = counted(tmp_path, monkeypatch, np.asarray(M, order=order))
    assert run.problem["held"] == "in its file"
    assert (run.summary["passes"], hand.summary["passes"]) == (readings, by_itself)
    assert readings == by_itself + 1
    assert run.outcome is hand.outcome is Outcome.GLOBAL_OPTIMUM
    near(run, hand, run.summary["distance_bound"] + hand.summary["distance_bound"])
    near(run, solve(A, rank=2, center=kind, **CONSTANT), 2 * run.summary["distance_bound"])


def counted(folder, monkeypatch, A, **options):
    """A run on A in a file, and how often that was read."""
    path = str(folder / "A.npy")
    np.save(path, A)
    found, readings = held(open_matrix(path), "float64").streamed(), []

    def reading(*slabs, **how):
        readings.append(slabs)
        return read_through(*slabs, **how)

    with monkeypatch.context() as patched:
        patched.setattr(streamed, "SLAB_BYTES", 3000)
        patched.setattr(blocks, "read_through", reading)
        run = solve(found, rank=2, **CONSTANT, **options)
    return run, len(readings)
