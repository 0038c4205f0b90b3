"""The calls by which a file is written, each of which may fail."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import pytest
from run_samples import NEW

from mfact.storage.runs import write_run

# Every call between a result and the disk, by the module or class it is looked up on.
CALLS: tuple[tuple[Any, str], ...] = (
    (os, "scandir"),
    (os, "stat"),
    (os, "open"),
    (fcntl, "flock"),
    (os, "fstat"),
    (os, "write"),
    (os, "fchmod"),
    (os, "fsync"),
    (os, "posix_fadvise"),
    (os, "pread"),
    (os, "replace"),
    (os, "close"),
    (h5py.Group, "create_dataset"),
    (h5py.AttributeManager, "__setitem__"),
    (h5py.File, "flush"),
    (h5py.File, "close"),
    (h5py.Dataset, "__getitem__"),
)


@contextmanager
def failing(place: Any, name: str, index: int, error: int | None) -> Iterator[list[int]]:
    """Let the index-th call of place.name fail once with error; yields the count of calls."""
    real: Callable[..., Any] = getattr(place, name)
    count = [0]

    def call(*args: Any, **kwargs: Any) -> Any:
        count[0] += 1
        if count[0] == index + 1 and error is not None:
            if name == "close":
                real(*args, **kwargs)  # the descriptor is gone all the same
            raise OSError(error, os.strerror(error))
        return real(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place, name, call)
        yield count


def calls_of(place: Any, name: str, path: Path) -> int:
    with failing(place, name, 0, None) as count:
        write_run(path, NEW)
    return count[0]
