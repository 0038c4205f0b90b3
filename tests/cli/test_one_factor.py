"""Run files in which one factor alone was changed: check and diff say so, of U and of V."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from mfact.storage.runs import read_run, write_run


@pytest.fixture
def solved(mfact, rank_two, tmp_path):
    """run.h5 of the rank-two matrix, and one.h5 and nothing.h5 to be written beside it."""
    line = ("solve", rank_two, "-r", "2", "--schedule", "constant", "--seed", "1", "-q")
    assert mfact(*line, "-o", "run.h5")[0] == 0
    return tmp_path / "run.h5"


def violated(out):
    return {c["name"] for c in json.loads(out)["claims"] if c["verdict"] == "violated"}


@pytest.mark.parametrize("name", ["U", "V"])
@pytest.mark.parametrize("row", [0, 7])
def test_an_entry_of_one_factor(mfact, solved, name, row):
    result = read_run(solved)
    factor = getattr(result, name).copy()
    factor[row, 1] += 1e-4
    write_run(solved.parent / "one.h5", dataclasses.replace(result, **{name: factor}))
    for line in (("run.h5", "one.h5"), ("one.h5", "run.h5")):
        code, out, _ = mfact("diff", *line, "--format", "json")
        assert (code, violated(out)) == (5, {"factors"})
    # 1e-4 of factors of size 3 and more.
    assert mfact("diff", "run.h5", "one.h5", "--column", "factors=1e-4")[0] == 0
    assert mfact("diff", "run.h5", "one.h5", "--ignore", "factors")[0] == 0
    code, out, _ = mfact("check", "one.h5", "--format", "json")
    assert code == 5
    assert "stored-loss" in violated(out)
    assert mfact("check", "run.h5")[0] == 0


@pytest.mark.parametrize("mirrored", [False, True])
def test_both_factors_turned_alike(mfact, solved, mirrored):
    result = read_run(solved)
    Q = np.array([[0.6, -0.8], [0.8, 0.6]])
    if mirrored:
        Q[:, 0] *= -1
    turned = dataclasses.replace(result, U=result.U @ Q, V=result.V @ Q)
    write_run(solved.parent / "one.h5", turned)
    assert mfact("diff", "run.h5", "one.h5")[0] == 0
    assert mfact("check", "one.h5")[0] == 0
    for name in ("U", "V"):
        one = dataclasses.replace(result, **{name: getattr(turned, name)})
        write_run(solved.parent / "one.h5", one)
        code, out, _ = mfact("diff", "run.h5", "one.h5", "--format", "json")
        assert (code, violated(out)) == (5, {"factors"})


def test_a_saddle_and_a_wrong_number_fail_a_check_by_their_names(mfact, solved):
    result = read_run(solved)
    summary = {**result.summary, "norm_ratio": result.summary["norm_ratio"] * (1 + 1e-7)}
    write_run(solved.parent / "one.h5", dataclasses.replace(result, summary=summary))
    code, out, _ = mfact("check", "one.h5", "--format", "json")
    assert (code, violated(out)) == (5, {"stored-norm-ratio"})
    zero = dataclasses.replace(result, U=0 * result.U, V=0 * result.V)
    write_run(solved.parent / "one.h5", zero)
    code, out, _ = mfact("check", "one.h5", "--format", "json")
    assert code == 5
    assert "global-optimum" in violated(out)
