"""Views for spreadsheets and for people, rows while the run goes on, and runs that are planned."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, START

from mfact.storage.runs import read_run

QUICK = ("--schedule", "constant", "--seed", "1")
DRAWN = {"─", "█", "▌", *map(chr, range(0x2800, 0x2900))}
"""Rules, bars and the dots of curves."""


@pytest.fixture
def done(mfact, rank_two):
    """Command -> its arguments, for a run that is there."""
    assert mfact("solve", rank_two, "-r", 2, *QUICK, "-q", "-o", "done.h5")[0] == 0
    return {
        "show": ["done.h5", "--rows", "5"],
        "check": ["done.h5", rank_two],
        "diff": ["done.h5", "done.h5"],
        "inspect": [rank_two],
        "sweep": [rank_two, "--seeds", "20", "--seed", "1"],
        "flow": [rank_two, "-r", "2", "--seed", "1"],
    }


@pytest.mark.parametrize("command", ["show", "check", "diff", "inspect", "sweep", "flow"])
def test_markdown_has_all_that_the_page_says(mfact, done, command):
    page, marked = (mfact(command, *done[command], "--format", f)[1] for f in ("table", "markdown"))
    assert marked.startswith("# ")
    plain = marked.replace("\\", "")
    for line in page.splitlines():
        words = [word for word in line.split() if not set(word) <= DRAWN]
        assert all(word in plain for word in words), line
    # Each table has one width, and its rule below the heading.
    for block in marked.split("\n\n"):
        if block.startswith("|"):
            rows = [line.replace("\\|", "").count("|") for line in block.strip().splitlines()]
            assert len(set(rows)) == 1
            assert set(block.splitlines()[1]) <= set("|:- ")


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("show", "step,log10_step,step_size"),
        ("check", "claim,verdict,statement,detail,source"),
        ("diff", "claim,verdict,statement,detail,source"),
        ("inspect", "i,sigma,share"),
        ("sweep", "d1,d2,tol,reached,min"),
        ("flow", "time,gap,loss"),
    ],
)
def test_csv_is_a_table_with_a_line_of_names(mfact, done, command, names):
    code, out, _ = mfact(command, *done[command], "--format", "csv")
    assert code == 0
    assert out.startswith(names)
    rows = list(csv.reader(io.StringIO(out)))
    assert len(rows) > 1
    assert len({len(row) for row in rows}) == 1


def test_the_numbers_of_csv_are_those_of_the_file(mfact, done, tmp_path):
    rows = list(csv.DictReader(io.StringIO(mfact("show", *done["show"], "--format", "csv")[1])))
    trace = read_run(tmp_path / "done.h5").trace
    assert [float(row["loss"]) for row in rows] == trace["loss"].tolist()
    values = list(
        csv.DictReader(io.StringIO(mfact("inspect", *done["inspect"], "--format", "csv")[1]))
    )
    found = json.loads(mfact("inspect", *done["inspect"], "--format", "json")[1])
    assert [float(row["sigma"]) for row in values] == found["singular_values"]


@pytest.mark.slow
def test_rows_come_while_the_run_goes_on(tmp_path):
    np.save(tmp_path / "M.npy", np.random.default_rng(1).standard_normal((60, 40)))
    command = ("solve", "M.npy", "-r", "3", "--engine", "direct", "--tol", "0", "--max-time", "30",
               "--max-iter", "100000000", "--force", "--no-optimum", "--seed", "1",
               "--format", "jsonl", "--no-output")  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-c", START, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
    ) as child:
        first = json.loads(child.stdout.readline())
        assert (first["type"], first["step"]) == ("row", 0)
        assert child.poll() is None
        child.terminate()
        *rows, last = map(json.loads, child.stdout)
    assert child.returncode == -signal.SIGTERM
    assert last["type"] == "result"
    assert last["outcome"] == "INTERRUPTED"
    assert rows[-1]["step"] == last["summary"]["iterations"]


@pytest.mark.slow
def test_off_a_terminal_a_line_comes_now_and_then(process, tmp_path):
    np.save(tmp_path / "M.npy", np.random.default_rng(1).standard_normal((300, 200)))

    def said(seconds, *more):
        args = ("-r", "9", "--engine", "direct", "--tol", "0", "--no-optimum", "--seed", "1",
                "--force", "--no-output", "--format", "github")  # fmt: skip
        limit = ("--max-time", str(seconds))
        return process("solve", "M.npy", *args, *limit, *more).stderr.decode().splitlines()

    beating = said(5, "--heartbeat", "0.5")
    assert 2 <= len(beating) <= 9
    assert beating[-1].startswith("mfact: left: at most ")
    assert all(line.startswith("mfact: ") for line in beating)
    for silent in (("--heartbeat", "0"), (), ("--heartbeat", "0.1", "--quiet")):
        assert said(1.5, *silent) == []


PLANNED = ("-r", "2", "--seed", "1", "--dry-run")


def test_a_dry_run_says_what_a_run_would_take_and_writes_nothing(mfact, rank_two, tmp_path):
    args = ("solve", rank_two, *PLANNED, "--factors-npy", "f", "--checkpoint", "c.h5")
    code, out, err = mfact(*args, "--format", "json")
    assert (code, err) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == [rank_two]
    plan = json.loads(out)
    assert plan["schema"] == "mfact-plan/1"
    assert plan["files"] == [
        {"what": what, "path": path, "replaces": False}
        for what, path in {
            "output": "rank-two.run.h5", "checkpoint": "c.h5", "factor U": "f_U.npy",
            "factor V": "f_V.npy",
        }.items()
    ]  # fmt: skip
    assert plan["memory"]["total"] == sum(plan["memory"]["parts"].values())
    assert plan["memory"]["parts"]["matrix"] == plan["passes"]["bytes_each"] == 12 * 8 * 8
    page = mfact(*args)[1]
    for said in ("output      rank-two.run.h5", "taken for this page", "M is 12×8, U is 12×2"):
        assert said in page


@pytest.mark.parametrize("engine", ["reduced", "direct"])
def test_the_plan_is_that_of_the_run(mfact, rank_two, engine):
    args = (
        "solve",
        rank_two,
        "-r",
        "2",
        *QUICK,
        "--engine",
        engine,
        "--no-output",
        "--format",
        "json",
    )
    plan, run = (json.loads(mfact(*args, *more)[1]) for more in (("--dry-run",), ()))
    assert plan["forecast"]["log10_iterations"] == run["summary"]["forecast_log10_iterations"]
    iterations = run["summary"]["iterations"]
    assert 10 ** plan["forecast"]["log10_iterations"] == pytest.approx(iterations, rel=0.05)
    assert 0 < plan["passes"]["so_far"] <= run["summary"]["passes"]
    chosen = {k: v for k, v in run["settings"].items() if k != "every"}
    assert {k: plan["settings"][k] for k in chosen} == chosen


@pytest.mark.parametrize(
    "args",
    [
        ("-r", "9"),
        ("-r", "2", "--schedule", "constant", "--max-iter", "1"),
        ("-r", "2", "--output", "rank-two.npy"),
        ("-r", "2", "--start", "nowhere.npz"),
    ],
)
def test_a_dry_run_refuses_what_the_run_would_refuse(mfact, rank_two, args):
    told = [mfact("solve", rank_two, *args, "--seed", "1", *more) for more in (("--dry-run",), ())]
    assert told[0] == told[1]
    assert told[0][0] == 2


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--full",), "--full has no meaning with --dry-run: leave it out"),
        (("--format", "csv"), "--dry-run has no view csv: use table or json or markdown"),
        (("--reproducible",), "--reproducible has no meaning with --dry-run: leave it out"),
    ],
)
def test_a_dry_run_takes_no_option_in_vain(mfact, rank_two, args, said):
    code, out, err = mfact("solve", rank_two, *PLANNED, *args)
    assert (code, out) == (2, "")
    assert said in err
