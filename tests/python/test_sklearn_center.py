"""The estimator less means: beside the PCA of scikit-learn, and what is centred by hand."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import holed, noisy
from scipy.sparse import csr_array, csr_matrix, issparse, random_array
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import estimator_checks_generator

from mfact.sklearn import MatrixFactorization

CENTERS = ("none", "mean", "columns", "rows")
EPS = np.finfo(float).eps
PLANTED = noisy(np.random.default_rng(0), (30, 12), [9.0, 6.0, 4.0], 0.01)
X = PLANTED + 3.0 + np.arange(12.0)
CHECKS = [
    each
    for center in CENTERS[1:]
    for each in estimator_checks_generator(MatrixFactorization(center=center))
]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the checks fit with few steps, in their own ways
@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_scikit_learn_finds_an_estimator_of_each_center(estimator, check):
    check(estimator)


@pytest.fixture(scope="module", params=CENTERS)
def model(request):
    return MatrixFactorization(3, center=request.param, random_state=0).fit(X)


def taken(data, fitted, center):
    """What comes off these data: all means but those of rows are of what was fitted."""
    if center == "rows":
        return data.mean(axis=1, keepdims=True)
    return {"none": 0.0, "mean": fitted.mean(), "columns": fitted.mean(axis=0)}[center]


@pytest.mark.parametrize("offset", [0.0, 1.0, 1e6])
def test_it_is_the_pca_where_columns_are_centred(offset):
    data = PLANTED + offset * (1 + np.arange(12.0) / 12)
    pca = PCA(3, svd_solver="full").fit(data)
    model = MatrixFactorization(3, center="columns", tol=1e-14, random_state=0).fit(data)
    known = 1e-12 + EPS * np.linalg.norm(data) / 4.0  # of σ₃ = 4
    ratios, values = model.explained_variance_ratio_, model.singular_values_
    np.testing.assert_allclose(ratios, pca.explained_variance_ratio_, rtol=known)
    np.testing.assert_allclose(values, pca.singular_values_, rtol=known)
    np.testing.assert_allclose(model.mean_, pca.mean_, rtol=8 * EPS, atol=EPS)
    assert model.score(data) == pytest.approx(float(np.sum(ratios)), abs=known)
    theirs = pca.inverse_transform(pca.transform(data))
    ours = model.inverse_transform(model.transform(data))
    np.testing.assert_allclose(ours, theirs, atol=1e-8 + 4 * EPS * offset)
    left = np.linalg.norm(data - theirs)
    assert model.reconstruction_err_ == pytest.approx(left, abs=1e-10 + 30 * EPS * offset)


def test_what_each_component_explains_is_told_of_what_is_centred(model):
    centred = X - taken(X, X, model.center)
    sigma = np.linalg.svd(centred, compute_uv=False)[:3]
    np.testing.assert_allclose(model.singular_values_, sigma, rtol=1e-7)
    shares = sigma**2 / np.sum(centred**2)
    np.testing.assert_allclose(model.explained_variance_ratio_, shares, rtol=1e-7)
    assert model.score(X) == pytest.approx(float(np.sum(shares)), abs=1e-9)
    if model.center == "none":
        theirs = TruncatedSVD(3, algorithm="arpack", random_state=0).fit(X).singular_values_
        np.testing.assert_allclose(model.singular_values_, theirs, rtol=1e-7)


def test_what_was_taken_off_is_told(model):
    found = {"none": None, "mean": [np.mean(X)], "columns": np.mean(X, axis=0), "rows": None}
    expected = found[model.center]
    if expected is None:
        assert model.mean_ is None
    else:
        np.testing.assert_allclose(model.mean_, expected, rtol=1e-14)
    assert model.result_.problem.get("center", "none") == model.center
    assert (model.n_components_, len(model.explained_variance_ratio_)) == (3, 3)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@given(
    st.tuples(st.integers(2, 14), st.integers(2, 11)),
    st.sampled_from(CENTERS),
    st.sampled_from([0.0, 1.0, 1e6]),
    st.sampled_from([np.asarray, csr_array, csr_matrix]),
    st.integers(0, 2**32 - 1),
)
def test_new_samples_are_those_centred_by_hand(shape, center, offset, form, seed):
    rng = np.random.default_rng(seed)
    data, new = (holed(rng, (n, shape[1])) for n in (shape[0], 5))
    data[data != 0] += offset
    new[new != 0] += offset
    data[:2, :2] = offset + np.eye(2)  # so that more than rounding is left
    rank = int(rng.integers(1, min(shape), endpoint=True))
    options = {"center": center, "max_iter": 20, "random_state": 0}
    model = MatrixFactorization(rank, **options).fit(form(data))
    V, given_as, kept = model.components_.T, form(new), new.copy()
    less = new - taken(new, data, center)
    truth = np.linalg.lstsq(V, less.T, rcond=None)[0].T
    # Products of the whole are rounded by its size, the means of the fit by theirs.
    size = np.linalg.norm(new) + np.linalg.norm(data)
    off = 64 * EPS * size * np.linalg.norm(np.linalg.pinv(V)) * np.linalg.cond(V)
    found = model.transform(given_as)
    np.testing.assert_allclose(found, truth, atol=off)
    mean = 0.0 if center == "rows" else taken(new, data, center)
    given_back = found @ V.T + mean
    np.testing.assert_allclose(
        model.inverse_transform(found), given_back, atol=16 * EPS * np.abs(given_back).max()
    )
    left, norm = np.linalg.norm(less - truth @ V.T), np.linalg.norm(less)
    wrong = (off * np.linalg.norm(V) + 64 * EPS * size) / norm
    share = pytest.approx(1 - (left / norm) ** 2, abs=4 * wrong * (1 + wrong))
    assert model.score(given_as) == share
    product = np.linalg.svd(model.result_.U @ V.T, compute_uv=False)[:rank]
    values = model.singular_values_
    np.testing.assert_allclose(values, product, atol=64 * EPS * product[0])
    own = np.linalg.norm(data - taken(data, data, center))
    shares = model.explained_variance_ratio_
    np.testing.assert_allclose(shares, (values / own) ** 2, rtol=64 * EPS * (1 + size / own))
    assert abs(given_as - kept).max() == 0


@pytest.mark.parametrize("center", CENTERS)
def test_a_sparse_matrix_gives_the_same_less_its_means(center):
    data = holed(np.random.default_rng(5), (30, 12)) + 0.0
    dense, sparse = (
        MatrixFactorization(2, center=center, random_state=0).fit(form(data))
        for form in (np.asarray, csr_array)
    )
    np.testing.assert_allclose(sparse.components_, dense.components_, atol=1e-8)
    np.testing.assert_allclose(sparse.transform(csr_array(data)), dense.transform(data), atol=1e-8)
    assert sparse.score(csr_array(data)) == pytest.approx(dense.score(data))


@pytest.mark.slow
@pytest.mark.parametrize("center", CENTERS[1:])
def test_a_sparse_matrix_is_not_filled_in(center):
    data = random_array((20_000, 10_000), density=2e-4, random_state=np.random.default_rng(1))
    data = csr_array(data)
    model = MatrixFactorization(2, center=center, max_iter=5, random_state=0)
    tracemalloc.start()
    with pytest.warns(ConvergenceWarning):
        model.fit(data)
    assert model.transform(data).shape == (20_000, 2)
    assert 0 < model.score(data) < 1
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert issparse(data)
    assert peak < 100e6  # and 1600 MB it would be
