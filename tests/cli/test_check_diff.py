"""The commands check and diff: their exit codes and each of their views."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pytest

RUN = ("--schedule", "constant", "--seed", "1", "-q")


@pytest.fixture
def solved(mfact, rank_two):
    """A finished run of the rank-two matrix, run.h5."""
    assert mfact("solve", rank_two, "-r", "2", *RUN, "-o", "run.h5")[0] == 0
    return "run.h5"


def test_a_good_run_passes_without_naming_its_matrix(mfact, solved):
    code, out, err = mfact("check", solved)
    assert (code, err) == (0, "")
    assert "M is 12×8, U is 12×2, V is 8×2" in out
    assert "none is violated" in out


def test_requirements_decide_the_exit_code(mfact, solved, rank_two):
    met = ("--require", "gap<1e-8", "--require", "ledger", "--require", "global-optimum")
    assert mfact("check", solved, rank_two, *met)[0] == 0
    code, out, _ = mfact("check", solved, *met, "--require", "iterations<3")
    assert code == 5
    assert "violated: require iterations<3" in out
    assert mfact("check", solved, "--require", "iterations<3", "--exit-zero")[0] == 0
    assert mfact("check", solved, "--require", "lemma-3.1")[0] == 5  # no ε: not met is not held
    assert mfact("check", solved, "--require", "gap<")[0] == 2
    code, _, err = mfact("check", solved, "--require", "gup<1")
    assert code == 2
    assert err.count("\n") == 1
    assert "did you mean gap?" in err


def test_another_matrix_fails_the_check(mfact, solved, rank_two, tmp_path):
    M = np.load(tmp_path / rank_two)
    np.save(tmp_path / "other.npy", 1.01 * M)
    code, out, _ = mfact("check", solved, "other.npy")
    assert code == 5
    assert "violated: stored-matrix," in out
    np.save(tmp_path / "wide.npy", M.T)
    code, out, err = mfact("check", solved, "wide.npy")
    assert (code, out) == (1, "")
    assert "name the matrix that was factored" in err


def test_what_rounding_left_in_the_file_is_zero_for_the_check_as_for_the_run(mfact, tmp_path):
    rng = np.random.default_rng(0)
    M = rng.standard_normal((60, 3)) @ rng.standard_normal((3, 40))
    np.save(tmp_path / "M.npy", M.astype(np.float32))
    # Rank 3 but for the rounding of each entry: both sides measure the gap by σ_3.
    assert mfact("solve", "M.npy", "-r", "5", *RUN, "-o", "run.h5")[0] == 0
    code, out, _ = mfact("check", "run.h5", "--require", "gap<1e-9")
    assert (code, "M has numerical rank 3" in out) == (0, True), out


def test_a_saddle_is_found_from_the_files(mfact, rank_two, tmp_path):
    # The second singular pair alone: gradient descent stays there.
    P, sigma, Qt = np.linalg.svd(np.load(tmp_path / rank_two))
    np.savez(tmp_path / "start.npz", U=P[:, 1:2] * sigma[1] ** 0.5, V=Qt[1:2].T * sigma[1] ** 0.5)
    options = ("--start", "start.npz", "--max-iter", "3", "--force", "--schedule", "constant", "-q")
    mfact("solve", rank_two, "-r", "1", *options, "-o", "saddle.h5")
    code, out, _ = mfact("check", "saddle.h5", "--format", "json")
    assert code == 5
    claims = {claim["name"]: claim for claim in json.loads(out)["claims"]}
    assert claims["global-optimum"]["verdict"] == "violated"
    assert claims["global-optimum"]["numbers"]["curvature"] == pytest.approx(2 - 3, abs=1e-9)


def test_every_view_of_a_check(mfact, solved):
    options = ("--require", "gap<1e-8", "--require", "iterations<3")
    code, out, _ = mfact("check", solved, *options, "--format", "json")
    document = json.loads(out)
    assert (code, document["schema"], document["holds"]) == (5, "mfact-check/1", False)
    assert document["numbers"]["iterations"] > 3
    code, out, _ = mfact("check", solved, *options, "--format", "junit")
    suite = ElementTree.fromstring(out)
    assert suite.get("failures") == "1"
    assert len(suite.findall("testcase/failure")) == 1
    assert len(suite.findall("testcase/skipped")) == int(suite.get("skipped"))
    assert len(suite) == int(suite.get("tests")) == len(document["claims"])
    code, out, _ = mfact("check", solved, *options, "--format", "github")
    lines = out.splitlines()
    assert lines[0].startswith("::error title=run.h5 rank-two.npy require iterations<3::")
    assert len(lines) == 2
    assert lines[1].startswith("::notice ")
    assert mfact("check", solved, "-q")[1] == ""


def test_a_run_without_a_path_needs_its_matrix_named(mfact, rank_two):
    mfact("solve", rank_two, "-r", "2", *RUN, "-o", "bare.h5", "--reproducible")
    code, _, err = mfact("check", "bare.h5")
    assert code == 2
    assert "name it: mfact check bare.h5 MATRIX" in err
    assert mfact("check", "bare.h5", rank_two)[0] == 0


def test_a_run_agrees_with_itself_and_with_another_engine(mfact, solved, rank_two):
    code, out, err = mfact("diff", solved, solved)
    assert (code, err) == (0, "")
    assert "the runs agree" in out
    options = ("-r", "2", *RUN, "--engine", "direct", "-o", "direct.h5")
    assert mfact("solve", rank_two, *options)[0] == 0
    code, out, _ = mfact("diff", solved, "direct.h5")
    assert code == 0, out
    assert "engine: auto and direct" in out


def test_another_seed_differs_and_tolerances_decide(mfact, solved, rank_two):
    options = ("-r", "2", "--schedule", "constant", "--seed", "2", "-q", "-o", "two.h5")
    mfact("solve", rank_two, *options)
    code, out, _ = mfact("diff", solved, "two.h5")
    assert code == 5
    assert "the runs differ in" in out
    assert mfact("diff", solved, "two.h5", "--exit-zero")[0] == 0
    loose = ("--rtol", "10", "--atol", "1e3", "--ignore", "iterations", "--ignore", "verdicts")
    assert mfact("diff", solved, "two.h5", *loose)[0] == 0
    strict = ("--column", "size_U=1e-9")
    assert mfact("diff", solved, "two.h5", *loose, *strict)[0] == 5


def test_every_view_of_a_diff(mfact, solved, rank_two):
    mfact("solve", rank_two, "-r", "2", *RUN, "--step-size", "0.1", "-o", "slow.h5")
    code, out, _ = mfact("diff", solved, "slow.h5", "--format", "json")
    document = json.loads(out)
    assert (code, document["schema"], document["holds"]) == (5, "mfact-diff/1", False)
    failed = [claim["name"] for claim in document["claims"] if claim["verdict"] == "violated"]
    assert "step_size" in failed
    _, out, _ = mfact("diff", solved, "slow.h5", "--format", "junit")
    assert ElementTree.fromstring(out).get("failures") == str(len(failed))
    _, out, _ = mfact("diff", solved, "slow.h5", "--format", "github")
    assert sum(line.startswith("::error ") for line in out.splitlines()) == len(failed)


@pytest.mark.parametrize(
    "options",
    [
        ("--column", "loss"),
        ("--column", "loss=a"),
        ("--column", "loss=1,2,3"),
        ("--column", "loss=-1"),
        ("--column", "loss=nan"),
        ("--column", "los=1"),
        ("--ignore", "los"),
        ("--rtol", "-1"),
    ],
)
def test_wrong_options_are_one_line_and_exit_two(mfact, solved, options):
    code, out, err = mfact("diff", solved, solved, *options)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1


def test_missing_files_are_one_line(mfact, solved, tmp_path):
    (tmp_path / "text.h5").write_text("no HDF5")
    for line in (("check", "no.h5"), ("check", "text.h5"), ("diff", solved, "no.h5")):
        code, out, err = mfact(*line)
        assert (code, out) == (1, "")
        assert err.count("\n") == 1
