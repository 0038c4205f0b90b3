"""Files that are either the old one or the complete new one, whatever happens between."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from mfact.errors import StorageError
from mfact.words import printable

BLOCK = 1 << 24  # bytes a call: large enough for full speed, small enough to see signals

_WAYS_OUT = {
    errno.ENOSPC: "free space on that disk, or write to another",
    errno.EDQUOT: "free some of your quota, or write to another disk",
    errno.EFBIG: "raise the file size limit (ulimit -f), or write to another disk",
    errno.EROFS: "choose a folder that can be written",
    errno.EACCES: "choose a folder that can be written",
    errno.EPERM: "choose a folder that can be written",
    errno.ENOENT: "create the folder first",
    errno.ENOTDIR: "name a file inside a folder",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EIO: "check the disk, or write to another",
}


class NoFileError(StorageError):
    """An output that is no file: standard output, a pipe or a device."""

    exit_code = 2


def replace_file(path: str | os.PathLike[str], image: bytes | bytearray | memoryview) -> None:
    """Make `image` the content of the file at `path`, all of it or nothing.

    A temporary file beside the target is written, synchronized, read back and compared,
    given its mode, that of the old file or what the umask says, and renamed over the target;
    then the folder is synchronized. A symbolic link stays a link: what it points to is replaced.
    After any failure but a kill no temporary is left; one that a kill left is removed by the next
    write of the same path.

    Raises StorageError, one line, when the file cannot be written or reads back different;
    the target is then untouched. Only when the last step fails (synchronizing the folder)
    is the new file in place, and the error says so.
    """
    try:
        target = replaceable(path)
        _sweep(target)
        kept = _kept_mode(target)
        temporary, descriptor = _open_temporary(target, kept)
        try:
            _fill(descriptor, memoryview(image).cast("B"), kept)
            temporary.replace(target)
        except BaseException:
            _discard(temporary, descriptor)
            raise
    except OSError as error:
        raise refusal(path, error) from error
    try:
        os.close(descriptor)  # not before: it holds the lock against _sweep
        _synchronize_folder(target.parent)
    except OSError as error:
        raise StorageError(
            f"{printable(path)} is written, but could not be synchronized with the disk: "
            f"{error.strerror or error}",
            "check the disk before you rely on the file",
        ) from error


def replaceable(path: str | os.PathLike[str]) -> Path:
    """The file that is meant, links followed; refused unless it is a regular file or none yet."""
    name = os.fsdecode(path)
    if "\0" in name:
        raise StorageError(f"the output {printable(path)} holds a null character", "rename it")
    refuse_standard_output(name)
    target = Path(os.path.realpath(name))
    if target.is_dir() or name.endswith(os.sep):
        raise StorageError(f"the output {printable(path)} is a folder", "name a file")
    with contextlib.suppress(FileNotFoundError):
        # Of the name: where /dev/stdout is a pipe, it leads to a path that is none.
        kind = Path(name).stat().st_mode
        if not stat.S_ISREG(kind):
            # Renaming over /dev/null would take it away from the whole machine.
            what = "a pipe" if stat.S_ISFIFO(kind) else "a device" if stat.S_ISCHR(kind) else ""
            what = f"{what}, not a regular file" if what else "not a regular file"
            raise NoFileError(f"the output {printable(path)} is {what}", "name a file")
    return target


def refuse_standard_output(name: str) -> None:
    """Raise NoFileError for "-", which is no name of a file though one could be called so."""
    if name == "-":
        raise NoFileError("the output - would be standard output, not a file", "name a file")


def _kept_mode(target: Path) -> int | None:
    """The mode of the old file, None when there is none."""
    try:
        return target.stat().st_mode & 0o777
    except FileNotFoundError:
        return None


def _prefix(target: Path) -> str:
    # A digest, because the target's own name may already be as long as a name can be.
    return f".mfact-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}-"


def temporary_name(target: Path) -> Path:
    """A name beside the target that is free, and swept when its writer dies."""
    return target.parent / f"{_prefix(target)}{secrets.token_hex(8)}.tmp"


def _open_temporary(target: Path, mode: int | None) -> tuple[Path, int]:
    """A new empty file beside the target, locked so that no other writer sweeps it away."""
    while True:
        temporary = temporary_name(target)
        # Without a mode to keep, the kernel applies the umask (or the folder's default ACL);
        # with one, nobody else may read the file until it has it.
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o666 if mode is None else 0o600)
        try:
            with contextlib.suppress(OSError):  # a file system without locks is not swept either
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                return temporary, descriptor
        except BaseException:
            _discard(temporary, descriptor)
            raise
        os.close(descriptor)  # swept between its creation and its lock


def _discard(temporary: Path, descriptor: int) -> None:
    with contextlib.suppress(OSError):
        temporary.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        os.close(descriptor)


def _fill(descriptor: int, image: memoryview, mode: int | None) -> None:
    """Write, give the mode, synchronize, compare."""
    done = 0
    while done < len(image):
        written = os.write(descriptor, image[done : done + BLOCK])
        if written == 0:
            raise OSError(errno.EIO, "nothing could be written")
        done += written
    if mode is not None:
        os.fchmod(descriptor, mode)
    os.fsync(descriptor)
    _compare(descriptor, image)


def _compare(descriptor: int, image: memoryview) -> None:
    """Read the file back, from the disk where the kernel allows it."""
    with contextlib.suppress(OSError):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    position = 0
    while block := os.pread(descriptor, BLOCK, position):
        if bytes(image[position : position + len(block)]) != block:  # memcmp, unlike the view's
            break
        position += len(block)
    if position != len(image):
        raise OSError(errno.EIO, "it reads back different from what was written")


def _sweep(target: Path) -> None:
    """Remove the temporaries of this target whose writer is dead (its lock is free)."""
    with contextlib.suppress(OSError):
        for leftover in _siblings(target):
            with contextlib.suppress(OSError):
                descriptor = os.open(leftover, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    leftover.unlink()
                finally:
                    os.close(descriptor)


def _siblings(target: Path) -> Iterator[Path]:
    prefix = _prefix(target)
    with os.scandir(target.parent) as entries:
        for entry in entries:
            if entry.name.startswith(prefix) and entry.name.endswith(".tmp"):
                yield Path(entry.path)


def _synchronize_folder(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        return  # a folder one may write in but not list cannot be opened to synchronize it
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # no such thing on this file system
            raise
    finally:
        os.close(descriptor)


def refusal(path: str | os.PathLike[str], error: OSError) -> StorageError:
    """Why a file cannot be written, and the way out that goes with it."""
    return StorageError(
        f"cannot write {printable(path)}: {error.strerror or error}",
        _WAYS_OUT.get(error.errno or 0, "check the path and the disk"),
    )
