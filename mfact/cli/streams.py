"""Standard output as it is: closed, full, a pipe nobody reads, or of another encoding."""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from mfact.errors import StorageError
from mfact.report.terminal import look_of
from mfact.words import harmless


class _Waiting(io.FileIO):
    """A file that waits where a non-blocking one would take a part of what is written, or nothing.

    The flag itself is left alone: it belongs to all processes that share the terminal or pipe.
    """

    def write(self, data: Any) -> int:
        try:
            while (count := super().write(data)) is None:
                ready = select.poll()
                ready.register(self.fileno(), select.POLLOUT)
                ready.poll()
        except OSError as error:  # which does not say where
            error.filename = "standard output" if self.fileno() == 1 else "standard error"
            raise
        return count


def open_streams() -> None:
    """Make the standard streams of a process fit to be written to.

    A descriptor of them that is closed leads nowhere from now on: else the next file that is
    opened would get it, and what libraries say on standard error.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest that is free, which is this one
    sys.stdout, sys.stderr = _waiting(sys.stdout), _waiting(sys.stderr)


def _waiting(stream: Any) -> Any:
    """The same stream, of which no part is lost when it is non-blocking; None when it is closed."""
    if stream is None:
        return None
    return io.TextIOWrapper(
        io.BufferedWriter(_Waiting(stream.fileno(), "w", closefd=False)),
        stream.encoding,
        stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def emit(text: str | Iterable[str], *, annotations: bool = False) -> None:
    """Write a result to standard output, all of it; also in pieces, of whole lines or of JSON.

    annotations: its lines are commands to GitHub; in any other text none is left. What the
    encoding lacks is written as an escape. A reader that has left is no
    error: the rest is dropped. A full disk is: StorageError.
    """
    stream = sys.stdout
    encoding, colour = stream.encoding or "utf-8", look_of(stream).colour
    try:
        for piece in [text] if isinstance(text, str) else text:
            shown = piece if annotations else harmless(piece, colour=colour)
            stream.write(shown.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        discard(stream)
    except OSError as error:
        discard(stream)
        raise StorageError(
            f"cannot write to standard output: {error.strerror or error}", "send it elsewhere"
        ) from error


def discard(stream: TextIO) -> None:
    """Send what is left in the buffer of a stream nowhere, without a complaint at exit."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        descriptor = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(descriptor, stream.fileno())
        finally:
            os.close(descriptor)


def flush_streams() -> None:
    """Hand over what is buffered; a stream that cannot take it any more is left alone."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                stream.flush()
            except (OSError, ValueError):
                discard(stream)
