"""The default output belongs to one matrix, and a checkpoint has no say in what is written over."""

from __future__ import annotations

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from mfact.storage.checkpoints import read_checkpoint, write_checkpoint
from mfact.storage.runs import read_run

QUICK = ("-r", 1, "--seed", 1, "--schedule", "constant")
CUT = ("-r", 1, "--seed", 1, "--max-iter", 3, "--force", "--exit-zero")
TAKEN = "is there already, and not known as a"


def random_matrix(seed):
    return np.random.default_rng(seed).standard_normal((7, 5))


@pytest.fixture
def matrices(mfact, tmp_path):
    """Ways to name four matrices so that their default outputs are in each other's way."""
    for name, seed in (("s1", 1), ("s2", 2)):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "M.npy", random_matrix(seed))
    with h5py.File(tmp_path / "M.h5", "w") as file:
        file["a"], file["b"], file["g/a"] = (random_matrix(seed) for seed in (3, 4, 5))
    np.savez(tmp_path / "M.npz", a=random_matrix(6), b=random_matrix(7))
    return tmp_path


def test_each_dataset_has_a_run_file_of_its_own(mfact, matrices):
    names = {}
    for words in (
        ("M.h5:/a",), ("M.h5", "--dataset", "b"), ("M.h5::/g/a",),
    ):  # fmt: skip
        code, _, err = mfact("solve", *words, *QUICK)
        assert code == 0
        names[words] = err.split()[-1]
    assert sorted(names.values()) == ["M.a.run.h5", "M.b.run.h5", "M.g.a.run.h5"]
    for (spec, *_), name in names.items():
        result = read_run(matrices / name)
        with h5py.File(matrices / "M.h5") as file:
            M = file[result.problem["dataset"]][()]
        assert result.problem["norm"] == pytest.approx(np.linalg.norm(M), rel=1e-14), spec


@pytest.mark.slow
def test_a_run_of_another_matrix_is_not_replaced(mfact, matrices):
    specs = ("s1/M.npy", "s2/M.npy", "M.npz:/a", "M.npz:/b", "M.h5:/a")
    for first in specs:
        for second in specs:
            code, _, err = mfact("solve", first, *QUICK, "-q")
            assert (code, err) == (0, "")
            (run,) = matrices.glob("*.run.h5")
            before = run.read_bytes()
            code, _, err = mfact("solve", second, *QUICK)
            if first == second:
                assert (code, err.count("\n")) == (0, 2)
                assert err.startswith(
                    f"mfact: note: {run.name} is a run file of this matrix: it is replaced"
                )
            elif mfact_names(second) == run.name:
                assert (code, err.count("\n")) == (2, 1)
                assert TAKEN in err
                assert err.endswith("name another output with -o\n")
                assert run.read_bytes() == before
                assert mfact("solve", second, *QUICK, "-o", run.name, "-q")[0] == 0  # named
            for run in matrices.glob("*.run.h5"):
                run.unlink()


def mfact_names(spec):
    from mfact.cli.outputs import default_output

    return default_output(spec)


def test_the_same_matrix_by_another_name_is_the_same(mfact, matrices, monkeypatch):
    monkeypatch.chdir(matrices / "s1")
    assert mfact("solve", "M.npy", *QUICK, "-q")[0] == 0
    (matrices / "s1" / "link").symlink_to("../s1")
    for name in ("./M.npy", "../s1/M.npy", str(matrices / "s1/M.npy"), "link/M.npy"):
        code, _, err = mfact("solve", name, *QUICK)
        assert (code, err.count("\n")) == (0, 2), name
    # The folder has moved, and the run file with it: only what M holds is left to know it by.
    monkeypatch.chdir(matrices)
    (matrices / "s1").rename(matrices / "moved")
    monkeypatch.chdir(matrices / "moved")
    assert mfact("solve", "M.npy", *QUICK, "-q")[0] == 0
    # Nor does a reproducible file tell where its matrix was.
    assert mfact("solve", "M.npy", *QUICK, "-q", "--reproducible")[0] == 0
    assert mfact("solve", "M.npy", *QUICK, "-q", "--reproducible")[0] == 0
    np.save("M.npy", -np.load("M.npy"))
    shutil.copy("M.run.h5", "before")
    assert mfact("solve", "M.npy", *QUICK)[0] == 2
    assert Path("before").read_bytes() == Path("M.run.h5").read_bytes()


@pytest.mark.parametrize("there", ["matrix", "text", "damaged", "checkpoint of it"])
@pytest.mark.parametrize("name", ["M.run.h5", "M.run.h5.checkpoint"])
def test_what_is_no_run_is_not_replaced_by_default(mfact, matrices, name, there):
    mfact("solve", "s1/M.npy", *CUT, "-q", "-o", "r.h5", "--checkpoint", "c.h5")
    path = matrices / name
    if there == "matrix":
        np.save(matrices / "x.npy", np.eye(2))
        (matrices / "x.npy").rename(path)
    elif there == "text":
        path.write_text("precious")
    elif there == "damaged":
        path.write_bytes((matrices / "r.h5").read_bytes()[:-9])
    else:
        shutil.copy(matrices / "c.h5", path)
    before = path.read_bytes()
    code, _, err = mfact("solve", "s1/M.npy", *CUT)
    if there == "checkpoint of it" and name.endswith("checkpoint"):
        assert code == 0
        assert "is a checkpoint of this matrix: the first of this run replaces it" in err
    else:
        assert (code, err.count("\n")) == (2, 1), err
        assert TAKEN in err
    assert path.read_bytes() == before


def resumed(folder, output):
    """The checkpoint c.h5 says that its run was to write `output`."""
    arrays, document = read_checkpoint(folder / "c.h5")
    write_checkpoint(folder / "c.h5", arrays, {**document, "output": str(output)})


@pytest.fixture
def cut(mfact, matrices):
    code, *_ = mfact("solve", "s1/M.npy", *CUT, "-q", "-o", "r.h5", "--checkpoint", "c.h5")
    assert code == 0
    mfact("solve", "s2/M.npy", *CUT, "-q", "-o", "other-matrix.h5")
    seed = [2 if word == 1 else word for word in CUT[2:]]
    mfact("solve", "s1/M.npy", "-r", 1, *seed, "-q", "-o", "other-seed.h5")
    (matrices / "precious").write_bytes(b"precious")
    (matrices / "else").mkdir()
    for name in ("r.h5", "other-matrix.h5", "other-seed.h5", "precious"):
        shutil.copy(matrices / name, matrices / "else" / name)
    return matrices


@pytest.mark.slow
@pytest.mark.parametrize(
    ("output", "written"),
    [
        ("r.h5", True), ("new.h5", True), ("other-seed.h5", True), ("else/r.h5", True),
        ("link/new.h5", True),
        ("other-matrix.h5", False), ("precious", False), ("else/new.h5", False),
        ("else/other-seed.h5", False), ("else/other-matrix.h5", False), ("else/precious", False),
        ("s1/M.npy", False), ("c.h5", False),
    ],
)  # fmt: skip
def test_a_resume_writes_only_where_its_run_was(mfact, cut, output, written):
    (cut / "link").symlink_to(".")
    resumed(cut, cut / output)
    before = {path: path.read_bytes() for path in cut.rglob("*") if path.is_file()}
    code, out, err = mfact("resume", "c.h5", "--max-iter", 9)
    if written:
        assert (code, read_run(cut / output).summary["iterations"]) == (3, 9)
        return
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert "-o" in err
    assert {path: path.read_bytes() for path in cut.rglob("*") if path.is_file()} == before
    # The way out is one.
    if "in another folder" in err:
        assert mfact("resume", "c.h5", "--max-iter", 9, "-q", "-o", cut / output)[0] == 3
    else:
        assert mfact("resume", "c.h5", "--max-iter", 9, "-q", "-o", "fresh.h5")[0] == 3


def test_check_finds_the_matrix_where_the_run_found_it(mfact, matrices, monkeypatch):
    assert mfact("solve", "s1/M.npy", *QUICK, "-q")[0] == 0
    monkeypatch.chdir(matrices / "s2")  # where another M.npy is
    assert mfact("check", "../M.run.h5")[0] == 0
    monkeypatch.chdir(matrices)
    (matrices / "kept").mkdir()
    (matrices / "M.run.h5").rename(matrices / "kept" / "M.run.h5")
    (matrices / "s1").rename(matrices / "kept" / "s1")  # both have moved
    monkeypatch.chdir(matrices / "s2")
    assert mfact("check", "../kept/M.run.h5")[0] == 0
    monkeypatch.chdir(matrices / "kept")
    (matrices / "kept" / "s1" / "M.npy").rename(matrices / "N.npy")
    code, out, err = mfact("check", "M.run.h5")
    assert (code, out) == (1, "")
    assert err == (
        f"mfact: M.run.h5 names its matrix s1/M.npy in {matrices}, which is not there:"
        " name it: mfact check M.run.h5 MATRIX\n"
    )
    assert mfact("check", "M.run.h5", "../N.npy")[0] == 0


def test_resume_says_how_to_name_a_matrix_that_has_moved(mfact, cut):
    (cut / "s1" / "M.npy").rename(cut / "N.npy")
    code, out, err = mfact("resume", "c.h5", "--max-iter", 9)
    assert (code, out) == (1, "")
    assert err == (
        f"mfact: the matrix of the run, {cut}/s1/M.npy, is not there: name it with --matrix\n"
    )
    assert mfact("resume", "c.h5", "--max-iter", 9, "--matrix", "N.npy", "-q")[0] == 3
