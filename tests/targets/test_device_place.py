"""A device as a place that M is brought to, from arrays and from files."""

from __future__ import annotations

import tracemalloc

import h5py
import numpy as np
import pytest
from matrices import of_kind
from missing_by_hand import holed, refusal_of, sentence
from pretended_cuda import NAME, found, pretended
from with_torch import torch

from mfact.errors import StorageError
from mfact.host.threads import ALONE
from mfact.matrices.source import open_matrix
from mfact.matrices.values import silent
from mfact.run.solve import solve
from mfact.targets.dense import DenseTarget
from mfact.targets.device import place
from mfact.targets.device.target import DeviceTarget
from mfact.targets.door import DEVICE, MEMORY, held

M = of_kind("noisy", shape=(60, 40))


@pytest.fixture
def there(monkeypatch):
    return pretended(monkeypatch)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "matrix",
    [M, np.asfortranarray(M), M.tolist(), np.round(9 * M).astype(np.int16), M.astype(">f4")],
)
def test_an_array_is_brought_there(there, matrix, dtype, monkeypatch):
    monkeypatch.setattr(place, "PIECE_BYTES", 1000)
    target_of_array = held(matrix, dtype).target()
    M = held(matrix, dtype).at(found()[0])
    assert (M.where, M.described["device"]) == (DEVICE, NAME)
    assert M.from_file == 60 * 40 * np.dtype(dtype).itemsize
    target = M.target().held
    assert isinstance(target, DeviceTarget)
    assert (target.dtype, target.stored_eps) == (dtype, target_of_array.stored_eps)
    assert isinstance(target.matrix, torch.Tensor)
    np.testing.assert_array_equal(target.matrix.numpy(), next(target_of_array.slices(60)))


WRITERS = {
    "rows.npy": lambda path, M: np.save(path, M),
    "columns.npy": lambda path, M: np.save(path, np.asfortranarray(M)),
    "half.npy": lambda path, M: np.save(path, M.astype(np.float16)),
    "text.csv": lambda path, M: np.savetxt(path, M, delimiter=","),
    "chunks.h5": lambda path, M: _chunked(path, M),
}


def _chunked(path, M):
    with h5py.File(path, "w") as file:
        file.create_dataset("M", data=M, chunks=(60, 3), compression="gzip")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", WRITERS)
def test_a_file_is_brought_there_slab_by_slab(there, name, dtype, tmp_path, monkeypatch):
    monkeypatch.setattr(place, "SLAB_BYTES", 2000)
    monkeypatch.setattr("mfact.targets.pieces.PIECE_BYTES", 900)
    WRITERS[name](tmp_path / name, M)
    source, shares = open_matrix(str(tmp_path / name)), []
    target = held(source, dtype).at(found()[0]).target(told=shares.append).held
    assert isinstance(target, DeviceTarget)
    np.testing.assert_array_equal(target.matrix.numpy(), source.read(dtype))
    assert target.stored_eps == held(source, dtype).target().stored_eps
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_a_file_passes_through_little_memory_of_the_host(there, tmp_path):
    """torch's own arrays are not counted by tracemalloc: what is counted is the host's part."""
    np.save(tmp_path / "M.npy", np.ones((4000, 2500)))  # 80 MB, in slabs of 32 MiB
    M = held(open_matrix(str(tmp_path / "M.npy")), "float64").at(found()[0])
    assert M.needed < 45e6
    tracemalloc.start()
    target = M.target()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < M.needed
    assert target.norm == pytest.approx(4000**0.5 * 2500**0.5)


@pytest.mark.parametrize("engine", ["reduced", "direct"])
def test_a_run_there_ends_as_one_here(there, engine, tmp_path):
    np.save(tmp_path / "M.npy", M)
    options = {"rank": 2, "seed": 1, "schedule": "constant", "engine": engine}
    expected = solve(M, **options)
    for matrix in (M, open_matrix(str(tmp_path / "M.npy"))):
        for name in ("cuda", "auto"):
            result = solve(matrix, **options, device=name)
            assert result.outcome is expected.outcome
            np.testing.assert_allclose(
                result.U @ result.V.T, expected.U @ expected.V.T, rtol=0, atol=1e-11
            )


def test_values_that_are_not_finite_are_told_as_of_any_file(there, tmp_path, monkeypatch):
    monkeypatch.setattr(place, "SLAB_BYTES", 700)
    holes = holed((37, 23), 8, 0.1)
    np.save(tmp_path / "M.npy", holes)
    source = open_matrix(str(tmp_path / "M.npy"))
    for matrix, label in ((holes, "the matrix"), (source, source.path)):
        told = refusal_of(
            lambda matrix=matrix: held(matrix, "float64").at(found()[0]).target().norm
        )
        assert told == sentence(holes, label)
    holes[25, 7] = 1e60
    np.save(tmp_path / "M.npy", holes)
    for matrix in (holes, open_matrix(str(tmp_path / "M.npy"))):
        told = refusal_of(lambda M=matrix: held(M, "float32").at(found()[0]).target().norm)
        assert told == refusal_of(lambda M=matrix: held(M, "float32").target())


class Elsewhere(np.ndarray):
    """A host array that says it is on a CUDA device, as those of torch and CuPy that are."""

    device = "cpu"

    def __dlpack_device__(self):
        return (2, 0)


def test_an_array_that_is_on_a_device_stays_there(there):
    array = M.view(Elsewhere)
    for given in (held(array, "float64"), held(array, "float64").at(found()[0])):
        assert (given.where, given.needed, given.described["device"]) == (DEVICE, 0, "cpu")
        target = given.target().held
        assert isinstance(target, DeviceTarget)
        assert np.shares_memory(target.matrix, M)


@pytest.mark.parametrize("library", ["torch", "array_api_strict"])
def test_arrays_on_the_host_are_held_here_as_ever(library):
    array = __import__(library).asarray(M)
    given = held(array, "float64")
    assert (given.where, given.described) == (MEMORY, {"name": "array"})
    assert isinstance(given.target().held, DenseTarget)


def test_nothing_is_read_before_the_target_is_asked_for(there, tmp_path):
    np.save(tmp_path / "M.npy", M)
    there_too = found()[0].of(open_matrix(str(tmp_path / "M.npy")), "float64")
    (tmp_path / "M.npy").unlink()
    with pytest.raises(StorageError):
        there_too.make(silent, ALONE)
