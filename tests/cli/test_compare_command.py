"""mfact compare as a user meets it: runs that are there, and runs that are made for it."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mfact.storage.runs import read_run

VARY = ("compare", "rank-two.npy", "--seed", 1, "--schedule", "constant", "--vary", "rank=1,2")


def document(out):
    found = json.loads(out)
    assert found["schema"] == "mfact-comparison/1"
    return found


def test_runs_that_are_there_are_told_by_what_they_differ_in(mfact, rank_two):
    for r in (1, 2):
        mfact("solve", rank_two, "-r", r, "--seed", 1, "-o", f"{r}.h5", "-q")
    code, out, err = mfact("compare", "1.h5", "2.h5", "--format", "json")
    assert (code, err) == (0, "")
    found = document(out)
    assert found["matrix"] == rank_two
    assert found["differ_in"] == ["rank"]
    for r, run in zip((1, 2), found["runs"], strict=True):
        stored = read_run(f"{r}.h5")
        assert run["differs"] == {"rank": str(r)}
        assert run["outcome"] == stored.outcome.name
        for number in ("iterations", "gap", "drift", "imbalance", "passes", "seconds"):
            assert run[number] == stored.summary[number]


def test_the_table_and_the_sheet_tell_what_the_document_tells(mfact, rank_two):
    code, out, _ = mfact(*VARY, "--format", "json", "--no-timing")
    runs = document(out)["runs"]
    assert code == 0
    table = mfact(*VARY, "--no-timing")[1]
    rows = [*csv.DictReader(io.StringIO(mfact(*VARY, "--format", "csv", "--no-timing")[1]))]
    assert "seconds" not in table + str(rows)
    for run, row in zip(runs, rows, strict=True):
        assert row["rank"] == run["differs"]["rank"]
        assert float(row["gap"]) == run["gap"]
        line = next(line for line in table.splitlines() if line.split()[:1] == [row["rank"]])
        assert "global optimum" in line
        assert str(run["iterations"]) in line.split()
        assert f"{run['drift']:.3e}" in line


def test_a_varied_run_is_kept_and_is_the_run_of_solve(mfact, rank_two):
    code, _, err = mfact(*VARY, "-o", "kept", "-q")
    assert (code, err) == (0, "")
    files = sorted(Path("kept").iterdir())
    assert [f.name for f in files] == ["rank-two.rank=1.run.h5", "rank-two.rank=2.run.h5"]
    mfact("solve", rank_two, "-r", 2, "--seed", 1, "--schedule", "constant", "-o", "2.h5", "-q")
    assert mfact("diff", files[1], "2.h5", "--rtol", 0, "--atol", 0)[0] == 0
    assert mfact("check", files[0])[0] == 0


def test_what_another_matrix_left_in_the_folder_is_not_replaced(mfact, rank_two):
    Path("kept").mkdir()
    Path("kept/rank-two.rank=2.run.h5").write_bytes(b"mine")
    code, out, err = mfact(*VARY, "-o", "kept")
    assert (code, out) == (2, "")
    assert "kept/rank-two.rank=2.run.h5 is there already" in err
    assert Path("kept/rank-two.rank=2.run.h5").read_bytes() == b"mine"


def test_a_run_that_would_not_end_is_told_and_the_others_are_made(mfact, rank_two):
    words = ("compare", rank_two, "-r", 2, "--seed", 1, "--vary", "schedule=theorem-3.1,constant",
             "--fast-forward", "off")  # fmt: skip
    code, out, _ = mfact(*words)
    assert code == 3
    assert "Not run" in out
    assert "schedule=theorem-3.1" in out
    assert "global optimum" in out
    assert mfact(*words, "--exit-zero")[0] == 0


METHODS = ("compare", "rank-two.npy", "-r", 2, "--seed", 1, "--vary", "method=all", "--no-timing")


def test_every_method_is_told_with_what_it_keeps_and_one_that_cannot_run_below(mfact, rank_two):
    words = (*METHODS, "--schedule", "constant", "--engine", "reduced")
    code, out, _ = mfact(*words, "--format", "json", "-o", "kept", "--picture", "all.png")
    found = document(out)
    assert code == 3
    assert [run["differs"]["method"] for run in found["runs"]] == [
        "gradient-descent", "alternating", "momentum", "nesterov", "scaled", "alternating-scaled",
    ]  # fmt: skip
    assert [each["name"] for each in found["refused"]] == ["method=adam"]
    for run in found["runs"]:
        stored = read_run(f"kept/rank-two.method={run['differs']['method']}.run.h5")
        name = {"D": "drift", "log det": "log_det_drift"}[run["keeps"]]
        assert run["kept_drift"] == stored.trace[name][-1]
        assert run["kept_audit"] == max(stored.trace[name.replace("drift", "audit")
                                        if name != "drift" else "audit"])  # fmt: skip
    passes = found["passes"]
    assert passes["alone"] == sum(run["passes"] for run in found["runs"])
    assert passes["taken"] < passes["alone"]
    assert Path("all.png").read_bytes().startswith(b"\x89PNG")
    page = mfact(*words)[1]
    assert f"{passes['taken']} for all of them, {passes['alone']} one by one" in page
    assert "method=adam" in page
    line = next(line for line in page.splitlines() if line.split()[:1] == ["scaled"])
    assert "log det" in line
    rows = [*csv.DictReader(io.StringIO(mfact(*words, "--format", "csv")[1]))]
    assert [float(row["kept_audit"]) for row in rows] == [r["kept_audit"] for r in found["runs"]]


def test_runs_by_one_method_are_told_as_ever(mfact, rank_two):
    code, out, _ = mfact(*VARY, "--no-timing")
    assert code == 0
    assert "keeps" not in out
    assert "one by one" not in out  # of two ranks no product is the same
    (run, _) = document(mfact(*VARY, "--format", "json")[1])["runs"]
    assert not {"keeps", "kept_drift", "kept_audit"} & {*run}


def test_a_diverged_run_is_the_gravest(mfact, rank_two):
    code, out, _ = mfact(*VARY[:-2], "--rank", 2, "--vary", "step-size=auto,9")
    assert code == 4
    assert "diverged" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a.h5", "b.h5", "--vary", "rank=1"), "one matrix"),
        (("rank-two.npy", "--vary", "ranks=1"), "did you mean 'rank'"),
        (("rank-two.npy", "--vary", "schedule=const"), "'const' is not one of auto, constant"),
        (("rank-two.npy", "--vary", "rank"), "NAME=VALUE"),
        (("rank-two.npy", "--vary", "rank=1", "--vary", "rank=2"), "given twice"),
        (("rank-two.npy", "--vary", "optimum=maybe", "-r", "1"), "'maybe' is not yes or no"),
        (("rank-two.npy", "--vary", "seed=1,2"), "--rank is not given"),
        (("rank-two.npy", "--vary", "rank=1,9"), "rank 9 is above"),
        (("rank-two.npy", "--vary", "rank=all"), "--rank has no list of all its values"),
        (("rank-two.npy", "-r", "1", "--vary", "method=adams,momentum"), "--method is 'adams'"),
        (("rank-two.npy", "--rank", "2"), "--rank has no meaning"),
        (("rank-two.npy", "--vary", "rank=1", "--picture", "a.gif"), "end it with .svg"),
    ],
)
def test_bad_words_are_one_line_and_nothing_is_run(mfact, rank_two, words, said):
    code, out, err = mfact("compare", *words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_network_stands_beside_a_network(mfact):
    words = ("network", "--data", "uniform", "--layers", "4:3r-2", "--points-count", 5, "-q",
             "--step-size", 0.1, "--max-iter", 3)  # fmt: skip
    for seed in (1, 2):
        mfact(*words, "--seed", seed, "-o", f"{seed}.h5")
    code, out, _ = mfact("compare", "1.h5", "2.h5")
    assert code == 0
    assert "seed" in out
    assert "loss" in out


def test_a_file_that_is_no_run_is_refused(mfact, rank_two):
    code, out, err = mfact("compare", rank_two)
    assert (code, out) == (1, "")
    assert "rank-two.npy is not a run file" in err


@pytest.mark.slow
def test_a_signal_ends_the_run_it_meets_and_shows_what_there_is(tmp_path):
    made = (
        "import numpy as np; np.save('M.npy', np.random.default_rng(1).standard_normal((200, 99)))"
    )
    subprocess.run([sys.executable, "-c", made], cwd=tmp_path, check=True)
    words = ["compare", "M.npy", "-r", "3", "--vary", "seed=1,2", "-o", "kept", "--force",
             "--max-iter", "100000000", "--schedule", "constant", "--tol", "0",
             "--step-size", "1e-9", "--heartbeat", "0.05"]  # fmt: skip
    start = "from mfact.cli.main import main; main()"
    run = subprocess.Popen([sys.executable, "-c", start, *words], cwd=tmp_path,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
    for line in run.stderr:
        if "step" in line:
            break
    run.send_signal(signal.SIGTERM)
    out, _ = run.communicate(timeout=60)
    assert run.returncode == -signal.SIGTERM
    assert "compare: 1 run" in out
    assert "interrupted" in out
    assert [f.name for f in (tmp_path / "kept").iterdir()] == ["M.seed=1.run.h5"]
