"""Running the command, as a process where the process matters and in this one where not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matrices import matrix

ROOT = Path(__file__).parents[2]
START = "from mfact.cli.main import main; main()"


@pytest.fixture
def process(tmp_path):
    """Run `mfact ARGS` as a process in an empty folder; bytes in and out."""

    def run(*args, env=(), **kwargs):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("MFACT_")}
        for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
            clean.pop(name, None)
        clean |= {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"} | dict(env)
        options = {"capture_output": True, "timeout": 60, "cwd": tmp_path} | kwargs
        return subprocess.run([sys.executable, "-c", START, *args], env=clean, **options)

    return run


@pytest.fixture
def mfact(tmp_path, monkeypatch, capsys):
    """Run `mfact ARGS` in this process, in an empty folder; (exit code, stdout, stderr)."""
    from mfact.cli.main import run

    monkeypatch.chdir(tmp_path)
    for name in [k for k in os.environ if k.startswith("MFACT_")]:
        monkeypatch.delenv(name)
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def call(*args):
        code = run([str(arg) for arg in args])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def rank_two(tmp_path):
    """A 12×8 matrix with singular values 3 and 2, in rank-two.npy."""
    rng = np.random.default_rng(5)
    np.save(tmp_path / "rank-two.npy", matrix(rng, (12, 8), [3.0, 2.0])[0])
    return "rank-two.npy"


@pytest.fixture
def inputs(mfact, tmp_path):
    """A matrix, a start and a config file, M.npy, S.npz and run.toml."""
    rng = np.random.default_rng(3)
    np.save(tmp_path / "M.npy", rng.standard_normal((6, 5)))
    np.savez(tmp_path / "S.npz", U=rng.standard_normal((6, 2)), V=rng.standard_normal((5, 2)))
    (tmp_path / "run.toml").write_text("max-iter = 3\n")
    return {"matrix": "M.npy", "start": "S.npz", "config": "run.toml"}
