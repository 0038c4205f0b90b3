"""Replacing a file: the old one or the complete new one, its mode, its links, no litter."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mfact.errors import StorageError
from mfact.host import atomic
from mfact.host.atomic import replace_file


@pytest.fixture
def umask() -> Iterator[int]:
    old = os.umask(0o027)
    yield 0o027
    os.umask(old)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("size", [0, 1, 1000, atomic.BLOCK + 1])
def test_the_file_holds_the_image_and_nothing_else_is_left(tmp_path: Path, size: int) -> None:
    image = os.urandom(size)
    replace_file(tmp_path / "run.h5", image)
    assert (tmp_path / "run.h5").read_bytes() == image
    assert names(tmp_path) == ["run.h5"]


def test_a_view_of_numbers_is_written_as_its_bytes(tmp_path: Path) -> None:
    import numpy as np

    numbers = np.arange(6.0).reshape(2, 3)
    replace_file(tmp_path / "numbers", numbers.data)
    assert (tmp_path / "numbers").read_bytes() == numbers.tobytes()


def test_a_new_file_follows_the_umask(tmp_path: Path, umask: int) -> None:
    replace_file(tmp_path / "run.h5", b"new")
    assert mode_of(tmp_path / "run.h5") == 0o666 & ~umask


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_an_old_file_keeps_its_mode(tmp_path: Path, umask: int, mode: int) -> None:
    path = tmp_path / "run.h5"
    path.write_bytes(b"old")
    path.chmod(mode)
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert mode_of(path) == mode


def test_a_private_file_is_never_readable_on_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.h5"
    path.write_bytes(b"old")
    path.chmod(0o600)
    seen = []
    write = os.write

    def spy(descriptor: int, data: bytes) -> int:
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", spy)
    replace_file(path, b"new")
    assert seen == [0o600]


def test_a_symbolic_link_stays_and_what_it_names_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/run.h5").write_bytes(b"old")
    link = tmp_path / "link.h5"
    link.symlink_to("real/run.h5")
    replace_file(link, b"new")
    assert link.is_symlink()
    assert (tmp_path / "real/run.h5").read_bytes() == b"new"
    assert names(tmp_path / "real") == ["run.h5"]


def test_a_hard_link_keeps_the_old_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    replace_file(tmp_path / "a", b"new")
    assert (tmp_path / "b").read_bytes() == b"old"


def test_the_longest_name_and_a_strange_one(tmp_path: Path) -> None:
    for name in ("x" * 255, "caf\udce9 [bold] \n.h5", "-o"):
        replace_file(tmp_path / name, b"new")
        assert (tmp_path / name).read_bytes() == b"new"
    assert len(names(tmp_path)) == 3


def test_a_reader_that_holds_the_old_file_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "run.h5"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        replace_file(path, b"new!")
        assert reader.read() == b"old"


def test_an_interrupt_leaves_the_old_file_and_no_temporary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.h5"
    path.write_bytes(b"old")

    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["run.h5"]


def test_what_a_killed_writer_left_is_swept_and_what_a_live_one_has_is_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "run.h5"
    dead = atomic.temporary_name(path)
    dead.write_bytes(b"half")
    stranger = atomic.temporary_name(tmp_path / "other.h5")
    stranger.write_bytes(b"half")
    live = atomic.temporary_name(path)
    live.write_bytes(b"half")
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX);"
            "print('locked', flush=True); sys.stdin.read()",
            live,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    replace_file(path, b"new")
    assert names(tmp_path) == sorted([live.name, stranger.name, "run.h5"])
    holder.communicate()
    replace_file(path, b"newer")
    assert names(tmp_path) == sorted([stranger.name, "run.h5"])


def test_two_writers_of_one_file_leave_one_of_their_images(tmp_path: Path) -> None:
    script = (
        "import sys; from mfact.host.atomic import replace_file\n"
        "for _ in range(50): replace_file(sys.argv[1], sys.argv[2].encode() * 100_000)"
    )
    path = tmp_path / "run.h5"
    writers = [
        subprocess.Popen([sys.executable, "-c", script, path, letter]) for letter in ("a", "b")
    ]
    assert [writer.wait() for writer in writers] == [0, 0]
    content = path.read_bytes()
    assert content in (b"a" * 100_000, b"b" * 100_000)
    assert names(tmp_path) == ["run.h5"]


@pytest.mark.parametrize("where", ["folder", "/dev/null", "no/run.h5"])
def test_the_writer_refuses_the_same_places(tmp_path: Path, where: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError):
        replace_file(tmp_path / where, b"new")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_the_file_is_synchronized_before_the_rename_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = []
    fsync, replace = os.fsync, os.replace

    def spy_fsync(descriptor: int) -> None:
        order.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def spy_replace(source: Path, target: Path) -> None:
        order.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "replace", spy_replace)
    replace_file(tmp_path / "run.h5", b"new")
    assert order == ["file", "rename", "folder"]
