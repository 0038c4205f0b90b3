"""mfact solve and show as users run them: files, exit codes and views."""

from __future__ import annotations

import json
import os
import shlex
from xml.etree import ElementTree

import h5py
import numpy as np
import pytest

import mfact.cli.show
import mfact.cli.solve
from mfact.cli.solve import default_output
from mfact.storage.runs import read_run

QUICK = ("--schedule", "constant", "--seed", "1")


def test_solve_factors_writes_and_prints(mfact, rank_two, tmp_path):
    code, out, err = mfact("solve", rank_two, "-r", 2, *QUICK)
    assert code == 0
    assert err == "wrote rank-two.run.h5\n"
    assert "M is 12×8, U is 12×2, V is 8×2" in out
    assert "reached a global optimum" in out
    result = read_run(tmp_path / "rank-two.run.h5")
    M = np.load(tmp_path / rank_two)
    # The gap is at most 1e-10, so the relative residual is at most its root.
    residual = np.linalg.norm(result.U @ result.V.T - M) / np.linalg.norm(M)
    assert residual <= 1.0001e-5
    assert result.settings["rank"] == {"value": 2, "source": "flag"}
    assert result.settings["schedule"]["source"] == "flag"
    assert result.settings["tol"]["source"] == "default"
    assert result.provenance["argv"][0] == "mfact"


def test_show_prints_what_solve_printed(mfact, rank_two):
    _, printed, _ = mfact("solve", rank_two, "-r", 2, *QUICK)
    assert mfact("show", "rank-two.run.h5") == (0, printed, "")
    _, machine, _ = mfact("solve", rank_two, "-r", 2, *QUICK, "--format", "json", "-o", "j.h5")
    code, shown, err = mfact("show", "j.h5", "--format", "json")
    assert (code, err) == (0, "")
    assert json.loads(shown) == json.loads(machine)


def test_the_shown_command_repeats_the_run(mfact, rank_two, tmp_path, monkeypatch):
    monkeypatch.setenv("MFACT_TOL", "1e-6")
    mfact("solve", rank_two, "-r", 2, "--schedule", "constant", "--no-optimum", "-q")
    monkeypatch.delenv("MFACT_TOL")
    code, line, err = mfact("show", "rank-two.run.h5", "--command")
    assert (code, err) == (0, "")
    assert mfact(*shlex.split(line)[1:], "-q", "-o", "again.h5")[0] == 0
    first, again = read_run(tmp_path / "rank-two.run.h5"), read_run(tmp_path / "again.h5")
    assert np.array_equal(first.U, again.U)
    assert np.array_equal(first.V, again.V)


def test_every_format_is_what_its_reader_reads(mfact, rank_two):
    def view(form):
        code, out, err = mfact("solve", rank_two, "-r", 2, *QUICK, "--no-output", "--format", form)
        assert (code, err) == (0, "")
        return out

    assert json.loads(view("json"))["outcome"] == "GLOBAL_OPTIMUM"
    assert [json.loads(line)["type"] for line in view("jsonl").splitlines()][-1] == "result"
    assert ElementTree.fromstring(view("junit")).get("failures") == "0"
    assert view("github").startswith("::notice title=rank-two.npy::reached a global optimum")


def test_no_output_writes_nothing_and_quiet_says_nothing(mfact, rank_two, tmp_path):
    assert mfact("solve", rank_two, "-r", 2, *QUICK, "--no-output", "-q") == (0, "", "")
    assert [path.name for path in tmp_path.iterdir()] == [rank_two]


def test_factors_go_to_npy_too(mfact, rank_two, tmp_path):
    code, _, err = mfact("solve", rank_two, "-r", 2, *QUICK, "--factors-npy", "f", "-o", "r.h5")
    assert (code, err) == (0, "wrote r.h5\nwrote f_U.npy\nwrote f_V.npy\n")
    result = read_run(tmp_path / "r.h5")
    assert np.array_equal(np.load(tmp_path / "f_U.npy"), result.U)
    assert np.array_equal(np.load(tmp_path / "f_V.npy"), result.V)


def test_reproducible_runs_are_the_same_bytes_anywhere(process, rank_two, tmp_path):
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / rank_two).write_bytes((tmp_path / rank_two).read_bytes())
    args = ("solve", rank_two, "-r", "2", *QUICK, "--reproducible", "-o", "r.h5")
    first, second = process(*args), process(*args, cwd=other)
    assert first.returncode == second.returncode == 0
    assert first.stdout == second.stdout
    assert (tmp_path / "r.h5").read_bytes() == (other / "r.h5").read_bytes()


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["--max-iter", "3", "--force"], 3, "reached the iteration limit"),
        (["--max-iter", "3", "--force", "--exit-zero"], 0, "reached the iteration limit"),
        (["--schedule", "constant", "--step-size", "5"], 4, "diverged"),
        (["--schedule", "constant", "--step-size", "5", "--exit-zero"], 4, "diverged"),
    ],
)
def test_exit_codes_of_outcomes(mfact, rank_two, tmp_path, args, code, words):
    got, out, err = mfact("solve", rank_two, "-r", 2, "--seed", 1, *args)
    assert (got, err) == (code, "wrote rank-two.run.h5\n")
    assert words in out
    assert np.isfinite(read_run(tmp_path / "rank-two.run.h5").U).all()


@pytest.mark.parametrize(
    ("matrix", "output"),
    [
        ("data/digits.npy", "digits.run.h5"),
        ("x.h5:/group/M", "x.group.M.run.h5"),
        ("x.h5::/group/M", "x.group.M.run.h5"),
        ("/a b/c.tar.npz", "c.tar.run.h5"),
        (".npy", ".npy.run.h5"),
    ],
)
def test_default_output(matrix, output):
    assert default_output(matrix) == output


@pytest.mark.parametrize("example", mfact.cli.solve.EXAMPLES + mfact.cli.show.EXAMPLES)
def test_examples_run(mfact, tmp_path, example):
    rng = np.random.default_rng(2)
    M = rng.standard_normal((20, 5)) @ rng.standard_normal((5, 9))
    np.save(tmp_path / "digits.npy", M)
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["X"] = M
    (tmp_path / "run.toml").write_text("tol = 1e-4\n")
    assert mfact("solve", "digits.npy", "-r", 2, *QUICK, "-q")[0] == 0
    code, out, _ = mfact(*shlex.split(example[0])[1:])
    assert code == 0
    assert out


@pytest.mark.slow
def test_a_small_solve_as_a_process_takes_less_than_a_second(process, rank_two):
    # Time on the processor, the best of three: what else the machine does is not counted.
    spent = []
    for _ in range(3):
        before = os.times()
        assert process("solve", rank_two, "-r", "2", *QUICK).returncode == 0
        after = os.times()
        spent.append(after.children_user + after.children_system
                     - before.children_user - before.children_system)  # fmt: skip
    assert min(spent) < 1.0
