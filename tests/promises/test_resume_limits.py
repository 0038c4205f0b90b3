"""A resume refuses what solve refuses, at the same limits, and nothing is touched by it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from children import Child
from matrices import of_kind

from mfact.core import Outcome
from mfact.errors import SettingsError, StorageError
from mfact.run.solve import resume, solve
from mfact.storage.checkpoints import read_checkpoint

M = of_kind("noisy")
LIMIT = Outcome.ITERATION_LIMIT.exit_code
RUN = ("-r", 2, "--seed", 1, "--schedule", "constant", "--max-iter", 20)


@pytest.fixture
def saved(tmp_path):
    """A folder with M.npy, a link to it, the checkpoint c.h5 of 20 steps and the file run.h5."""
    np.save(tmp_path / "M.npy", M)
    (tmp_path / "link.npy").symlink_to("M.npy")
    (tmp_path / "sub").mkdir()
    child = Child(tmp_path, "solve", "M.npy", *RUN, "--checkpoint", "c.h5", "-o", "run.h5")
    assert child.wait() == LIMIT, child.said()
    return tmp_path


def files(folder):
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.is_file() and path.name not in (".out", ".err")
    }


def refused(folder, words, *args, codes=(1, 2)):
    """The command ends with one line that has these words, and every file is as it was."""
    before = files(folder)
    child = Child(folder, *args)
    assert child.wait() in codes, child.said()
    assert words in child.said(), child.said()
    assert child.said().count("\n") == 1
    assert child.printed() == ""
    assert files(folder) == before


@pytest.mark.slow
@pytest.mark.parametrize("command", ["solve", "resume"])
@pytest.mark.parametrize("option", ["-o", "--factors-npy"])
@pytest.mark.parametrize("name", ["M.npy", "./M.npy", "sub/../M.npy", "link.npy"])
def test_no_output_replaces_the_matrix(saved, command, option, name):
    if option == "--factors-npy":  # writes NAME_U.npy and NAME_V.npy
        for letter in "UV":
            (saved / f"f_{letter}.npy").symlink_to("M.npy")
            words = f"is the matrix and the factor {letter}"
            start = ("solve", "M.npy", *RUN) if command == "solve" else ("resume", "c.h5")
            refused(
                saved,
                words,
                *start,
                "--factors-npy",
                name.replace(name.split("/")[-1], "f"),
                codes=(2,),
            )
            (saved / f"f_{letter}.npy").unlink()
        return
    start = ("solve", "M.npy", *RUN) if command == "solve" else ("resume", "c.h5")
    refused(saved, "is the matrix and the output", *start, "-o", name, codes=(2,))


@pytest.mark.parametrize("name", ["c.h5", "./c.h5", "sub/../c.h5", "linked.h5"])
def test_no_output_replaces_the_checkpoint_of_its_run(saved, name):
    (saved / "linked.h5").symlink_to("c.h5")
    words = "is the checkpoint and the output"
    refused(saved, words, "resume", "c.h5", "-o", name, codes=(2,))
    words = "is the output and the checkpoint"
    start = ("solve", "M.npy", *RUN)
    refused(saved, words, *start, "--checkpoint", "c.h5", "-o", name, codes=(2,))
    refused(saved, words, *start, "--checkpoint", name, "-o", "c.h5", codes=(2,))


@pytest.mark.parametrize("command", ["solve", "resume"])
@pytest.mark.parametrize(
    ("output", "words"), [("no/x.h5", "create the folder first"), ("sub", "is a folder")]
)
def test_an_output_that_cannot_be_written_is_refused_first(saved, command, output, words):
    start = ("solve", "M.npy", *RUN) if command == "solve" else ("resume", "c.h5")
    refused(saved, words, *start, "-o", output)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "value"),
    [("--max-iter", "-1"), ("--max-iter", "x"), ("--max-iter", "2.5"), ("--max-time", "0"),
     ("--max-time", "-1"), ("--max-time", "nan"), ("--max-time", "inf")],
)  # fmt: skip
def test_a_limit_that_is_none_is_refused_by_both(saved, option, value):
    for start in (("solve", "M.npy", "-r", 2), ("resume", "c.h5")):
        refused(saved, option, *start, option, value, codes=(2,))


@pytest.mark.parametrize(
    "limits",
    [{"max_iter": -1}, {"max_time": 0.0}, {"max_time": -1.0}, {"max_time": math.nan},
     {"max_time": math.inf}],
)  # fmt: skip
def test_both_functions_refuse_the_same_limits(saved, limits):
    (name,) = limits
    for call in (
        lambda: solve(M, rank=2, seed=1, **limits),
        lambda: resume(str(saved / "c.h5"), M, **limits),
    ):
        with pytest.raises(SettingsError, match="--" + name.replace("_", "-")):
            call()


def test_the_fewest_steps_bind_a_resume_too(tmp_path):
    """Twenty steps were asked for, of which five are done: ten at the most do not fit."""
    path = str(tmp_path / "c.h5")
    base = {"rank": 2, "seed": 1, "schedule": "constant", "checkpoint": path}
    solve(M, **base, min_iter=5, max_iter=5)
    assert resume(path, M, max_iter=5).summary["iterations"] == 5
    _, document = read_checkpoint(path)
    assert document["settings"]["min_iter"] == 5
    with pytest.raises(SettingsError, match="--min-iter 5 is above --max-iter 4"):
        resume(path, M, max_iter=4)


@pytest.mark.parametrize("options", [{"schedule": "constant"}, {"schedule": "power", "tol": 1e-13}])
def test_a_step_limit_behind_the_run_is_refused_and_one_where_it_stands_is_not(tmp_path, options):
    path = tmp_path / "c.h5"
    cut = solve(M, rank=2, seed=1, checkpoint=str(path), max_iter=20, **options)
    assert cut.summary["iterations"] == 20
    before = path.read_bytes()
    with pytest.raises(SettingsError, match="--max-iter is 19, and the run in") as error:
        resume(str(path), M, max_iter=19)
    assert "has taken 20 steps" in error.value.sentence
    assert path.read_bytes() == before
    again = resume(str(path), M, max_iter=20)
    assert again.outcome is Outcome.ITERATION_LIMIT
    assert again.summary["iterations"] == 20
    assert np.array_equal(again.U, cut.U)
    on = resume(str(path), M, max_iter=21)
    assert on.summary["iterations"] == 21
    assert resume(str(path), M, max_iter=22).summary["iterations"] == 22


def test_the_steps_of_a_fast_forward_count(tmp_path):
    path, small = str(tmp_path / "c.h5"), of_kind("noisy", shape=(6, 5))
    options = {"rank": 2, "seed": 1, "delta": 0.3, "checkpoint": path}
    assert solve(small, max_iter=5000, **options).outcome is Outcome.ITERATION_LIMIT
    # It goes on from its last record, which lies a little before the limit.
    last = math.floor(read_checkpoint(path)[1]["flight"]["rows"][-1]["step"])
    assert 1024 < last < 5000
    for behind in (2, 1024, last):
        with pytest.raises(SettingsError, match="has taken"):
            resume(path, small, max_iter=behind)
    for limit in (last + 1, last + 2, 5000, 5100):
        assert resume(path, small, max_iter=limit).summary["iterations"] == limit


def test_steps_too_many_for_a_float_count_by_their_logarithm(tmp_path):
    path, small = str(tmp_path / "c.h5"), of_kind("noisy", shape=(6, 5))
    options = {"rank": 2, "seed": 1, "schedule": "theorem-3.1", "eps": 2.0, "checkpoint": path}
    assert solve(small, max_iter=10**700, **options).outcome is Outcome.ITERATION_LIMIT
    last = read_checkpoint(path)[1]["flight"]["rows"][-1]["log10_step"]
    assert 400 < last <= 700
    for behind in (5, 10**300, 10 ** math.floor(last - 1)):
        with pytest.raises(SettingsError, match=r"has taken 10\^\S+ steps") as error:
            resume(path, small, max_iter=behind)
        assert len(str(error.value)) < 250
    again = resume(path, small, max_iter=10 ** math.ceil(last))
    assert again.summary["log10_iterations"] == pytest.approx(math.ceil(last), rel=1e-12)


# In float32 an entry is the same or another one; the sums round in float64 alone.
@pytest.mark.parametrize(
    ("dtype", "seen", "unseen"), [("float64", 1e-13, 1e-15), ("float32", 1e-7, 0.0)]
)
def test_another_scale_of_the_matrix_is_refused_beyond_rounding(tmp_path, dtype, seen, unseen):
    path = str(tmp_path / "c.h5")
    kept = {"rank": 2, "seed": 1, "schedule": "constant", "checkpoint": path, "dtype": dtype}
    solve(M, max_iter=5, **kept)
    with pytest.raises(StorageError, match="from another matrix"):
        resume(path, M * (1 + seen), max_iter=5)
    resume(path, M * (1 + unseen), max_iter=5)


def test_the_norm_alone_does_not_tell_a_matrix(tmp_path):
    """A column, a row, or a corner of another sign: the same norm, and other products."""
    path = str(tmp_path / "c.h5")
    solve(M, rank=2, seed=1, schedule="constant", checkpoint=path, max_iter=5)
    others = {
        "rows": M[::-1].copy(),
        "columns": M[:, ::-1].copy(),
        "signs": np.where(np.arange(M.size).reshape(M.shape) == 7, -M, M),
    }
    for name, other in others.items():
        with pytest.raises(StorageError, match="but a signed sum of its entries was"):
            resume(path, other, max_iter=10)
        assert name
    assert resume(path, M, max_iter=10).summary["iterations"] == 10
