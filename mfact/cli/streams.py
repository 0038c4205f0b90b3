"""Standard output as it is: closed, full, a pipe nobody reads, or of another encoding."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import NoReturn

from mfact.errors import StorageError


def emit(text: str) -> None:
    """Write a result to standard output, all of it.

    What the encoding lacks is written as an escape. A reader that has left is no
    error: the rest is dropped. A full disk is: StorageError.
    """
    stream = sys.stdout
    if stream is None:  # started with standard output closed
        return
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except BrokenPipeError:
        discard_stdout()
    except OSError as error:
        discard_stdout()
        raise StorageError(
            f"cannot write to standard output: {error.strerror or error}",
            "send it elsewhere",
        ) from error


def discard_stdout() -> None:
    """Send what is left in the buffer of standard output nowhere, without a complaint at exit."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        descriptor = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(descriptor, sys.stdout.fileno())
        finally:
            os.close(descriptor)


def flush_streams() -> None:
    """Hand over what is buffered; a stream that cannot take it any more is left alone."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            try:
                stream.flush()
            except (OSError, ValueError):
                if stream is sys.stdout:
                    discard_stdout()


def die_by(number: int) -> NoReturn:
    """End this process by the signal: an exit code of 130 would not stop a shell's loop."""
    flush_streams()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    # Not reached unless the signal is blocked; then the code a shell would have made of it.
    os._exit(128 + number)
