"""The arrays of a sparse group: opened with care, and read in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from mfact.core import Array
from mfact.errors import DataError
from mfact.matrices.hdf5 import objects
from mfact.matrices.values import BLOCK_BYTES, check_fits


def member(root: Any, path: str, name: str, follow_links: bool, label: str) -> Any:
    """The identifier of a dataset in a group; DataError for one that cannot be read as it is."""
    from h5py import h5d

    found = objects.resolve(root, f"{path}/{name}", follow_links, label)
    if not isinstance(found, h5d.DatasetID):
        raise DataError(
            f"{label} is a broken sparse matrix: {name} is no dataset", "write it again"
        )
    objects.check_own_data(found, follow_links, label)
    if len(found.shape) not in (1, 2):
        raise DataError(f"{label} is a broken sparse matrix: {name} is not 1-D", "write it again")
    # Of a length that costs nothing to state, and all to read.
    if prod(found.shape) and not follow_links and found.get_storage_size() == 0:
        raise DataError(f"{label} has {name} that were never written", "write it again")
    objects.check_filters(found, label)
    return found


def blocks(dataset: Any, label: str) -> Iterator[tuple[int, Array]]:
    """(place of the first line, some lines) from the first to the last."""
    import h5py

    stored = h5py.Dataset(dataset)
    chunk = stored.chunks[0] if stored.chunks else 1
    line = prod(stored.shape[1:]) * stored.dtype.itemsize
    check_fits(chunk * line + BLOCK_BYTES, label)
    step = max(1, BLOCK_BYTES // line // chunk) * chunk
    for start in range(0, stored.shape[0], step):
        yield start, stored[start : start + step]
