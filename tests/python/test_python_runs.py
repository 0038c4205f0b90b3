"""Runs from Python: what they are begun with, how they end, how they go on."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from matrices import gaussian, matrix
from scipy.sparse import csr_array

import mfact
from mfact.cli.show import command_line
from mfact.core import Outcome
from mfact.errors import DataError, SettingsError, StorageError
from mfact.matrices.missing import NotFinite
from mfact.run.solve import solve as by_the_library

SIGMA = [4.0, 3.0, 2.0, 0.5]
M, PHI, PSI = matrix(np.random.default_rng(0), (14, 11), SIGMA)
START = tuple(gaussian(np.random.default_rng(1), M.shape, 2, 0.1))
OPTIONS = {"schedule": "constant", "seed": 1}


def best(rank):
    """The best matrix of a rank."""
    return (PHI[:, :rank] * SIGMA[:rank]) @ PSI[:, :rank].T


def test_the_best_matrix_of_the_rank_is_found():
    result = mfact.solve(M, 2, **OPTIONS)
    np.testing.assert_allclose(result.U @ result.V.T, best(2), atol=1e-4)


@pytest.mark.parametrize("kind", ["list", "float32", "sparse", "npy", "npz"])
def test_a_matrix_comes_in_many_ways(kind, tmp_path):
    np.save(tmp_path / "M.npy", M)
    np.savez(tmp_path / "M.npz", A=np.eye(2), M=M)
    given = {"list": M.tolist(), "float32": M.astype("f4"), "sparse": csr_array(M),
             "npy": tmp_path / "M.npy", "npz": str(tmp_path / "M.npz")}[kind]  # fmt: skip
    named = {"dataset": "M"} if kind == "npz" else {}
    result = mfact.solve(given, 2, **named, **OPTIONS)
    np.testing.assert_allclose(result.U @ result.V.T, best(2), atol=1e-4)


def test_a_dataset_is_of_a_file():
    with pytest.raises(SettingsError, match="dataset X is for files"):
        mfact.solve(M, 2, dataset="X")


def test_a_start_of_two_arrays_is_that_of_a_file(tmp_path):
    np.savez(tmp_path / "start.npz", U=START[0], V=START[1])
    given = mfact.solve(M, 2, start=START, schedule="constant")
    read = mfact.solve(M, 2, start=tmp_path / "start.npz", schedule="constant")
    assert np.array_equal(given.U, read.U)
    assert np.array_equal(given.V, read.V)
    assert given.settings["start"] == {"value": "given", "source": "arrays"}


def test_no_command_line_is_told_for_a_start_of_arrays():
    result = mfact.solve(M, 2, start=START, schedule="constant")
    with pytest.raises(SettingsError, match="given in Python, as two arrays, which no flag"):
        command_line(result.record)
    named = mfact.solve(M, 2, schedule="constant", seed=3)
    assert command_line(named.record).endswith("--rank 2 --schedule constant --seed 3")


@pytest.mark.parametrize(
    ("start", "kind", "sentence"),
    [
        ((START[0], START[1][:, :1]), SettingsError, "give factors of that size"),
        (
            (START[0] * np.nan, START[1]),
            NotFinite,
            "U of the start has 28 .*: give numbers$",
        ),
        ((START[0], START[1] + 0j), DataError, "V of the start holds complex numbers"),
        ((START[0], START[1][0]), DataError, "V of the start is 1-D"),
        ((START[0],), SettingsError, "two arrays"),
        (7, SettingsError, "start is a int"),
    ],
)
def test_a_start_that_is_none_is_refused(start, kind, sentence):
    with pytest.raises(kind, match=sentence):
        mfact.solve(M, 2, start=start)


def test_the_start_is_left_as_it_was():
    U, V = (factor.copy() for factor in START)
    mfact.solve(M, 2, start=(U, V), schedule="constant")
    assert np.array_equal(U, START[0])
    assert np.array_equal(V, START[1])


def test_settings_may_be_passed_whole_and_named_options_replace_them():
    settings = mfact.RunSettings(rank=2, schedule="constant", seed=1, tol=1e-3)
    whole = mfact.solve(M, settings)
    again = mfact.solve(M, 2, schedule="constant", seed=1, tol=1e-3)
    assert np.array_equal(whole.U, again.U)
    assert whole.settings["tol"] == again.settings["tol"] == {"value": 1e-3, "source": "argument"}
    assert whole.settings["delta"]["source"] == "default"
    assert mfact.solve(M, settings, tol=1e-6).settings["tol"]["value"] == 1e-6


def test_it_is_the_run_of_the_library_with_its_refusals():
    ours, theirs = mfact.solve(M, 2, **OPTIONS), by_the_library(M, rank=2, **OPTIONS)
    assert np.array_equal(ours.U, theirs.U)
    with pytest.raises(SettingsError, match='delta has no meaning with schedule="constant"'):
        mfact.solve(M, 2, delta=0.1, **OPTIONS)
    with pytest.raises(SettingsError, match="run it all the same with force=True"):
        mfact.solve(M, 2, max_iter=3, **OPTIONS)


def test_observers_see_the_run():
    class Seen:
        steps = 0
        end = None

        def start(self, facts):
            assert facts.rank == 2

        def segment(self, rows):
            self.steps += len(rows["step"])

        def stop(self, result):
            self.end = result.outcome

    seen = Seen()
    result = mfact.solve(M, 2, observers=[seen], **OPTIONS)
    assert (seen.end, seen.steps) == (result.outcome, result.summary["iterations"] + 1)


@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        ({"max_iter": 3, "force": True}, Outcome.ITERATION_LIMIT),
        ({"step_size": 3.0}, Outcome.DIVERGED),
        ({"start": (np.zeros((14, 2)), np.zeros((11, 2)))}, Outcome.SADDLE),
        ({"max_time": 1e-9, "force": True}, Outcome.TIME_LIMIT),
        ({"patience": 1, "tol": 0.0}, Outcome.STALLED),
    ],
)
def test_an_end_that_is_not_good_warns_the_line_that_called(options, outcome):
    given = {"schedule": "constant"} | options
    with pytest.warns(mfact.ConvergenceWarning) as caught:
        result = mfact.solve(M, 2, **given)
    assert result.outcome is outcome
    (warning,) = caught
    assert str(warning.message) == f"{outcome.sentence}: {result.message}"
    assert "--" not in result.message
    assert warning.filename == __file__


def test_a_good_end_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert mfact.solve(M, 2, **OPTIONS).outcome is Outcome.GLOBAL_OPTIMUM


@pytest.mark.parametrize("start", [{"seed": 1}, {"start": START}])
@pytest.mark.parametrize("named", [True, False])
def test_a_run_goes_on_from_its_checkpoint_as_if_never_cut(tmp_path, start, named):
    np.save(tmp_path / "M.npy", M)
    path, given = tmp_path / "c.h5", tmp_path / "M.npy" if named else M
    options = {"schedule": "constant", **start}
    with pytest.warns(mfact.ConvergenceWarning):
        mfact.solve(given, 2, max_iter=20, force=True, checkpoint=str(path), **options)
    whole = mfact.solve(given, 2, **options)
    resumed = mfact.resume(path, None if named else M, max_iter=100_000)
    assert np.array_equal(whole.U, resumed.U)
    assert np.array_equal(whole.V, resumed.V)
    if not named:
        with pytest.raises(SettingsError, match="not on a file: name its matrix with matrix="):
            mfact.resume(path)
    with pytest.raises(StorageError, match="from another matrix"):
        mfact.resume(path, M + 1)


def test_errors_keep_their_kind_and_say_how_from_python(tmp_path):
    np.savez(tmp_path / "a.npz", M=M)
    with pytest.raises(StorageError, match=r"pass a file that mfact\.solve wrote"):
        mfact.load(tmp_path / "a.npz")
    with pytest.raises(SettingsError) as caught:
        mfact.solve(M, 12)
    assert caught.value.way_out == "pass rank=11 or less"
    assert caught.value.__cause__ is None
