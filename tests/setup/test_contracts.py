"""The import rules of setup.cfg catch what they are there to catch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the package in which imports may be planted."""
    folder = tmp_path_factory.mktemp("planted")
    shutil.copytree(ROOT / "mfact", folder / "mfact", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "setup.cfg", folder)
    return folder


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "LC_ALL": "C.UTF-8", "COLUMNS": "200"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "planted", "contract"),
    [
        ("core/values", "import mfact.descent", "Imports go down only"),
        ("targets/dense", "import mfact.problems.factorization", "Imports go down only"),
        ("storage/runs", "import mfact.report.run_page", "Imports go down only"),
        ("run/solve", "import click", "click only in cli"),
        ("storage/runs", "from rich.table import Table", "rich only in cli and report"),
        ("run/solve", "import h5py", "h5py and hdf5plugin only in"),
        ("report/run_page", "import matplotlib.figure", "matplotlib only in"),
        ("targets/dense", "import dask.array", "dask only in"),
        ("python/runs", "import sklearn.base", "scikit-learn only in sklearn, pandas only in"),
        ("report/run_page", "import pandas", "scikit-learn only in sklearn, pandas only in"),
        ("cli/solve", "import mfact.python.runs", "Imports go down only"),
        ("engines/direct", "import torch", "array libraries other than NumPy only in"),
    ],
)
def test_a_forbidden_import_is_found(copy, module, planted, contract):
    path = copy / "mfact" / f"{module}.py"
    before = path.read_text(encoding="utf-8")
    path.write_text(f"{before}\n\n{planted}\n", encoding="utf-8")
    try:
        done = lint(copy)
    finally:
        path.write_text(before, encoding="utf-8")
    assert done.returncode == 1, done.stdout + done.stderr
    assert any(
        line.startswith(contract) and " BROKEN" in line for line in done.stdout.splitlines()
    ), done.stdout
