"""mfact solve and show as users run them: files, exit codes, views, and every bad input."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import h5py
import numpy as np
import pytest

import mfact.cli.show
import mfact.cli.solve
from mfact.cli.solve import default_output
from mfact.storage.runs import read_run

ROOT = Path(__file__).parents[2]
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


def bad_inputs(folder):
    """Name -> (arguments after solve, exit code, words of the message)."""
    good = np.arange(12.0).reshape(4, 3)
    nan = good.copy()
    nan[2, 1] = np.nan
    arrays = {
        "good": good, "nan": nan, "complex": good * 1j, "one-d": good[0],
        "empty": good[:0], "strings": good.astype(str), "three-d": good[None],
    }  # fmt: skip
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    (folder / "truncated.npy").write_bytes((folder / "good.npy").read_bytes()[:-9])
    (folder / "text.npy").write_text("1 2 3\n4 5 6\n")
    (folder / "folder").mkdir()
    (folder / "nothing.npy").write_bytes(b"")
    with h5py.File(folder / "two.h5", "w") as file:
        file["a"] = file["b"] = good
        file["c/d"] = good
    (folder / "broken.toml").write_text("rank = [")
    return {
        "nan": (["nan.npy", "-r", "2"], 1, "nan"),
        "complex": (["complex.npy", "-r", "2"], 1, "complex"),
        "one-d": (["one-d.npy", "-r", "2"], 1, "1-D"),
        "three-d": (["three-d.npy", "-r", "2"], 1, "3-D"),
        "empty": (["empty.npy", "-r", "2"], 1, "empty|0×3"),
        "strings": (["strings.npy", "-r", "2"], 1, "text|string"),
        "truncated": (["truncated.npy", "-r", "2"], 1, "truncated.npy"),
        "text": (["text.npy", "-r", "2"], 1, "text.npy"),
        "nothing": (["nothing.npy", "-r", "2"], 1, "nothing.npy"),
        "folder": (["folder", "-r", "2"], 1, "folder"),
        "missing": (["missing.npy", "-r", "2"], 1, "missing.npy"),
        "dataset": (["two.h5", "--dataset", "/x", "-r", "2"], 1, "/?x"),
        "candidates": (["two.h5", "-r", "2"], 1, "c/d"),
        "rank-0": (["good.npy", "-r", "0"], 2, "0 is not at least 1"),
        "rank-4": (["good.npy", "-r", "4"], 2, "rank 4"),
        "rank-x": (["good.npy", "-r", "x"], 2, "'x' is not a whole number"),
        "no-rank": (["good.npy"], 2, "Missing option '-r' / '--rank'"),
        "no-matrix": (["-r", "2"], 2, "Missing argument 'MATRIX'"),
        "tol-nan": (["good.npy", "-r", "2", "--tol", "nan"], 2, "not finite"),
        "unknown": (["good.npy", "-r", "2", "--tool", "1"], 2, "No such option.*--tool"),
        "config": (["good.npy", "-r", "2", "--config", "broken.toml"], 2, "is not TOML"),
        "both": (["good.npy", "-r", "2", "--no-output", "-o", "x.h5"], 2, "exclude"),
        "input": (["good.npy", "-r", "2", "-o", "good.npy"], 2, "is the matrix"),
        "no-folder": (["good.npy", "-r", "2", "-o", "no/x.h5"], 1, "cannot write no/x.h5"),
        "method": (["good.npy", "-r", "2", "--method", "magic"], 2, "magic"),
        "start": (["good.npy", "-r", "2", "--start", "magic"], 2, "magic"),
        "start-file": (["good.npy", "-r", "2", "--start", "text.npy"], 1, "text.npy"),
    }


BAD = (
    "nan", "complex", "one-d", "three-d", "empty", "strings", "truncated", "text", "nothing",
    "folder", "missing", "dataset", "candidates", "rank-0", "rank-4", "rank-x", "no-rank",
    "no-matrix", "tol-nan", "unknown", "config", "both", "input", "no-folder", "method", "start",
    "start-file",
)  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_leaves_nothing(mfact, tmp_path, name):
    cases = bad_inputs(tmp_path)
    assert set(cases) == set(BAD)
    args, code, words = cases[name]
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    got, out, err = mfact("solve", *args)
    assert (got, out, err.count("\n")) == (code, "", 1), err
    assert re.search(words, err), err
    assert "internal error" not in err
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_writes_the_result_then_kills(tmp_path, signum):
    rng = np.random.default_rng(1)
    np.save(tmp_path / "M.npy", rng.standard_normal((300, 200)))
    child = subprocess.Popen(
        [sys.executable, "-c", "from mfact.cli.main import main; main()", "solve", "M.npy", "-r",
         "9", "--engine", "direct", "--tol", "0", "--max-iter", "100000000", "--force",
         "--no-optimum", "--format", "json", "--no-factors", "--seed", "1", "-v"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    # -v says when everything is loaded; the matrix is small, so it steps soon after.
    assert child.stderr.readline().startswith(b"loaded in")
    time.sleep(1.0)
    child.send_signal(signum)
    out, err = child.communicate(timeout=60)
    assert child.returncode == -signum, err
    assert json.loads(out)["outcome"] == "INTERRUPTED"
    assert b"\ninterrupted by a signal" in err
    assert err.endswith(b"\nwrote M.run.h5\n")
    assert read_run(tmp_path / "M.run.h5").summary["iterations"] > 0


def on_a_terminal(args, folder, env):
    """What a process writes to a terminal of 100 columns, as bytes."""
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS")}
    child = subprocess.Popen(
        [sys.executable, "-c", "from mfact.cli.main import main; main()", *args],
        stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder,
        env=clean | {"PYTHONPATH": str(ROOT), "TERM": "xterm"} | env,
    )  # fmt: skip
    os.close(theirs)
    written = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # Linux says EIO when the other side is closed
            break
        if not piece:
            break
        written += piece
    os.close(ours)
    assert child.wait(timeout=60) == 3
    return written


def test_on_a_terminal_there_is_colour_and_a_progress_line(tmp_path):
    rng = np.random.default_rng(1)
    np.save(tmp_path / "M.npy", rng.standard_normal((300, 200)))
    args = ["solve", "M.npy", "-r", "9", "--engine", "direct", "--tol", "0", "--max-time", "2",
            "--no-optimum", "--seed", "1", "--force"]  # fmt: skip
    written = on_a_terminal(args, tmp_path, {})
    assert b"\x1b[1m" in written
    assert re.search(rb"\r\x1b\[Kstep \d+  .*steps/s  left: ", written)
    assert b"\x1b" not in on_a_terminal(args, tmp_path, {"TERM": "dumb"})


def test_no_color_leaves_no_escape_in_the_tables(tmp_path, rank_two):
    args = ["solve", rank_two, "-r", "2", "--max-iter", "3", "--force", "--no-output"]
    written = on_a_terminal(args, tmp_path, {"NO_COLOR": "1"})
    assert b"\x1b" not in written.replace(b"\r\x1b[K", b"")


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
