"""Every bad input of solve is one line, and leaves nothing behind."""

from __future__ import annotations

import re

import h5py
import numpy as np
import pytest


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
    (folder / "text.npy").write_text("Dear all,\n")
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
        "unknown": (
            ["good.npy", "-r", "2", "--tool", "1"],
            2,
            "no such option '--tool'",
        ),
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
