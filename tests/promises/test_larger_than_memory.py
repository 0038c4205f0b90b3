"""Commands on matrices that are larger than the memory there is, or than --max-memory lets them."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from children import Child, mfact
from memory_limits import MIB, limited, reporting

from mfact.core import Outcome
from mfact.targets import streamed

SOLVE = ["-r", 2, "--schedule", "constant", "--seed", 1, "--force"]


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """288 MB of float32, of rank 2 but for a little noise: 576 MB as float64."""
    path = tmp_path_factory.mktemp("large") / "M.npy"
    rng = np.random.default_rng(1)
    U, V = (np.linalg.qr(rng.standard_normal((d, 2)))[0] for d in (12_000, 6_000))
    M = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(12_000, 6_000))
    for top in range(0, 12_000, 500):
        rows = slice(top, top + 500)
        M[rows] = U[rows] * (3, 2) @ V.T + 1e-5 * rng.standard_normal((500, 6_000), np.float32)
    M.flush()
    del M
    yield path
    path.unlink()


@pytest.mark.slow
def test_a_matrix_larger_than_memory_is_solved_within_its_plan(large, tmp_path):
    def watched() -> None:
        reporting(tmp_path / "memory")()
        limited(400 * MIB)()

    child = Child(tmp_path, "solve", large, *SOLVE, "--exit-zero", "-v", before=watched)
    assert child.wait() == 0, child.said()
    assert "reached a global optimum" in child.said()
    assert "M stays in its file: each pass reads 274.7 MiB" in child.said()
    base, peak = map(int, (tmp_path / "memory").read_text(encoding="ascii").split())
    assert peak - base <= 400 * MIB


@pytest.fixture
def small(tmp_path):
    np.save(tmp_path / "M.npy", np.random.default_rng(2).standard_normal((700, 600)) + 1)
    return tmp_path


def in_small_slabs():
    streamed.SLAB_BYTES = 20_000


def test_max_memory_leaves_the_matrix_in_its_file_and_a_resume_keeps_to_it(small):
    command = ["solve", "M.npy", *SOLVE, "--max-basis-bytes", "1M", "--threads", 1]
    dry = json.loads(mfact(small, *command, "--dry-run", "--format", "json").printed())
    enough = dry["memory"]["total"] // MIB + 1
    for name, limit in (("in memory", f"{enough}M"), ("in its file", f"{enough - 2}M")):
        run = mfact(small, *command, "--max-memory", limit, "--max-iter", 30, "--format", "json",
                    "--checkpoint", f"{name}.h5", "--exit-zero", before=in_small_slabs)  # fmt: skip
        assert json.loads(run.printed())["problem"].get("held", "in memory") == name
    went_on = mfact(small, "resume", "in its file.h5", "--max-iter", 31, "--exit-zero",
                    "--format", "json", before=in_small_slabs)  # fmt: skip
    found = json.loads(went_on.printed())
    assert found["problem"]["held"] == "in its file"
    assert found["settings"]["max_memory"]["value"] == (enough - 2) * MIB


COMMANDS = {
    "inspect": ["inspect", "M.npy"],
    "sweep": ["sweep", "M.npy", "--seeds", 5, "--seed", 1, "--exit-zero"],
    "flow": ["flow", "M.npy", "-r", 1, "--points", 3, "--seed", 1],
    "check": ["check", "run.h5", "M.npy"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_on_a_matrix_takes_the_limit(name, small):
    command = [*COMMANDS[name], "--format", "json", "-v"]
    if name == "check":
        mfact(small, "solve", "M.npy", *SOLVE, "-o", "run.h5", "-q")
    whole = mfact(small, *command)
    needs = re.search(r"memory plan: (\S+) MiB", whole.said())[1]
    # Less than is needed by half of the matrix: buffers take as good as nothing here.
    limit = f"{float(needs) - 1.6:.1f}M"
    child = mfact(small, *command, "--max-memory", limit, before=in_small_slabs)
    one, other = (json.loads(each) for each in (whole.printed(), child.printed()))
    assert float(re.search(r"memory plan: (\S+) MiB", child.said())[1]) <= float(limit[:-1])
    assert _close(one, other), (one, other)
    child = Child(small, *command, "--max-memory", "1M", before=in_small_slabs)
    assert child.wait() == Outcome.FAULTY.exit_code == 1
    assert re.search(r"MiB of memory and 1\.0 MiB is available .*: use --max-memory \d+M",
                     child.said())  # fmt: skip


def _close(one, other):
    """Documents that are equal but for the last digits of numbers, of the clock or of rounding."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(
            "seconds" in key or _close(one[key], other[key]) for key in one
        )
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_close, one, other))
    if isinstance(one, float):
        return other == pytest.approx(one, rel=1e-6, abs=1e-9)
    return one == other
