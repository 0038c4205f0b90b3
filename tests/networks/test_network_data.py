"""Points and targets: from files of every kind, generated, and held against the loss."""

import re

import h5py
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from mfact.errors import DataError, MemoryPlanError, MfactError, SettingsError
from mfact.matrices import sparse
from mfact.matrices.missing import NotFinite
from mfact.networks.data import checked, generated, open_points

RNG = np.random.default_rng(0)
IMAGES, VALUES = RNG.random((5, 2, 3, 4)), RNG.random((5, 3))
LABELS = np.array([0, 2, 1, 2, 0])


def read_points(X, Y, loss, outputs, dtype="float64", **how):
    return open_points(X, Y, **how).read(loss, outputs, dtype)


def _save(folder, **arrays):
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return [str(folder / f"{name}.npy") for name in arrays]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_images_and_values(dtype, tmp_path):
    X, Y = _save(tmp_path, X=np.asfortranarray(IMAGES), Y=np.asfortranarray(VALUES))
    files = open_points(X, Y)
    assert (files.count, files.inputs) == (5, 24)
    for array, truth in zip(
        files.read("squared", 3, dtype), (IMAGES.reshape(5, 24), VALUES), strict=True
    ):
        assert array.flags.c_contiguous
        assert array.dtype == dtype
        np.testing.assert_array_equal(array, truth.astype(dtype))


@pytest.mark.parametrize("Y", [LABELS, LABELS[:, None], LABELS.astype("f4"), LABELS.astype("u1")])
def test_labels_of_classes_are_integers_of_one_dimension(Y, tmp_path):
    _, labels = read_points(*_save(tmp_path, X=IMAGES, Y=Y), "softmax", 3, dtype="float32")
    assert (labels.dtype, labels.shape) == (np.int64, (5,))
    np.testing.assert_array_equal(labels, LABELS)


@pytest.mark.parametrize("Y", [VALUES, LABELS])
def test_points_in_columns(Y, tmp_path):
    X = RNG.random((5, 7))
    loss, outputs = ("squared", 3) if Y.ndim == 2 else ("softmax", 3)
    files = open_points(*_save(tmp_path, X=X.T, Y=Y.T), columns=True)
    assert (files.count, files.inputs) == (5, 7)
    for array, truth in zip(files.read(loss, outputs), (X, Y), strict=True):
        assert array.flags.c_contiguous
        np.testing.assert_array_equal(array, truth)


def test_images_in_columns_are_refused_for_none_could_say_which_way_they_are_folded(tmp_path):
    with pytest.raises(DataError, match=r"X\.npy is 4-D"):
        open_points(*_save(tmp_path, X=IMAGES, Y=VALUES), columns=True)


def test_two_datasets_of_one_file_and_a_sparse_one(tmp_path):
    file, S = tmp_path / "D.h5", scipy.sparse.random_array((5, 8), density=0.4, rng=0)
    with h5py.File(file, "w") as stream:
        stream["images"], stream["labels"] = IMAGES, LABELS
    scipy.sparse.save_npz(tmp_path / "S.npz", S.tocsc())
    X, Y = read_points(f"{file}:/images", f"{file}::/labels", "softmax", 3)
    np.testing.assert_array_equal(X, IMAGES.reshape(5, 24))
    np.testing.assert_array_equal(Y, LABELS)
    X, _ = read_points(str(tmp_path / "S.npz"), f"{file}:/labels", "softmax", 3)
    np.testing.assert_array_equal(X, S.toarray())
    assert X.flags.c_contiguous


def test_a_sparse_matrix_that_would_not_fit_dense_is_refused(tmp_path, monkeypatch):
    scipy.sparse.save_npz(tmp_path / "S.npz", scipy.sparse.eye_array(5, format="csr"))
    (Y,) = _save(tmp_path, Y=LABELS)

    def refuse(needed, label):
        assert (needed, label) == (8 * 25, "X, which is sparse,")
        raise MemoryPlanError(label)

    monkeypatch.setattr(sparse, "check_fits", refuse)
    with pytest.raises(MemoryPlanError):
        read_points(str(tmp_path / "S.npz"), Y, "softmax", 3)


def test_unequal_lengths_are_refused_before_anything_is_read(tmp_path):
    X = np.full((5, 3), np.nan)  # which reading would refuse
    with pytest.raises(DataError, match=r"X has 5 points, and Y has 4: .*--points columns"):
        read_points(*_save(tmp_path, X=X, Y=VALUES[:4]), "squared", 3)
    with pytest.raises(DataError, match="X has 3 points, and Y has 5"):
        read_points(*_save(tmp_path, X=X, Y=VALUES.T), "squared", 3, columns=True)


SIGNS = np.where(VALUES > 0.5, 1, -1)
REFUSED = [
    ("squared", 2, IMAGES, VALUES, DataError, "Y is 5×3, .* are 2: end the layers with 3"),
    ("squared", 3, IMAGES, LABELS, DataError, "Y is 5×1, .* are 3: .*--loss softmax"),
    ("squared", 3, IMAGES, VALUES[:4], DataError, "X has 5 points, and Y has 4"),
    ("squared", 3, np.where(IMAGES.sum((1, 2, 3), keepdims=True) > 12, np.inf, IMAGES), VALUES,
     NotFinite, "X has .* values that are not finite, in . of 5 rows and 24 of 24 columns; the "
     "first is inf, at row .* leave the . points that have them out of X and Y alike"),
    ("squared", 3, IMAGES + np.nan, VALUES, NotFinite, "first, for no point is whole"),
    ("squared", 3, IMAGES, np.where(np.eye(5, 3), np.nan, VALUES), NotFinite,
     "Y has 3 values that are not finite, in 3 of 5 rows and 3 of 3 columns; the first is nan, at "
     r"row 0, column 0 \(counted from 0\): fill .* leave the 3 points that have them out of X and"),
    ("squared", 3, IMAGES + 0j, VALUES, DataError, "X holds complex numbers"),
    ("squared", 3, IMAGES, VALUES.astype(str), DataError, "Y holds strings"),
    ("squared", 3, [[1.0], [1.0, 2.0]], VALUES, DataError, "X is no array"),
    ("squared", 3, 1.0, VALUES, DataError, "X is 0-D"),
    ("squared", 3, np.ones((0, 3)), VALUES, DataError, "X is empty"),
    ("logistic", 3, IMAGES, SIGNS > 0, DataError, "labels 0 and 1, .*: give 2Y − 1"),
    ("logistic", 3, IMAGES, 2 * SIGNS, DataError, "Y has -?2 at row 0, column 0 .* are −1 and 1"),
    ("logistic", 3, IMAGES, 0 * SIGNS, DataError, "give 2Y − 1"),
    ("logistic", 1, IMAGES, SIGNS, DataError, "Y is 5×3, .* are 1"),
    ("softmax", 2, IMAGES, LABELS, DataError,
     "Y has 2 at point 1 .*, and the classes of 2 outputs are 0 … 1: .* end the layers with 3"),
    ("softmax", 3, IMAGES, LABELS - 1, DataError, "Y has -1 at point 0 .*: number them so$"),
    ("softmax", 3, IMAGES, LABELS / 2, DataError, "Y has 0.5 at point 2"),
    ("softmax", 3, IMAGES, np.eye(3)[LABELS], DataError,
     r"Y is 5×3, .* one label for each point: .* as Y.argmax\(axis=1\)"),
    ("softmax", 1, IMAGES, 0 * LABELS, SettingsError, "always 1: .*--loss logistic"),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "outputs", "X", "Y", "kind", "pattern"), REFUSED)
def test_what_is_refused(loss, outputs, X, Y, kind, pattern):
    with pytest.raises(MfactError) as caught:
        checked(X, Y, loss, outputs)
    assert type(caught.value) is kind
    assert caught.value.way_out
    assert str(caught.value).isprintable()
    assert re.search(pattern, str(caught.value)), str(caught.value)


@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("which", ["X", "Y"])
def test_points_without_what_is_missing_are_taken(columns, which, tmp_path):
    arrays = {"X": RNG.random((5, 7)), "Y": VALUES.copy()}
    arrays[which][3, 1] = np.nan

    def read():
        turned = {name: array.T if columns else array for name, array in arrays.items()}
        return read_points(*_save(tmp_path, **turned), "squared", 3, columns=columns)

    place = "row 1, column 3" if columns else "row 3, column 1"
    with pytest.raises(NotFinite, match=f"not finite, nan, at {place} .*: fill missing values "
                       "first, or leave the point that has them out of X and Y alike"):  # fmt: skip
        read()
    arrays = {name: np.delete(array, 3, axis=0) for name, array in arrays.items()}
    np.testing.assert_array_equal(read().X, arrays["X"])


def test_the_ways_out_of_labels_work():
    found = checked(IMAGES, 2 * (SIGNS > 0) - 1, "logistic", 3)
    np.testing.assert_array_equal(found.Y, SIGNS)
    np.testing.assert_array_equal(checked(IMAGES, LABELS, "softmax", 3).Y, LABELS)


def test_arrays_that_are_right_already_are_not_copied():
    X, Y = np.ones((4, 3)), np.ones((4, 2))
    found = checked(X, Y, "squared", 2)
    assert found.X is X or np.shares_memory(found.X, X)
    assert np.shares_memory(found.Y, Y)


def test_sparse_arrays_are_taken_too():
    S = scipy.sparse.random_array((5, 8), density=0.4, rng=0, format="csr")
    np.testing.assert_array_equal(checked(S, LABELS, "softmax", 3).X, S.toarray())


def test_a_value_that_float32_cannot_hold_is_named():
    with pytest.raises(DataError, match=r"X has 1e\+60 at row 1, column 0 .*, which overflows"):
        checked([[0.0], [1e60]], [0, 1], "squared", 1, "float32")


SIZES = {"points": 4000, "inputs": 30, "outputs": 4, "seed": 3}


@pytest.mark.parametrize(
    ("kind", "variance", "largest"), [("uniform", 1 / 12, 0.5), ("gaussian", 1.0, np.inf)]
)
@pytest.mark.parametrize("targets", ["gaussian", "linear", "network"])
def test_generated_points_have_the_moments_they_are_said_to_have(kind, variance, largest, targets):
    X, Y = generated(kind, targets, 3.0, loss="squared", **SIZES)
    assert (X.shape, Y.shape) == ((4000, 30), (4000, 4))
    # Means of 120,000 entries: five of their standard deviations, 1/√120,000 each, times √2.
    assert abs(X.mean()) < 0.02
    assert X.var() == pytest.approx(variance, rel=0.025)
    assert np.abs(X).max() <= largest
    # The variance over points of one drawn map, whose own spread is 1/√(30·4/2) for the linear one.
    expected = 9 * (1 if targets == "gaussian" else variance)
    assert np.square(Y).mean() == pytest.approx(expected, rel=0.5)
    if targets == "linear":
        assert np.linalg.matrix_rank(np.hstack([X, Y])) == 30
    elif targets == "network":
        assert np.linalg.matrix_rank(np.hstack([X, Y])) == 34


@given(
    kind=st.sampled_from(["uniform", "gaussian"]),
    targets=st.sampled_from(["gaussian", "linear", "network"]),
    seed=st.integers(0, 2**128 - 1),
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(2, 5)),
)
def test_the_same_seed_gives_the_same_points_whatever_the_targets(kind, targets, seed, sizes):
    X, Y = generated(kind, targets, 1.0, *sizes, seed, "squared")
    again = generated(kind, targets, 1.0, *sizes, seed, "squared")
    np.testing.assert_array_equal(again.X, X)
    np.testing.assert_array_equal(again.Y, Y)
    other = generated(kind, "gaussian", 2.0, *sizes, seed, "logistic")
    np.testing.assert_array_equal(other.X, X)
    assert not np.array_equal(generated(kind, targets, 1.0, *sizes, seed + 1, "squared").X, X)
    np.testing.assert_array_equal(
        generated(kind, targets, 2.0, *sizes, seed, "logistic").Y, np.where(Y < 0, -1, 1)
    )
    labels = generated(kind, targets, 2.0, *sizes, seed, "softmax").Y
    np.testing.assert_array_equal(labels, Y.argmax(axis=1))
    single = generated(kind, targets, 1.0, *sizes, seed, "squared", "float32")
    np.testing.assert_array_equal(single.X, X.astype("f4"))
    np.testing.assert_array_equal(single.Y, Y.astype("f4"))


def test_points_that_would_not_fit_are_refused_before_they_are_drawn():
    with pytest.raises(MemoryPlanError, match="1000000000 points of 1000000 features needs"):
        generated("uniform", "gaussian", 1.0, 10**9, 10**6, 10, 0, "squared")
