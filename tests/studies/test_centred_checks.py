"""Means held against the matrix, and norms of what is left, however it is held."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from matrices import holed, noisy

from mfact.core import Outcome, Result
from mfact.krylov.values import leading_values
from mfact.matrices.source import open_matrix
from mfact.studies.check import recompute
from mfact.studies.memory import plan_check
from mfact.studies.residual import residual_of
from mfact.targets.door import held
from mfact.targets.fingerprint import fingerprint, same_matrix

AXES = {"mean": None, "columns": 0, "rows": 1}
HELD = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "sparse": scipy.sparse.csr_array,
    "float32": lambda A: A.astype(np.float32),
}


def a_run(A, center, rank=1):
    """What a file says of a run that ended in the first singular pair of what is left."""
    means = np.mean(A.astype(float), axis=AXES[center], keepdims=True)
    P, sigma, Qt = np.linalg.svd(A - means)
    U, V = (W[:, :rank] * np.sqrt(sigma[:rank]) for W in (P, Qt.T))
    kind = A.dtype
    problem = {"center": center, "norm": float(np.linalg.norm(A - means)), "sigma_1": sigma[0]}
    chosen = {"rank": rank, "dtype": str(kind), "tol": 1e-6, "center": center}
    told = {name: {"value": value, "source": "flag"} for name, value in chosen.items()}
    run = Result(Outcome.CONVERGED, "", U.astype(kind), V.astype(kind), {}, problem, told, {})
    return dataclasses.replace(run, mean=means.ravel())


def of_means(matrix, run):
    """The claim of the means, and the numbers, as a check has them."""
    found = recompute(plan_check(matrix, run).matrix.target(), run)
    return next(each for each in found.claims if each.name == "stored-mean"), found.numbers


@pytest.mark.slow
@given(
    center=st.sampled_from([*AXES]),
    form=st.sampled_from([*HELD]),
    shape=st.tuples(st.integers(2, 40), st.integers(2, 40)),
    level=st.sampled_from([0.0, 1.0, -285.0, 1e6]),
    scale=st.sampled_from([1e-12, 1.0, 1e9]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_means_are_within_their_rounding_and_what_is_farther_off_is_found(
    center, form, shape, level, scale, seed
):
    rng = np.random.default_rng(seed)
    A = scale * (holed(rng, shape) + level)
    matrix = HELD[form](A)
    if form == "float32":
        A = matrix
    run = a_run(A, center)
    claim, numbers = of_means(matrix, run)
    assert claim.verdict == "holds", claim.detail
    assert numbers["mean_error"] <= claim.numbers["allowed"]
    place = int(rng.integers(len(run.mean)))
    mean = run.mean.copy()
    mean[place] += 2 * claim.numbers["allowed"]
    claim, numbers = of_means(matrix, dataclasses.replace(run, mean=mean))
    assert claim.verdict == "violated"
    assert numbers["mean_error"] > claim.numbers["allowed"]
    # Where all are about zero the allowed is as small: no lie of a part of ε is told apart.
    assert claim.numbers["allowed"] < 1e3 * np.finfo(matrix.dtype).eps * np.abs(A).max()


@pytest.mark.parametrize("all_up_to", [0, 512])
@pytest.mark.parametrize("center", AXES)
@pytest.mark.parametrize("level", [0.0, 285.0, 1e6])
def test_leading_values_are_known_as_well_as_what_is_left_allows(center, level, all_up_to):
    A = noisy(np.random.default_rng(6), (70, 55), [9.0, 5.0, 2.0], 0.01) + level
    target = held(A, "float64").centred(center).target()
    values, error = leading_values(target, 3, all_up_to)
    sigma = np.linalg.svd(A - np.mean(A, axis=AXES[center], keepdims=True), compute_uv=False)
    # NumPy's means may be an ulp away, which is a matrix of its own.
    ulps = 2 * np.spacing(level) * np.sqrt(A.size)
    assert np.max(np.abs(values[:3] - sigma[:3])) <= error + ulps
    rounding = np.finfo(float).eps * np.hypot(9, 0 if all_up_to else np.linalg.norm(A))
    assert error <= max(10 * rounding, 1e-12 if all_up_to == 0 else 0)


@pytest.mark.parametrize("center", AXES)
def test_a_file_that_is_read_in_each_pass_is_checked_as_one_in_memory(tmp_path, center):
    A = np.random.default_rng(2).standard_normal((300, 20)) + 285
    np.save(tmp_path / "A.npy", A)
    run = a_run(A, center)
    matrix = plan_check(open_matrix(str(tmp_path / "A.npy")), run).matrix
    left = matrix.streamed()
    assert left is not None
    assert left.from_file == A.nbytes
    in_memory, in_file = (recompute(each.target(), run) for each in (matrix, left))
    assert [(each.name, each.verdict) for each in in_file.claims] == [
        (each.name, each.verdict) for each in in_memory.claims
    ]
    assert matrix.needed == A.nbytes + 16 * sum(A.shape)


@pytest.mark.parametrize("form", HELD)
@pytest.mark.parametrize("center", AXES)
def test_a_fingerprint_tells_the_same_matrix_with_other_means(center, form):
    A = holed(np.random.default_rng(4), (40, 30)) + 285
    one = fingerprint(held(HELD[form](A), "float64").centred(center).target())
    dtype = "float32" if form == "float32" else "float64"
    dense = fingerprint(held(A, dtype).centred(center).target())
    assert same_matrix(one, dense) == same_matrix(dense, one) == ""
    for by in (1e-3, -1.0, -285.0):
        other = fingerprint(held(HELD[form](A + by), "float64").centred(center).target())
        # In float32 shifted entries may be rounded elsewhere: what is left differs too.
        words = "means" if form == "float32" else "the means taken off"
        assert words in same_matrix(one, other)
    changed = A.copy()
    changed[3, 4] += 1.0
    other = fingerprint(held(HELD[form](changed), "float64").centred(center).target())
    assert "without its means its norm was" in same_matrix(one, other)


@pytest.mark.parametrize("level", [0.0, 0.1, 285.0, 1e6])
@pytest.mark.parametrize("center", AXES)
def test_a_residual_is_of_what_is_left_and_a_constant_line_is_none(center, level):
    A = np.random.default_rng(8).standard_normal((17, 12)) + level
    A[:, 3], A[5] = level, level
    run = a_run(A, center)
    found = residual_of(held(A, "float64").centred(center), run)
    M = A - np.mean(A, axis=AXES[center], keepdims=True)
    R = M - run.U @ run.V.T
    close = 1e-14 * np.linalg.norm(A)
    for along, axis in ((found.rows, 1), (found.columns, 0)):
        assert np.allclose(along.sizes, np.linalg.norm(M, axis=axis), atol=close)
        assert np.allclose(along.residuals, np.linalg.norm(R, axis=axis), atol=close)
        # No line that is nothing but rounding is told as one that fits badly.
        assert np.nanmax(along.relative) < 10


@pytest.mark.parametrize("form", ["C", "sparse"])
@pytest.mark.parametrize("center", AXES)
@pytest.mark.parametrize("level", [1.0, 285.0, 1e6])
def test_a_gap_is_known_as_well_as_the_entries_of_what_is_left(center, level, form):
    A = noisy(np.random.default_rng(0), (80, 60), [9.0, 5.0, 2.0], 0.01) + level
    run = a_run(A, center, 3)
    run = dataclasses.replace(run, U=run.U * (1 + 1e-6))
    found = recompute(held(HELD[form](A), "float64").centred(center).target(), run)
    extended = A.astype(np.longdouble)
    M = extended - np.mean(extended, axis=AXES[center], keepdims=True)
    P, _, Qt = np.linalg.svd(M.astype(float), full_matrices=False)
    P, Q = (W[:, :3].astype(np.longdouble) for W in (P, Qt.T))
    sigma = P.T @ M @ Q  # as far as P and Q are orthonormal; what they are off by is squared
    excess = np.sum((run.U @ run.V.T - M) ** 2) - np.sum(M**2) + np.sum(sigma**2)
    gap = float(excess / sigma[2, 2] ** 2)
    assert abs(found.certificate.gap - gap) <= found.certificate.gap_error + 1e-12
    e = np.sqrt(len(A)) * np.finfo(float).eps * level * np.sqrt(A.size) / 2
    assert found.certificate.gap_error <= 2e-12 + 2 * e * np.sqrt(6 * 1e-6) + 12 * e**2
