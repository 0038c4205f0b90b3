"""The centring estimator in the ways of scikit-learn: searched, cloned, refused, asked too much."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from matrices import noisy
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mfact.sklearn import MatrixFactorization
from mfact.words.foreign import OPTIONS, way_out

CENTERS = ("none", "mean", "columns", "rows")
PLANTED = noisy(np.random.default_rng(0), (30, 12), [9.0, 6.0, 4.0], 0.01)
X = PLANTED + 3.0 + np.arange(12.0)


@pytest.fixture(scope="module")
def by_rows():
    return MatrixFactorization(3, center="rows", random_state=0).fit(X)


def test_of_rows_the_samples_come_back_without_their_means(by_rows):
    means = X.mean(axis=1, keepdims=True)
    back = by_rows.inverse_transform(by_rows.transform(X))
    left = np.linalg.norm(X - means - back)
    assert left == pytest.approx(by_rows.reconstruction_err_, rel=1e-6)
    np.testing.assert_allclose(back.mean(axis=1), 0.0, atol=1e-4)
    np.testing.assert_allclose(by_rows.result_.record.mean, means[:, 0], rtol=1e-14)
    moved = X + np.arange(30.0)[:, None]  # each by its own: nothing else is new
    np.testing.assert_allclose(by_rows.transform(moved), by_rows.transform(X), atol=1e-12)


def test_a_fit_stands_until_the_next(by_rows):
    model = clone(by_rows).fit(X)
    model.set_params(center="columns")
    np.testing.assert_array_equal(model.transform(X), by_rows.transform(X))
    assert model.score(X) == by_rows.score(X)
    model.fit(X)
    np.testing.assert_allclose(model.mean_, X.mean(axis=0), rtol=1e-14)


@pytest.mark.parametrize("center", CENTERS)
def test_it_is_cloned_pickled_and_repeats(center):
    model = MatrixFactorization(3, center=center, random_state=0).fit(X)
    assert model.get_params()["center"] == clone(model).get_params()["center"] == center
    again, back = clone(model).fit(X), pickle.loads(pickle.dumps(model))
    for other in (again, back):
        np.testing.assert_array_equal(other.transform(X), model.transform(X))
        assert other.score(X) == model.score(X)
        np.testing.assert_array_equal(other.singular_values_, model.singular_values_)


def test_the_center_is_searched_and_set_in_pipelines():
    planted = np.linalg.svd(PLANTED)[2][:3]
    beside = np.linalg.svd(planted)[2][3:].sum(axis=0)  # the means, orthogonal to what is planted
    y = PLANTED @ planted[2]
    steps = make_pipeline(MatrixFactorization(3, random_state=0), LinearRegression())
    asked = {"matrixfactorization__center": list(CENTERS)}
    search = GridSearchCV(steps, asked, cv=3, error_score="raise").fit(PLANTED + 10 * beside, y)
    # Of three components one goes to the means where these are not taken off.
    assert search.best_params_ == {"matrixfactorization__center": "columns"}
    assert search.best_score_ > 0.999
    assert search.cv_results_["mean_test_score"][0] < 0.5


def test_centred_columns_are_those_of_a_scaler_before():
    scaled = make_pipeline(
        StandardScaler(with_std=False), MatrixFactorization(3, tol=1e-14, random_state=0)
    ).fit(X)
    model = MatrixFactorization(3, center="columns", tol=1e-14, random_state=0).fit(X)
    ours, theirs = (each.inverse_transform(each.transform(X)) for each in (model, scaled))
    np.testing.assert_allclose(ours, theirs, atol=1e-8)


def test_frames_and_the_names_of_features():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=[f"month {i}" for i in range(12)])
    model = MatrixFactorization(3, center="columns", random_state=0).fit(frame)
    names = [f"matrixfactorization{i}" for i in range(3)]
    assert list(model.get_feature_names_out()) == names
    assert list(model.feature_names_in_) == list(frame.columns)
    given = model.set_output(transform="pandas").transform(frame)
    assert list(given.columns) == names
    np.testing.assert_allclose(model.mean_, frame.mean().to_numpy(), rtol=1e-14)


@pytest.mark.parametrize("center", CENTERS[1:])
def test_where_nothing_but_rounding_is_left_all_of_it_is_explained(center):
    model = MatrixFactorization(3, center=center, random_state=0).fit(X)
    row = {"mean": np.full(12, X.mean()), "columns": model.mean_, "rows": np.full(12, 0.1)}
    new = np.tile(row[center], (4, 1))
    assert model.score(new) == 1.0
    assert model.score(new + 1e-3 * np.random.default_rng(1).standard_normal(new.shape)) < 1.0


def test_a_run_that_diverges_tells_what_it_has():
    model = MatrixFactorization(2, center="columns", schedule="constant", step_size=1.0)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        model.set_params(random_state=0).fit(X)
    product = np.linalg.svd(model.result_.U @ model.components_, compute_uv=False)[:2]
    np.testing.assert_allclose(model.singular_values_, product, rtol=1e-9)
    ratios = (product / np.linalg.norm(X - X.mean(axis=0))) ** 2
    np.testing.assert_allclose(model.explained_variance_ratio_, ratios, rtol=1e-9)


@pytest.mark.parametrize(
    ("center", "data", "sentence"),
    [
        ("cols", X, "center is 'cols': choose one of none, mean, columns, rows"),
        (None, X, "center is None: choose one of none, mean, columns, rows"),
        (["mean"], X, r"center is \['mean'\]: choose one of none, mean, columns, rows"),
        ("columns", X[:1], r"1 sample\(s\) .* a minimum of 2 is required"),
        ("rows", X[:, :1], r"1 feature\(s\) .* a minimum of 2 is required"),
        ("columns", np.tile(X[0], (5, 1)), "less its means the matrix is rounding.* center out"),
        ("rows", np.tile(X[:, :1], 5), "less its means the matrix is rounding.* center out"),
        ("mean", np.full((5, 4), 0.1), "less its means the matrix is rounding.* center out"),
    ],
)
def test_what_cannot_be_centred_is_said_in_its_parameters(center, data, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        MatrixFactorization(1, center=center).fit(data)
    assert "--" not in str(caught.value)
    # The way out of all of these:
    MatrixFactorization(1, random_state=0).fit(data)


def test_one_sample_is_transformed_where_columns_were_centred():
    model = MatrixFactorization(3, center="columns", random_state=0).fit(X)
    np.testing.assert_allclose(model.transform(X[:1]), model.transform(X)[:1], atol=1e-12)


@pytest.mark.parametrize("word", ["with_mean", "zero_center", "centre"])
def test_what_others_call_it_is_known(word):
    assert way_out(word, {"center": "'center'"}, OPTIONS) == "mfact calls it 'center'"
