"""The Makefile's recipes do what the README says of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from mfact.tensors.source import open_state_dict

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path):
    """A folder with Makefile and data/, whose environment is the one that runs the tests."""
    for name in ("Makefile", "setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "data", tmp_path / "data")
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "bin").symlink_to(Path(sys.executable).parent)
    for stamp in (".installed", ".installed-dev"):
        (tmp_path / "env" / stamp).touch()
    return tmp_path


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # As from a shell: within a make of their own these tests would see it enter and leave folders.
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", "VENV=env", *words],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=250,
        check=False,
    )


def test_the_exact_matrices_are_those_the_recipe_makes(project):
    for name in ("rank5.npy", "rank5.h5"):
        (project / "data" / name).unlink()
    done = make(project, "data/rank5.npy", "data/rank5.h5")
    assert done.returncode == 0, done.stderr
    made, kept = (np.load(at / "data" / "rank5.npy") for at in (project, ROOT))
    # the same random numbers; QR and products differ in rounding from one BLAS to another
    np.testing.assert_allclose(made, kept, rtol=0, atol=1e-12 * np.abs(kept).max())


def test_the_checkpoints_are_those_the_recipe_makes(project):
    name = "data/network/step-1000.safetensors"
    (project / name).unlink()
    (project / "tests").symlink_to(ROOT / "tests")
    for part in ("pyvenv.cfg", "lib"):  # the recipe runs Python itself
        (project / "env" / part).symlink_to(Path(sys.prefix) / part)
    done = make(project, name)
    assert done.returncode == 0, done.stderr
    made, kept = (open_state_dict(at / name).tensors for at in (project, ROOT))
    for one, other in zip(made, kept, strict=True):
        # 1000 steps in float32: their rounding differs from one BLAS to another, and adds up
        np.testing.assert_allclose(one.values(), other.values(), rtol=0, atol=0.05)


def test_the_figures_are_those_that_the_command_draws(project):
    done = make(project, "--dry-run", "figures")  # to do it takes a minute
    assert done.returncode == 0, done.stderr
    drawn, copied = done.stdout.splitlines()[-2:]
    assert drawn == "env/bin/mfact figure all --output build/figures"
    assert copied.split() == [
        "cp", "build/figures/figure-1.svg", "build/figures/figure-2.svg", "data/figures/"
    ]  # fmt: skip


def test_batch_makes_a_run_file_of_every_matrix_and_only_once(project):
    done = make(project, "batch", "RANK=1")
    assert done.returncode == 0, done.stderr
    runs = sorted((project / "build" / "batch").glob("*.run.h5"))
    matrices = [p for p in (project / "data").iterdir() if p.suffix in (".npy", ".h5")]
    assert [run.name for run in runs] == sorted(f"{path.name}.run.h5" for path in matrices)
    for run in runs:
        with h5py.File(run) as file:
            assert file["U"].shape[1] == 1
    assert "Nothing to be done" in make(project, "batch", "RANK=1").stdout


def test_batch_stops_at_a_failure_and_leaves_no_file_of_it(project):
    for path in (project / "data").glob("*"):
        if path.is_file() and path.name != "elnino.npy":
            path.unlink()
    done = make(project, "batch", "RANK=13")  # above min(61, 12)
    assert done.returncode != 0
    assert "Error 2" in done.stderr
    assert not (project / "build" / "batch" / "elnino.npy.run.h5").exists()


def test_demo_shows_a_real_matrix_factored(project):
    done = make(project, "demo")
    assert done.returncode == 0, done.stderr
    assert "M is 61×12, U is 61×2, V is 12×2" in done.stdout
    assert (project / "build" / "demo" / "elnino.run.h5").exists()


def test_clean_removes_what_was_built_and_keeps_the_environment(project):
    (project / "build" / "batch").mkdir(parents=True)
    for name in ("mfact", "tests"):
        (project / name / "__pycache__").mkdir(parents=True)
    assert make(project, "clean").returncode == 0
    assert not (project / "build").exists()
    assert not list(project.rglob("__pycache__"))
    assert (project / "env" / "bin").exists()
