"""Files of any name: found again by check, named by show --command, and obeyed by nobody."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess

import h5py
import numpy as np
import pytest

from mfact.cli.show import quoted

NAMES = [
    b"plain", b"a b", b"it's", b'"q"', b"-dash", b"[b]x[bold]", "Grüße β 矩阵".encode(), b"caf\xe9",
    b"\xff\xfe7", b"a\nb", b"a\n::error::x", b"::error::x", b"##[error]x", b"\x1b[2J\x07", b"$HOME",
    b"`id`", b"a;b&c|d", b"tab\there", b"!x", b"~", b"*?", b"back\\slash", "\u202ea\u2028".encode(),
    b"#", b"%0A::error::z",
]  # fmt: skip
BASH = shutil.which("bash")


@pytest.fixture
def quick(mfact, tmp_path):
    """solve() of a matrix under a name, in a few steps; its run file is run.h5."""
    rng = np.random.default_rng(5)
    M = rng.standard_normal((6, 2)) @ rng.standard_normal((2, 5))

    def solve(name: bytes, dataset: str | None = None):
        text = os.fsdecode(name)
        more = ["--dataset", dataset] if dataset is not None else []
        if dataset is None:
            np.save(tmp_path / text, M)
        else:
            with h5py.File(tmp_path / text, "w") as file:
                file["other"] = M
                file[dataset.encode("utf-8", "surrogateescape")] = M
        return mfact("solve", *more, "-r2", "--seed=1", "--schedule=constant", "--max-iter=9",
                     "--force", "-o", "run.h5", "--", text)  # fmt: skip

    return solve


def obeyed(text):
    """Lines of text that a terminal or GitHub would obey."""
    return [
        line
        for line in text.split("\n")
        if not line.isprintable() or re.match(r"\s*(::|##\[)", line)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_any_name_is_found_again(quick, mfact, name):
    code, out, err = quick(name + b".npy")
    assert code == 3, err
    assert not obeyed(out + err)
    code, out, err = mfact("check", "run.h5")
    assert code in (0, 5), err
    assert not obeyed(out + err)
    code, out, err = mfact("show", "run.h5", "--format", "json")
    assert out.isascii()
    assert json.loads(out)["problem"]["path"] == os.fsdecode(name + b".npy")
    assert not obeyed(out + err)


@pytest.mark.slow
@pytest.mark.skipif(BASH is None, reason="needs bash")
@pytest.mark.parametrize("name", NAMES)
def test_the_command_line_pasted_into_bash_names_the_file(quick, mfact, name):
    quick(name + b".npy")
    code, line, err = mfact("show", "run.h5", "--command")
    assert code == 0, err
    assert line.count("\n") == 1
    assert not obeyed(line)
    script = f"mfact() {{ printf '%s\\0' \"$@\"; }}\n{line}"
    said = subprocess.run([BASH, "-c", script.encode()], capture_output=True, check=True)
    words = said.stdout.split(b"\0")
    assert words[0] == b"solve"
    assert words[1] in (name + b".npy", b"./" + name + b".npy")
    assert not words[1].startswith(b"-")


@pytest.mark.parametrize("dataset", ["-d", "a b", "q/::error::x", "n\nl", "caf\udce9"])
def test_a_dataset_of_any_name_is_found_again(quick, mfact, dataset):
    code, out, err = quick(b"M.h5", dataset)
    assert code == 3, err
    assert not obeyed(out + err)
    assert mfact("check", "run.h5")[0] in (0, 5)
    _, line, _ = mfact("show", "run.h5", "--command")
    assert quoted("/" + dataset) in line


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_the_command_line_is_exact_in_any_encoding(monkeypatch, encoding):
    class Stream:
        pass

    Stream.encoding = encoding
    monkeypatch.setattr("sys.stdout", Stream())
    assert quoted("β.npy") == "$'\\316\\262.npy'"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("command", ["generate", "inspect", "flow", "sweep", "resume", "diff"])
def test_no_name_is_obeyed(mfact, tmp_path, command, name):
    text = os.fsdecode(name + b".npy")
    more = {"generate": ["--shape=4x3", "-r1"], "flow": ["-r1"], "sweep": ["-r1", "--runs=2"],
            "diff": ["none"]}  # fmt: skip
    if command in ("inspect", "flow", "sweep"):
        np.save(tmp_path / text, np.outer(np.arange(1.0, 5), np.ones(3)))
    _, out, err = mfact(command, *more.get(command, []), "--", text)
    assert not obeyed(out + err)
