"""A program of a user's is checked by mypy: what fits passes, what does not is found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GOOD = """
import numpy as np
import mfact

M = np.eye(3)
result = mfact.solve(M, 2, start=(np.ones((3, 2)), np.ones((3, 2))), step_size=0.1, seed=1)
result = mfact.solve("M.npy", mfact.RunSettings(rank=2), tol=1e-6)
result = mfact.solve(M, "95%", center="columns")
result = mfact.solve(M, 2, method="momentum", momentum=0.9)
result = mfact.solve(M, 2, method="scaled", damping=None)
U, V = result.balanced()
text: str = result.message
found: bool = mfact.check(result, M, require=["gap<1e-8"]).holds
rank: int | None = mfact.inspect([[1.0, 2.0]]).suggested_rank
count: int = mfact.sweep(M, seeds=3).converged
mfact.flow(M, 1, objective="balanced", start="balanced")
mfact.resume("c.h5", max_iter=7).save("run.h5")
W = mfact.network(M, M, "3r-3", step_size=0.1, start=[np.ones((3, 3))] * 2).weights["W/1"]
held: bool = mfact.network(layers="9:3r-3", data="uniform", flow=True).claims[0].verdict == "holds"
"""
BAD = [
    "mfact.solve(M, 2.5)",
    "mfact.solve(M, 2, step_size='small')",
    "mfact.solve(M, 2, n_components=3)",
    "mfact.solve(M, 2, start=3)",
    "mfact.solve(M, 2, method='sgd')",
    "mfact.solve(M, 2, momentum='much')",
    "mfact.sweep(M, schedule='constant')",
    "mfact.load('run.h5').gap",
    "mfact.network(M, M, '3r-3', step_size=0.1).U",
    "mfact.network(M, M, '3r-3', rank=3)",
]


@pytest.mark.slow
def test_a_typed_program_is_understood(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("\n".join([GOOD, *BAD]), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--follow-imports=silent",
         "--ignore-missing-imports", "--cache-dir", tmp_path / "cache", program],
        env={"MYPYPATH": str(ROOT), "PATH": ""},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    first = GOOD.count("\n") + 2
    found = {int(line.split(":")[1]) for line in done.stdout.splitlines() if ": error:" in line}
    assert found == set(range(first, first + len(BAD))), done.stdout + done.stderr
