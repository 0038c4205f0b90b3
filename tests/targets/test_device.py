"""A matrix on a device passes the contract of targets, by NumPy and by the strict array API.

torch's are in test_device_torch.py.
"""

from __future__ import annotations

import sys

import array_api_strict
import numpy as np
import pytest
from contracts.centred_contract import SHAPES as CENTRED_SHAPES
from contracts.centred_contract import CentredContract
from contracts.pass_contract import LARGE, SHAPES
from contracts.target_contract import TargetContract
from matrices import of_kind
from missing_by_hand import holed, refusal_of, sentence

from mfact.errors import DataError, MissingPackageError, SettingsError
from mfact.host.threads import ALONE
from mfact.run.solve import solve
from mfact.targets.dense import DenseTarget
from mfact.targets.device import target as module
from mfact.targets.device.target import DeviceTarget


def on(M, device="device1"):
    """Where NumPy cannot have it by accident, and no slice may end beyond an axis."""
    return array_api_strict.asarray(M, device=array_api_strict.Device(device))


@pytest.fixture(autouse=True)
def few_rows_at_a_time(monkeypatch):
    monkeypatch.setattr(module, "WORK_BYTES", 1 << 20)


class TestDeviceStrict(TargetContract):
    def make(self, M, workers=ALONE):
        return DeviceTarget(on(M))


class TestCentredStrict(CentredContract):
    def hold(self, A, workers=ALONE):
        return DeviceTarget(on(A))


@pytest.mark.slow
class TestDeviceNumPy(TargetContract):
    def make(self, M, workers=ALONE):
        return DeviceTarget(M)


@pytest.mark.slow
class TestCentredNumPy(CentredContract):
    def hold(self, A, workers=ALONE):
        return DeviceTarget(A)


class Single(TargetContract):
    """On a device that has no float64."""

    def make(self, M, workers=ALONE):
        return DeviceTarget(on(M, "no_float64"))

    def sums_eps(self, dtype):
        return float(np.finfo(np.float32).eps)


class CentredSingle(CentredContract):
    narrow = True

    def hold(self, A, workers=ALONE):
        return DeviceTarget(on(A, "no_float64"))


class TestWithoutFloat64:
    """What the contracts ask of float32."""

    @pytest.mark.parametrize("shape", [*SHAPES, LARGE])
    def test_all_that_a_target_does(self, shape):
        contract, single = Single(), np.float32
        contract.test_shape_and_dtype_are_those_of_the_matrix(shape, single)
        contract.test_products_are_those_of_the_dense_matrix(shape, single)
        contract.test_normal_takes_two_degrees(shape, single)
        contract.test_residual_norm(shape, single)

    @pytest.mark.parametrize("shape", [*SHAPES, (1, 9000), (130, 1600)])
    def test_sums(self, shape):
        Single().test_sums(shape, np.float32, 1.0)

    def test_norms_and_fingerprints(self):
        contract = Single()
        contract.test_norm_of_float32_does_not_lose_what_float64_would_keep()
        contract.test_fingerprints_tell_another_matrix_and_only_another(np.float32)
        contract.test_residual_norm_near_zero((40, 23), np.float32, 12)

    @pytest.mark.parametrize("scale", [1e25, 1e-25])
    def test_squares_that_overflow_or_vanish(self, scale):
        M = (np.random.default_rng(1).standard_normal((40, 23)) * scale).astype(np.float32)
        truth = np.linalg.norm(M.astype(float))
        assert Single().make(M).norm == pytest.approx(truth, rel=1e-5)

    @pytest.mark.parametrize("kind", ["mean", "columns", "rows"])
    @pytest.mark.parametrize("shape", CENTRED_SHAPES)
    def test_all_that_a_centred_one_does(self, kind, shape):
        case = kind, shape, np.float32, 300.0
        contract = CentredSingle()
        contract.test_products_are_those_of_the_matrix_made_by_hand(*case)
        contract.test_two_degrees_lose_the_mean_once_and_not_its_square(*case)
        contract.test_norm_sums_and_mean(*case)
        contract.test_residual_norm_is_of_the_differences_themselves(*case)

    def test_float64_is_refused_by_name(self):
        held = on(np.eye(3, dtype=np.float32), "no_float64")
        with pytest.raises(SettingsError, match="has no float64") as error:
            DeviceTarget(held, dtype="float64")
        assert error.value.way_out == "use --dtype float32, or pass a NumPy array"
        assert DeviceTarget(held, dtype="float32").norm == pytest.approx(3**0.5, rel=1e-6)


def runs():
    M = of_kind("noisy", shape=(60, 40))
    return {"NumPy": M, "strict": on(M)}


@pytest.mark.parametrize("engine", ["reduced", "direct"])
@pytest.mark.parametrize("center", ["none", "columns"])
@pytest.mark.parametrize("library", runs())
def test_a_run_waits_once_a_pass_and_once_for_the_norm(library, center, engine):
    options = {"rank": 2, "seed": 1, "schedule": "constant", "engine": engine, "center": center}
    target = DeviceTarget(runs()[library])
    found, expected = solve(target, **options), solve(runs()["NumPy"], **options)
    assert found.outcome.name == "GLOBAL_OPTIMUM"
    # The pass at the end, which looks at the factors, is one of those that a run counts. Without
    # its means a matrix is looked at once more.
    once = 1 if center == "none" else 2
    assert target.synchronizations == found.summary["passes"] + once
    assert found.summary["passes"] == expected.summary["passes"]
    np.testing.assert_allclose(found.U @ found.V.T, expected.U @ expected.V.T, atol=1e-11)


def test_what_is_asked_beside_passes_waits_once_a_question():
    target = DeviceTarget(on(np.eye(5, 3)))
    assert (target.norm, *target.sums)[0] == pytest.approx(3**0.5)
    assert target.synchronizations == 1
    target.means()
    target.look(np.ones(5), np.ones(3))
    assert (target.nonzeros, target.synchronizations) == (3, 4)
    assert [len(rows) for rows in target.slices(2)] == [2, 2, 1]
    assert target.synchronizations == 7


@pytest.mark.parametrize("height", [2, 9])
@pytest.mark.parametrize("shape", [(9, 4), (4, 9)])
def test_slices_are_new_rows_of_the_longer_side(shape, height):
    M = np.arange(36.0).reshape(shape)
    for target in (DeviceTarget(M.copy()), DeviceTarget(on(M))):
        for _ in range(2):
            found = list(target.slices(height))
            np.testing.assert_array_equal(np.vstack(found), M if shape[0] > shape[1] else M.T)
            for rows in found:
                rows[:] = 7


@pytest.mark.parametrize("share", [0.01, 0.3, 1.0])
def test_values_that_are_not_finite_are_told_as_of_a_dense_one(share, monkeypatch):
    monkeypatch.setattr(module, "WORK_BYTES", 200)
    M = holed((37, 23), 8, share)
    told = refusal_of(lambda: DeviceTarget(on(M)).norm)
    assert told == sentence(M, "the matrix") == refusal_of(lambda: DenseTarget(M).norm)


def test_an_overflow_is_told_by_what_it_was():
    M = np.ones((4, 3))
    M[2, 1] = 1e60
    told = refusal_of(lambda: DeviceTarget(on(M), dtype="float32").norm)
    assert told == refusal_of(lambda: solve(M, rank=1, seed=1, dtype="float32"))
    assert "1e+60 at row 2, column 1" in told


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (np.ones(3), "shape"),
        (np.ones((0, 3)), "shape"),
        (np.ones((2, 2), int), "holds int64"),
        (np.ones((2, 2), complex), "holds complex128"),
    ],
)
def test_what_is_no_float_matrix_is_refused(bad, told):
    with pytest.raises(DataError, match=told):
        DeviceTarget(on(bad))


def test_kinds_are_converted_on_the_device():
    whole = DeviceTarget(on(np.array([[1, 2], [0, 2]])), dtype="float32")
    assert (whole.norm, whole.stored_eps, whole.dtype) == (3.0, 0.0, np.float32)
    half = DeviceTarget(on(np.eye(2, dtype=np.float32)), dtype="float64")
    assert half.stored_eps == float(np.finfo(np.float32).eps)
    with pytest.raises(DataError, match="pass real numbers"):
        DeviceTarget(on(np.ones((2, 2), complex)), dtype="float64")


def test_without_array_api_compat_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "array_api_compat", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'mfact\[gpu\]'"):
        DeviceTarget(np.eye(2))
