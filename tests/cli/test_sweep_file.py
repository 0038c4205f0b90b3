"""mfact sweep -o and what reads its file: the same page again, its command, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

from mfact.storage.sweeps import read_sweep


@pytest.fixture
def sweep(mfact, rank_two):
    """The page of a sweep whose file is S.h5."""
    words = ["sweep", rank_two, "--seeds", 25, "--seed", 4, "--growth", "10,30", "--bounds", "2,7"]
    code, out, err = mfact(*words, "-o", "S.h5")
    assert (code, err) == (0, "wrote S.h5\n")
    return words, out


@pytest.mark.parametrize("view", ["table", "json", "markdown", "csv"])
def test_show_prints_what_the_sweep_printed(mfact, sweep, view):
    words, _ = sweep
    printed = mfact(*words, "--format", view)
    assert printed[0] == 0
    assert mfact("show", "S.h5", "--format", view) == printed


def test_show_without_options_prints_the_page(mfact, sweep):
    assert mfact("show", "S.h5", "--no-timing") == (0, sweep[1], "")


def test_the_command_of_the_file_repeats_the_sweep(mfact, sweep, rank_two):
    code, line, _ = mfact("show", "S.h5", "--command")
    told = f"mfact sweep {rank_two} --seeds 25 --seed 4 --growth 10,30 --bounds 2.0,7.0\n"
    assert (code, line) == (0, told)
    assert mfact(*line.split()[1:]) == (0, sweep[1], "")


def test_the_seed_that_was_drawn_is_in_the_command(mfact):
    mfact("sweep", "--growth", 10, "--seeds", 5, "-q", "-o", "G.h5")
    seed = read_sweep("G.h5").sweeps[0].settings.seed
    told = f"mfact sweep --seeds 5 --seed {seed} --growth 10\n"
    assert mfact("show", "G.h5", "--command")[1] == told


def test_two_equal_sweeps_are_equal_files(mfact, sweep, tmp_path):
    mfact(*sweep[0], "-q", "--format", "json", "--output", "T.h5")
    assert (tmp_path / "S.h5").read_bytes() == (tmp_path / "T.h5").read_bytes()


def test_the_file_is_written_whatever_the_runs_came_to(mfact, rank_two):
    assert mfact("sweep", rank_two, "--seeds", 5, "--max-iter", 3, "-q", "-o", "S.h5")[0] == 3
    assert read_sweep("S.h5").runs.converged == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--full",), "S.h5 is the file of a sweep: it is shown in full, leave --full out"),
        (("--rows", "0"), "it has no iteration table, leave --rows out"),
        (("--no-factors",), "it holds no factors, leave --no-factors out"),
        (("--format", "jsonl"), "a sweep has no view jsonl: use one of table, markdown, json, csv"),
        (("--format", "junit"), "a sweep has no view junit"),
    ],
)
def test_options_of_runs_are_refused(mfact, sweep, words, told):
    code, out, err = mfact("show", "S.h5", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert told in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("check", "S.h5"), "`mfact show` reads it; pass a file that `mfact solve` wrote"),
        (("diff", "S.h5", "S.h5"), "not a run file: `mfact show` reads it"),
        (("resume", "S.h5"), "not a checkpoint: `mfact show` reads it"),
        (("balance", "S.h5"), "S.h5 is the file of a sweep, which holds no weights: name"),
        (("balance", "S.h5", "S.npz"), "S.h5 is the file of a sweep, which holds no weights"),
        (("solve", "rank-two.npy", "-r", "1", "--start", "S.h5"), "S.h5 is the file of a sweep"),
        (("network", "rank-two.npy", "rank-two.npy", "--layers", "8r-8", "--step-size", "0.1",
          "--start", "S.h5"), "S.h5 is the file of a sweep, not a network's run file"),
    ],
)  # fmt: skip
def test_other_commands_name_it(mfact, sweep, words, told):
    np.savez("S.npz", a=np.eye(2))
    code, out, err = mfact(*words)
    assert (code in (1, 2), out, err.count("\n")) == (True, "", 1)
    assert told in err


@pytest.mark.parametrize("name", ["rank-two.npy", "./rank-two.npy", "link.npy"])
def test_the_matrix_is_never_written_over(mfact, rank_two, tmp_path, name):
    (tmp_path / "link.npy").symlink_to(rank_two)
    before = (tmp_path / rank_two).read_bytes()
    code, _, err = mfact("sweep", rank_two, "--seeds", 5, "-o", name)
    assert code == 2
    assert "is the matrix and the output: name another output with -o" in err
    assert (tmp_path / rank_two).read_bytes() == before


def test_where_nothing_can_be_written_nothing_is_run(mfact, rank_two):
    code, out, err = mfact("sweep", rank_two, "--seeds", 5, "-o", "none/S.h5")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "create the folder first" in err
