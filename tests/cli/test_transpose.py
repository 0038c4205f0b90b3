"""--transpose: wherever a command names a matrix, M is the transpose of what the file holds."""

from __future__ import annotations

import json
import re
import shlex

import numpy as np
import pytest
import scipy.sparse

from mfact.storage.checkpoints import read_checkpoint, write_checkpoint
from mfact.storage.runs import read_run

QUICK = ("-r", 2, "--schedule", "constant", "--seed", 1)
NOTE = "mfact: note: M is the transpose of what T.npy holds\n"


@pytest.fixture
def turned(rank_two, tmp_path):
    """The 12×8 matrix, and T.npy with its transpose."""
    M = np.load(tmp_path / rank_two)
    np.save(tmp_path / "T.npy", np.ascontiguousarray(M.T))
    return M


def test_a_run_is_that_of_the_transposed_file(mfact, turned, rank_two, tmp_path):
    code, out, err = mfact("solve", "T.npy", *QUICK, "--transpose", "-o", "t.h5")
    assert (code, err) == (0, f"{NOTE}wrote t.h5\n")
    assert "M is 12×8, U is 12×2, V is 8×2" in out
    mfact("solve", rank_two, *QUICK, "-q", "-o", "m.h5")
    one, other = read_run("t.h5"), read_run("m.h5")
    np.testing.assert_allclose(one.U @ one.V.T, other.U @ other.V.T, atol=1e-12)
    assert one.problem["transpose"] is True
    assert one.problem["file_notes"] == ["M is the transpose of what T.npy holds"]
    assert other.problem["transpose"] is False
    code, out, _ = mfact("show", "t.h5", "--full")
    assert re.search("transposed +yes\n", out)
    assert "transposed" not in mfact("show", "m.h5", "--full")[1]


def test_the_matrix_of_a_turned_run_is_found_and_turned_again(mfact, turned):
    mfact("solve", "T.npy", *QUICK, "--transpose", "-q", "-o", "t.h5")
    for words in (("t.h5",), ("t.h5", "T.npy", "--transpose")):
        code, _, err = mfact("check", *words, "--require", "gap<1e-8")
        assert (code, err) == (0, NOTE)
    code, _, err = mfact("check", "t.h5", "T.npy")
    assert (code, err.count("\n")) == (1, 1)
    assert "the run is of a 12×8 matrix, this one is 8×12" in err
    assert "with --transpose" in err
    code, _, err = mfact("plot", "t.h5", "--kind", "residual")
    assert (code, err) == (0, f"{NOTE}wrote t.residual.svg\n")


def test_one_of_its_shape_that_is_not_turned_is_told_of(mfact, tmp_path):
    M = np.random.default_rng(6).standard_normal((6, 6))
    np.save(tmp_path / "T.npy", M)
    mfact("solve", "T.npy", *QUICK, "--transpose", "-q", "-o", "t.h5")
    code, _, err = mfact("check", "t.h5", "T.npy")
    assert (code, err.count("see --transpose\n")) == (5, 1)
    np.save(tmp_path / "M.npy", M.T)
    assert mfact("check", "t.h5", "M.npy")[0] == 0
    for words in (("t.h5", "T.npy", "--transpose"), ("t.h5",)):
        assert mfact("check", *words)[::2] == (0, NOTE)


def test_a_checkpoint_from_before_there_was_a_transpose_goes_on(mfact, rank_two):
    cut = ("--max-iter", 20, "--force", "--checkpoint", "c.h5", "--no-output", "-q")
    assert mfact("solve", rank_two, *QUICK, *cut)[0] == 3
    arrays, document = read_checkpoint("c.h5")
    for part in ("named", "described"):
        assert document[part].pop("transpose") is False
    write_checkpoint("c.h5", arrays, document)
    assert mfact("resume", "c.h5", "--max-iter", 100000, "-q", "-o", "r.h5")[0] == 0
    assert mfact("check", "r.h5")[0] == 0


def test_the_shown_command_turns_it_too(mfact, turned, tmp_path):
    mfact("solve", "T.npy", *QUICK, "--transpose", "-q", "-o", "t.h5")
    line = mfact("show", "t.h5", "--command")[1]
    assert line.startswith("mfact solve T.npy --transpose --rank 2 ")
    assert mfact(*shlex.split(line)[1:], "-q", "-o", "again.h5")[0] == 0
    np.testing.assert_array_equal(read_run("t.h5").U, read_run("again.h5").U)
    mfact("sweep", "T.npy", "--transpose", "--seeds", 5, "--seed", 1, "-q", "-o", "s.h5")
    assert mfact("show", "s.h5", "--command")[1].startswith("mfact sweep T.npy --transpose ")


@pytest.mark.parametrize("moved", [False, True])
def test_a_turned_run_goes_on_from_its_checkpoint(mfact, turned, tmp_path, moved):
    mfact("solve", "T.npy", *QUICK, "--transpose", "-q", "-o", "whole.h5")
    cut = ("--max-iter", 20, "--force", "--checkpoint", "c.h5")
    assert mfact("solve", "T.npy", *QUICK, *cut, "--transpose", "-q", "-o", "t.h5")[0] == 3
    assert read_checkpoint("c.h5")[1]["named"]["transpose"] is True
    words = []
    if moved:
        (tmp_path / "T.npy").rename(tmp_path / "moved.npy")
        words = ["--matrix", "moved.npy"]
    code, _, err = mfact("resume", "c.h5", *words, "--max-iter", 100000, "-o", "t.h5")
    assert code == 0, err
    assert "M is the transpose of what" in err
    whole, part = read_run("whole.h5"), read_run("t.h5")
    np.testing.assert_array_equal(whole.U, part.U)
    np.testing.assert_array_equal(whole.V, part.V)


def test_a_file_and_its_transpose_are_two_matrices(mfact, turned, tmp_path):
    """What one has left unasked, the other does not replace."""
    assert mfact("solve", "T.npy", *QUICK, "--transpose", "-q")[0] == 0
    before = (tmp_path / "T.run.h5").read_bytes()
    code, _, err = mfact("solve", "T.npy", *QUICK)
    assert (code, err.count("\n")) == (2, 1)
    assert "T.run.h5 is there already, and not known as a run file of T.npy" in err
    assert (tmp_path / "T.run.h5").read_bytes() == before
    code, _, err = mfact("solve", "T.npy", "-r", 1, "--seed", 1, "--transpose")
    assert code == 0
    assert "T.run.h5 is a run file of this matrix: it is replaced at the end" in err


def test_other_commands_turn_it_too(mfact, turned, rank_two, tmp_path):
    def found(command, *words):
        code, out, err = mfact(command, *words, "--format", "json")
        assert code == 0, err
        return json.loads(out), err

    one, err = found("inspect", "T.npy", "--transpose")
    assert err == NOTE
    assert (one["shape"], one["source"]["transpose"]) == ([12, 8], True)
    start = {"U": np.ones((12, 1)), "V": np.ones((8, 1))}  # of M and of no transpose
    np.savez(tmp_path / "start.npz", **start)
    _, err = found("flow", "T.npy", "-r", 1, "--start", "start.npz", "--transpose")
    assert err == NOTE
    code, _, err = mfact("compare", "T.npy", "--vary", "rank=1,2", "--seed", 1, "--transpose",
                         "-o", "runs")  # fmt: skip
    assert (code, err.count(NOTE)) == (0, 1)
    assert read_run("runs/T.rank=2.run.h5").U.shape == (12, 2)
    code, _, err = mfact("solve", "T.npy", *QUICK, "--transpose", "--dry-run")
    assert (code, err) == (0, NOTE)


def test_it_is_an_option_as_others_are(mfact, turned, tmp_path, monkeypatch):
    (tmp_path / "t.toml").write_text("transpose = true\n")
    assert mfact("solve", "T.npy", *QUICK, "--config", "t.toml", "-q")[0] == 0
    assert read_run("T.run.h5").U.shape == (12, 2)
    monkeypatch.setenv("MFACT_TRANSPOSE", "1")
    assert mfact("inspect", "T.npy")[2] == NOTE
    assert mfact("inspect", "T.npy", "-q")[2] == ""
    mfact("inspect", "T.npy", "-q", "--log-file", "log")
    assert f" {NOTE}" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    "words",
    [
        ("plot", "a.h5", "--transpose"),
        ("compare", "a.h5", "b.h5", "--transpose"),
        ("figure", "2", "--transpose"),
    ],
)
def test_it_is_refused_where_there_is_no_matrix(mfact, words):
    code, out, err = mfact(*words)
    assert (code, out) == (2, "")
    assert "--transpose" in err


def test_one_that_stays_in_its_file_is_turned_there(mfact, tmp_path, monkeypatch):
    monkeypatch.setattr("mfact.targets.streamed.SLAB_BYTES", 1 << 18)
    T = np.random.default_rng(3).standard_normal((1400, 1500)).cumsum(axis=1)
    np.save(tmp_path / "T.npy", T)
    np.save(tmp_path / "M.npy", T.T)  # in Fortran order: the same bytes
    few = ("-r", 1, "--seed", 1, "--max-memory", "128M", "--threads", 1)
    for words in (("T.npy", "--transpose", "-o", "t.h5"), ("M.npy", "-o", "m.h5")):
        code, _, err = mfact("solve", *few, *words)
        assert code == 0, err
        assert "M stays in its file" in err
    one, other = read_run("t.h5"), read_run("m.h5")
    np.testing.assert_array_equal(one.U, other.U)
    np.testing.assert_array_equal(one.V, other.V)


def test_a_sparse_file_is_turned(mfact, tmp_path):
    S = scipy.sparse.random(40, 30, 0.2, random_state=1)
    scipy.sparse.save_npz(tmp_path / "S.npz", scipy.sparse.csr_array(S))
    assert mfact("solve", "S.npz", "-r", 2, "--seed", 1, "--transpose", "-q", "-o", "s.h5")[0] == 0
    assert read_run("s.h5").U.shape == (30, 2)
    assert mfact("check", "s.h5")[0] == 0
