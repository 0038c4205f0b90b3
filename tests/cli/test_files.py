"""Nothing that is read is written over, and no output meets another: every pair, by every name."""

from __future__ import annotations

import os
import shutil
import subprocess
from itertools import combinations, product
from pathlib import Path

import h5py
import numpy as np
import pytest

from mfact.cli.main import COMMANDS

# What solve reads, and the words that name it; M.npy is the matrix unless another is named.
READS = {
    "matrix": lambda name: ([name], {}),
    "start": lambda name: (["M.npy", "--start", name], {}),
    "config": lambda name: (["M.npy", "--config", name], {}),
    "config by environment": lambda name: (["M.npy"], {"MFACT_CONFIG": name}),
}
# What solve writes. A name is made into the words that lead there, or None where none do.
WRITES = {
    "output": lambda name: ["-o", name],
    "factor U": lambda name: ["--factors-npy", name.removesuffix("_U.npy")],
    "factor V": lambda name: ["--factors-npy", name.removesuffix("_V.npy")],
    "checkpoint": lambda name: ["--checkpoint", name],
    "default checkpoint": lambda name: ["-o", name.removesuffix(".checkpoint")],
    "log file": lambda name: ["--log-file", name],
}
ENDS = {"factor U": "_U.npy", "factor V": "_V.npy", "default checkpoint": ".checkpoint"}
WAYS = ("name", "detour", "absolute", "symbolic link", "hard link", "linked folder")


def other_name(way: str, name: str, file: Path) -> str:
    """Another name of the file, `name` its last part where that is free."""
    folder = file.parent
    if way == "name":
        return file.name
    if way == "absolute":
        return str(file)
    (folder / "sub").mkdir(exist_ok=True)
    if way == "detour":
        return f"sub/../{file.name}"
    if way == "linked folder":
        (folder / "here").symlink_to(".")
        return f"here/{file.name}"
    link = folder / "sub" / name
    link.symlink_to(file) if way == "symbolic link" else link.hardlink_to(file)
    return f"sub/{name}"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def inputs(mfact, tmp_path, monkeypatch):
    """A matrix, a start and a config file, M.npy, S.npz and run.toml."""
    rng = np.random.default_rng(3)
    np.save(tmp_path / "M.npy", rng.standard_normal((6, 5)))
    np.savez(tmp_path / "S.npz", U=rng.standard_normal((6, 2)), V=rng.standard_normal((5, 2)))
    (tmp_path / "run.toml").write_text("max-iter = 3\n")
    return {"matrix": "M.npy", "start": "S.npz", "config": "run.toml"}


@pytest.mark.parametrize(("read", "written"), [*product(READS, WRITES)])
def test_what_is_read_is_not_written(mfact, inputs, tmp_path, monkeypatch, read, written):
    for way in WAYS:
        folder = tmp_path / way.replace(" ", "-")
        folder.mkdir()
        monkeypatch.chdir(folder)
        end = ENDS.get(written, ".h5")
        for name in inputs.values():
            shutil.copy(tmp_path / name, folder)
        source = folder / f"x{end}"
        shutil.copy(tmp_path / inputs[read.split()[0]], source)
        words, environment = READS[read](source.name)
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        target = other_name(way, f"y{end}", source)
        before = contents(folder)
        code, out, err = mfact("solve", *words, "-r", 2, "--seed", 1, *WRITES[written](target))
        assert (code, out) == (2, ""), (way, err)
        assert err.count("\n") == 1
        assert f" is the {read.split()[0]}" in err
        assert contents(folder) == before


# U and V are never one; the default checkpoint is made from the output, or is none.
MEETING = [
    (one, other)
    for one, other in combinations(WRITES, 2)
    if not (one in ENDS and other in ENDS) and "default checkpoint" not in (one, other)
]


@pytest.mark.parametrize(("one", "other"), MEETING)
def test_no_output_meets_another(mfact, inputs, tmp_path, monkeypatch, one, other):
    end = ENDS.get(one, "") + ENDS.get(other, "")
    for way in WAYS:
        folder = tmp_path / way.replace(" ", "-")
        folder.mkdir()
        monkeypatch.chdir(folder)
        shutil.copy(tmp_path / "M.npy", folder)
        file = folder / f"x{end}"
        if way in ("symbolic link", "hard link"):
            file.write_bytes(b"old")
        target = other_name(way, f"y{end}", file)
        before = contents(folder)
        words = [*WRITES[one](file.name), *WRITES[other](target)]
        code, out, err = mfact("solve", "M.npy", "-r", 2, "--seed", 1, *words)
        assert (code, out) == (2, ""), (way, err)
        assert err.count("\n") == 1
        assert contents(folder) == before


def test_defaults_are_outputs_too(mfact, inputs, tmp_path):
    QUICK = ("-r", 2, "--seed", 1, "--max-iter", 3, "--force", "--exit-zero")
    assert mfact("solve", "M.npy", *QUICK, "--checkpoint", "M.run.h5.checkpoint")[0] == 0
    before = contents(tmp_path)
    for words in (
        ("--start", "M.run.h5"),
        ("--log-file", "M.run.h5"),
        ("--checkpoint", "M.run.h5"),
        ("--log-file", "M.run.h5.checkpoint"),
        ("--start", "M.run.h5.checkpoint"),
    ):
        code, _, err = mfact("solve", "M.npy", *QUICK, *words)
        assert (code, err.count("\n")) == (2, 1), (words, err)
    assert contents(tmp_path) == before
    on = (
        "-r",
        2,
        "--start",
        "M.run.h5",
        "-o",
        "on.h5",
        "-q",
        "--max-iter",
        3,
        "--force",
        "--exit-zero",
    )
    assert mfact("solve", "M.npy", *on)[0] == 0
    for words in (
        ("M.run.h5.checkpoint", "--log-file", "M.run.h5.checkpoint"),
        ("M.run.h5.checkpoint", "-o", "M.run.h5.checkpoint"),
        ("M.run.h5.checkpoint", "-o", "M.npy"),
        ("M.run.h5.checkpoint", "--log-file", "M.run.h5"),
        ("M.run.h5.checkpoint", "--log-file", "M.npy"),
    ):
        code, _, err = mfact("resume", *words)
        assert (code, err.count("\n")) == (2, 1), (words, err)
    assert mfact("resume", "M.run.h5.checkpoint", "-q", "--max-iter", 5)[0] == 3


INPUTS = {
    "solve": ("M.npy", "-r", "2", "--no-output"),
    "resume": ("c.h5",),
    "show": ("r.h5",),
    "check": ("r.h5", "M.npy"),
    "diff": ("r.h5", "s.h5"),
    "inspect": ("M.npy",),
    "sweep": ("M.npy", "--seeds", "3"),
    "flow": ("M.npy", "-r", "2", "--start", "S.npz", "--time", "0.1"),
    "generate": ("new.npy", "--shape", "3x2", "-r", "1"),
}


@pytest.mark.parametrize("command", INPUTS)
def test_no_log_goes_into_an_input(mfact, inputs, tmp_path, command):
    words = (
        "-r",
        2,
        "--seed",
        1,
        "-q",
        "--max-iter",
        3,
        "--force",
        "--checkpoint",
        "c.h5",
        "--exit-zero",
    )
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


def test_a_matrix_inside_a_file_is_that_file(mfact, tmp_path):
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["g/a"] = np.eye(3)
    before = contents(tmp_path)
    for spec in ("d.h5:/g/a", "d.h5::/g/a"):
        code, _, err = mfact("solve", spec, "-r", 1, "-o", "d.h5")
        assert (code, err) == (
            2,
            "mfact: d.h5 is the matrix and the output: name another output with -o\n",
        )
    assert contents(tmp_path) == before


@pytest.mark.parametrize("how", ["link", "virtual", "external"])
def test_what_a_matrix_links_to_is_read_too(mfact, tmp_path, how):
    M = np.random.default_rng(4).standard_normal((5, 4))
    (tmp_path / "part").mkdir()
    with h5py.File(tmp_path / "part" / "real.h5", "w") as file:
        file["M"] = M
    (tmp_path / "part" / "raw").write_bytes(M.tobytes())
    source = tmp_path / "part" / ("raw" if how == "external" else "real.h5")
    with h5py.File(tmp_path / "d.h5", "w") as file:
        if how == "link":
            file["M"] = h5py.ExternalLink("part/real.h5", "/M")
        elif how == "virtual":
            layout = h5py.VirtualLayout(M.shape, "f8")
            layout[:] = h5py.VirtualSource("part/real.h5", "M", M.shape)
            file.create_virtual_dataset("M", layout)
        else:
            external = [("part/raw", 0, M.nbytes)]
            file.create_dataset("M", M.shape, "f8", external=external)
    before = contents(tmp_path)
    words = ("solve", "d.h5:/M", "-r", 1, "--seed", 1, "--follow-links", "-q")
    for written in (("-o",), ("--checkpoint",), ("--log-file",)):
        code, out, err = mfact(*words, *written, f"part/{source.name}")
        assert (code, out, err.count("\n")) == (2, "", 1), err
        assert contents(tmp_path) == before
    assert mfact(*words, "-o", "fine.h5")[0] == 0


def test_standard_output_is_an_output_too(process, tmp_path):
    np.save(tmp_path / "M.npy", np.eye(3))
    (tmp_path / "out.h5").write_bytes(b"")
    before = contents(tmp_path)
    for words, file in (
        (("solve", "M.npy", "-r", "1"), "M.npy"),
        (("solve", "M.npy", "-r", "1", "-o", "out.h5"), "out.h5"),
        (("inspect", "M.npy"), "M.npy"),
    ):
        with (tmp_path / file).open("ab") as opened:
            done = process(*words, capture_output=False, stdout=opened, stderr=subprocess.PIPE)
        assert done.returncode == 2
        assert b"standard output: send it elsewhere" in done.stderr
        assert contents(tmp_path) == before
    with (tmp_path / "all.txt").open("wb") as opened:  # both into one file, as in a batch job
        done = process("inspect", "M.npy", capture_output=False, stdout=opened, stderr=opened)
    assert done.returncode == 0


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
