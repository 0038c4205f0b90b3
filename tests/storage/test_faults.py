"""Failing storage: whatever call fails, the file is the old one or the complete new one."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from call_faults import CALLS, calls_of, failing
from run_samples import NEW, OLD, content

from mfact.errors import StorageError
from mfact.host.atomic import replace_file
from mfact.storage.runs import write_run

ERRORS = (errno.ENOSPC, errno.EIO)


@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
@pytest.mark.parametrize(("place", "name"), CALLS, ids=lambda part: str(part).split("'")[-1])
def test_each_call_that_fails(tmp_path: Path, place: Any, name: str, error: int) -> None:
    path = tmp_path / "run.h5"
    write_run(path, OLD)
    count = calls_of(place, name, path)
    assert count > 0, "the list names a call that is not made"
    for index in range(count):
        write_run(path, OLD)
        refused = ""
        with failing(place, name, index, error):
            try:
                write_run(path, NEW)
            except StorageError as refusal:
                refused = str(refusal)
        assert [entry.name for entry in tmp_path.iterdir()] == ["run.h5"]
        assert "\n" not in refused
        assert content(path) == (1.0 if refused and "is written" not in refused else 2.0)


def test_no_descriptor_is_left_open_by_a_failure(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (one descriptor each time)
    for place, name in ((os, "write"), (os, "fsync"), (os, "replace"), (os, "fstat")):
        with failing(place, name, 0, errno.EIO), pytest.raises(StorageError):
            replace_file(tmp_path / "run.h5", b"new")
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    assert list(tmp_path.iterdir()) == []


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:997]))
    write_run(tmp_path / "run.h5", NEW)
    assert content(tmp_path / "run.h5") == 2.0


def test_a_write_that_takes_nothing_is_an_error_and_not_a_hang(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "write", lambda descriptor, data: 0)
    with pytest.raises(StorageError, match="nothing could be written"):
        write_run(tmp_path / "run.h5", NEW)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lie", ["dropped", "changed", "longer"])
def test_a_disk_that_lies_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    write = os.write

    def lying(descriptor: int, data: memoryview) -> int:
        if lie == "changed":
            write(descriptor, bytes([data[0] ^ 1]) + bytes(data[1:]))
        elif lie == "longer":
            write(descriptor, bytes(data) + b"\0")
        return len(data)

    write_run(tmp_path / "run.h5", OLD)
    monkeypatch.setattr(os, "write", lying)
    with pytest.raises(StorageError, match="reads back different"):
        write_run(tmp_path / "run.h5", NEW)
    monkeypatch.undo()
    assert content(tmp_path / "run.h5") == 1.0
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.h5"]


def test_a_write_that_hdf5_swallows_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = h5py.Group.create_dataset

    def lossy(group: h5py.Group, name: str, data: Any, **options: Any) -> h5py.Dataset:
        return create(group, name, data=np.zeros_like(data), **options)

    monkeypatch.setattr(h5py.Group, "create_dataset", lossy)
    with pytest.raises(StorageError, match="reads back different"):
        write_run(tmp_path / "run.h5", NEW)
    assert list(tmp_path.iterdir()) == []


def test_memory_that_runs_out_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*args: Any, **options: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(h5py.Group, "create_dataset", none_left)
    with pytest.raises(StorageError, match="free memory"):
        write_run(tmp_path / "run.h5", NEW)
