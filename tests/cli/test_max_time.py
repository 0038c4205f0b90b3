"""--max-time counts from the command's first line: all that it loads, reads and sets up."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

SOLVE = ("-r", "2", "--schedule", "constant", "--seed", "1", "--force", "--format", "json")


@pytest.fixture
def typed(tmp_path, monkeypatch, capsys):
    """The exit code and document of `mfact ARGS`, as if typed so many seconds ago."""
    from mfact.cli.main import run

    def call(ago, *args):
        code = run([str(arg) for arg in args], time.perf_counter() - ago)
        return code, json.loads(capsys.readouterr().out)

    monkeypatch.chdir(tmp_path)
    return call


def test_what_passed_before_the_first_step_counts(typed, rank_two, tmp_path):
    solve = ("solve", rank_two, *SOLVE, "--max-time", 1000)
    code, late = typed(2000.0, *solve)
    assert (code, late["outcome"]) == (3, "TIME_LIMIT")
    assert late["summary"]["iterations"] == 0
    assert late["summary"]["seconds"] < 100
    assert 2000 < late["summary"]["wall_seconds"] < 2100
    assert (tmp_path / "rank-two.run.h5").exists()
    assert typed(500.0, *solve)[0] == 0


def test_the_parts_of_a_run_are_counted_together(typed, rank_two):
    limits = ("--max-time", 1000, "--checkpoint", "c.h5")
    assert typed(2000.0, "solve", rank_two, *SOLVE, *limits)[0] == 3
    go_on = ("resume", "c.h5", "--format", "json", "--max-time", 4000)
    code, late = typed(2500.0, *go_on)
    assert (code, late["summary"]["iterations"]) == (3, 0)
    assert 4500 < late["summary"]["wall_seconds"] < 4600
    assert late["summary"]["seconds"] < 100
    code, done = typed(1000.0, *go_on[:-1], 6000)
    assert (code, done["outcome"]) == (0, "GLOBAL_OPTIMUM")


def test_resume_reads_its_checkpoint_once(typed, rank_two, monkeypatch):
    from mfact.run import checkpoint as resuming

    typed(0.0, "solve", rank_two, *SOLVE, "--max-iter", 1, "--checkpoint", "c.h5")
    read, real = [], resuming.read_checkpoint
    monkeypatch.setattr(resuming, "read_checkpoint", lambda path: read.append(path) or real(path))
    assert typed(0.0, "resume", "c.h5", "--format", "json")[0] in (0, 3)
    assert read == ["c.h5"]


@pytest.mark.slow
def test_a_process_counts_from_before_it_has_loaded_the_command(rank_two, tmp_path):
    code = "import mfact.cli, time; time.sleep(0.5); from mfact.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "solve", rank_two, *SOLVE, "--max-time", "0.5"],
        cwd=tmp_path, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert json.loads(done.stdout)["summary"]["iterations"] == 0
