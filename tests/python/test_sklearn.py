"""The estimator: by the checks of scikit-learn, beside its truncated SVD, and by least squares."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from matrices import noisy, orthonormal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.decomposition import TruncatedSVD
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator

from mfact.core import Outcome
from mfact.sklearn import MatrixFactorization

X = noisy(np.random.default_rng(0), (30, 12), [9.0, 6.0, 4.0], 0.01)
CHECKS = list(estimator_checks_generator(MatrixFactorization()))


@pytest.mark.filterwarnings("ignore")  # the checks fit with few steps, in their own ways
@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_scikit_learn_finds_an_estimator(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def model():
    return MatrixFactorization(3, random_state=0).fit(X)


def test_the_subspace_is_that_of_the_truncated_svd(model):
    svd = TruncatedSVD(3, algorithm="arpack", random_state=0).fit(X)
    ours, theirs = np.linalg.qr(model.components_.T)[0], svd.components_
    np.testing.assert_allclose(np.linalg.svd(theirs @ ours)[1], 1.0, atol=1e-6)
    left = np.linalg.norm(X - svd.inverse_transform(svd.transform(X)))
    assert model.reconstruction_err_ == pytest.approx(left, rel=1e-6)
    assert model.score(X) == pytest.approx(1 - (left / np.linalg.norm(X)) ** 2, abs=1e-9)


def test_it_transforms_by_least_squares(model):
    new = np.random.default_rng(3).standard_normal((5, 12))
    truth = np.linalg.lstsq(model.components_.T, new.T, rcond=None)[0].T
    np.testing.assert_allclose(model.transform(new), truth, atol=1e-12)
    np.testing.assert_allclose(model.inverse_transform(truth), truth @ model.components_)
    left = new - truth @ model.components_
    assert model.score(new) == pytest.approx(1 - np.sum(left**2) / np.sum(new**2))
    assert model.score(np.zeros((2, 12))) == 1.0


def test_a_sparse_matrix_gives_the_same(model):
    sparse = MatrixFactorization(3, random_state=0).fit(csr_array(X))
    np.testing.assert_allclose(sparse.components_, model.components_, atol=1e-8)
    np.testing.assert_allclose(sparse.transform(csr_array(X)), model.transform(X), atol=1e-8)
    assert sparse.score(csr_array(X)) == pytest.approx(model.score(X))


def test_the_fit_is_told(model):
    assert model.result_.outcome is Outcome.GLOBAL_OPTIMUM
    assert model.n_iter_ == model.result_.summary["iterations"] > 0
    assert (model.n_features_in_, model.components_.shape) == (12, (3, 12))
    np.testing.assert_array_equal(model.components_, model.result_.V.T)
    with pytest.raises(NotFittedError):
        MatrixFactorization().transform(X)


def test_it_is_cloned_pickled_and_repeats(model):
    again = clone(model).fit(X)
    np.testing.assert_array_equal(again.components_, model.components_)
    back = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(back.transform(X), model.transform(X))
    drawn = [MatrixFactorization(3, random_state=np.random.RandomState(5)).fit(X) for _ in "ab"]
    np.testing.assert_array_equal(drawn[0].components_, drawn[1].components_)


def test_it_works_in_pipelines_searches_and_frames(model):
    y = X @ np.arange(12.0)
    piped = make_pipeline(MatrixFactorization(3, random_state=0), LinearRegression()).fit(X, y)
    assert piped.score(X, y) > 0.99
    search = GridSearchCV(
        MatrixFactorization(random_state=0), {"n_components": [1, 2, 3]}, cv=3
    ).fit(X)
    assert search.best_params_ == {"n_components": 3}
    frame = clone(model).set_output(transform="pandas").fit_transform(X)
    assert list(frame.columns) == [f"matrixfactorization{i}" for i in range(3)]
    np.testing.assert_allclose(frame, model.transform(X))


def test_a_limit_warns_as_scikit_learn_does():
    with pytest.warns(
        ConvergenceWarning, match=r"max_iter is 3; .* raise it, or loosen tol"
    ) as caught:
        MatrixFactorization(3, max_iter=3, random_state=0).fit(X)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"n_components": 13}, r"above min\(d1, d2\) = 12, M is 30×12: pass n_components=12"),
        ({"n_components": 0}, "n_components is 0"),
        ({"random_state": -1}, "random_state is -1"),
        ({"init": "nndsvd"}, "init nndsvd is neither one of gaussian"),
        ({"schedule": "cosine"}, "schedule is 'cosine'"),
        ({"schedule": "theorem-3.1", "step_size": 0.1}, "step_size has no meaning with schedule="),
    ],
)
def test_what_cannot_run_is_said_in_its_parameters(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        MatrixFactorization(**options).fit(X)


def test_orthogonal_data_keep_their_span():
    planted = orthonormal(np.random.default_rng(1), 9, 2).T
    data = np.random.default_rng(2).standard_normal((20, 2)) @ planted
    fitted = MatrixFactorization(2, random_state=0).fit(data)
    np.testing.assert_allclose(fitted.inverse_transform(fitted.transform(data)), data, atol=1e-4)


def test_another_method_finds_the_same_in_other_steps(model):
    other = MatrixFactorization(3, method="scaled", random_state=0).fit(X)
    assert other.result_.outcome is Outcome.GLOBAL_OPTIMUM
    assert "log_det_drift" in other.result_.trace
    assert other.n_iter_ < model.n_iter_
    np.testing.assert_allclose(other.singular_values_, model.singular_values_, rtol=1e-5)
    with pytest.raises(ValueError, match="method is 'sgd': mfact calls it 'gradient-descent'"):
        MatrixFactorization(3, method="sgd").fit(X)
