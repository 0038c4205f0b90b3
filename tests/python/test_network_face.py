"""mfact.network: networks from Python, from arrays and files, saved, loaded and gone on with."""

from __future__ import annotations

import numpy as np
import pytest

import mfact
from mfact.core import Outcome
from mfact.errors import ConvergenceWarning, MfactError
from mfact.networks.activations import Relu
from mfact.networks.architecture import Architecture
from mfact.networks.layers import Conv, Dense, Flatten

rng = np.random.default_rng(0)
X, Y = rng.standard_normal((30, 6)), rng.standard_normal((30, 2))
ASKED = {"step_size": 0.05, "max_iter": 60, "seed": 0, "start": "xavier"}
RESULT = mfact.network(X, Y, "4rb-3-2", **ASKED)


def same(one, other):
    assert one.weights.keys() == other.weights.keys()
    for name, W in one.weights.items():
        assert np.array_equal(W, other.weights[name]), name


def test_a_result_shows_itself_in_a_few_lines_and_has_its_parts():
    lines = repr(RESULT).splitlines()
    assert lines[0] == "NetworkResult: took all its steps"
    assert lines[2] == "  step 60; 3 layers, 46 parameters"
    assert lines[3].startswith(f"  loss {RESULT.summary['loss']:.4g}, gradient norm ")
    assert RESULT.outcome is Outcome.COMPLETED
    assert RESULT.message == "max_iter is 60, and no tolerance was asked for"
    assert list(RESULT.weights) == ["W/1", "b/1", "W/2", "W/3"]
    assert RESULT.neurons["1/in"].shape == (len(RESULT.neurons["step"]), 4)
    assert len(RESULT.trace["loss"]) == 61


def test_the_numbers_are_those_of_the_weights():
    W1, b1, W2, W3 = RESULT.weights.values()
    f = np.maximum(X @ W1.T + b1, 0) @ W2.T @ W3.T
    # Rounding of sums of a few dozen terms.
    assert RESULT.summary["loss"] == pytest.approx(
        0.5 * np.mean(np.sum((f - Y) ** 2, 1)), rel=1e-13
    )
    into = np.sum(W1**2, 1) + b1**2
    np.testing.assert_allclose(RESULT.neurons["1/in"][-1], into, rtol=1e-14)
    np.testing.assert_allclose(RESULT.neurons["1/out"][-1], np.sum(W2**2, 0), rtol=1e-14)


def test_it_is_saved_and_loaded_as_it_was(tmp_path):
    RESULT.save(tmp_path / "n.h5")
    back = mfact.load(tmp_path / "n.h5")
    assert isinstance(back, mfact.NetworkResult)
    assert repr(back) == repr(RESULT)
    same(back, RESULT)


def test_layers_may_be_text_a_file_objects_or_a_network(tmp_path):
    layers = [Dense(4, Relu(), bias=True), Dense(3), Dense(2)]
    path = tmp_path / "net.toml"
    path.write_text(
        '[[layer]]\nunits = 4\nactivation = "relu"\nbias = true\n'
        "[[layer]]\nunits = 3\n[[layer]]\nunits = 2\n",
        encoding="utf-8",
    )
    for given in (layers, Architecture.of(layers, (6,)), path):
        same(mfact.network(X, Y, given, **ASKED), RESULT)


def test_images_are_points_of_their_shape():
    images = rng.standard_normal((8, 2, 4, 4))
    layers = [Conv(3, (3, 3), activation=Relu()), Flatten(), Dense(2)]
    made = mfact.network(images, Y[:8], layers, step_size=0.01, max_iter=3, seed=0)
    assert made.weights["W/1"].shape == (3, 2, 3, 3)


@pytest.mark.parametrize("named", [False, True])
def test_a_start_of_arrays_is_where_the_run_begins(named):
    start = dict(RESULT.start) if named else list(RESULT.start.values())
    made = mfact.network(X, Y, "4rb-3-2", **{**ASKED, "start": start})
    same(made, RESULT)
    assert made.settings["start"] == {"value": "given", "source": "arrays"}


def test_a_start_of_a_run_file_goes_on_from_its_end(tmp_path):
    RESULT.save(tmp_path / "n.h5")
    made = mfact.network(X, Y, "4rb-3-2", **{**ASKED, "start": tmp_path / "n.h5", "max_iter": 0})
    same(made, RESULT)


def test_points_are_read_from_files_in_rows_or_columns(tmp_path):
    for name, each in {"x": X, "y": Y, "xt": X.T, "yt": Y.T}.items():
        np.save(tmp_path / f"{name}.npy", each)
    read = mfact.network(tmp_path / "x.npy", tmp_path / "y.npy", "4rb-3-2", **ASKED)
    same(read, RESULT)
    assert read.problem["x"]["path"] == str(tmp_path / "x.npy")
    turned = mfact.network(
        tmp_path / "xt.npy", tmp_path / "yt.npy", "4rb-3-2", points="columns", **ASKED
    )
    same(turned, RESULT)
    same(mfact.network(X.T, Y.T, "4rb-3-2", points="columns", **ASKED), RESULT)


def test_points_are_generated():
    made = mfact.network(layers="5:3r-2", data="uniform", points_count=9, **ASKED)
    assert made.problem["points"] == 9
    assert made.problem["fingerprint"]["shape"] == [9, 5]


@pytest.mark.parametrize("generated", [False, True])
def test_a_run_that_was_cut_goes_on_as_if_it_was_not(tmp_path, generated):
    path = tmp_path / "c.h5"
    points = {"data": "gaussian", "points_count": 30, "inputs": 6} if generated else {}
    given = (None, None) if generated else (X, Y)
    whole = mfact.network(*given, "4rb-3-2", **points, **ASKED)
    with pytest.warns(ConvergenceWarning):  # a limit before the tolerance
        mfact.network(
            *given, "4rb-3-2", **points, **{**ASKED, "max_iter": 30, "tol_loss": 1e-30},
            checkpoint=path,
        )  # fmt: skip
    with pytest.warns(ConvergenceWarning):
        made = mfact.resume(path, *given, max_iter=60)
    assert isinstance(made, mfact.NetworkResult)
    same(made, whole)
    if not generated:
        with pytest.raises(MfactError, match=r"in Python, with mfact\.resume"):
            mfact.resume(path, max_iter=60)
        with pytest.raises(MfactError, match="from other points: their numbers differ"):
            mfact.resume(path, X + 1, Y, max_iter=60)


def test_an_end_that_is_none_is_warned_of():
    with pytest.warns(ConvergenceWarning, match=r"diverged: .*use .*step_size"):
        mfact.network(X, Y, "4rb-3-2", **{**ASKED, "step_size": 1e3})


REFUSED = {
    "layers is not given": {"layers": None},
    'step_size is not given': {"step_size": None},
    "X and Y are not both given": {"Y": None},
    'X and Y are given, and data="uniform" would generate them': {"data": "uniform"},
    "one of X and Y is a path": {"X": "x.npy"},
    "layers has a int among its layers": {"layers": [4, 2]},
    "X has 30 points, and Y has 29": {"Y": Y[:29]},
    "the network takes points of 7 features, and X has 6": {
        "layers": Architecture.of([Dense(2), Dense(2)], (7,))
    },
    r"start has 1 arrays, and the network 4: W/1, b/1, W/2, W/3": {"start": [X]},
    "start has 'W/9', and the network no such weights": {"start": {"W/9": X}},
    r"W/1 is 30×6 in the start, and of this network it is 4×6": {"start": [X, Y, X, Y]},
    "W/1 of the start is not finite": {"start": [X * np.nan, Y, X, Y]},
    "b/1 is none in the start": {"start": {"W/1": RESULT.start["W/1"]}},
}  # fmt: skip


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_cannot_run_is_refused_in_the_words_of_python(sentence):
    given = {"X": X, "Y": Y, "layers": "4rb-3-2", **ASKED, **REFUSED[sentence]}
    with pytest.raises(MfactError, match=sentence) as caught:
        mfact.network(**given)
    assert "--" not in str(caught.value)


def test_weights_outside_their_mask_are_refused():
    mask = np.array([[1, 0, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]])
    layers = [Dense(2, Relu(), mask=mask), Dense(2)]
    start = [np.ones((2, 6)), np.ones((2, 2))]
    with pytest.raises(MfactError, match="W/1 is not zero in the start where the mask"):
        mfact.network(X, Y, layers, **{**ASKED, "start": start})
    start[0] *= mask
    made = mfact.network(X, Y, layers, **{**ASKED, "start": start})
    assert made.weights["W/1"][0, 1] == 0


def test_a_flow_is_followed():
    study = mfact.network(X, Y, "4r-2", flow=True, time=0.5, times=3, seed=0, start="xavier")
    assert study.claims[0].name == "theorem-2.1"
    assert {str(claim.verdict) for claim in study.claims} == {"holds"}


def test_a_factorization_has_no_targets(tmp_path):
    M = np.outer([1.0, 2.0], [3.0, 4.0])
    mfact.solve(M, 1, seed=0, checkpoint=tmp_path / "c.h5")
    with pytest.raises(MfactError, match="is of a factorization, which has no targets"):
        mfact.resume(tmp_path / "c.h5", M, M)
