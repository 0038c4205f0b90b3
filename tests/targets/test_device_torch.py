"""torch's arrays on a device: the contract of targets, and what torch itself is told."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.centred_contract import CentredContract
from contracts.pass_contract import LARGE, problem
from contracts.target_contract import TargetContract
from matrices import of_kind
from with_torch import torch

from mfact.errors import MemoryPlanError
from mfact.host.threads import ALONE
from mfact.run.solve import solve
from mfact.targets.device import target as module
from mfact.targets.device.target import DeviceTarget


def on(M):
    return torch.asarray(np.require(M, requirements="W"))


@pytest.fixture(autouse=True)
def few_rows_at_a_time(monkeypatch):
    monkeypatch.setattr(module, "WORK_BYTES", 1 << 20)


class TestDeviceTorch(TargetContract):
    def make(self, M, workers=ALONE):
        return DeviceTarget(on(M))


class TestCentredTorch(CentredContract):
    def hold(self, A, workers=ALONE):
        return DeviceTarget(on(A))


@pytest.mark.parametrize("engine", ["reduced", "direct"])
def test_a_run_waits_once_a_pass_and_once_for_the_norm(engine):
    M = of_kind("noisy", shape=(60, 40))
    options = {"rank": 2, "seed": 1, "schedule": "constant", "engine": engine}
    target, expected = DeviceTarget(on(M)), solve(M, **options)
    found = solve(target, **options)
    assert target.synchronizations == found.summary["passes"] + 1
    np.testing.assert_allclose(found.U @ found.V.T, expected.U @ expected.V.T, atol=1e-11)


def test_bits_are_the_same_from_run_to_run():
    M, _, _ = problem((200, 300), 5, np.float32)
    options = {"rank": 2, "seed": 1, "schedule": "constant", "dtype": "float32", "max_iter": 9}
    one, two = (solve(DeviceTarget(on(M)), **options, force=True) for _ in range(2))
    np.testing.assert_array_equal(one.U, two.U)
    assert one.summary["loss"] == two.summary["loss"]


@pytest.fixture
def fewer_digits():
    """torch as a user of few digits has set it."""
    torch.set_float32_matmul_precision("medium")
    yield
    torch.set_float32_matmul_precision("highest")


def test_products_take_all_digits_and_the_setting_stays_the_users(fewer_digits, monkeypatch):
    told = []
    settable = torch.set_float32_matmul_precision
    M, U, V = problem((40, 23), 5, np.float32)
    target = DeviceTarget(on(M))
    with monkeypatch.context() as patch:
        patch.setattr(
            torch, "set_float32_matmul_precision", lambda to: told.append(to) or settable(to)
        )
        target.products(U, V)
    assert told == ["highest", "medium"]
    assert torch.get_float32_matmul_precision() == "medium"
    TestDeviceTorch().test_products_are_those_of_the_dense_matrix(LARGE, np.float32)


def test_so_it_does_where_torch_was_told_by_its_newer_names():
    if not hasattr(torch.backends.cuda.matmul, "fp32_precision"):
        pytest.skip("this torch has no such names")
    before = torch.backends.cuda.matmul.fp32_precision
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    try:
        with pytest.raises(RuntimeError):
            torch.get_float32_matmul_precision()
        TestDeviceTorch().test_products_keep_the_dtype(np.float32)
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"
    finally:
        torch.backends.cuda.matmul.fp32_precision = before
    torch.set_float32_matmul_precision("highest")
    assert torch.get_float32_matmul_precision() == "highest"


@pytest.mark.parametrize(
    ("dtype", "way_out"),
    [
        (np.float64, "use --dtype float32, or pass a NumPy array"),
        (np.float32, "pass a NumPy array"),
    ],
)
def test_memory_that_does_not_do_is_a_sentence(dtype, way_out, monkeypatch):
    def full(*given, **named):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    target = DeviceTarget(on(np.eye(3, dtype=dtype)))
    monkeypatch.setattr("array_api_compat.torch.asarray", full)
    with pytest.raises(MemoryPlanError, match="the memory of the device cpu does not do") as error:
        target.products(np.eye(3), np.eye(3))
    assert error.value.way_out == way_out


def test_what_is_differentiated_elsewhere_is_not_here():
    M = torch.ones((4, 3), requires_grad=True)
    target = DeviceTarget(M, dtype="float64")
    assert target.norm == pytest.approx(12**0.5)
    assert not target.matrix.requires_grad


@pytest.mark.parametrize("kind", ["bfloat16", "float16", "int8", "bool"])
def test_kinds_that_numpy_lacks_are_converted_too(kind):
    M = torch.eye(3).to(getattr(torch, kind))
    target = DeviceTarget(M, dtype="float32")
    assert target.norm == pytest.approx(3**0.5)
    assert target.stored_eps == {"bfloat16": 2.0**-7, "float16": 2.0**-10}.get(kind, 0.0)
