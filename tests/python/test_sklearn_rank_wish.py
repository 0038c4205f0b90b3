"""A number of components that is a share, or found from the gap, beside PCA and NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import noisy
from sklearn.base import clone
from sklearn.decomposition import PCA

from mfact.sklearn import MatrixFactorization

CENTERS = ("none", "mean", "columns", "rows")
PLANTED = noisy(np.random.default_rng(0), (30, 12), [9.0, 6.0, 4.0], 0.01)
X = PLANTED + 3.0 + np.arange(12.0)
LOOSE = {"tol": 1e-2, "random_state": 0}


def fewest(data, share):
    """The fewest components that hold this share of ‖data‖²."""
    energy = np.cumsum(np.linalg.svd(data, compute_uv=False) ** 2)
    return int(np.argmax(energy >= share * energy[-1])) + 1


def less(data, center):
    means = {"mean": data.mean(), "columns": data.mean(axis=0), "none": 0.0}
    return data - (data.mean(axis=1, keepdims=True) if center == "rows" else means[center])


@pytest.mark.slow
@given(
    st.tuples(st.integers(3, 20), st.integers(3, 15)),
    st.sampled_from(CENTERS),
    st.integers(1, 999),
    st.integers(0, 2**32 - 1),
)
def test_a_share_is_held_by_the_fewest_components(shape, center, thousandths, seed):
    data = np.random.default_rng(seed).standard_normal(shape) + 1.0
    share = thousandths / 1000
    model = MatrixFactorization(share, center=center, **LOOSE).fit(data)
    expected = fewest(less(data, center), share)
    assert model.n_components_ == len(model.components_) == expected
    assert model.transform(data).shape == (shape[0], expected)
    if center == "columns":
        assert PCA(share, svd_solver="full").fit(data).n_components_ == expected


@pytest.mark.parametrize(
    ("asked", "wish", "found"),
    [
        (0.95, "95%", 3),
        (np.float64(0.9), "90%", 3),
        (np.float32(0.5), "50%", 1),
        ("95%", "95%", 3),
        ("auto", "auto", 3),
    ],
)
def test_what_was_asked_for_and_what_was_found_are_told(asked, wish, found):
    model = MatrixFactorization(asked, center="columns", random_state=0).fit(X)
    assert model.n_components == asked == clone(model).n_components
    assert model.n_components_ == found
    assert model.result_.settings["rank"]["value"] == wish
    assert model.result_.settings["rank"]["used"] == found
    assert list(model.get_feature_names_out()) == [f"matrixfactorization{i}" for i in range(found)]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (1.0, 'n_components is 1.0: .* a share as "95%", or "auto"'),
        (0.0, "n_components is 0.0: "),
        (1.5, "n_components is 1.5: "),
        ("mle", "n_components is 'mle': "),
        ("auto", 'n_components="auto" finds none: .* use n_components="95%", or a number'),
    ],
)
def test_what_finds_no_number_is_said_in_its_parameters(asked, sentence):
    noise = np.random.default_rng(1).standard_normal((30, 12))
    with pytest.raises(ValueError, match=sentence):
        MatrixFactorization(asked, center="columns", **LOOSE).fit(noise)
    MatrixFactorization("95%", center="columns", **LOOSE).fit(noise)  # the way out
