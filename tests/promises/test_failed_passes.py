"""A pass that fails ends a run, which is then gone on with as if it had not, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cut_runs import assert_same
from failing import Failing
from matrices import noisy, of_kind

from mfact.errors import DataError, StorageError
from mfact.run import checkpoint
from mfact.run.solve import resume, solve
from mfact.storage.checkpoints import read_checkpoint

CONSTANT = {"rank": 2, "schedule": "constant", "seed": 1, "modes": "on"}
FLOWN = {"rank": 2, "seed": 1, "tol": 1e-4, "modes": "on"}
SMALL = of_kind("noisy")
# Of these a run takes passes while its steps go on, too, and not before the first and at its end
# alone.
CLEAR, TIE = (noisy(np.random.default_rng(1), (150, 120), sigma, 0.3)
              for sigma in ([30.0, 20.0, 10.0], [30.0, 20.0, 19.5]))  # fmt: skip

# Name -> the matrix and the options.
RUNS: dict[str, tuple[Any, dict[str, Any]]] = {
    "reduced": (CLEAR, CONSTANT),
    "closer looks": (CLEAR, {**CONSTANT, "tol_gradient": 0.1, "patience": 3, "start_scale": 1e-9}),
    "escape": (TIE, {**CONSTANT, "escape": True, "tol_gradient": 1e-2, "start_scale": 1e-6}),
    "limit": (CLEAR, {**CONSTANT, "max_iter": 40}),
    "momentum": (TIE, {**CONSTANT, "method": "momentum"}),
    "balanced": (CLEAR, {**CONSTANT, "objective": "balanced", "every": 7}),
    "centred": (CLEAR, {**CONSTANT, "center": "columns"}),
    "direct": (SMALL, {**CONSTANT, "engine": "direct", "max_iter": 3}),
    "diverging": (SMALL, {**CONSTANT, "engine": "direct", "step_size": 0.9}),
    "beyond memory": (CLEAR, {**CONSTANT, "max_basis_bytes": 60_000, "max_iter": 30}),
    "adam": (SMALL, {**CONSTANT, "method": "adam", "max_iter": 9}),
    "flight": (CLEAR, FLOWN),
    "extending": (of_kind("noise", shape=(200, 150)),
                  {**FLOWN, "delta": 0.2, "ff_tol": 1e-12, "start_scale": 1e-4}),
    "flight, centred": (CLEAR, {**FLOWN, "center": "columns"}),
}  # fmt: skip
QUICK = ("reduced", "escape", "direct", "flight")
BY_STEPS = ("direct", "diverging", "beyond memory", "adam")


def failed(M: Any, at: int, path: Path, options: dict[str, Any]) -> str:
    """What a run says of its pass of that number."""
    with pytest.raises(StorageError, match="the scheduler is gone: start it again") as error:
        solve(Failing(M, at), checkpoint=str(path), **options)
    return str(error.value)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in RUNS]
)
def test_it_goes_on_from_each_pass_that_failed(tmp_path, name):
    M, options = RUNS[name]
    target = Failing(M)
    whole = solve(target, **options)
    kept = 0
    for at in range(1, target.passes + 1):
        path = tmp_path / f"{at}.h5"
        said = failed(M, at, path, options)
        if not path.exists():  # before there was a state to keep
            assert kept == 0
            assert said.endswith("start it again")
            continue
        kept += 1
        assert said.endswith(f", then resume with `mfact resume {path}`")
        assert_same(whole, resume(str(path), M), same_blocks=name not in BY_STEPS)
    assert kept > 2


def test_one_that_fails_again_and_again_ends_the_same(tmp_path):
    M, options = RUNS["reduced"]
    path, target = tmp_path / "c.h5", Failing(M)
    whole, steps = solve(target, **options), []
    failed(M, target.passes - 3, path, options)
    for _ in range(3):
        # Its first pass is one that has not been taken yet.
        with pytest.raises(StorageError, match="resume with"):
            resume(str(path), Failing(M, 1))
        steps.append(read_checkpoint(path)[1]["state"]["step"])
    assert len(set(steps)) == 1
    assert_same(whole, resume(str(path), M))


def test_the_kind_of_an_error_and_what_it_says_stay(tmp_path):
    M, options = RUNS["direct"]
    error = DataError("row 3 has no number", "write one")
    with pytest.raises(DataError, match="row 3 has no number: write one, then resume") as told:
        solve(Failing(M, 7, error), checkpoint=str(tmp_path / "a b.h5"), **options)
    assert told.value.exit_code == 1
    assert str(told.value).endswith(f"`mfact resume '{tmp_path}/a b.h5'`")
    assert told.value.__context__ is error


def test_without_a_checkpoint_it_does_not_say_that_there_is_one():
    M, options = RUNS["direct"]
    with pytest.raises(StorageError, match=r"then begin again, as no --checkpoint was asked for$"):
        solve(Failing(M, 8), **options, block=1)
    with pytest.raises(StorageError, match=r"start it again, then begin again$"):
        solve(Failing(M, 4), **options, block=1)  # of the first step


def test_the_checkpoint_beside_the_output_is_written_too(tmp_path):
    M, options = RUNS["direct"]
    with pytest.raises(StorageError, match=r"run\.h5\.checkpoint"):
        solve(Failing(M, 7), output=str(tmp_path / "run.h5"), **options)
    whole = solve(Failing(M), **options)
    assert_same(whole, resume(str(tmp_path / "run.h5.checkpoint"), M), same_blocks=False)


def test_a_disk_that_fails_then_is_said_with_it(tmp_path, monkeypatch):
    M, options = RUNS["direct"]
    path, real = tmp_path / "c.h5", checkpoint.write
    options = {**options, "checkpoint": str(path), "max_iter": 9, "checkpoint_every": "1"}
    left = [1]

    def write(*run: Any) -> None:
        if left[0] == 0:
            raise StorageError("cannot write c.h5: No space left", "make room")
        left[0] -= 1
        real(*run)

    monkeypatch.setattr(checkpoint, "write", write)
    with pytest.raises(StorageError) as error:
        solve(Failing(M, 10), block=1, **options)
    assert str(error.value) == (
        "the scheduler is gone; no checkpoint at step 6: cannot write c.h5: No space left: make"
        f" room: start it again, then resume with `mfact resume {path}`"
    )
    assert read_checkpoint(path)[1]["state"]["step"] == 1
    path.unlink()
    with pytest.raises(StorageError) as error:
        solve(Failing(M, 10), block=1, **options)
    assert "resume" not in str(error.value)
    assert str(error.value).endswith("room: start it again")


def test_an_error_before_the_first_step_keeps_nothing(tmp_path):
    M, options = RUNS["direct"]
    assert failed(M, 1, tmp_path / "c.h5", options) == "the scheduler is gone: start it again"
    assert list(tmp_path.iterdir()) == []


class Fails:
    """An observer that raises when it is shown a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def start(self, facts: Any) -> None: ...

    def segment(self, rows: Any) -> None:
        if rows["step"][-1] >= self.step:
            raise StorageError("standard output is full", "make room")

    def stop(self, result: Any) -> None: ...


@pytest.mark.parametrize("step", [5, 40, 60])
def test_an_observer_that_fails_leaves_what_was_there(tmp_path, step):
    """Others have seen by then what the state before has not."""
    M, options = RUNS["reduced"]
    path = tmp_path / "c.h5"
    asked = {**options, "checkpoint": str(path), "checkpoint_every": "10"}
    with pytest.raises(StorageError, match=r"^standard output is full: make room$"):
        solve(M, **asked, block=10, observers=[Fails(step)])
    assert path.exists() == (step > 9)
    if path.exists():
        assert_same(solve(M, **asked), resume(str(path), M), same_blocks=False)
