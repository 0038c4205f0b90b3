"""mfact figure: what it prints, what it leaves, and what it refuses in one line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, START
from contents import contents

from mfact.cli.figure import FORMATS
from mfact.report import plots
from mfact.storage.network_runs import read_network_run
from mfact.storage.runs import read_run


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


SHORT = ["--max-iter", 4, "--threads", 1]


def test_figure_1_is_drawn_and_drawn_again_from_its_runs(mfact, tmp_path):
    code, out, err = mfact("figure", "1")
    assert code == 0
    assert err == "".join(f"wrote figures/figure-1{end}\n"
                          for end in ("-plain.run.h5", "-balanced.run.h5", ".svg"))  # fmt: skip
    assert "M is 100×100, U is 100×5, V is 100×5" in out
    assert "step-size 0.25, start-scale 0.0316228, seed 0" in out
    before = contents(tmp_path)
    code, again, err = mfact("figure", "1")
    assert (code, err.count("it is drawn from again")) == (0, 2)
    assert again == out.replace(".run.h5\n", ".run.h5, kept\n")
    assert contents(tmp_path) == before
    assert read_run("figures/figure-1-plain.run.h5").summary["iterations"] == 260


def test_figure_2_takes_the_settings_of_the_paper_and_says_whose_they_are(mfact, tmp_path):
    code, out, _ = mfact("figure", "2c", *SHORT, "--format", "png", "-o", "here")
    assert code == 0
    assert names("here") == ["figure-2-unbalanced.run.h5", "figure-2c.png"]
    run = read_network_run("here/figure-2-unbalanced.run.h5")
    told = {name: (entry["value"], entry["source"]) for name, entry in run.settings.items()}
    assert told["layers"] == ("1000:100r-100r-10", "figure 2")
    assert told["start"] == ("paper-unbalanced", "figure 2")
    assert told["max_iter"] == (4, "flag")
    assert told["threads"] == (1, "flag")
    assert "After 4 iterations" in out
    assert run.provenance["argv"][0] == "mfact"


def test_other_settings_are_run_again_and_that_is_said(mfact):
    assert mfact("figure", "2a", *SHORT)[0] == 0
    code, _, err = mfact("figure", "2b", *SHORT, "--seed", 3)
    assert code == 0
    assert err.splitlines()[0] == (
        "mfact: note: figures/figure-2-balanced.run.h5 is not what is asked for, and is run again:"
        " it has --seed 0, not 3"
    )
    code, _, err = mfact("figure", "2b", "--max-iter", 4, "--threads", 2, "--seed", 3)
    assert (code, "drawn from again" in err) == (0, True)


def test_a_matrix_has_files_of_its_own_name_and_runs_that_know_it(mfact, rank_two):
    code, out, _ = mfact("figure", "1b", rank_two, "-r", 2)
    assert code == 0
    assert names("figures") == [
        "figure-1-rank-two-balanced.run.h5", "figure-1-rank-two-plain.run.h5",
        "figure-1b-rank-two.svg",
    ]  # fmt: skip
    assert "M is 12×8, U is 12×2, V is 8×2" in out
    run = read_run("figures/figure-1-rank-two-plain.run.h5")
    assert run.settings["step_size"]["value"] == pytest.approx(0.25 / 3, rel=1e-12)
    assert run.settings["rank"] == {"value": 2, "source": "flag"}
    assert mfact("check", "figures/figure-1-rank-two-plain.run.h5", "-q")[0] == 0


def test_a_limit_before_the_tolerance_is_exit_code_3(mfact, rank_two):
    args = ["figure", "1", rank_two, "-r", 2, "--max-iter", 5]
    assert mfact(*args)[0] == 3
    assert mfact(*args, "--exit-zero")[0] == 0


def test_the_views_are_one_document(mfact):
    assert mfact("figure", "1", "-q") == (0, "", "")
    made = json.loads(mfact("figure", "1", "--view", "json")[1])
    assert made["schema"] == "mfact-figure/1"
    (figure,) = made["figures"]
    assert figure["picture"] == "figures/figure-1.svg"
    assert [run["kept"] for run in figure["runs"]] == [True, True]
    assert "| ‖U‖² / ‖V‖² at the end |" in mfact("figure", "1", "--view", "markdown")[1]


def refused(mfact, folder, args, code, words):
    """The one line of a refusal, after which the folder is as it was."""
    before = contents(folder)
    there = sorted(folder.rglob("*"))
    got, out, err = mfact("figure", *args)
    assert (got, out, err.count("\n")) == (code, "", 1), err
    assert words in err
    assert contents(folder) == before
    assert sorted(folder.rglob("*")) == there
    return err


BAD = {
    "no such figure": (["3"], 2, "'3' is not one of '1', '2', 'all'"),
    "a matrix of Figure 2": (["2", "M.npy"], 2, "Figure 2 has its own points"),
    "a matrix of a panel of it": (["2d", "M.npy"], 2, "or draw 1 or all"),
    "a rank without a matrix": (["1", "-r", "3"], 2, "--rank has no meaning without a MATRIX"),
    "a dataset without one": (["all", "--dataset", "/x"], 2, "--dataset has no meaning without"),
    "a rank too large": (["1", "M.npy", "-r", "6"], 2, "pass -r 5 or less"),
    "a matrix that is not there": (["1", "no.npy"], 1, "no.npy"),
    "no matrix": (["1", "S.npz", "-r", "1"], 1, "S.npz"),
    "a file for a folder": (["1", "-o", "M.npy"], 1, "M.npy is no folder: name one with -o"),
    "a folder in none": (["1", "-o", "no/such"], 1, "create the folder first"),
    "a null character": (["1", "-o", "a\0b"], 1, "is no name of a folder"),
    "no steps": (["1", "--max-iter", "0"], 2, "--max-iter"),
    "another format": (["1", "--format", "jpg"], 2, "'jpg' is not one of"),
    "a log over a picture": (["1", "-o", ".", "--log-file", "figure-1.svg"], 2,
                             "figure-1.svg is the picture of Figure 1 and the log file"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_input_is_one_line_and_leaves_nothing(mfact, inputs, tmp_path, name):
    refused(mfact, tmp_path, *BAD[name])


def test_the_matrix_itself_is_never_written_over(mfact, tmp_path):
    (tmp_path / "figures").mkdir()
    np.save(tmp_path / "M.npy", np.random.default_rng(0).standard_normal((6, 5)))
    (tmp_path / "figures" / "figure-1-M.svg").symlink_to(tmp_path / "M.npy")
    err = refused(mfact, tmp_path, ["1", "M.npy", "-r", "1"], 2, "is the matrix and the picture of")
    assert err.endswith("name another folder with -o\n")
    assert mfact("figure", "1", "M.npy", "-r", 1, "-o", "others", "-q")[0] == 0


def test_a_file_of_somebody_else_is_refused_before_any_run_and_both_ways_out_work(mfact, tmp_path):
    (tmp_path / "figures").mkdir()
    taken = tmp_path / "figures" / "figure-2-unbalanced.run.h5"
    taken.write_text("mine")
    refused(mfact, tmp_path, ["all", *SHORT], 1, "remove it, or name another folder with -o")
    assert mfact("figure", "2c", *SHORT, "-o", "others")[0] == 0
    taken.unlink()
    assert mfact("figure", "2c", *SHORT)[0] == 0


def test_without_matplotlib_it_is_refused_at_once(mfact, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    refused(mfact, tmp_path, ["all"], 1, "pip install 'mfact[plot]'")


def test_the_formats_are_those_that_can_be_drawn():
    assert tuple(plots.FORMATS) == FORMATS


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_what_is_complete_and_kills(tmp_path, number):
    child = subprocess.Popen(
        [sys.executable, "-c", START, "figure", "all"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    for _ in range(3):
        assert child.stderr.readline().startswith(b"wrote figures/figure-1")
    time.sleep(0.5)  # the first run of Figure 2 takes many times as long
    child.send_signal(number)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out) == (-number, b"")
    assert b"Figure 2 is not drawn" in err
    assert names(tmp_path / "figures") == [
        "figure-1-balanced.run.h5", "figure-1-plain.run.h5", "figure-1.svg"
    ]  # fmt: skip
