"""Runs of a matrix less its means: what works on a run file knows what was taken off."""

from __future__ import annotations

import csv
import dataclasses
import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from matrices import noisy

from mfact.storage.runs import read_run, write_run
from mfact.targets.centred import FORMULAS

RUN = ("-r", "2", "--schedule", "constant", "--seed", "1", "-q")
AXES = {"mean": None, "columns": 0, "rows": 1}
LEVELS = {"zero": 0.0, "kelvin": 285.0, "million": 1e6}


@pytest.fixture
def matrices(tmp_path):
    """LEVEL.npy, 14×9, σ = 3, 2 and noise, around each level: zero, kelvin, million."""
    S = noisy(np.random.default_rng(7), (14, 9), [3.0, 2.0], 0.01)
    for name, level in LEVELS.items():
        np.save(tmp_path / f"{name}.npy", S + level)
    return {name: S + level for name, level in LEVELS.items()}


@pytest.fixture
def solved(mfact, matrices):
    """A run of kelvin.npy less the means of its columns, run.h5."""
    assert mfact("solve", "kelvin.npy", *RUN, "--center", "columns", "-o", "run.h5")[0] == 0
    return "run.h5"


def claims_of(mfact, *line):
    """(exit code, claims by name) of a command."""
    code, out, _ = mfact(*line, "--format", "json")
    return code, {claim["name"]: claim for claim in json.loads(out)["claims"]}


def rows_in(path):
    return [*csv.DictReader(Path(path).read_text(encoding="utf-8").splitlines())]


@pytest.mark.parametrize("center", AXES)
@pytest.mark.parametrize("level", LEVELS)
def test_a_run_and_its_check_are_those_of_the_matrix_centred_by_hand(
    mfact, matrices, level, center
):
    assert mfact("solve", f"{level}.npy", *RUN, "--center", center, "-o", "run.h5")[0] == 0
    A = matrices[level]
    M, run = A - np.mean(A, axis=AXES[center], keepdims=True), read_run("run.h5")
    scale = np.finfo(float).eps * np.linalg.norm(A)
    sigma = np.linalg.svd(M, compute_uv=False)
    assert np.allclose(run.problem["singular_values"][:2], sigma[:2], rtol=0, atol=100 * scale)
    assert run.problem["norm"] == pytest.approx(np.linalg.norm(M), rel=1e-12, abs=10 * scale)
    assert run.problem["uncentered_norm"] == pytest.approx(np.linalg.norm(A), rel=1e-14)
    assert np.allclose(run.mean, np.mean(A, axis=AXES[center]), rtol=1e-14, atol=1e-15)
    best = (np.linalg.svd(M)[0][:, :2] * sigma[:2]) @ np.linalg.svd(M)[2][:2]
    assert np.linalg.norm(run.U @ run.V.T - best) < 1e-4
    # Of a mean of a million the seven digits that are left do not show a gap of 1e-10.
    proof = () if level == "million" else ("--require", "global-optimum")
    code, out, err = mfact("check", "run.h5", "--require", "mean_error<1e-9", *proof)
    assert (code, err) == (0, ""), out
    assert FORMULAS[center] in out


def test_a_mean_that_was_altered_in_the_file_is_found(mfact, solved, matrices):
    run = read_run(solved)
    for place, by in ((0, 1e-6), (5, -3.0)):
        mean = run.mean.copy()
        mean[place] += by
        write_run("lie.h5", dataclasses.replace(run, mean=mean))
        code, claims = claims_of(mfact, "check", "lie.h5")
        violated = [name for name, each in claims.items() if each["verdict"] == "violated"]
        assert (code, violated) == (5, ["stored-mean"])
        found = claims["stored-mean"]
        assert f"number {place}, from 0: " in found["detail"]
        assert found["numbers"]["recomputed"] == pytest.approx(matrices["kelvin"].mean(0)[place])
        assert mfact("check", "lie.h5", "--require", f"mean_error<{abs(by) / 2}", "-q")[0] == 5


def test_the_same_below_other_means_is_another_matrix_for_check_plot_and_resume(
    mfact, solved, matrices, tmp_path
):
    code, claims = claims_of(mfact, "check", solved, "zero.npy")
    assert (code, claims["stored-matrix"]["verdict"]) == (5, "holds")
    assert claims["stored-mean"]["verdict"] == "violated"
    code, _, err = mfact("plot", solved, "--kind", "residual", "--matrix", "zero.npy")
    assert (code, err.count("\n")) == (1, 1)
    size = str(np.sqrt(np.mean(matrices["kelvin"].mean(0) ** 2)))
    assert f"the root mean square of the means taken off it was {size[:12]}" in err
    np.save(tmp_path / "other.npy", 2 * matrices["kelvin"])
    code, _, err = mfact("plot", solved, "--kind", "residual", "--matrix", "other.npy")
    assert (code, err.count("\n")) == (1, 1)
    norm = read_run(solved).problem["norm"]
    assert f"without its means its norm was {norm}, now it is {2 * norm:.6f}"[:-3] in err
    line = ("--center", "columns", "--max-iter", "20", "--checkpoint", "c.h5", "-o", "cut.h5")
    mfact("solve", "kelvin.npy", *RUN, *line, "--force")
    for other in ("zero.npy", "other.npy"):
        code, _, err = mfact("resume", "c.h5", "--matrix", other, "--max-iter", "40")
        assert (code, err.count("\n")) == (1, 1)
        assert "c.h5 is from another matrix: " in err
        assert "means" in err


def test_a_run_goes_on_as_if_never_cut(mfact, matrices):
    line = ("solve", "kelvin.npy", *RUN, "--center", "rows", "--force")
    mfact(*line, "--max-iter", "20", "--checkpoint", "c.h5", "-o", "cut.h5")
    assert mfact("resume", "c.h5", "--max-iter", "1000", "-q", "-o", "on.h5")[0] == 0
    assert mfact(*line, "--max-iter", "1000", "-o", "whole.h5")[0] == 0
    on, whole = read_run("on.h5"), read_run("whole.h5")
    for each in ("U", "V", "mean"):
        assert np.array_equal(getattr(on, each), getattr(whole, each))
    assert on.problem == whole.problem
    assert on.summary["passes"] == whole.summary["passes"]


def test_diff_says_of_which_matrix_each_run_is(mfact, matrices, tmp_path):
    assert mfact("solve", "zero.npy", *RUN, "--center", "columns", "-o", "run.h5")[0] == 0
    mfact("solve", "zero.npy", *RUN, "-o", "whole.h5")
    code, claims = claims_of(mfact, "diff", "run.h5", "whole.h5")
    assert (code, claims["matrix"]["verdict"], "mean" in claims) == (5, "violated", False)
    words = "; the first has M = A − 1mᵀ, m the means of the columns of A, the second M = A"
    assert claims["matrix"]["detail"].endswith(words)
    # Centred by hand it is the same M; nearly so it is not, though the norm shows nothing.
    A = matrices["zero"]
    for off, found in ((0.0, (0, "holds")), (1e-5, (5, "violated"))):
        np.save(tmp_path / "by-hand.npy", A - A.mean(0) + off)
        mfact("solve", "by-hand.npy", *RUN, "-o", "by-hand.h5")
        code, claims = claims_of(mfact, "diff", "run.h5", "by-hand.h5")
        assert (code, claims["matrix"]["verdict"]) == found


def test_diff_tells_means_apart_that_leave_the_same_matrix(mfact, solved):
    mfact("solve", "zero.npy", *RUN, "--center", "columns", "-o", "celsius.h5")
    code, claims = claims_of(mfact, "diff", solved, "celsius.h5")
    violated = [name for name, each in claims.items() if each["verdict"] == "violated"]
    assert (code, violated) == (5, ["mean"])
    assert claims["mean"]["numbers"]["difference"] == pytest.approx(285, rel=1e-12)
    assert mfact("diff", solved, "celsius.h5", "--ignore", "mean", "-q")[0] == 0
    assert mfact("diff", solved, "celsius.h5", "--column", "mean=2", "-q")[0] == 0
    assert mfact("diff", solved, solved, "-q")[0] == 0


def test_compare_tells_what_was_taken_off(mfact, matrices):
    vary = ("compare", "zero.npy", *RUN, "--vary", "center=none,columns", "-o", "kept")
    code, out, _ = mfact(*vary, "--format", "json")
    made = json.loads(out)
    assert (code, made["differ_in"], "center" in made) == (0, ["center"], False)
    assert [run["differs"]["center"] for run in made["runs"]] == ["none", "columns"]
    files = [f"kept/zero.center={center}.run.h5" for center in ("none", "columns")]
    mfact("solve", "zero.npy", *RUN, "--center", "columns", "-o", "alone.h5")
    assert mfact("diff", files[1], "alone.h5", "--rtol", 0, "--atol", 0, "-q")[0] == 0
    assert mfact("check", files[1], "-q")[0] == 0
    assert mfact("compare", *files)[1].splitlines()[2].split()[0] == "center"
    told = mfact("compare", files[1])[1].splitlines()[1]
    assert told.split(maxsplit=1) == ["of", "zero.npy less the means of its columns"]
    assert json.loads(mfact("compare", files[1], "--format", "json")[1])["center"] == "columns"


@pytest.mark.slow
def test_pictures_are_of_the_matrix_that_is_left(mfact, matrices):
    mfact("solve", "zero.npy", *RUN, "--center", "rows", "--modes", "on", "-o", "rows.h5")
    mfact("solve", "zero.npy", *RUN, "--modes", "on", "-o", "none.h5")
    for kind in ("convergence", "balance", "ledger", "spectrum", "modes"):
        code, _, err = mfact("plot", "rows.h5", "none.h5", "--kind", kind, "-o", f"{kind}.svg")
        assert (code, err) == (0, f"wrote {kind}.svg\n")
    line = ("plot", "rows.h5", "none.h5", "--kind", "spectrum", "-o", "s.svg", "--data", "s.csv")
    assert mfact(*line)[0] == 0
    told = {row["series"] for row in rows_in("s.csv")}
    assert told >= {"σᵢ of zero.npy less the means of its rows", "σᵢ of zero.npy"}
    line = ("--kind", "residual", "-o", "r.svg", "--data", "r.csv")
    assert mfact("plot", "rows.h5", *line)[0] == 0
    drawn = [float(row["y"]) for row in rows_in("r.csv") if row["series"] == "rows"]
    A, run = matrices["zero"], read_run("rows.h5")
    M = A - A.mean(1, keepdims=True)
    truth = np.linalg.norm(run.U @ run.V.T - M, axis=1) / np.linalg.norm(M, axis=1)
    assert np.allclose(drawn, truth, rtol=1e-9)


@pytest.mark.parametrize("level", LEVELS)
def test_the_page_says_what_was_taken_off_and_what_that_leaves(mfact, monkeypatch, level, matrices):
    line = ("solve", f"{level}.npy", *RUN[:-1], "--center", "columns", "-o", "run.h5")
    lost = {"zero": "", "kelvin": ": 3 digits went with the means",
            "million": ": 7 digits went with the means"}[level]  # fmt: skip
    for width in (80, 40):
        monkeypatch.setenv("COLUMNS", str(width))
        code, out, _ = mfact(*line)
        words = " ".join(out.split())
        assert code == 0
        assert "½‖UVᵀ − M‖_F², M = A − 1mᵀ, m the means of the columns of A" in words
        run = read_run("run.h5")
        known = run.problem["sigma_known_to"]
        assert f"σ known to {known:.2g} at best{lost} leading σ" in words
        assert width == 40 or len(out.splitlines()) <= 45
        assert mfact("show", "run.h5", "--no-timing")[1] in mfact(*line, "--no-timing")[1]
        plan = " ".join(mfact(*line, "--dry-run")[1].split())
        assert f"σ known to {known:.2g} at best{lost}" in plan
    full = " ".join(mfact("show", "run.h5", "--full")[1].split())
    first = ", ".join(f"{each:.6g}" for each in run.mean[:3])
    assert f"means of 9 columns: {first}, …" in full
    marked = mfact("show", "run.h5", "--format", "markdown")[1]
    assert f"σ known to | {known:.2g} at best{lost}" in marked
    made = json.loads(mfact("show", "run.h5", "--format", "json")[1])
    assert made["problem"]["center"] == "columns"
    assert made["factors"]["mean"] == run.mean.tolist()
    short = json.loads(mfact("show", "run.h5", "--format", "json", "--no-factors")[1])
    assert "factors" not in short


def test_every_way_to_say_it_is_the_same_run(
    mfact, process, matrices, solved, monkeypatch, tmp_path
):
    line = mfact("show", solved, "--command")[1]
    assert line.split()[:6] == ["mfact", "solve", "kelvin.npy", "--rank", "2", "--center"]
    assert mfact(*shlex.split(line)[1:], "-q", "-o", "again.h5")[0] == 0
    (tmp_path / "run.toml").write_text('center = "columns"\n')
    assert mfact("solve", "kelvin.npy", *RUN, "--config", "run.toml", "-o", "config.h5")[0] == 0
    monkeypatch.setenv("MFACT_CENTER", "COLUMNS")
    assert mfact("solve", "kelvin.npy", *RUN, "-o", "variable.h5")[0] == 0
    monkeypatch.delenv("MFACT_CENTER")
    for each in ("again.h5", "config.h5", "variable.h5"):
        assert np.array_equal(read_run(each).U, read_run(solved).U)
        assert mfact("show", each, "--command")[1].split() == line.split()
    words = {
        "COMP_WORDS": "mfact solve --center ",
        "COMP_CWORD": "3",
        "_MFACT_COMPLETE": "bash_complete",
    }
    told = process(env=words).stdout.decode().split()
    assert {each.partition(",")[2] for each in told} >= {"none", "mean", "columns", "rows"}


def test_a_run_file_from_before_there_were_centres_is_no_different(mfact, matrices):
    mfact("solve", "zero.npy", *RUN, "-o", "new.h5")
    run = read_run("new.h5")
    settings = {name: each for name, each in run.settings.items() if name != "center"}
    write_run("old.h5", dataclasses.replace(run, settings=settings))
    assert (
        json.loads(mfact("compare", "old.h5", "new.h5", "--format", "json")[1])["differ_in"] == []
    )
    code, claims = claims_of(mfact, "diff", "old.h5", "new.h5")
    assert (code, claims["settings"]["verdict"]) == (0, "holds")
