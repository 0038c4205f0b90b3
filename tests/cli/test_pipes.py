"""Standard input and output, pipes and devices where a file is meant: refused before any work."""

import os
import subprocess

import numpy as np
import pytest

from mfact.storage.claims import claim_output

SOLVE = ("solve", "rank-two.npy", "-r", "2")
pytestmark = pytest.mark.timeout(60)  # a hang is a failure of what is tested here
HINT = "name a file; --format json writes the result to standard output"


@pytest.fixture
def folder(rank_two, tmp_path):
    os.mkfifo(tmp_path / "pipe.h5")
    os.mkfifo(tmp_path / "pipe.svg")
    return tmp_path


def held(folder):
    return sorted(each.name for each in folder.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("-", "the output - would be standard output, not a file"),
        ("pipe.h5", "the output pipe.h5 is a pipe, not a regular file"),
        ("/dev/null", "the output /dev/null is a device, not a regular file"),
        ("/dev/stdout", "the output /dev/stdout is a pipe, not a regular file"),
        ("/dev/stderr", "the output /dev/stderr is a pipe, not a regular file"),
        ("/dev/fd/1", "the output /dev/fd/1 is a pipe, not a regular file"),
    ],
)
def test_a_run_file_is_a_file(output, said, process, folder):
    before = held(folder)
    done = process(*SOLVE, "-o", output)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == f"mfact: {said}: {HINT}\n"
    assert held(folder) == before


def test_the_way_out_is_one(mfact, folder):
    code, out, _ = mfact(*SOLVE, "--no-output", "--format", "json")
    assert (code, out[0]) == (0, "{")


@pytest.mark.parametrize(
    "words",
    [
        (*SOLVE, "-o", "-"),
        (*SOLVE, "-o", "pipe.h5"),
        (*SOLVE, "-o", "/dev/null"),
        (*SOLVE, "--checkpoint", "-"),
        (*SOLVE, "--checkpoint", "pipe.h5"),
        (*SOLVE, "--factors-npy", "-"),
        (*SOLVE, "--dry-run", "-o", "-"),
        ("sweep", "rank-two.npy", "-r", "2", "--repeats", "2", "-o", "-"),
        ("network", "--data", "ortho", "--layers", "4-2", "-o", "-"),
        ("generate", "-", "--shape", "3x2"),
        ("figure", "1", "-o", "-"),
    ],
    ids=lambda words: " ".join(words[:1] + words[-2:]),
)
def test_other_outputs_are_files_too(words, mfact, folder):
    before = held(folder)
    code, out, err = mfact(*words)
    assert (code, out) == (2, ""), err
    assert err.count("\n") == 1 or words[0] == "generate"
    assert held(folder) == before


@pytest.mark.parametrize("output", ["-", "pipe.svg"])
def test_a_picture_is_a_file(output, mfact, folder):
    assert mfact(*SOLVE, "-q", "-o", "a.run.h5")[0] == 0
    before = held(folder)
    code, out, err = mfact("plot", "a.run.h5", "-o", output)
    assert (code, out) == (2, "")
    code, out, err = mfact("plot", "a.run.h5", "-o", "a.svg", "--data", "-")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert held(folder) == before


def test_a_log_file_is_none_by_a_dash_and_may_be_a_pipe(mfact, folder):
    code, _, err = mfact(*SOLVE, "--no-output", "--log-file", "-")
    assert (code, err) == (
        1,
        "mfact: cannot write the log file -: it would be standard output: "
        "name another log file with --log-file\n",
    )
    assert "-" not in held(folder)
    with subprocess.Popen(["cat", "pipe.h5"], cwd=folder, stdout=subprocess.PIPE) as reader:
        while mfact(*SOLVE, "-q", "--no-output", "--log-file", "pipe.h5")[0] == 1:
            pass  # the reader is not there yet
        assert reader.stdout.read()


@pytest.mark.slow
def test_standard_output_that_is_a_file_meets_the_run_file(process, folder):
    with (folder / "out").open("wb") as stream:
        done = process(*SOLVE, "-o", "/dev/stdout", capture_output=False, stdout=stream,
                       stderr=subprocess.PIPE)  # fmt: skip
    assert done.returncode == 2
    assert b"is the output and the standard output" in done.stderr
    assert (folder / "out").read_bytes() == b""


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["-", "https://example.org/M.npy", "pipe.h5", "/dev/stdin"])
def test_what_is_read_is_a_file(spec, process, folder):
    done = process("inspect", spec, stdin=subprocess.PIPE)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (1, b"", 1)
    for words in ((b"standard input is not read",), (b"is a URL: download it first",),
                  (b"is no regular file: save it in a file first",)):  # fmt: skip
        if words[0] in done.stderr:
            return
    raise AssertionError(done.stderr)


def test_a_file_called_a_dash_can_be_meant(mfact, folder):
    claim_output("./-")
    np.save(folder / "M.npy", np.eye(3))
    assert mfact("solve", "M.npy", "-r", "1", "-q", "-o", "./-", "--force", "--exit-zero")[0] == 0
    assert (folder / "-").is_file()
