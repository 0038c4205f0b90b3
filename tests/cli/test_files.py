"""Nothing that is read is written over, and no output meets another: every pair, by every name."""

from __future__ import annotations

import shutil
import subprocess
from itertools import combinations, product
from pathlib import Path

import h5py
import numpy as np
import pytest
from contents import contents

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
    "factor U as CSV": lambda name: ["--factors-csv", name.removesuffix("_U.csv")],
    "factor V as TSV": lambda name: ["--factors-tsv", name.removesuffix("_V.tsv")],
    "checkpoint": lambda name: ["--checkpoint", name],
    "default checkpoint": lambda name: ["-o", name.removesuffix(".checkpoint")],
    "log file": lambda name: ["--log-file", name],
}


ENDS = {"factor U": "_U.npy", "factor V": "_V.npy", "factor U as CSV": "_U.csv",
        "factor V as TSV": "_V.tsv", "default checkpoint": ".checkpoint"}  # fmt: skip
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
    on = ("-r", 2, "--start", "M.run.h5", "-o", "on.h5", "-q",
          "--max-iter", 3, "--force", "--exit-zero")  # fmt: skip
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


@pytest.mark.slow
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
