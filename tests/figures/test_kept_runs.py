"""A run that is kept is drawn from where it is the one that is asked for, and from no other."""

from __future__ import annotations

import dataclasses
import json

import h5py
import numpy as np
import pytest
from small_figures import FIGURE_1, FIGURE_2, QUIET, SMALL, draw

from mfact.core import Outcome
from mfact.errors import StorageError
from mfact.figures.figure_1 import Figure1
from mfact.figures.figure_2 import Figure2
from mfact.figures.kept import look
from mfact.matrices.source import open_matrix
from mfact.run.solve import solve
from mfact.storage import images, runs
from mfact.storage.either import read_either, write_either
from mfact.storage.runs import write_run


def wanted(figure, name):
    return next(each for each in figure.experiments("abcd", QUIET) if each.name == name)


@pytest.fixture(params=[(FIGURE_1, "plain"), (FIGURE_2, "unbalanced")], ids=["1", "2"])
def kept(request, tmp_path):
    """An experiment, the path of its run, and the run."""
    experiment = wanted(*request.param)
    path = str(tmp_path / "run.h5")
    write_either(path, experiment.carry_out())
    return experiment, path, read_either(path)


def test_a_run_that_is_asked_for_again_is_taken_as_it_is(kept):
    experiment, path, run = kept
    found = look(path, experiment)
    assert found.why == ""
    for name, column in run.trace.items():
        np.testing.assert_array_equal(found.run.trace[name], column)


def test_where_nothing_is_there_is_nothing_to_tell(kept):
    experiment, path, _ = kept
    assert look(f"{path}.none", experiment) == (None, "")


CHANGES = {
    "seed": ("--seed 0, not 7", 7), "max_iter": ("--max-iter", 41), "every": ("--every", 3),
    "step_size": ("--step-size", 0.24),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_run_of_other_settings_is_not_taken_and_it_is_said_which(kept, name):
    experiment, path, _ = kept
    words, value = CHANGES[name]
    changed = {name: value} | ({"min_iter": value} if name == "max_iter" else {})
    other = dataclasses.replace(experiment, settings=experiment.settings.changed(changed))
    found = look(path, other)
    assert found.run is None
    assert words in found.why


def test_threads_and_the_last_digits_of_sigma_1_make_no_other_run(kept):
    experiment, path, _ = kept
    step = experiment.settings.step_size
    same = experiment.settings.changed({"threads": 5, "step_size": step * (1 + 1e-14)})
    assert look(path, dataclasses.replace(experiment, settings=same)).run is not None


def test_a_run_on_other_data_is_not_taken(tmp_path):
    for figure, name, words in ((FIGURE_1, "plain", "another matrix"),
                                (FIGURE_2, "balanced", "other points")):  # fmt: skip
        path = str(tmp_path / name)
        mine = wanted(figure, name)
        write_either(path, mine.carry_out())
        seeded = (dataclasses.replace(figure, seed=1) if figure is FIGURE_1
                  else Figure2(SMALL.changed({"seed": 1})))  # fmt: skip
        other = dataclasses.replace(wanted(seeded, name), settings=mine.settings)
        assert words in look(path, other).why


def test_a_matrix_of_the_same_name_with_other_numbers_is_seen(tmp_path):
    M = np.random.default_rng(0).standard_normal((8, 6))
    np.save(tmp_path / "M.npy", M)
    figure = Figure1(open_matrix(str(tmp_path / "M.npy")), rank=2)
    there, *_ = draw(figure, "ab", tmp_path, data="M")
    M[3, 4] *= 1 + 1e-6
    np.save(tmp_path / "M.npy", M)
    again = Figure1(open_matrix(str(tmp_path / "M.npy")), rank=2)
    _, told, _, done = draw(again, "ab", tmp_path, data="M")
    assert done == ["plain", "balanced"]
    assert all("is run again" in text for text in told)
    assert there.kept == frozenset()


def test_a_run_that_was_cut_or_lacks_a_column_is_not_taken(kept):
    experiment, path, run = kept
    write_either(path, dataclasses.replace(run, outcome=Outcome.INTERRUPTED))
    assert look(path, experiment) == (None, "it was interrupted by a signal")
    column = experiment.columns[-1]
    trace = {name: values for name, values in run.trace.items() if name != column}
    write_either(path, dataclasses.replace(run, trace=trace))
    assert look(path, experiment) == (None, f"it lacks the column {column}")


def refusal(path, experiment):
    with pytest.raises(StorageError) as caught:
        look(str(path), experiment)
    text = str(caught.value)
    assert text.endswith(": remove it, or name another folder with -o")
    assert "\n" not in text
    return text


def test_what_is_no_run_of_the_figure_is_not_replaced(kept, tmp_path):
    experiment, path, _ = kept
    (tmp_path / "text.h5").write_text("my notes")
    assert "text.h5 is not a" in refusal(tmp_path / "text.h5", experiment)
    write_run(tmp_path / "own.h5", solve(np.eye(3), rank=1, seed=0))
    assert "own.h5 is there already, and no run of Figure" in refusal(
        tmp_path / "own.h5", experiment
    )
    other = FIGURE_2 if experiment.figure == "1" else FIGURE_1
    name = "balanced"
    assert f"and no run of Figure {other.number}" in refusal(path, wanted(other, name))


def test_a_damaged_file_and_one_of_a_newer_format_are_not_replaced(kept):
    experiment, path, run = kept
    with open(path, "rb") as file:  # noqa: PTH123
        image = bytearray(file.read())
    image[-100] ^= 1
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(image)
    assert "is damaged, or was changed" in refusal(path, experiment)
    if experiment.figure == "1":
        arrays, document = runs.told(run)
        newer = images.make_image("run", 99, {"U": run.U, "V": run.V, **arrays}, document)
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(newer)
        assert "has format version 99" in refusal(path, experiment)


def test_where_each_setting_came_from_is_stored_in_the_file(kept):
    experiment, path, _ = kept
    kind = "run" if experiment.figure == "1" else "network"
    with h5py.File(path) as file:
        settings = json.loads(file.attrs[f"mfact_{kind}"])["settings"]
    assert settings["step_size"]["source"] == f"figure {experiment.figure}"
    assert settings["momentum" if kind == "network" else "ff_tol"]["source"] == "default"
