"""Matrix files from Python: turned, with their notes as warnings, and their names in the result."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from named_matrix import FORMATS_AND_NAMED, NOTE, write_named

import mfact
from mfact.errors import SettingsError

QUICK = {"schedule": "constant", "seed": 1}
TURNED = r"M is the transpose of what T\.npy holds"
ROWS, COLUMNS = [f"row {i}" for i in range(7)], list("abcde")


@pytest.fixture
def M(tmp_path, monkeypatch):
    """7×5 of rank 2; T.npy with its transpose, and M.named with names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mfact.matrices.formats.FORMATS", FORMATS_AND_NAMED)
    rng = np.random.default_rng(2)
    M = rng.standard_normal((7, 2)) @ rng.standard_normal((2, 5))
    np.save("T.npy", np.ascontiguousarray(M.T))
    write_named(Path("M.named"), M, ROWS, COLUMNS)
    return M


def test_a_file_is_turned_by_every_function(M):
    calls = {
        "solve": lambda: mfact.solve("T.npy", 2, transpose=True, **QUICK),
        "inspect": lambda: mfact.inspect("T.npy", transpose=True),
        "flow": lambda: mfact.flow(
            "T.npy", 1, transpose=True, start=(np.ones((7, 1)), np.ones((5, 1)))
        ),
        "sweep": lambda: mfact.sweep("T.npy", transpose=True, seeds=5),
        "compare": lambda: mfact.compare("T.npy", vary={"rank": [1, 2]}, transpose=True, seed=1),
    }
    made = {}
    for name, call in calls.items():
        with pytest.warns(mfact.MatrixWarning, match=TURNED) as told:
            made[name] = call()
        assert [each.filename for each in told] == [__file__], name  # once, at the user's line
    np.testing.assert_allclose(made["solve"].U @ made["solve"].V.T, M, atol=1e-4)
    assert made["inspect"].shape == (7, 5)
    assert [run.U.shape for run in made["compare"].runs] == [(7, 1), (7, 2)]


def test_a_turned_run_is_checked_drawn_and_gone_on_with(M):
    with pytest.warns(mfact.MatrixWarning, match=TURNED):
        result = mfact.solve("T.npy", 2, transpose=True, **QUICK)
    result.save("r.h5")
    for call in (
        lambda: mfact.check("r.h5", require=["gap<1e-8"]).holds,
        lambda: mfact.check(result, "T.npy", transpose=True).holds,
        lambda: mfact.plot("r.h5", "residual") is not None,
    ):
        with pytest.warns(mfact.MatrixWarning, match=TURNED):
            assert call()
    cut = {"max_iter": 20, "force": True, "checkpoint": "c.h5"}
    with pytest.warns(Warning, match="limit|transpose"):
        mfact.solve("T.npy", 2, transpose=True, **QUICK, **cut)
    for given, notes in (
        ({}, 1),
        ({"matrix": "T.npy", "transpose": True}, 1),
        ({"matrix": M}, 0),
    ):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            again = mfact.resume("c.h5", max_iter=100_000, **given)
        assert [each.category for each in told] == [mfact.MatrixWarning] * notes
        np.testing.assert_allclose(again.U, result.U, atol=1e-10)


@pytest.mark.parametrize(
    "call",
    [
        lambda M: mfact.solve(M, 1, transpose=True),
        lambda M: mfact.inspect(M, transpose=True),
        lambda M: mfact.compare(M, 1, vary={"seed": [1, 2]}, transpose=True),
    ],
)
def test_an_array_is_turned_by_numpy(M, call):
    with pytest.raises(SettingsError) as caught:
        call(M)
    assert str(caught.value) == "transpose=True is for files: give the transpose itself, M.T"


def test_runs_that_are_made_are_not_turned():
    with pytest.raises(SettingsError, match="transpose has no meaning for runs that are made"):
        mfact.compare(["a.h5", "b.h5"], transpose=True)


def test_a_file_of_the_shape_that_is_not_turned_is_told_of(M):
    np.save("T.npy", M.T @ M + np.triu(np.ones((5, 5))))
    with pytest.warns(mfact.MatrixWarning):
        result = mfact.solve("T.npy", 2, transpose=True, **QUICK)
    with pytest.warns(mfact.MatrixWarning, match="this one is not turned: see transpose=True"):
        assert not mfact.check(result, "T.npy").holds
    assert mfact.check(result, np.load("T.npy").T).holds


def test_notes_are_warnings_once_and_names_are_in_the_result(M):
    with pytest.warns(mfact.MatrixWarning) as told:
        result = mfact.solve("M.named", 2, **QUICK)
    assert [str(each.message) for each in told] == [NOTE]
    assert issubclass(mfact.MatrixWarning, UserWarning)
    assert (result.names.rows, result.names.columns) == (tuple(ROWS), tuple(COLUMNS))
    result.save("r.h5")
    assert mfact.load("r.h5").names == result.names
    assert mfact.solve(M, 1, **QUICK).names.rows is None


def test_a_network_tells_notes_too(M):
    np.save("Y.npy", np.ones((7, 1)))
    with pytest.warns(mfact.MatrixWarning, match=NOTE):
        mfact.network("M.named", "Y.npy", "3r-1", step_size=1e-3, min_iter=1, max_iter=1,
                      tol_loss=1e9, seed=1)  # fmt: skip


@pytest.mark.parametrize("form", ["csv", "tsv", "npy"])
def test_factors_are_saved_as_the_command_saves_them(M, form):
    result = mfact.solve(M, 2, **QUICK)
    assert result.save_factors(Path("f"), form) == (f"f_U.{form}", f"f_V.{form}")
    if form == "npy":
        np.testing.assert_array_equal(np.load("f_U.npy"), result.U)
    else:
        read = np.loadtxt("f_U." + form, delimiter={"csv": ",", "tsv": "\t"}[form], skiprows=1)
        np.testing.assert_array_equal(read, np.column_stack([np.arange(7), result.U]))


def test_a_form_that_is_none_is_refused(M):
    with pytest.raises(SettingsError, match="form is 'xls': give npy, csv, tsv"):
        mfact.solve(M, 2, **QUICK).save_factors("f", "xls")
