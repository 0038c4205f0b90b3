"""Text that is compressed with gzip, read as if it were not."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from mfact.errors import StorageError
from mfact.matrices.seen import START_BYTES, Seen, unreadable

MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS  # zlib's word for a stream with gzip's header
_LOOKED_AT = 1 << 16


@contextmanager
def opened(file: Seen, label: str) -> Iterator[io.BufferedReader]:
    """The bytes of a file, unpacked where it begins as gzip does.

    Raises StorageError for what cannot be read or does not unpack, and for a file that has changed.
    """
    with file.opened(label) as stream:
        if not stream.peek(len(MAGIC)).startswith(MAGIC):
            yield stream
            return
        try:
            with gzip.open(stream) as unpacked:
                yield io.BufferedReader(cast(io.RawIOBase, unpacked), 1 << 16)
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise StorageError(
                f"{label} cannot be unpacked as gzip, so the file is damaged",
                "copy the file again, or write it again",
            ) from error
        except OSError as error:
            raise unreadable(error, label) from error


def beginning(start: bytes, file: Seen, label: str) -> bytes:
    """The first bytes of a file, which start is, or of what is packed in it; b"" of what is no gzip
    for all that it begins so. START_BYTES, where there are so many.
    """
    if not start.startswith(MAGIC):
        return start
    with file.opened(label) as stream:
        packed = stream.read(_LOOKED_AT)
    try:
        # Unlike a GzipFile it gives what there is, where the end comes too early.
        return zlib.decompressobj(_GZIP).decompress(packed, START_BYTES)
    except zlib.error:
        return b""
