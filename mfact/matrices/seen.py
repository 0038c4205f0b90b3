"""A file that must be the same when it is read as when it was looked at."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mfact.errors import StorageError

START_BYTES = 512
"""Of a file that its kind is told by."""


@dataclass(frozen=True)
class Seen:
    """A path, and what tells the file behind it from another one and from its own past.

    size: in bytes. changed: when, in nanoseconds.
    """

    path: Path
    device: int
    inode: int
    size: int
    changed: int

    @classmethod
    def of(cls, path: Path, status: os.stat_result | None = None) -> Seen:
        """The file as it is now. Raises OSError."""
        status = path.stat() if status is None else status
        return cls(path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)

    @contextmanager
    def opened(self, label: str) -> Iterator[io.BufferedReader]:
        """The file, open for reading; what cannot be read is a StorageError."""
        try:
            with self.path.open("rb") as stream, self.unchanged(stream.fileno(), label):
                yield stream
        except OSError as error:
            raise unreadable(error, label) from error

    @contextmanager
    def unchanged(self, descriptor: int, label: str) -> Iterator[None]:
        """Raises StorageError where the open file is not this one, or does not stay so.

        What a file that changes is blamed for, a value that is none or an end too early, is not
        what is wrong with it.
        """
        self._require(descriptor, label)
        try:
            yield
        except Exception:
            self._require(descriptor, label)
            raise
        self._require(descriptor, label)

    def _require(self, descriptor: int, label: str) -> None:
        if Seen.of(self.path, os.fstat(descriptor)) != self:
            raise changed(label)


def start_of(path: Path, label: str) -> tuple[Seen, bytes]:
    """A file and its first bytes. Raises StorageError for whatever is no file that can be read."""
    try:
        # Opening a pipe or a device could wait for ever, so it is looked at first.
        kind = path.stat()
        if stat.S_ISDIR(kind.st_mode):
            raise StorageError(f"{label} is a directory", "name a file in it")
        if not stat.S_ISREG(kind.st_mode):
            raise StorageError(f"{label} is no regular file", "save it in a file first")
        with path.open("rb") as stream:
            return Seen.of(path, kind), stream.read(START_BYTES)
    except FileNotFoundError:
        raise StorageError(f"{label} does not exist", "check the path") from None
    except ValueError:  # a null character
        raise StorageError(f"{label!r} is not the name of a file", "name a file") from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise StorageError(
            f"{label} cannot be read: {reason}", "check the path and its permissions"
        ) from error


def changed(label: str) -> StorageError:
    """A file that is another one than it was."""
    return StorageError(f"{label} was changed while it was read", "run again")


def cut_short(label: str) -> StorageError:
    """A file with fewer bytes than its values take."""
    return StorageError(f"{label} ends before its last value", "copy or write the file again")


def unreadable(error: OSError, label: str) -> StorageError:
    """What the system says of a file."""
    return StorageError(f"{label} cannot be read: {error.strerror}", "check the path and the disk")
