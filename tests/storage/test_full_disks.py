"""Disks that are full, read-only, closed or limited: one line, the old file whole, no litter."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from run_samples import NEW, OLD, content

from mfact.errors import StorageError
from mfact.host.atomic import replace_file
from mfact.storage.claims import claim_output
from mfact.storage.runs import write_run


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """mount(options) is the folder of a fresh tmpfs."""
    mounted: list[Path] = []

    def new(options: str) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
        if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("mounting a tmpfs needs root")
        mounted.append(folder)
        return folder

    yield new
    for folder in mounted:
        subprocess.run(["umount", folder], check=True)


def test_a_disk_that_is_really_full(mount: Callable[[str], Path]) -> None:
    """Less room by a page each time, until nothing fits: old file or new one, no litter."""
    folder = mount("size=128k")
    path = folder / "run.h5"
    write_run(path, OLD)
    outcomes = []
    for pages in range(32):
        write_run(path, OLD)
        (folder / "ballast").write_bytes(b"x" * (4096 * pages))
        try:
            write_run(path, NEW)
            outcomes.append("new")
        except StorageError as refusal:
            outcomes.append(str(refusal))
        assert content(path) == (2.0 if outcomes[-1] == "new" else 1.0)
        assert sorted(entry.name for entry in folder.iterdir()) == ["ballast", "run.h5"]
        (folder / "ballast").unlink()
        if outcomes[-1] != "new":
            break
    assert outcomes[0] == "new"
    assert "No space left on device: free space" in outcomes[-1]


def test_a_disk_without_a_free_file(mount: Callable[[str], Path]) -> None:
    folder = mount("nr_inodes=2")  # the folder and the old file
    (folder / "run.h5").write_bytes(b"old")
    with pytest.raises(StorageError, match="No space left"):
        claim_output(folder / "run.h5")
    with pytest.raises(StorageError, match="No space left"):
        replace_file(folder / "run.h5", b"new")
    assert (folder / "run.h5").read_bytes() == b"old"


def test_a_read_only_disk(mount: Callable[[str], Path]) -> None:
    folder = mount("size=1m")
    write_run(folder / "run.h5", OLD)
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    with pytest.raises(StorageError, match="Read-only file system: choose"):
        claim_output(folder / "new.h5")
    with pytest.raises(StorageError, match=r"Read-only file system|write-protected"):
        claim_output(folder / "run.h5")
    with pytest.raises(StorageError, match="Read-only file system: choose"):
        write_run(folder / "run.h5", NEW)
    assert content(folder / "run.h5") == 1.0


@contextmanager
def immutable(path: Path) -> Iterator[None]:
    command = ["chattr", "+i", path]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("chattr is not installed")
    if done.returncode:
        pytest.skip("chattr +i needs root and a file system that knows it")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", path], check=True)


def test_a_folder_that_may_not_be_changed(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    write_run(folder / "run.h5", OLD)
    with immutable(folder):
        with pytest.raises(StorageError, match="choose a folder"):
            claim_output(folder / "new.h5")
        with pytest.raises(StorageError, match="choose a folder"):
            write_run(folder / "run.h5", NEW)
        assert content(folder / "run.h5") == 1.0
        assert [entry.name for entry in folder.iterdir()] == ["run.h5"]


def test_a_file_that_may_not_be_changed(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    write_run(path, OLD)
    with immutable(path):
        with pytest.raises(StorageError, match="write-protected"):
            claim_output(path)
        with pytest.raises(StorageError, match="cannot write"):
            write_run(path, NEW)
        assert content(path) == 1.0
        assert [entry.name for entry in tmp_path.iterdir()] == ["run.h5"]


def test_a_folder_of_someone_else(tmp_path: Path) -> None:
    """As a user without rights, in a child: nothing is written, one line says so."""
    if os.geteuid():
        user = os.geteuid()
    else:
        user = 65534
        for folder in (tmp_path, *tmp_path.parents):
            if folder.stat().st_uid == 0 and not folder.stat().st_mode & 0o001:
                folder.chmod(folder.stat().st_mode | 0o011)  # pytest's own folders, mode 0700
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    script = """
import os, sys
from mfact.errors import StorageError
from mfact.host.atomic import replace_file
from mfact.storage.claims import claim_output
os.setuid(int(sys.argv[2]))
for attempt in (claim_output, lambda path: replace_file(path, b"new")):
    try:
        attempt(sys.argv[1] + "/run.h5")
    except StorageError as error:
        print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, folder, str(user)],
        check=True,
        capture_output=True,
        text=True,
    )
    line = f"cannot write {folder}/run.h5: Permission denied: choose a folder that can be written"
    assert done.stdout.splitlines() == [line, line]
    assert list(folder.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("limit", [0, 1, 5000])
def test_a_file_size_limit(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "run.h5"
    write_run(path, OLD)
    script = """
import resource, sys
from run_samples import NEW
from mfact.errors import StorageError
from mfact.storage.runs import write_run
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    write_run(sys.argv[1], NEW)
except StorageError as error:
    sys.stderr.write(str(error))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, path, str(limit)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{Path(__file__).parent}:{Path.cwd()}"},
    )
    assert "File too large: raise the file size limit (ulimit -f)" in done.stderr
    assert content(path) == 1.0
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.h5"]
    assert path.stat().st_size > limit
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
