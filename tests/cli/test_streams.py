"""Standard output as users have it: closed, full, cut off, in ASCII; errors in one line."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import mfact.cli.completion
from mfact.cli.log import Log
from mfact.cli.main import run
from mfact.errors import DataError, SettingsError


@pytest.fixture
def failing(monkeypatch, capsys):
    """Make `mfact completion bash` raise something; (exit code, stderr)."""

    def call(error, *flags):
        def fail(_):
            raise error

        monkeypatch.setattr(mfact.cli.completion, "emit", fail)
        code = run([*flags, "completion", "bash"])
        out, err = capsys.readouterr()
        assert out == ""
        return code, err

    return call


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (DataError("M.npy is 1-D", "pass a matrix"), 1, "mfact: M.npy is 1-D: pass a matrix"),
        (SettingsError("rank 9 is too large"), 2, "mfact: rank 9 is too large"),
        (OSError(28, "No space left on device", "x"), 1, "mfact: x: No space left on device"),
        (MemoryError(), 1, "mfact: out of memory: free memory, or try a smaller rank or matrix"),
        (RuntimeError("a\nb"), 1, "mfact: internal error: RuntimeError: a b: please report it; "
         "-v shows the traceback"),
        (RecursionError("deep"), 1, "mfact: internal error: RecursionError: deep: please report "
         "it; -v shows the traceback"),
    ],
)  # fmt: skip
def test_every_failure_is_one_line_with_its_code(failing, error, code, line):
    assert failing(error) == (code, line + "\n")


def test_a_reader_that_leaves_is_no_error(failing):
    assert failing(BrokenPipeError()) == (0, "")


def test_hostile_text_in_an_error_cannot_reach_the_terminal(failing):
    _, err = failing(DataError("a\x1b[2Jb\udcff"))
    assert err == "mfact: a\\x1b[2Jb\\xff\n"


def test_quiet_still_says_errors_and_verbose_explains(process, tmp_path):
    quiet = process("show", "-q", "missing.h5")
    assert quiet.returncode == 1
    assert quiet.stderr.count(b"\n") == 1
    verbose = process("show", "-v", "--log-file", "log.txt", "missing.h5")
    assert b"Traceback" in verbose.stderr
    logged = (tmp_path / "log.txt").read_text()
    assert "missing.h5" in logged
    assert "Traceback" in logged
    assert all(re.match(r"\d{4}-\d\d-\d\dT[\d:]{8}[+-]\d{4} ", x) for x in logged.splitlines())


def test_a_log_file_that_cannot_be_opened_is_refused(mfact):
    code, out, err = mfact("show", "--log-file", "no/such/folder/log", "x.h5")
    assert (code, out) == (1, "")
    assert err.startswith("mfact: cannot write the log file no/such/folder/log")
    assert err.count("\n") == 1


def test_a_closed_pipe_ends_quietly(process, tmp_path, rank_two):
    line = f"{sys.executable} -c 'from mfact.cli.main import main; main()'"
    done = subprocess.run(
        ["bash", "-c", f"{line} inspect {rank_two} | true; echo ${{PIPESTATUS[0]}}"],
        capture_output=True, cwd=tmp_path, env=os.environ | {"PYTHONPATH": process_root()},
    )  # fmt: skip
    assert done.stderr == b""
    assert done.stdout == b"0\n"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_disk_behind_stdout_is_an_error(process, rank_two):
    with Path("/dev/full").open("wb") as full:
        done = process("inspect", rank_two, capture_output=False, stdout=full,
                       stderr=subprocess.PIPE)  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == (
        b"mfact: cannot write to standard output: No space left on device: send it elsewhere\n"
    )


ENVIRONMENTS = [
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1"},
    {"LANG": "C"},
    {"NO_COLOR": "1"},
    {"TERM": "dumb"},
    {"COLUMNS": "40"},
    {"COLUMNS": "200"},
    {"COLUMNS": "1"},
    {},
]


@pytest.mark.slow
@pytest.mark.parametrize("env", ENVIRONMENTS, ids=str)
def test_off_a_terminal_there_are_no_escapes(process, tmp_path, rank_two, env):
    (tmp_path / rank_two).rename(tmp_path / "a [b] c.npy")
    done = process("inspect", "a [b] c.npy", env=env)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\x1b" not in done.stdout
    assert b"a [b] c.npy" in b"".join(done.stdout.split(b"\n      ")) or "1" in env.values()
    if "ascii" in str(env) or "LC_ALL" in env:
        assert done.stdout.isascii()


@pytest.mark.slow
def test_names_that_are_not_utf_8(process, tmp_path, rank_two):
    name = os.fsencode(tmp_path) + b"/bad\xff\x1b[1m.npy"
    (tmp_path / rank_two).rename(os.fsdecode(name))
    for form in ("table", "json"):
        done = process("inspect", name, "--format", form)
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"\x1b" not in done.stdout
        done.stdout.decode("utf-8")


def test_forced_colour(process, rank_two):
    assert b"\x1b[" in process("inspect", rank_two, env={"FORCE_COLOR": "1"}).stdout


def test_ctrl_c_dies_by_the_signal(tmp_path):
    # An exit code of 1 or 130 would let a shell's loop go on to the next file.
    code = (
        "import mfact.cli.completion as c\n"
        "def wait(_):\n"
        "    print('ready', flush=True)\n"
        "    import time; time.sleep(60)\n"
        "c.emit = wait\n"
        "from mfact.cli.main import main; main(['completion', 'bash'])"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": process_root()},
    )  # fmt: skip
    assert child.stdout.readline() == b"ready\n"
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert child.returncode == -signal.SIGINT
    assert b"Traceback" not in err


def test_notes_go_to_stderr_unless_quiet(capsys):
    log = Log()
    log.note("wrote x")
    log.detail("loaded")
    log.quiet = True
    log.note("wrote y")
    log.error("bad")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "wrote x\nbad\n")


def process_root():
    return str(Path(__file__).parents[2])
