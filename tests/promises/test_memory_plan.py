"""The memory plan: said first, kept, and refused with what would fit."""

from __future__ import annotations

import re

import numpy as np
import pytest
from children import Child
from matrices import of_kind
from memory_limits import MIB, limited, reporting, told

import mfact.matrices.source
from mfact.core import Outcome
from mfact.run.memory import memory_plan, planned_basis, what_fits
from mfact.run.solve import resume, solve
from mfact.settings import RunSettings
from mfact.words import format_bytes

ROWS = ["--every", 1, "--tol", 0, "--step-size", 1e-7]


LATE = ["--checkpoint", "c.h5", "--checkpoint-every", 149_000]


# (shape, options): where the matrix, the bases, the points of plain steps, or the
# recorded rows are the largest part.
SHAPES: dict[str, tuple[tuple[int, int], list[object]]] = {
    "matrix": ((2000, 1000), ["-r", 2, "--max-iter", 30]),
    "bases": ((6000, 150), ["-r", 10, "--max-iter", 60, "--engine", "reduced"]),
    "checkpointed": ((6000, 150), ["-r", 10, "--max-iter", 60, "--checkpoint", "c.h5"]),
    "points": ((9000, 60), ["-r", 20, "--max-iter", 60, "--engine", "direct", "--no-optimum"]),
    "points, optimum": ((9000, 60), ["-r", 20, "--max-iter", 60, "--engine", "direct"]),
    "float32": ((2000, 1000), ["-r", 2, "--max-iter", 30, "--dtype", "float32"]),
    "beyond memory": ((6000, 150), ["-r", 10, "--max-iter", 60, "--max-basis-bytes", "1M"]),
    "rows": ((20, 15), ["-r", 2, "--max-iter", 150_000, *ROWS]),
    "rows, checkpointed": ((20, 15), ["-r", 2, "--max-iter", 150_000, *ROWS, *LATE]),
    "small": ((20, 15), ["-r", 2, "--max-iter", 60]),
    "modes": (
        (600, 100),
        [
            "-r",
            100,
            "--max-iter",
            300,
            "--engine",
            "direct",
            "--no-optimum",
            "--modes",
            "on",
            "--checkpoint",
            "c.h5",
        ],
    ),
}


MORE = ["--schedule", "constant", "--seed", 1, "--force", "--exit-zero", "-v"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("matrices")
    for shape in {shape for shape, _ in SHAPES.values()}:
        np.save(folder / f"{shape[0]}.npy", np.random.default_rng(1).standard_normal(shape))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", SHAPES)
def test_a_run_stays_within_its_plan_and_needs_no_more_room(files, tmp_path, name):
    shape, options = SHAPES[name]
    settings = RunSettings(
        rank=options[1],
        engine="direct" if "direct" in options else "auto",
        optimum="--no-optimum" not in options,
        dtype="float32" if "float32" in options else "float64",
        max_basis_bytes=MIB if "1M" in options else None,
        schedule="constant",
        max_iter=options[3],
        every=1 if "--every" in options else None,
        modes="on" if "--modes" in options else "auto",
    )
    least = memory_plan(shape, settings, available=0)  # bases as small as most runs need them

    def watched() -> None:
        reporting(tmp_path / "memory")()
        limited(least.total + MIB)()

    child = Child(tmp_path, "solve", files / f"{shape[0]}.npy", *options, *MORE, before=watched)
    assert child.wait() == 0, child.said()
    plan = re.search(
        r"^memory plan: (\S+ \S+) of (\S+ \S+) available \((.*)\)$", child.said(), re.M
    )
    base, peak = map(int, (tmp_path / "memory").read_text(encoding="ascii").split())
    assert peak - base <= told(plan[1])
    parts = {part.split()[0] for part in plan[3].split(", ")}
    assert parts == {"matrix", "factors", "libraries", "steps", "bases", "trace"}


def test_a_run_that_does_not_fit_is_refused_before_its_matrix_is_read(tmp_path):
    """8 GB that are holes on the disk."""
    np.lib.format.open_memmap(
        tmp_path / "huge.npy", mode="w+", dtype=np.float64, shape=(32_000, 32_000)
    ).flush()
    child = Child(tmp_path, "solve", "huge.npy", "-r", 5, before=limited(200 * MIB))
    assert child.wait() == 1
    line = child.said()
    assert line.count("\n") == 1
    assert re.match(
        r"mfact: the run needs \d+\.\d MiB of memory and 200\.0 MiB is available "
        r"\(.*matrix \d+\.\d MiB.*\): free memory, or use .*$", line
    ), line  # fmt: skip
    assert not (tmp_path / "huge.run.h5").exists()


def test_what_is_said_to_fit_fits(tmp_path):
    np.save(tmp_path / "M.npy", np.random.default_rng(1).standard_normal((9000, 60)))
    command = ["solve", "M.npy", "--schedule", "constant", "--max-iter", 9, "--force",
               "--exit-zero", "--seed", 1, "-q"]  # fmt: skip
    room = 300 * MIB
    child = Child(tmp_path, *command, "-r", 40, before=limited(room))
    assert child.wait() == 1
    ways = re.search(r"free memory, or use (--dtype float32), or (--rank) (\d+), or (.*)$",
                     child.said())  # fmt: skip
    assert ways, child.said()
    child = Child(tmp_path, *command, ways[2], ways[3], before=limited(room))
    assert child.wait() == 0, child.said()
    assert int(ways[3]) < 40


@pytest.mark.parametrize("limit", [10**8, 10**30])
def test_rows_that_do_not_fit_are_refused_with_how_many_do(tmp_path, limit):
    np.save(tmp_path / "M.npy", np.random.default_rng(1).standard_normal((90, 60)))
    command = ["solve", "M.npy", "-r", 2, "--schedule", "constant", "--max-iter", limit,
               "--seed", 1, "--force", "-q"]  # fmt: skip
    child = Child(tmp_path, *command, "--every", 1, before=limited(300 * MIB))
    assert child.wait() == 1
    way = re.fullmatch(r"mfact: the run needs .* \(trace .*\): free memory, or use --every (\d+)\n",
                       child.said())  # fmt: skip
    assert way, child.said()
    child = Child(tmp_path, *command, "--every", way[1], before=limited(300 * MIB))
    assert child.wait() == 0, child.said()
    assert not memory_plan(
        (90, 60),
        RunSettings(rank=2, schedule="constant", max_iter=limit, every=int(way[1]) // 2),
        available=300 * MIB,
    ).fits


@pytest.mark.parametrize("rank", [1, 3, 30])
@pytest.mark.parametrize("available", [0, 200 * MIB, 2_000 * MIB, 1 << 50])
def test_plans_are_never_above_what_they_leave_for_bases(rank, available):
    shape, settings = (20_000, 3_000), RunSettings(rank=rank)
    plan = memory_plan(shape, settings, available=available)
    # A side needs no more columns than the smaller dimension, the start and what joined it; four
    # columns at least are in every start.
    full = min(shape) + rank + max(rank, 8)
    everything = 8 * sum(d * min(d, full) for d in shape)
    least = min(everything, 8 * sum(shape) * 14 * max(rank, 4))
    assert least <= planned_basis(plan) <= everything
    if planned_basis(plan) > least:
        assert plan.fits
    if available == 1 << 50:
        assert planned_basis(plan) == everything


def test_the_way_out_of_what_never_fits():
    settings = RunSettings(rank=1, dtype="float32", engine="direct", optimum=False)
    plan = memory_plan((10**6, 10**6), settings, available=1 << 30)
    text = what_fits((10**6, 10**6), settings, plan)
    assert text == "free memory, or use a smaller matrix"
    assert format_bytes(plan.limit) == "1.0 GiB"


def test_the_limit_on_the_bases_is_kept_and_outlives_a_resume(tmp_path, monkeypatch):
    M = np.random.default_rng(3).standard_normal((60, 50))
    options = {"rank": 2, "schedule": "constant", "seed": 1, "max_iter": 3000}
    limit = 8 * (60 + 50) * 12
    path = str(tmp_path / "c.h5")
    free = solve(M, **options)
    assert free.summary["basis_size"] > 12
    held = solve(M, max_basis_bytes=limit, checkpoint=path, **{**options, "max_iter": 200})
    assert held.outcome is Outcome.ITERATION_LIMIT
    # However much memory there is now.
    went_on = resume(path, M, max_iter=3000)
    whole = solve(M, max_basis_bytes=limit, **options)
    assert np.array_equal(went_on.U, whole.U)
    assert went_on.summary["passes"] == whole.summary["passes"] > free.summary["passes"]


def test_a_resumed_run_is_planned_too(tmp_path):
    np.save(tmp_path / "M.npy", of_kind("noisy"))
    child = Child(tmp_path, "solve", "M.npy", "-r", 2, "--max-iter", 5, "--force", "--seed", 1,
                  "--checkpoint", "c.h5")  # fmt: skip
    assert child.wait() == Outcome.ITERATION_LIMIT.exit_code

    def crowded() -> None:
        limited(10 * MIB)()

    child = Child(tmp_path, "resume", "c.h5", "--max-iter", 10, before=crowded)
    assert child.wait() == 1
    assert child.said().startswith("mfact: the run needs ")
    child = Child(tmp_path, "resume", "c.h5", "--max-iter", 10, "-v")
    assert child.wait() == Outcome.ITERATION_LIMIT.exit_code
    assert "memory plan: " in child.said()


def test_the_plan_is_said_before_the_matrix_is_read(tmp_path):
    np.save(tmp_path / "M.npy", of_kind("noisy"))

    def unread() -> None:
        def read(*args: object) -> None:
            raise RuntimeError("read")

        mfact.matrices.source.MatrixSource.read = read

    child = Child(tmp_path, "solve", "M.npy", "-r", 2, "-v", before=unread)
    assert child.wait() == 1
    assert "memory plan: " in child.said().split("RuntimeError")[0]
