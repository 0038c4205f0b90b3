"""On a CUDA device itself, where torch sees one: the contracts, bits, and a run by its name."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.centred_contract import CentredContract
from contracts.target_contract import TargetContract
from matrices import of_kind
from with_torch import torch

from mfact.host.threads import ALONE
from mfact.run.solve import solve
from mfact.targets.device.target import DeviceTarget
from mfact.targets.door import DEVICE, held

if not torch.cuda.is_available():
    pytest.skip("torch sees no CUDA device", allow_module_level=True)


def on(M):
    return torch.asarray(np.require(M, requirements="W"), device="cuda")


class TestDeviceCuda(TargetContract):
    def make(self, M, workers=ALONE):
        return DeviceTarget(on(M))


class TestCentredCuda(CentredContract):
    def hold(self, A, workers=ALONE):
        return DeviceTarget(on(A))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_run_there_ends_as_one_here_with_the_same_bits_each_time(dtype):
    M = of_kind("noisy", shape=(600, 400))
    options = {"rank": 2, "seed": 1, "schedule": "constant", "dtype": dtype}
    expected = solve(M, **options)
    one, two = (solve(M, **options, device="cuda") for _ in range(2))
    np.testing.assert_array_equal(one.U, two.U)
    atol = 1e-11 if dtype == "float64" else 1e-4
    np.testing.assert_allclose(one.U @ one.V.T, expected.U @ expected.V.T, rtol=0, atol=atol)


def test_products_of_float32_take_all_digits_though_tf32_is_on():
    torch.set_float32_matmul_precision("high")
    try:
        TestDeviceCuda().test_products_are_those_of_the_dense_matrix((530, 3100), np.float32)
    finally:
        torch.set_float32_matmul_precision("highest")


def test_a_tensor_there_is_held_where_it_is():
    M = on(np.eye(30, 20))
    found = held(M, "float64")
    assert (found.where, found.needed) == (DEVICE, 0)
    assert found.target().held.matrix.data_ptr() == M.data_ptr()
