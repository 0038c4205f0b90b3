"""What no device holds, and where there is none: refused with "cuda", said with "auto"."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
from matrices import of_kind
from pretended_cuda import NAME, found, pretended
from scipy.sparse import csr_array, save_npz
from with_torch import torch

import mfact
from mfact.errors import MemoryPlanError, MissingPackageError, SettingsError
from mfact.matrices.source import open_matrix
from mfact.targets.dense import DenseTarget
from mfact.targets.door import DEVICE, MEMORY, held

M = of_kind("noisy", shape=(60, 40))


@pytest.fixture
def there(monkeypatch):
    return pretended(monkeypatch)


def test_what_does_not_fit_is_refused_with_what_does(there):
    there.free = 8 * 2400 + 4 * 8 * 2400 + 3 * 64 * 100 * 8
    assert found()[0].of(M, "float64") is not None
    there.free -= 1
    with pytest.raises(MemoryPlanError, match=rf"M on {NAME} needs .* is available") as error:
        found()[0].of(M, "float64")
    assert error.value.way_out == "use --dtype float32, or --device cpu"
    assert found()[0].of(M, "float32") is not None
    there.free = 1 << 10
    with pytest.raises(MemoryPlanError, match="KiB") as error:
        found()[0].of(M, "float64")
    assert error.value.way_out == "use --device cpu"
    auto, notes = found("auto")
    assert auto.of(M, "float64") is None
    assert notes == [f"--device auto took cpu: {error.value.sentence}"]


def test_auto_says_that_it_took_the_device(there):
    auto, notes = found("auto")
    assert notes == []
    assert held(M, "float64").at(auto).where == DEVICE
    assert notes == [f"--device auto took {NAME}"]


def test_sparse_ones_and_targets_stay_here(there, tmp_path):
    save_npz(tmp_path / "S.npz", csr_array(M))
    for matrix in (csr_array(M), open_matrix(str(tmp_path / "S.npz")), DenseTarget(M)):
        with pytest.raises(SettingsError) as error:
            held(matrix, "float64").at(found()[0])
        assert error.value.way_out == "use --device cpu"
        auto, notes = found("auto")
        assert held(matrix, "float64").at(auto).where == MEMORY
        assert notes == [f"--device auto took cpu: {error.value.sentence}"]


def test_memory_that_ends_while_it_is_filled_is_a_sentence(there, tmp_path, monkeypatch):
    def full(*given, **named):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    np.save(tmp_path / "M.npy", M)
    for matrix in (M, open_matrix(str(tmp_path / "M.npy"))):
        brought = held(matrix, "float64").at(found()[0])
        with monkeypatch.context() as patch:
            patch.setattr(torch, "empty", full)
            with pytest.raises(MemoryPlanError, match=NAME) as error:
                brought.target()
        assert error.value.way_out == "use --dtype float32, or --device cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_device_cuda_is_refused_and_auto_says_so():
    with pytest.raises(SettingsError) as error:
        found()
    assert str(error.value) == "torch sees no CUDA device: use --device cpu"
    assert found("auto") == (None, ["--device auto took cpu: torch sees no CUDA device"])
    with pytest.raises(SettingsError, match='use device="cpu"'):
        mfact.solve(M, rank=2, device="cuda")
    assert mfact.solve(M, rank=2, seed=1, device="auto").outcome.name == "GLOBAL_OPTIMUM"


@pytest.mark.parametrize(
    ("package", "said"), [("torch", "torch"), ("array_api_compat", "array-api-compat")]
)
def test_without_a_package_it_is_named(package, said, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError) as error:
        found()
    assert error.value.sentence == f"{said} is not installed"
    assert error.value.way_out == "pip install 'mfact[gpu]', or use --device cpu"
    assert found("auto") == (None, [f"--device auto took cpu: {said} is not installed"])


def test_the_order_of_sums_is_asked_for_before_cuda_begins(there, monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    found()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    found()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"
