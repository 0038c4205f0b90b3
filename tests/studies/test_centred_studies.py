"""What is asked of a matrix less its means is what NumPy tells of it, centred by hand."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from contracts.holders import Foreign
from hypothesis import given
from hypothesis import strategies as st
from matrices import gaussian, holed
from scipy.sparse import csc_array, csr_array, save_npz

import mfact
from mfact.core import Factors
from mfact.errors import DataError
from mfact.matrices.source import open_matrix
from mfact.settings import CENTERS, FlowSettings
from mfact.studies.flow import study
from mfact.studies.inspect import inspect_matrix
from mfact.studies.memory import plan_inspection, plan_sweep
from mfact.studies.prospect import prospect
from mfact.studies.sweep import singular_values
from mfact.targets.door import held
from mfact.targets.sparse import SparseTarget

KINDS = CENTERS[1:]
SHAPES = st.tuples(st.integers(2, 25), st.integers(2, 25))
SETTING = (SHAPES, st.integers(0, 2**32), st.floats(-3, 6), st.sampled_from(KINDS))
ROUNDINGS = 200 * np.finfo(float).eps


def by_hand(A, kind):
    """A without the means that a kind of centring takes off."""
    axis = {"mean": None, "columns": 0, "rows": 1}[kind]
    return A - A.mean(axis=axis, keepdims=True)


def drawn(shape, seed, level):
    """Entries about a mean of that power of ten, a third of them zero."""
    rng = np.random.default_rng(seed)
    return holed(rng, shape) + 10**level * (rng.random(shape) > 1 / 3)


FORMS = {
    "array": lambda A, folder: A,
    "Fortran": lambda A, folder: np.asfortranarray(A),
    "sparse": lambda A, folder: csr_array(A),
    "products alone": lambda A, folder: Foreign(A),
    "file": lambda A, folder: filed(A, folder),
    "stays in its file": lambda A, folder: held(filed(A, folder), "float64").streamed(),
    "sparse file": lambda A, folder: filed(A, folder, sparse=True),
}


def filed(A, folder, *, sparse=False):
    if sparse:
        save_npz(folder / "A.npz", csc_array(A))
    np.save(folder / "A.npy", A)
    return open_matrix(str(folder / ("A.npz" if sparse else "A.npy")))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("centred")


@pytest.mark.parametrize("form", FORMS)
@given(*SETTING)
def test_the_spectrum_is_that_of_the_matrix_centred_by_hand(form, folder, shape, seed, level, kind):
    A = drawn(shape, seed, level)
    M, before = by_hand(A, kind), A.copy()
    sigma, size = np.linalg.svd(M, compute_uv=False), np.linalg.norm(A)
    given = FORMS[form](A, folder)
    found = inspect_matrix(given, center=kind)
    np.testing.assert_allclose(found.singular_values, sigma, atol=ROUNDINGS * size)
    assert found.norm == pytest.approx(np.linalg.norm(M), rel=1e-12, abs=ROUNDINGS * size)
    assert (found.center, found.suggested_center) == (kind, None)
    assert found.nonzeros == np.count_nonzero(A)
    assert found.uncentered_norm == pytest.approx(size, rel=1e-12)
    # Means of k lines of k + 1 or less take one dimension from them.
    lost = (kind == "columns" and shape[0] <= shape[1]) or (kind == "rows" and shape[1] <= shape[0])
    assert found.numerical_rank <= min(shape) - lost
    np.testing.assert_array_equal(A, before)


@pytest.mark.parametrize("form", FORMS)
@given(*SETTING)
def test_a_sweep_is_of_the_values_that_rounding_does_not_hide(
    form, folder, shape, seed, level, kind
):
    A = drawn(shape, seed, level)
    sigma, size = np.linalg.svd(by_hand(A, kind), compute_uv=False), np.linalg.norm(A)
    if sigma[0] < 1e-9 * size:
        return
    values = singular_values(FORMS[form](A, folder), center=kind)
    np.testing.assert_allclose(values, sigma[: len(values)], atol=ROUNDINGS * size)
    assert np.all(sigma[len(values) :] < ROUNDINGS * size)


@given(*SETTING)
def test_a_flow_is_that_of_the_matrix_centred_by_hand(shape, seed, level, kind):
    A = drawn(shape, seed, min(level, 2.0))
    M = by_hand(A, kind)
    if np.linalg.norm(M) < 1e-6 * np.linalg.norm(A):
        return
    factors = gaussian(np.random.default_rng(seed), shape, 1, 0.1)
    asked = {"rank": 1, "start": "given", "time": 0.5 / np.linalg.norm(M), "points": 3}
    found = study(A, FlowSettings(**asked, center=kind), Factors(*factors))
    alone = study(M, FlowSettings(**asked), Factors(*factors))
    for got, expected in zip(found.flow.scalars, alone.flow.scalars, strict=True):
        for name in ("loss_excess", "gradient_norm", "imbalance"):
            near = {"rel": 1e-6, "abs": 1e-9 * (1 + np.linalg.norm(A) ** 2)}
            assert getattr(got, name) == pytest.approx(getattr(expected, name), **near)
    assert found.uncentered_norm == pytest.approx(np.linalg.norm(A))
    assert alone.uncentered_norm is None
    assert found.formula.startswith("½‖UVᵀ − M‖_F², M = A − ")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("entry", [3.0, 0.1])
def test_where_nothing_but_rounding_is_left_nothing_is_told_of_it(kind, entry):
    A = np.full((6, 4), entry)
    found = prospect(A, center=kind)
    assert (found.numerical_rank, found.suggested_rank, found.suggested_step) == (0, None, None)
    assert found.forecast.schedules == ()
    assert found.reason in ("the matrix is zero", "all of it is rounding")
    for ask in (singular_values, lambda A, center: mfact.flow(A, 1, center=center), mfact.sweep):
        with pytest.raises(DataError, match=r"less its means the matrix is rounding: .* leave"):
            ask(A, center=kind)


def test_a_mean_hides_digits_and_they_are_not_told():
    rng = np.random.default_rng(7)
    rest = np.outer(rng.standard_normal(60), rng.standard_normal(40))
    faint = 1e-11 * np.outer(rng.standard_normal(60), rng.standard_normal(40))
    assert inspect_matrix(rest + faint).numerical_rank == 2
    found = inspect_matrix(1e6 + rest + faint, center="mean")
    assert found.numerical_rank == inspect_matrix(1e6 + rest, center="mean").numerical_rank
    assert found.rank_tolerance > 1e-11 * np.linalg.svd(faint * 1e11, compute_uv=False)[0]


@pytest.mark.parametrize("plan", [partial(plan_inspection, leading=5), plan_sweep])
def test_empty_rows_and_columns_are_read_where_means_are_taken_off(plan, folder):
    A = np.zeros((40, 30))
    A[3, 4], A[20, 7] = 5.0, 2.0
    source = filed(A, folder, sparse=True)
    M, alone = (plan(source, center=kind) for kind in ("columns", "none"))
    assert M.matrix.target().held.shape == (40, 30)
    assert alone.matrix.target().held.shape == (2, 2)
    found = inspect_matrix(M.matrix, center="columns")
    sigma = np.linalg.svd(by_hand(A, "columns"), compute_uv=False)
    np.testing.assert_allclose(found.singular_values, sigma, atol=1e-13)


@pytest.mark.slow
def test_a_very_sparse_matrix_is_not_filled_in(monkeypatch):
    rng, size, count = np.random.default_rng(3), 100_000, 200_000
    places = (rng.integers(0, size, count), rng.integers(0, size, count))
    A = csr_array((rng.random(count) + 1, places), shape=(size, size))
    monkeypatch.setattr(SparseTarget, "slices", None)
    found = inspect_matrix(A, leading=3, center="columns")
    less = np.asarray(A.mean(axis=0)).ravel()
    squares = A.multiply(A).sum() - size * np.sum(less**2)
    assert found.norm == pytest.approx(np.sqrt(squares), rel=1e-12)
    assert found.shape == (size, size)
    assert found.nonzeros == A.nnz
