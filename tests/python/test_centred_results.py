"""Runs of a matrix less its means, in Python: what is handed out, and what is asked of it again."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from matrices import noisy

import mfact

AXES = {"mean": None, "columns": 0, "rows": 1}
RUN = {"seed": 1, "schedule": "constant"}


@pytest.fixture
def A():
    """20×13, σ = 3, 2 and noise, around 285."""
    return noisy(np.random.default_rng(11), (20, 13), [3.0, 2.0], 0.01) + 285


@pytest.mark.parametrize("center", AXES)
def test_a_result_has_the_means_of_numpy_and_keeps_them_in_its_file(A, tmp_path, center):
    result = mfact.solve(A, 2, center=center, **RUN)
    assert np.allclose(result.mean, np.mean(A, axis=AXES[center]), rtol=1e-14)
    term = result.mean[:, None] if center == "rows" else result.mean
    residual = np.linalg.norm(result.U @ result.V.T + term - A)
    M = A - np.mean(A, axis=AXES[center], keepdims=True)
    left = np.linalg.svd(M, compute_uv=False)[2:]
    assert residual == pytest.approx(np.linalg.norm(left), rel=1e-6)
    result.save(tmp_path / "run.h5")
    again = mfact.load(tmp_path / "run.h5")
    assert np.array_equal(again.mean, result.mean)
    assert again.problem == result.problem
    assert mfact.check(again, A, require=["stored-mean", "mean_error<1e-9"]).holds
    U, V = result.save_factors(tmp_path / "run", form="npy")
    assert np.array_equal(np.load(U) @ np.load(V).T, result.U @ result.V.T)


def test_a_run_without_centring_has_no_means():
    assert mfact.solve(np.diag([3.0, 1.0]), 1, **RUN).mean is None


@pytest.mark.parametrize("held", [np.asfortranarray, scipy.sparse.csr_array, np.ndarray.tolist])
def test_a_check_takes_the_matrix_as_it_was_given(A, held):
    result = mfact.solve(held(A), 2, center="columns", **RUN)
    found = mfact.check(result, held(A))
    assert found.holds
    assert found.numbers["uncentered_norm"] == pytest.approx(np.linalg.norm(A), rel=1e-14)
    shifted = mfact.check(result, held(A + 1))
    assert shifted.violated == ("stored-mean",)
    assert shifted.numbers["mean_error"] == pytest.approx(1.0, rel=1e-9)


def test_files_and_variations_know_it_too(A, tmp_path):
    np.save(tmp_path / "A.npy", A - 285)
    vary = {"center": ["none", "columns"]}
    made = mfact.compare(tmp_path / "A.npy", 2, vary=vary, **RUN)
    assert [row["center"] for row in made.rows] == ["none", "columns"]
    whole, centred = made.runs
    assert whole.mean is None
    assert np.allclose(centred.mean, (A - 285).mean(0), rtol=0, atol=1e-13)
    assert all(mfact.check(run).holds for run in made.runs)
    path = str(tmp_path / "c.h5")
    cut = {"checkpoint": path, "max_iter": 20, "force": True}
    with pytest.warns(mfact.ConvergenceWarning):
        mfact.solve(tmp_path / "A.npy", 2, center="columns", **RUN, **cut)
    on = mfact.resume(path, max_iter=10**6)
    assert np.array_equal(on.U, centred.U)
    assert np.array_equal(on.mean, centred.mean)


@pytest.mark.slow
def test_the_residual_is_of_what_is_left(A):
    result = mfact.solve(A, 2, center="rows", **RUN)
    figure = mfact.plot(result, "residual", matrix=A)
    M = A - A.mean(1, keepdims=True)
    truth = np.linalg.norm(result.U @ result.V.T - M, axis=1) / np.linalg.norm(M, axis=1)
    drawn = [np.ravel(each.get_ydata()) for each in figure.axes[0].lines]
    assert any(len(y) == len(truth) and np.allclose(y, truth, rtol=1e-9) for y in drawn)
    with pytest.raises(mfact.MfactError, match="means taken off"):
        mfact.plot(result, "residual", matrix=A + 1)
