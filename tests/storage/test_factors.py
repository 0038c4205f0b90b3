"""Factors out as NPY and in as a start: from a run file or an .npz, checked."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from mfact.core import Array, Outcome, Result
from mfact.errors import DataError, MfactError, StorageError
from mfact.storage.factors import factors_npy_paths, read_factors, write_factors_npy
from mfact.storage.images import same_bits
from mfact.storage.runs import write_run

RNG = np.random.default_rng(0)
U, V = RNG.standard_normal((6, 2)), RNG.standard_normal((5, 2))


def run_file(path: Path, left: Array, right: Array) -> Path:
    write_run(path, Result(Outcome.CONVERGED, "", left, right, {}, {}, {}, {}))
    return path


@pytest.mark.parametrize("order", ["C", "F"])
def test_numpy_reads_what_was_written(tmp_path: Path, order: str) -> None:
    paths = write_factors_npy(tmp_path / "run", np.asarray(U, order=order), V)
    assert paths == factors_npy_paths(tmp_path / "run")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["run_U.npy", "run_V.npy"]
    assert same_bits(np.load(paths[0]), U)
    assert same_bits(np.load(paths[1]), V)


def test_a_run_file_is_a_start(tmp_path: Path) -> None:
    factors = read_factors(run_file(tmp_path / "run.h5", U, V))
    assert same_bits(factors.U, U)
    assert same_bits(factors.V, V)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_is_a_start(tmp_path: Path, save: object) -> None:
    assert callable(save)
    save(tmp_path / "start.npz", U=np.asfortranarray(U), V=V.astype(">f8"), other=np.eye(3))
    factors = read_factors(tmp_path / "start.npz")
    assert same_bits(np.ascontiguousarray(factors.U), U)
    assert same_bits(factors.V, V)


def test_kinds_become_float64_but_float32_stays(tmp_path: Path) -> None:
    np.savez(tmp_path / "start.npz", U=np.arange(4).reshape(2, 2), V=V.astype(np.float32))
    factors = read_factors(tmp_path / "start.npz")
    assert factors.U.dtype == np.float64
    assert factors.V.dtype == np.float32
    assert factors.U.tolist() == [[0, 1], [2, 3]]


def refusal(path: Path) -> str:
    with pytest.raises(MfactError) as caught:
        read_factors(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


BAD = {
    "V with 3": (U, RNG.standard_normal((5, 3))),
    "1-D": (U[:, 0], V),
    "empty": (U[:, :0], V[:, :0]),
    "not finite": (U, np.where(V[1, 1] == V, np.nan, V)),
    "complex": (U + 1j, V),
}


@pytest.mark.parametrize("fault", BAD)
@pytest.mark.parametrize("kind", ["run", "npz"])
def test_factors_that_do_not_fit_are_refused(tmp_path: Path, fault: str, kind: str) -> None:
    left, right = BAD[fault]
    path = tmp_path / "start"
    if kind == "run":
        run_file(path, left, right)
    else:
        with path.open("wb") as file:
            np.savez(file, U=left, V=right)
    with pytest.raises(StorageError if kind == "run" else DataError):
        read_factors(path)
    assert fault in refusal(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "half.npz", U=U)
    np.save(tmp_path / "U.npy", U)
    (tmp_path / "text.h5").write_text("U V")
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 nothing")
    assert "has no member V" in refusal(tmp_path / "half.npz")
    assert "holds no factors: pass a run file" in refusal(tmp_path / "U.npy")
    assert "holds no factors: pass a run file" in refusal(tmp_path / "text.h5")
    assert "cannot be read as NPZ" in refusal(tmp_path / "broken.npz")
    assert "No such file" in refusal(tmp_path / "none.h5")
    assert "not a regular file" in refusal(tmp_path)


def test_no_pickle_is_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "start.npz", U=np.array([[None]]), V=V)
    assert "never unpickled" in refusal(tmp_path / "start.npz")


def test_a_truncated_member_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "U.npy", U)
    with zipfile.ZipFile(tmp_path / "start.npz", "w") as archive:
        archive.writestr("U.npy", (tmp_path / "U.npy").read_bytes()[:-8])
    with pytest.raises(StorageError, match="ends before its last value"):
        read_factors(tmp_path / "start.npz")
