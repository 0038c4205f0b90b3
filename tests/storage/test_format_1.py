"""A run file that mfact 0.1.0 wrote: read in today's names and unit, shown, and checked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from mfact.errors import StorageError
from mfact.report.run_page import RunPage
from mfact.report.terminal import Look
from mfact.storage.checkpoints import read_checkpoint
from mfact.storage.format_1 import from_format_1
from mfact.storage.images import make_image
from mfact.storage.runs import read_run
from mfact.studies.check import recompute
from mfact.targets.dense import DenseTarget

OLD = Path(__file__).parent / "files" / "format_1.run.h5"
M = np.load(Path(__file__).parents[2] / "data" / "elnino.npy")


def raw() -> tuple[dict[str, np.ndarray], dict]:
    """What h5py finds in the file: the columns of the trace, and the JSON document."""
    with h5py.File(OLD) as file:
        assert json.loads(file.attrs["mfact_run"])["format_version"] == 1
        trace = {name: np.array(column) for name, column in file["trace"].items()}
        return trace, json.loads(file.attrs["mfact_run"])


def test_its_columns_have_todays_names() -> None:
    trace, _ = raw()
    now = read_run(OLD).trace
    names = {"drift": "imbalance", "relative_drift": "relative_imbalance", "drift_change": "drift"}
    for old, new in {**names, "norm_U": "size_U", "norm_V": "size_V", "loss": "loss"}.items():
        assert np.array_equal(trace[old], now[new])
    assert not now.keys() & {"relative_drift", "drift_change", "norm_U", "norm_V"}


def test_its_gaps_are_told_in_the_share_of_the_weakest_component() -> None:
    trace, document = raw()
    result = read_run(OLD)
    sigma = np.linalg.svd(M, compute_uv=False)
    R = result.U @ result.V.T - M
    truth = (0.5 * np.sum(R**2) - 0.5 * np.sum(sigma[2:] ** 2)) / (0.5 * sigma[1] ** 2)
    # The loss is a difference of numbers of the size of ½‖M‖² = 2e5, the unit ½σ₂² is 78.
    assert result.summary["gap"] == pytest.approx(truth, abs=1e-11)
    factor = np.sum(sigma**2) / sigma[1] ** 2
    assert result.trace["gap"] == pytest.approx(trace["gap"] * factor, rel=1e-9)
    assert result.settings["tol"]["used"] == pytest.approx(1e-10 * factor)
    assert result.settings["tol"]["value"] == document["settings"]["tol"]["value"] == 1e-10


def test_it_is_shown_and_checked() -> None:
    result = read_run(OLD)
    text = RunPage(result, full=True).text(Look())
    assert "imbalance ‖D‖_F, D = UᵀU − VᵀV" in text
    assert "drift ‖D − D₀‖_F" in text
    found = recompute(DenseTarget(M), result)
    assert {claim.name: claim.verdict for claim in found.claims}["global-optimum"] == "holds"
    assert not [claim for claim in found.claims if claim.verdict == "violated"]


def test_without_its_singular_values_a_gap_keeps_its_old_unit_and_says_so() -> None:
    trace, _ = raw()
    old = read_run(OLD)
    bare = replace(old, problem={**old.problem, "singular_values": None}, trace=trace)
    again = from_format_1(bare)
    assert np.array_equal(again.trace["gap/½‖M‖²"], trace["gap"])
    assert "gap" not in again.trace
    assert "gap/½‖M‖²" in RunPage(again, full=True).text(Look())


def test_a_checkpoint_of_format_1_is_refused_with_the_version_that_reads_it(tmp_path) -> None:
    (tmp_path / "c.h5").write_bytes(make_image("checkpoint", 1, {}, {"document": {}}))
    with pytest.raises(StorageError, match=r"format version 1.*resume it with mfact 0\.1\.0"):
        read_checkpoint(tmp_path / "c.h5")
