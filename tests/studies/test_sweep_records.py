"""What is kept and told of the sweep of a method: its η and its parameter, and files of before."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from kept_files import record_of

from mfact.errors import StorageError
from mfact.pictures.starts import starts
from mfact.report.sweep_document import document
from mfact.report.sweep_tables import sweep_views
from mfact.report.terminal import Look
from mfact.settings import SWEPT
from mfact.storage.images import make_image, read_image
from mfact.storage.sweeps import FORMAT_VERSION, read_sweep, write_sweep

STEPS = {"gradient-descent": 0.1, "alternating": 1.0, "scaled": 0.5, "alternating-scaled": 0.5}
"""c_step as by default, where it is not 0.5; the σ₁ of these sweeps is 3."""


def text_of(record):
    return " ".join("".join(sweep_views(record)["table"](Look())).split())


def rewritten(path, change):
    """The file again, its document changed."""
    arrays, kept, _ = read_image(path, "sweep", FORMAT_VERSION)
    kept = copy.deepcopy(kept)
    change(kept)
    path.write_bytes(make_image("sweep", FORMAT_VERSION, dict(arrays), kept))


@pytest.mark.parametrize("method", SWEPT)
def test_the_file_and_its_page_tell_the_step(tmp_path, method):
    record, c = record_of(grown=(9,), method=method), STEPS.get(method, 0.5)
    eta = c if "scaled" in method else c / 3
    write_sweep(tmp_path / "S.h5", record)
    back = read_sweep(tmp_path / "S.h5")
    assert [runs.chosen for runs in back.sweeps] == [runs.chosen for runs in record.sweeps]
    found = document(back)
    assert found["matrix"]["step_size"] == pytest.approx(eta)
    assert found["settings"]["c_step"] == c
    assert (found["matrix"]["momentum"] is not None) == (method in ("momentum", "nesterov"))
    assert (found["matrix"]["damping"] is not None) == ("scaled" in method)
    told = "η = c_step" if "scaled" in method else f"η = c_step/σ₁ = {eta:.6g}"
    assert f"{told}, c_step {c:g}" in text_of(back)
    assert any(f"{method}, step {c:g}" in note for note in starts(back).notes)


def test_what_is_expected_is_told_of_gradient_descent_alone():
    plain, other = (text_of(record_of(grown=(9, 30), method=m)) for m in SWEPT[:2])
    for told in ("expected late growth", "expected per decade"):
        assert told in plain
        assert told not in other
    assert "the method is alternating, and it is about gradient-descent" in other


def test_files_of_before_there_were_methods_are_read(tmp_path):
    record = record_of(grown=(9,))
    write_sweep(tmp_path / "S.h5", record)

    def older(kept):
        del kept["chosen"]
        for name in ("method", "momentum", "damping"):
            del kept["settings"][name]
        kept["settings"]["c_step"]["value"] = 0.1

    rewritten(tmp_path / "S.h5", older)
    back = read_sweep(tmp_path / "S.h5")
    assert [runs.chosen for runs in back.sweeps] == [runs.chosen for runs in record.sweeps]
    assert text_of(back) == text_of(record)
    np.testing.assert_array_equal(back.runs.hits, record.runs.hits)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda kept: kept.pop("chosen"), "it lacks chosen"),
        (lambda kept: kept["chosen"].pop(), "what was chosen for 1 sweeps"),
        (lambda kept: kept["chosen"][0].update(step_size=0), "a number above 0"),
        (lambda kept: kept["settings"]["method"].update(value="adam"), "does not commute"),
        (lambda kept: kept["settings"]["method"].update(value="x"), "choose one of"),
    ],
)
def test_what_no_sweep_has_is_refused(tmp_path, change, told):
    write_sweep(tmp_path / "S.h5", record_of(method="momentum"))
    rewritten(tmp_path / "S.h5", change)
    with pytest.raises(StorageError, match="is not the file of a sweep") as caught:
        read_sweep(tmp_path / "S.h5")
    assert told in str(caught.value)
