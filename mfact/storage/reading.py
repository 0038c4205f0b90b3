"""Files read whole into memory, looked at by their first bytes, or refused for what they hold."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mfact.errors import MemoryPlanError, StorageError
from mfact.host.memory import available_bytes
from mfact.words import format_bytes, printable


def whole(path: str | os.PathLike[str], times: int) -> bytes:
    """The bytes of a file of which `times` its size fits in memory: what is made of it, too.

    Raises StorageError, one line, when it is missing or no regular file, MemoryPlanError when that
    does not fit.
    """
    try:
        needed = times * _size(path)
        if needed > (free := available_bytes()):
            raise MemoryPlanError(
                f"{printable(path)} needs {format_bytes(needed)} of memory to read and "
                f"{format_bytes(free)} is available",
                "free memory",
            )
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise _refusal(path, error) from error


def beginning(path: str | os.PathLike[str], length: int) -> bytes:
    """The first bytes of a file, as many as there are. Raises StorageError as whole() does."""
    try:
        _size(path)
        with Path(path).open("rb") as file:
            return file.read(length)
    except (OSError, ValueError) as error:
        raise _refusal(path, error) from error


@contextmanager
def looking_through(path: str | os.PathLike[str], what: str, way_out: str) -> Iterator[None]:
    """Within it a ValueError, which says what is wrong at which place, refuses the file.

    what: that it should be.
    """
    try:
        yield
    except ValueError as error:
        raise StorageError(f"{printable(path)} is not {what}: {error}", way_out) from error


def _size(path: str | os.PathLike[str]) -> int:
    status = Path(path).stat()
    if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for its writer
        raise StorageError(f"{printable(path)} is not a regular file", "pass a file")
    return status.st_size


def _refusal(path: str | os.PathLike[str], error: Exception) -> StorageError:
    reason = getattr(error, "strerror", None) or error
    return StorageError(f"cannot read {printable(path)}: {reason}", "check the path")
