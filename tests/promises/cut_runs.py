"""Runs that are cut, and held to the run that was not."""

from __future__ import annotations

import dataclasses
import math
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from hypothesis import settings
from matrices import of_kind

from mfact.core import Array, Outcome, Result
from mfact.host.signals import SignalFlag
from mfact.run import checkpoint
from mfact.run.solve import resume
from mfact.storage.runs import run_image

EXAMPLES = max(3, settings.default.max_examples // 7)
"""Of cuts in each run: 142 in the long profile."""

# Each takes a few tenths of a second, checkpoints again and again, and ends.
RUNS: dict[str, tuple[str, list[object]]] = {
    "reduced": ("tie", ["-r", 2, "--schedule", "constant", "--checkpoint-every", 20]),
    "direct": ("tie", ["-r", 2, "--schedule", "constant", "--engine", "direct",
                       "--checkpoint-every", 60]),
    "flight": ("noisy", ["-r", 1, "--schedule", "power", "--checkpoint-every", 1000]),
    "balanced": ("tie", ["-r", 2, "--schedule", "constant", "--objective", "balanced",
                         "--checkpoint-every", 30]),
}  # fmt: skip
COMMON = ["--seed", 1, "--reproducible", "--checkpoint", "c.h5", "-o", "run.h5"]


def prepared(folder: Path, name: str) -> list[object]:
    """The matrix in the folder, and the command."""
    kind, options = RUNS[name]
    np.save(folder / "M.npy", of_kind(kind))
    return ["solve", "M.npy", *options, *COMMON]


def assert_same(
    one: Result, other: Result, *, changed: tuple[str, ...] = (), same_blocks: bool = True
) -> None:
    """Equal bit for bit in all but clock and checkpoint.

    changed: settings that may differ. same_blocks: whether both took their steps in the same
    blocks; if not, the direct engine took other passes for steps beyond the end.
    """
    assert (one.outcome, one.message) == (other.outcome, other.message)
    for name in ("U", "V"):
        assert_same_array(name, getattr(one, name), getattr(other, name))
    for ours, theirs in ((one.trace, other.trace), (one.modes, other.modes)):
        assert ours.keys() == theirs.keys()
        for name, column in ours.items():
            assert_same_array(name, column, theirs[name])
    assert repr(one.claims) == repr(other.claims)
    ours, theirs = (_plain(result.summary, same_blocks) for result in (one, other))
    assert repr(ours) == repr(theirs)  # as text, where NaN equals NaN
    assert one.problem == other.problem
    for name, entry in one.settings.items():
        if name not in (*changed, "checkpoint"):
            assert entry == other.settings[name], name
    if not changed:
        # And as files, the way a user would compare them.
        images = [
            run_image(dataclasses.replace(result, summary=summary), reproducible=True)
            for result, summary in ((one, ours), (other, theirs))
        ]
        assert images[0] == images[1]


def assert_same_array(name: str, one: Array, other: Array) -> None:
    assert one.dtype == other.dtype, name
    assert one.shape == other.shape, name
    assert one.tobytes() == other.tobytes(), name


def _plain(summary: Any, same_blocks: bool) -> dict[str, Any]:
    left_out = {"seconds", "wall_seconds", "checkpoint", "signal"}
    left_out |= set() if same_blocks else {"passes"}
    return {k: v for k, v in summary.items() if k not in left_out}


class Cut:
    """An observer that signals this process once the run has reached a step."""

    def __init__(self, step: float) -> None:
        self.step = step

    def start(self, facts: Any) -> None: ...

    def segment(self, rows: Any) -> None:
        if rows["step"][-1] >= self.step:
            self.step = math.inf
            signal.raise_signal(signal.SIGINT)

    def stop(self, result: Result) -> None: ...


class Asked(SignalFlag):
    """A flag that says yes at these of the times that a run asks it, once a block or record."""

    def __init__(self, *times: int) -> None:
        super().__init__()
        self.times, self.asked = times, 0

    def __bool__(self) -> bool:
        self.asked += 1
        if self.asked in self.times:
            self.number = signal.SIGINT
        return super().__bool__()


@contextmanager
def each_checkpoint(folder: Path) -> Iterator[list[Path]]:
    """Keep a copy of every checkpoint that is written from now on."""
    copies: list[Path] = []
    real = checkpoint.write

    def write(path: str, *run: Any) -> None:
        real(path, *run)
        copies.append(Path(shutil.copy(path, folder / f"copy-{len(copies)}")))

    with mock.patch.object(checkpoint, "write", write):
        yield copies


def finished(result: Result, path: Path, M: Array) -> Result:
    """The run resumed until nothing cuts it any more."""
    while result.outcome is Outcome.INTERRUPTED:
        result = resume(str(path), M, signals=True)
    return result
