"""Logs are text, go into no input, and never wait."""

from __future__ import annotations

import os

import numpy as np
import pytest
from contents import contents

from mfact.cli.main import COMMANDS

INPUTS = {
    "solve": ("M.npy", "-r", "2", "--no-output"),
    "resume": ("c.h5",),
    "show": ("r.h5",),
    "check": ("r.h5", "M.npy"),
    "diff": ("r.h5", "s.h5"),
    "inspect": ("M.npy",),
    "sweep": ("M.npy", "--seeds", "3"),
    "flow": ("M.npy", "-r", "2", "--start", "S.npz", "--time", "0.1"),
    "network": ("M.npy", "M.npy", "--layers", "2-5", "--step-size", "0.1", "--no-output"),
    "balance": ("r.h5",),
    "compare": ("r.h5", "s.h5"),
    "plot": ("r.h5", "-o", "r.svg"),
    "figure": ("1a", "M.npy", "-r", "2", "--max-iter", "3"),
    "generate": ("new.npy", "--shape", "3x2", "-r", "1"),
}


@pytest.mark.parametrize("command", INPUTS)
def test_no_log_goes_into_an_input(mfact, inputs, tmp_path, command):
    words = ("-r", 2, "--seed", 1, "-q", "--max-iter", 3, "--force",
             "--checkpoint", "c.h5", "--exit-zero")  # fmt: skip
    for output in ("r.h5", "s.h5"):
        assert mfact("solve", "M.npy", *words, "-o", output)[0] == 0
    files = [word for word in INPUTS[command] if word.endswith((".npy", ".npz", ".h5"))]
    before = contents(tmp_path)
    for file in files:
        code, out, err = mfact(command, *INPUTS[command], "--log-file", f"./{file}")
        assert (code, out, err.count("\n")) == (2, "", 1), (file, err)
        assert contents(tmp_path) == before
    assert mfact(command, *INPUTS[command], "--log-file", "fine.log")[0] in (0, 3)
    assert (tmp_path / "fine.log").exists()


def test_every_command_with_a_log_is_tried():
    assert {*COMMANDS} - {*INPUTS} == {"help", "completion"}


def test_logs_are_text_and_never_wait(mfact, inputs, tmp_path):
    np.save(tmp_path / "other.npy", np.eye(2))
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "notes.txt").write_text("begun by hand\n")
    before = (tmp_path / "other.npy").read_bytes()
    for log in ("other.npy", "pipe", ".", "no/such.log"):
        code, out, err = mfact("inspect", "M.npy", "--log-file", log)
        assert (code, out, err.count("\n")) == (1, "", 1), log
        assert "cannot write the log file" in err
    assert (tmp_path / "other.npy").read_bytes() == before
    assert mfact("solve", "M.npy", "-r", 1, "--log-file", "notes.txt")[0] == 0
    text = (tmp_path / "notes.txt").read_text()
    assert text.startswith("begun by hand\n")
    assert "wrote M.run.h5" in text


@pytest.mark.parametrize("log", ["new.log", "old.log", "M.npy", "notes.txt"])
def test_an_error_in_the_options_is_told_in_a_log_that_is_one(mfact, inputs, tmp_path, log):
    mfact("inspect", "none.npy", "--log-file", "old.log")
    (tmp_path / "notes.txt").write_text("begun by hand\n")
    before = contents(tmp_path)
    assert mfact("solve", "--log-file", log, "M.npy", "-r", "nought")[0] == 2
    after = contents(tmp_path)
    if log.endswith(".log"):
        assert "nought" in after.pop(str(tmp_path / log)).decode()
        before.pop(str(tmp_path / log), None)
    assert after == before
