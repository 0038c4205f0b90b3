"""Matrices out: a dense array as the bytes of an NPY or HDF5 file."""

from __future__ import annotations

import io
import os
import uuid
from pathlib import Path

import numpy as np

from mfact.core import Array
from mfact.errors import SettingsError
from mfact.host.atomic import replace_file
from mfact.words import printable

HDF5_SUFFIXES = (".h5", ".hdf5")
SUFFIXES = (".npy", *HDF5_SUFFIXES)


def check_suffix(path: str | os.PathLike[str], dataset: str | None = None) -> str:
    """The kind of file that the name asks for, ".npy" or ".h5".

    Raises SettingsError for another suffix, or a dataset in an NPY file.

    >>> check_suffix("M.hdf5", "/M")
    '.h5'
    """
    suffix = Path(os.fsdecode(path)).suffix.lower()
    if suffix not in SUFFIXES:
        raise SettingsError(
            f"{printable(path)} has no suffix that says what to write",
            f"end it in {', '.join(SUFFIXES)}",
        )
    if suffix == ".npy" and dataset is not None:
        raise SettingsError(
            f"{printable(path)} is an NPY file, which has no datasets", "leave out --dataset"
        )
    return ".npy" if suffix == ".npy" else ".h5"


def write_matrix(path: str | os.PathLike[str], M: Array, *, dataset: str | None = None) -> None:
    """Write M, d1×d2, to an NPY or HDF5 file by its suffix: all of it or nothing.

    dataset: its path in an HDF5 file, "/M" unless given. No clock goes in, so equal
    matrices give equal bytes.

    Raises SettingsError for a name that cannot be, StorageError when it cannot be written.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_matrix(f"{folder}/M.npy", np.eye(2))
    ...     np.load(f"{folder}/M.npy").tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    kind = check_suffix(path, dataset)
    replace_file(path, _npy(M) if kind == ".npy" else _hdf5(M, dataset or "/M"))


def _npy(M: Array) -> memoryview:
    buffer = io.BytesIO()
    np.save(buffer, M, allow_pickle=False)
    return buffer.getbuffer()


def _hdf5(M: Array, dataset: str) -> bytes:
    import h5py

    name = dataset.strip("/")
    if not name or "\0" in name or any(part in ("", ".") for part in name.split("/")):
        raise SettingsError(f"{dataset!r} is no path of a dataset", "write /M or /group/M")
    # The name is never a file on disk, but two images that are open at once need two names.
    with h5py.File(f"mfact-{uuid.uuid4()}", "w", driver="core", backing_store=False) as file:
        held = file.create_dataset(name, data=M, track_times=False)
        file.flush()
        image: bytes = file.id.get_file_image()
        del held
    return image
