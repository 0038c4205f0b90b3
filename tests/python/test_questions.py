"""What is asked from Python is what the commands tell."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from matrices import gaussian, matrix
from scipy.sparse import csr_array

import mfact
from mfact.errors import DataError, MfactError, SettingsError, StorageError
from mfact.gradient_flow.gradient_flow import FlowResult
from mfact.settings import SweepSettings
from mfact.studies.sweep import sweep as sweep_of_values

SIGMA = [4.0, 3.0, 2.0]
M, PHI, PSI = matrix(np.random.default_rng(0), (14, 11), SIGMA)
START = tuple(gaussian(np.random.default_rng(1), M.shape, 2, 0.1))


@pytest.fixture
def file(tmp_path):
    np.save(tmp_path / "M.npy", M)
    return tmp_path / "M.npy"


@pytest.mark.parametrize("kind", ["array", "sparse", "file"])
def test_inspect_tells_spectrum_rank_step_and_forecast(kind, file):
    found = mfact.inspect({"array": M, "sparse": csr_array(M), "file": file}[kind])
    np.testing.assert_allclose(found.singular_values[:3], SIGMA)
    assert (found.numerical_rank, found.suggested_rank, found.forecast.rank) == (3, 3, 3)
    assert found.suggested_step == pytest.approx(0.5 / 4)
    assert {o.schedule for o in found.forecast.schedules} >= {"constant", "power"}
    lines = repr(found).splitlines()
    assert lines[0] == "a 14×11 matrix, ‖M‖_F = 5.385, σ = 4, 3, 2, " + lines[0].split("2, ", 1)[1]
    assert lines[2].startswith("steps of gradient descent for rank 3: constant ")
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.norm = 1.0


def test_inspect_forecasts_for_the_rank_that_is_asked_for():
    assert mfact.inspect(M, rank=2).forecast.rank == 2
    assert "\nsteps" not in repr(mfact.inspect(np.zeros((3, 2))))
    with pytest.raises(SettingsError, match=r"rank 12 is above min\(d1, d2\) = 11"):
        mfact.inspect(M, rank=12)
    with pytest.raises(SettingsError, match="leading is 0: it must be a whole number"):
        mfact.inspect(M, leading=0)


def test_check_recomputes_a_run_by_its_file_or_its_value(file, tmp_path):
    result = mfact.solve(str(file), 2, schedule="constant", seed=1)
    result.save(tmp_path / "run.h5")
    for run in (result, tmp_path / "run.h5", str(tmp_path / "run.h5")):
        found = mfact.check(run, require=["gap<1e-8", "global-optimum"])
        assert found.holds
        assert found.sentence.startswith("all 2 requirements are met; ")
        assert found.numbers["loss"] == pytest.approx(0.5 * SIGMA[2] ** 2)
    failed = mfact.check(result, M, require=["gap<1e-30"])
    assert (failed.holds, failed.violated) == (False, ("require gap<1e-30",))
    assert repr(failed) == "Checked(sentence='violated: require gap<1e-30')"
    other = mfact.check(result, M + 0.1)
    assert "stored-matrix" in other.violated


def test_check_finds_the_matrix_or_says_how_to_name_it(file):
    on_array = mfact.solve(M, 2, schedule="constant", seed=1)
    with pytest.raises(SettingsError, match="name it with matrix="):
        mfact.check(on_array)
    on_file = mfact.solve(file, 2, schedule="constant", seed=1)
    file.unlink()
    with pytest.raises(StorageError, match="which is not there: name it with matrix="):
        mfact.check(on_file)
    with pytest.raises(SettingsError, match="cannot read the requirement 'gap<'"):
        mfact.check(on_array, M, require=["gap<"])
    with pytest.raises(DataError, match="the run is of a 14×11 matrix"):
        mfact.check(on_array, M.T)


def test_sweep_counts_what_the_library_counts(file):
    options = {"seeds": 40, "seed": 3, "tol": 1e-3}
    there = sweep_of_values(np.array(SIGMA), M.shape, SweepSettings(rank=2, **options))
    for given in (M, csr_array(M), file):
        found = mfact.sweep(given, 2, **options)
        assert np.array_equal(found.hits, there.hits)
        assert found.converged == 40
    assert mfact.sweep(M, seeds=5).settings == SweepSettings(rank=1, seeds=5)
    with pytest.raises(SettingsError, match="does not fit a 14×11 matrix: choose rank from 1 to"):
        mfact.sweep(M, 12)
    with pytest.raises(MfactError, match="choose fewer seeds"):
        mfact.sweep(M, seeds=2**60)


def test_a_flow_conserves_the_balance_from_any_start(tmp_path):
    np.savez(tmp_path / "start.npz", U=START[0], V=START[1])
    found = mfact.flow(M, 2, start=START, time=3.0)
    read = mfact.flow(M, 2, start=str(tmp_path / "start.npz"), time=3.0)
    assert isinstance(found.flow, FlowResult)
    assert np.array_equal(found.flow.Z, read.flow.Z)
    assert found.flow.drift.max() < 1e-8
    assert found.settings.start == "given"


def test_a_flow_takes_the_options_of_its_command():
    assert mfact.flow(M, 2, objective="balanced", balance_weight=0.5).settings.weight == 0.5
    with pytest.raises(SettingsError, match='no meaning with objective="plain"'):
        mfact.flow(M, 2, balance_weight=0.5)
    with pytest.raises(SettingsError, match="seed has no meaning with start given"):
        mfact.flow(M, 2, start=START, seed=1)


def test_a_generated_matrix_has_the_singular_values_asked_for():
    made = mfact.generate((12, 8), spectrum=[2, 5], seed=3, dtype="float32")
    assert made.dtype == np.float32
    np.testing.assert_allclose(np.linalg.svd(made)[1][:3], [5, 2, 0], atol=1e-6)
    np.testing.assert_allclose(
        np.linalg.svd(mfact.generate((6, 6), rank=3, condition=9.0))[1][:3], [9, 3, 1]
    )
    with pytest.raises(SettingsError, match="neither a rank nor a spectrum is given: give rank"):
        mfact.generate((3, 2))
    with pytest.raises(MfactError, match="choose a smaller shape"):
        mfact.generate((9_000_000, 9_000_000), rank=1)
