"""A file that is another one when it is read than when it was looked at."""

from __future__ import annotations

import os
import shutil

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse

from mfact.errors import MfactError, StorageError
from mfact.matrices.arrays import laid, npy
from mfact.matrices.hdf5 import dense, vectors
from mfact.matrices.source import open_matrix


def save(path, M, form):
    sparse = scipy.sparse.csr_array(M)
    if form in ("npy", "npy-F"):
        np.save(path, np.asfortranarray(M) if form == "npy-F" else M)
    elif form == "npz":
        np.savez(path, M=M)
    elif form == "packed":
        np.savez_compressed(path, M=M)
    elif form == "sparse-npz":
        scipy.sparse.save_npz(path, scipy.sparse.csr_matrix(M))
    elif form in ("mtx", "mtx-dense"):
        scipy.io.mmwrite(path, sparse if form == "mtx" else M)
    elif form in ("h5", "chunked"):
        with h5py.File(path, "w") as file:
            chunks = (2, 3) if form == "chunked" else None
            file.create_dataset("M", data=M, chunks=chunks)
    else:
        with h5py.File(path, "w") as file:
            group = file.create_group("X")
            group.attrs["encoding-type"], group.attrs["shape"] = "csr_matrix", M.shape
            for name in ("data", "indices", "indptr"):
                group[name] = getattr(sparse, name)


ENDS = {
    "npy": "npy", "npy-F": "npy", "npz": "npz", "packed": "npz", "sparse-npz": "npz", "mtx": "mtx",
    "mtx-dense": "mtx", "h5": "h5", "chunked": "h5", "h5ad": "h5",
}  # fmt: skip
M = np.arange(1.0, 25.0).reshape(6, 4)


def rewrite(path, new):
    """The same file with other bytes."""
    path.write_bytes(new.read_bytes())


def replace(path, new):
    new.replace(path)


def truncate(path, new):
    os.truncate(path, path.stat().st_size - 5)


def grow(path, new):
    with path.open("ab") as file:
        file.write(b" ")


def remove(path, new):
    path.unlink()


def become_a_folder(path, new):
    path.unlink()
    path.mkdir()


CHANGES = (rewrite, replace, truncate, grow, remove, become_a_folder)


@pytest.fixture
def files(tmp_path):
    """Makes a file that has long been there, and another one in its form."""

    def make(form, other):
        paths = [tmp_path / f"{name}.{ENDS[form]}" for name in ("M", "new")]
        for path, entries in zip(paths, (M, other), strict=True):
            save(path, entries, form)
            os.utime(path, ns=(10**18, 10**18))
        return paths

    return make


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("form", list(ENDS))
@pytest.mark.parametrize("other", [M[::-1] + 0.0, M.reshape(4, 6), M[:5]], ids=["=", "4x6", "5x4"])
def test_between_look_and_read(files, form, change, other):
    path, new = files(form, other)
    source = open_matrix(str(path))
    change(path, new)
    with pytest.raises(StorageError) as error:
        source.read()
    assert "\n" not in str(error.value)
    # HDF5 tells by itself, when it opens a file, that its end is missing.
    if change in (rewrite, replace, grow) or (change is truncate and ENDS[form] != "h5"):
        assert "was changed while it was read: run again" in str(error.value)


@pytest.mark.parametrize("change", [rewrite, truncate, grow])
@pytest.mark.parametrize("form", list(ENDS))
def test_while_it_is_read(files, monkeypatch, form, change):
    path, new = files(form, M[::-1] + 0.0)
    source = open_matrix(str(path))
    done = []

    def changing(real):
        def call(*args, **kwargs):
            if not done:
                done.append(True)
                change(path, new)
            return real(*args, **kwargs)

        return call

    # What each format calls after its file is open and found to be the same.
    for where, name in (
        (laid, "read_matrix"),
        (npy, "read_array"),
        (scipy.io, "mmread"),
        (dense, "inspect_dense"),
        (vectors, "blocks"),
    ):
        monkeypatch.setattr(where, name, changing(getattr(where, name)))
    with pytest.raises(StorageError, match="was changed while it was read: run again"):
        source.read()


@pytest.mark.parametrize("form", list(ENDS))
def test_what_is_the_same_is_read(files, tmp_path, form):
    path, _ = files(form, M)
    source = open_matrix(str(path))
    shutil.copy(path, tmp_path / "copy")
    path.chmod(0o400)
    (tmp_path / "link").hardlink_to(path)
    read = source.read()
    np.testing.assert_array_equal(read.toarray() if source.sparse else read, M)


@pytest.mark.parametrize("form", ["npy", "npz", "mtx-dense", "h5"])
def test_a_header_that_changed_within_one_tick_of_the_clock(files, form):
    """As many bytes, and the time of the last change as it was."""
    path, new = files(form, M.reshape(4, 6))
    assert path.stat().st_size == new.stat().st_size
    source = open_matrix(str(path))
    rewrite(path, new)
    os.utime(path, ns=(10**18, 10**18))
    with pytest.raises(MfactError, match="was changed while it was read: run again"):
        source.read()
