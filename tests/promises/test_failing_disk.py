"""A disk that fails during a run: a periodic checkpoint is missed, and the result is not."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from children import Child, litter
from children import mfact as finish
from matrices import of_kind

import mfact.storage.checkpoints
import mfact.storage.runs
from mfact.storage.checkpoints import read_checkpoint
from mfact.storage.runs import read_run

STEPS = ["-r", 2, "--schedule", "constant", "--seed", 1, "--reproducible", "--checkpoint", "c.h5",
         "--checkpoint-every", 60, "-o", "run.h5"]  # fmt: skip
REASONS = {errno.ENOSPC: "No space left on device", errno.EIO: "Input/output error"}


@pytest.fixture
def folder(tmp_path):
    np.save(tmp_path / "M.npy", of_kind("tie"))
    return tmp_path


def failing(call: str, number: int, path: Path, *, after: int = 0) -> Any:
    """Done in a child: calls of os.write or os.fsync for that file fail, after so many."""

    def install() -> None:
        real, replace, seen = getattr(os, call), mfact.storage.runs.replace_file, [0]
        meant = [False]

        def replace_file(target: Any, *args: Any, **kwargs: Any) -> None:
            meant[0] = Path(os.fsdecode(target)).name == path.name
            replace(target, *args, **kwargs)

        def fail(*args: Any) -> Any:
            if meant[0]:
                seen[0] += 1
                if seen[0] > after:
                    raise OSError(number, os.strerror(number))
            return real(*args)

        setattr(os, call, fail)
        mfact.storage.runs.replace_file = replace_file
        mfact.storage.checkpoints.replace_file = replace_file

    return install


@pytest.mark.parametrize("number", REASONS)
@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_run_file_that_cannot_be_written(folder, call, number):
    (folder / "run.h5").write_bytes(b"the old one")
    child = Child(folder, "solve", "M.npy", *STEPS,
                  before=failing(call, number, folder / "run.h5"))  # fmt: skip
    assert child.wait() == 1
    assert child.said().startswith(f"mfact: cannot write run.h5: {REASONS[number]}: ")
    assert child.said().count("\n") == 1
    assert child.printed() == ""
    assert (folder / "run.h5").read_bytes() == b"the old one"
    assert litter(folder) == []
    # The checkpoint is there, and the run can end without its steps being taken again.
    finish(folder, "resume", "c.h5", "-o", "run.h5")
    assert read_run(folder / "run.h5").outcome.name == "GLOBAL_OPTIMUM"


@pytest.mark.slow
@pytest.mark.parametrize("number", REASONS)
@pytest.mark.parametrize("call", ["write", "fsync"])
def test_periodic_checkpoints_that_cannot_be_written(folder, call, number):
    """The first is kept, the run goes on with warnings, and ends with the same bytes."""
    whole = finish(folder, "solve", "M.npy", *STEPS)
    image, page = (folder / "run.h5").read_bytes(), whole.printed()
    (folder / "run.h5").unlink()
    # A checkpoint takes one write; fsync is called for the file and for the folder.
    after = {"write": 1, "fsync": 2}[call]
    child = Child(folder, "solve", "M.npy", *STEPS,
                  before=failing(call, number, folder / "c.h5", after=after))  # fmt: skip
    assert child.wait() == 0
    lines = child.said().splitlines()
    assert lines.pop() == "wrote run.h5"
    assert len(lines) >= 3
    for line in lines:
        assert line.startswith("mfact: warning: no checkpoint at step ")
        assert f": cannot write c.h5: {REASONS[number]}: " in line
    result = read_run(folder / "run.h5")
    assert len(result.summary["notes"]) == len(lines)
    assert litter(folder) == []
    assert read_checkpoint(folder / "c.h5")[1]["state"]["step"] < 120
    # The old checkpoint leads to the very end.
    resumed = finish(folder, "resume", "c.h5", "--reproducible")
    assert (folder / "run.h5").read_bytes() == image
    assert resumed.printed() == page


@pytest.mark.parametrize("more", [[], ["--exit-zero"]])
def test_a_run_that_ends_at_a_limit_and_cannot_keep_its_checkpoint_has_failed(folder, more):
    child = Child(folder, "solve", "M.npy", *STEPS, "--max-iter", 30, "--force", *more,
                  before=failing("write", errno.ENOSPC, folder / "c.h5"))  # fmt: skip
    assert child.wait() == 1
    warning, wrote = child.said().splitlines()
    assert warning.startswith("mfact: warning: no checkpoint at step 30: cannot write c.h5: ")
    assert wrote == "wrote run.h5"
    assert read_run(folder / "run.h5").outcome.name == "ITERATION_LIMIT"
    assert not (folder / "c.h5").exists()
    assert litter(folder) == []


def test_a_file_size_limit_between_the_sizes_of_checkpoint_and_run_file(folder):
    """ulimit -f: the checkpoints are too large, the run file is not."""
    finish(folder, "solve", "M.npy", *STEPS)
    sizes = {name: (folder / name).stat().st_size for name in ("c.h5", "run.h5")}
    for name in sizes:
        (folder / name).unlink()
    small, large = sorted(sizes.values())
    assert small < large
    limit = (small + large) // 2

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    child = Child(folder, "solve", "M.npy", *STEPS, before=limited)
    code = child.wait()
    fits = min(sizes, key=lambda name: sizes[name])
    assert code == (0 if fits == "run.h5" else 1), child.said()
    assert "cannot write" in child.said()
    assert "raise the file size limit (ulimit -f)" in child.said()
    assert litter(folder) == []
    if fits == "run.h5":
        assert read_run(folder / "run.h5").outcome.name == "GLOBAL_OPTIMUM"
    else:
        read_checkpoint(folder / "c.h5")


def test_a_full_disk(tmp_path):
    """A tmpfs of 200 KiB: what fits is whole, what does not is absent, and a line says so."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no right to mount a tmpfs")
    try:
        np.save(tmp_path / "M.npy", of_kind("tie", shape=(60, 40)))
        (disk / "filler").write_bytes(bytes(150 << 10))
        args = ["solve", "../M.npy", *STEPS]
        child = Child(disk, *args)
        code = child.wait()
        assert code == 1, child.said()
        assert "cannot write run.h5: No space left on device" in child.said()
        assert not (disk / "run.h5").exists()
        assert litter(disk) == []
        (disk / "filler").unlink()
        finish(disk, *args[:-4], "-o", "run.h5", "--checkpoint-every", 100_000)
        assert read_run(disk / "run.h5").outcome.name == "GLOBAL_OPTIMUM"
    finally:
        subprocess.run(["umount", disk], check=True)
