"""Modes in run files and checkpoints: every bit comes back, and what no run has is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from matrices import of_kind
from run_samples import example

from mfact.core import Array
from mfact.errors import StorageError
from mfact.run.checkpoint import read
from mfact.run.solve import solve
from mfact.storage.checkpoints import read_checkpoint, write_checkpoint
from mfact.storage.images import same_bits
from mfact.storage.runs import read_run, run_image, write_run


def modes(**changes: Any) -> dict[str, Array]:
    """Of three steps of the run of rank 2 that example() is."""
    found = {
        "step": np.array([0, 4, 9]),
        "log10_step": np.array([0.0, 0.6, 0.95]),
        "flow_time": np.array([0.0, 0.4, 0.9]),
        "sigma": np.array([[1.0, np.nan], [2.0, 0.5], [3.0, 3.0]]),
        "escape": np.array([0.3, np.nan]),
    }
    changed = {**found, **changes}
    return {name: values for name, values in changed.items() if values is not None}


def test_they_come_back_bit_for_bit_and_stand_as_datasets_under_modes(tmp_path: Path) -> None:
    write_run(tmp_path / "run.h5", example(modes=modes()))
    back = read_run(tmp_path / "run.h5").modes
    assert list(back) == list(modes())
    assert all(same_bits(back[name], values) for name, values in modes().items())
    with h5py.File(tmp_path / "run.h5") as file:
        assert same_bits(file["modes/sigma"][()], modes()["sigma"])


def test_a_run_without_them_has_none_and_no_place_for_them(tmp_path: Path) -> None:
    write_run(tmp_path / "run.h5", example())
    assert read_run(tmp_path / "run.h5").modes == {}
    with h5py.File(tmp_path / "run.h5") as file:
        assert "modes" not in file
    assert run_image(example(modes={})) == run_image(example())
    write_run(tmp_path / "none.h5", example(modes=modes(escape=np.zeros(0))))
    assert read_run(tmp_path / "none.h5").modes["escape"].shape == (0,)


BAD: dict[str, dict[str, Any]] = {
    "lacking": {"escape": None},
    "another": {"phase": np.zeros(3)},
    "short": {"flow_time": np.zeros(2)},
    "text": {"step": np.array([1j, 2j, 3j])},
    "backwards": {"step": np.array([0, 9, 4])},
    "before the start": {"step": np.array([-1, 4, 9])},
    "of another rank": {"sigma": np.ones((3, 3))},
    "flat": {"sigma": np.ones(6)},
    "whole": {"sigma": np.ones((3, 2), int)},
    "negative": {"sigma": np.array([[1.0, -1.0]] * 3)},
    "ascending": {"sigma": np.array([[1.0, 2.0]] * 3)},
    "infinite": {"sigma": np.full((3, 2), np.inf)},
    "too many escapes": {"escape": np.ones(3)},
    "square escapes": {"escape": np.ones((1, 1))},
    "escapes before the start": {"escape": np.array([-1.0])},
    "no escape": {"escape": np.array([np.inf])},
}


@pytest.mark.parametrize("name", BAD)
def test_what_no_run_has_there_is_refused_in_a_line(tmp_path: Path, name: str) -> None:
    write_run(tmp_path / "run.h5", example(modes=modes(**BAD[name])))
    with pytest.raises(StorageError, match=r"is not a run file: .*modes") as caught:
        read_run(tmp_path / "run.h5")
    assert "\n" not in str(caught.value)


# -- checkpoints ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Array], dict[str, Any]]:
    """A checkpoint in flight."""
    path = str(tmp_path_factory.mktemp("saved") / "c.h5")
    solve(of_kind("noisy"), rank=2, seed=1, delta=0.3, max_iter=3000, modes="on", checkpoint=path)
    arrays, document = read_checkpoint(path)
    return dict(arrays), dict(document)


def without(arrays: dict[str, Array], *folders: str) -> dict[str, Array]:
    return {name: each for name, each in arrays.items() if not name.startswith(folders)}


def changed(arrays: dict[str, Array], name: str, values: Any) -> dict[str, Array]:
    return arrays | {f"flown/{name}": values}


WRONG: dict[str, Any] = {
    "no columns": lambda a, d: (without(a, "modes/"), d),
    "no listing": lambda a, d: (a, {n: v for n, v in d.items() if n != "modes"}),
    "not chosen": lambda a, d: (a, d | {"chosen": d["chosen"] | {"modes": 0}}),
    "no column of times": lambda a, d: (
        a, d | {"modes": [each for each in d["modes"] if each[0] != "column/flow_time"]}
    ),
    "of another rank": lambda a, d: (
        {n: v[..., :1] if v.ndim == 5 else v for n, v in a.items()}, d
    ),
    "no places": lambda a, d: (without(a, "flown/places"), d),
    "places of no rows": lambda a, d: (changed(a, "places", a["flown/places"] + 10**6), d),
    "places backwards": lambda a, d: (changed(a, "places", a["flown/places"][::-1]), d),
    "half places": lambda a, d: (changed(a, "places", a["flown/places"] + 0.5), d),
    "fewer pairs": lambda a, d: (changed(a, "grams", a["flown/grams"][1:]), d),
    "whole pairs": lambda a, d: (changed(a, "grams", a["flown/grams"].astype(int)), d),
    "not in flight": lambda a, d: (a, d | {"flight": None}),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_checkpoint_that_keeps_what_no_run_does_is_refused(
    tmp_path: Path, saved: tuple[dict[str, Array], dict[str, Any]], name: str
) -> None:
    path = str(tmp_path / "c.h5")
    write_checkpoint(path, *WRONG[name](*saved))
    with pytest.raises(StorageError, match=r"modes|flown") as caught:
        read(path)
    assert "\n" not in str(caught.value)
    write_checkpoint(path, *saved)
    read(path)
