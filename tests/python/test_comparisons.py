"""mfact.compare: runs that are there and runs that are made, as values, frames and text."""

from __future__ import annotations

import numpy as np
import pytest

import mfact

RNG = np.random.default_rng(5)
M = RNG.standard_normal((8, 2)) @ RNG.standard_normal((2, 6))


def test_each_variation_is_the_run_of_solve():
    found = mfact.compare(M, 2, vary={"seed": [1, 2]}, schedule="constant")
    assert found.names == ("seed=1", "seed=2")
    for seed, run in zip((1, 2), found.runs, strict=True):
        alone = mfact.solve(M, 2, seed=seed, schedule="constant")
        assert np.array_equal(run.U, alone.U)
        assert run.settings["seed"] == {"value": seed, "source": "argument"}
    assert [row["seed"] for row in found.rows] == ["1", "2"]
    assert [row["gap"] for row in found.rows] == [run.summary["gap"] for run in found.runs]


def test_results_and_files_stand_beside_each_other(tmp_path):
    first, second = (mfact.solve(M, r, seed=1, schedule="constant") for r in (1, 2))
    second.save(tmp_path / "two.h5")
    found = mfact.compare([first, tmp_path / "two.h5"])
    assert found.names == ("run 1", str(tmp_path / "two.h5"))
    assert np.array_equal(found.runs[1].V, second.V)
    assert [row["rank"] for row in found.rows] == ["1", "2"]


def test_a_frame_has_a_row_a_run():
    pandas = pytest.importorskip("pandas")
    frame = mfact.compare(M, vary={"rank": [1, 2]}, seed=1, schedule="constant").frame()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame["rank"]) == ["1", "2"]
    assert set(frame["outcome"]) == {"GLOBAL_OPTIMUM"}


def test_a_start_of_arrays_is_the_start_of_all():
    start = (RNG.standard_normal((8, 2)), RNG.standard_normal((6, 2)))
    found = mfact.compare(M, 2, vary={"schedule": ["constant"]}, start=start)
    alone = mfact.solve(M, 2, start=start, schedule="constant")
    assert np.array_equal(found.runs[0].U, alone.U)


def test_what_would_not_end_is_told_beside_the_others():
    found = mfact.compare(M, 2, vary={"schedule": ["theorem-3.1", "constant"]}, seed=1,
                          fast_forward="off")  # fmt: skip
    assert list(found.refused) == ["schedule=theorem-3.1"]
    assert "schedule=" in found.refused["schedule=theorem-3.1"]
    assert len(found.runs) == 1
    assert "Not run" in repr(found)


@pytest.mark.slow
def test_each_method_stands_beside_the_others_with_what_it_keeps():
    found = mfact.compare(M, 2, vary={"method": "all"}, seed=1, schedule="constant", every=1)
    assert [row["method"] for row in found.rows] == [
        "gradient-descent", "alternating", "momentum", "nesterov", "scaled", "alternating-scaled",
        "adam",
    ]  # fmt: skip
    keeps = ["D", "D", "D", "D", "log det", "log det", "nothing"]
    assert [row["keeps"] for row in found.rows] == keeps
    for row, run in zip(found.rows, found.runs, strict=True):
        alone = mfact.solve(M, 2, method=row["method"], seed=1, schedule="constant", every=1)
        assert np.array_equal(run.U, alone.U)
        if row["keeps"] == "D":
            assert row["kept_drift"] == run.summary["drift"]
        if row["keeps"] == "nothing":
            assert row["kept_drift"] is None
        assert row["kept_audit"] == max(
            run.trace["log_det_audit" if row["keeps"] == "log det" else "audit"]
        )
        assert row["kept_audit"] < 1e-11
    assert len(found.plot().axes) == 3


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: mfact.compare([], rank=2), "rank has no meaning"),
        (lambda: mfact.compare("a.h5"), "give a list"),
        (lambda: mfact.compare(M, vary={"ranks": [1]}), "no option 'ranks'"),
        (lambda: mfact.compare(M, vary={"seed": [1]}), "rank is not given"),
        (lambda: mfact.compare(M, 1, vary={"method": "adam"}), "is no list"),
        (lambda: mfact.compare(M, 1, vary={"seed": "all"}), "no list of all its values"),
        (lambda: mfact.compare(M, vary={"rank": [9]}), "rank 9 is above"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_the_words_of_python(call, word):
    with pytest.raises(mfact.MfactError, match=word) as caught:
        call()
    assert "--" not in str(caught.value)
