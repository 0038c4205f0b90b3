"""mfact solve on a terminal, and under a signal."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mfact.storage.runs import read_run

ROOT = Path(__file__).parents[2]


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


@pytest.mark.slow
def test_on_a_terminal_there_is_colour_and_a_progress_line(tmp_path):
    rng = np.random.default_rng(1)
    np.save(tmp_path / "M.npy", rng.standard_normal((300, 200)))
    args = ["solve", "M.npy", "-r", "9", "--engine", "direct", "--tol", "0", "--max-time", "2",
            "--no-optimum", "--seed", "1", "--force"]  # fmt: skip
    written = on_a_terminal(args, tmp_path, {})
    assert b"\x1b[1m" in written
    assert re.search(rb"\r\x1b\[Kleft: at most \d s  step \d+  ", written)
    assert b"\x1b" not in on_a_terminal(args, tmp_path, {"TERM": "dumb"})


def test_no_color_leaves_no_escape_in_the_tables(tmp_path, rank_two):
    args = ["solve", rank_two, "-r", "2", "--max-iter", "3", "--force", "--no-output"]
    written = on_a_terminal(args, tmp_path, {"NO_COLOR": "1"})
    assert b"\x1b" not in written.replace(b"\r\x1b[K", b"")
