"""A dataset of an HDF5 file as what its surroundings say of it."""

from __future__ import annotations

from pathlib import Path

import h5py

from mfact.matrices.hdf5 import objects
from mfact.matrices.hdf5.dense import ITSELF, DenseReader, Meant, inspect_dense
from mfact.matrices.hdf5.slabs import slabs
from mfact.matrices.seen import Seen
from mfact.matrices.slabs import Slabs


def reader(path: Path | str, name: str, meant: Meant = ITSELF, points: bool = False) -> DenseReader:
    """Who reads it. Raises what refuses it."""
    path = Path(path)
    label = f"{path.name}:/{name}"
    with h5py.File(path) as file:
        found = objects.resolve(objects.root(file), name, False, label)
        layout = inspect_dense(found, False, label, points, meant)
    return DenseReader(Seen.of(path, path.stat()), name, layout, False, label, meant)


def in_slabs(path: Path | str, name: str, meant: Meant, block_bytes: int) -> Slabs:
    return slabs(reader(path, name, meant), block_bytes)
