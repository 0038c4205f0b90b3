"""What a command says besides its result: on standard error, and in a log file."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from mfact.errors import StorageError
from mfact.report.terminal import takes_only_ascii
from mfact.report.text import ascii_text
from mfact.words import harmless, printable

STAMP = "%Y-%m-%dT%H:%M:%S%z"
"""How each line of a log file begins."""


class Log:
    """Notes for the person who waits: errors always, notes unless quiet, details if asked.

    began: since when the person waits, by time.perf_counter; from now on when None.
    """

    def __init__(self, began: float | None = None) -> None:
        self.began = time.perf_counter() if began is None else began
        self.quiet = False
        self.verbose = False
        self.path: str | None = None
        self.signal: int | None = None  # by which the process is to die
        self._wipe: Callable[[], None] = lambda: None
        self._file: IO[str] | None = None
        self._waiting: list[str] = []

    def tell(
        self,
        *,
        quiet: bool | None = None,
        verbose: bool | None = None,
        path: str | None = None,
        signal: int | None = None,
        wipe: Callable[[], None] | None = None,
    ) -> None:
        """What has been asked for on the command line, or by a signal; None: as before.

        wipe: makes room on a terminal whose last line is rewritten.
        """
        self.quiet = self.quiet if quiet is None else quiet
        self.verbose = self.verbose if verbose is None else verbose
        self.path = self.path if path is None else path
        self.signal = self.signal if signal is None else signal
        self._wipe = self._wipe if wipe is None else wipe

    def withhold(self) -> str | None:
        """The file asked for, into which nothing goes before it is opened by this path."""
        path, self.path = self.path, None
        return path

    def open(self, path: str | None = None) -> None:
        """Append everything that is said, details too, to a file, if one has been asked for.

        What was said before is written now. Not to be opened before it is known that the file is
        none that is read. Raises StorageError when it cannot be, or holds something else than text.
        """
        self.path = self.path if path is None else path
        if self.path is None:
            return
        try:
            self._file = _appending(self.path)
        except (OSError, ValueError) as error:
            path, self.path = self.path, None
            reason = getattr(error, "strerror", None) or error
            raise StorageError(
                f"cannot write the log file {printable(path)}: {reason}",
                "name another log file with --log-file",
            ) from error
        for line in self._waiting:
            self._append(line)

    def close(self) -> None:
        """Close the log file, if there is one.

        A command line that was refused before its files were looked at is told in a log of its
        own, new or begun by one of these.
        """
        if self._file is None and self.path is not None and self._waiting and _is_log(self.path):
            with contextlib.suppress(StorageError):
                self.open()
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
        self._file = self.path = None

    def error(self, text: str) -> None:
        """One line that explains a failure."""
        self._say(_one_line(text), True)

    def note(self, text: str) -> None:
        """One line that is worth knowing: where a result was written, a seed that was drawn."""
        self._say(_one_line(text), not self.quiet)

    def detail(self, text: str) -> None:
        """Lines for those who asked with -v."""
        self._say(text, self.verbose)

    def _say(self, text: str, show: bool) -> None:
        text = harmless(text)
        if self.path is not None:
            stamp = time.strftime(STAMP)
            self._append("".join(f"{stamp} {line}\n" for line in text.splitlines()))
        if show and sys.stderr is not None:
            self._wipe()
            if takes_only_ascii(sys.stderr):
                text = ascii_text(text)
            with contextlib.suppress(OSError, ValueError):
                print(text, file=sys.stderr, flush=True)

    def _append(self, lines: str) -> None:
        if self._file is None:
            self._waiting.append(lines)
            return
        # A full disk or a closed terminal must not turn a finished run into a failure.
        with contextlib.suppress(OSError):
            self._file.write(lines)
            self._file.flush()


def _appending(path: str) -> IO[str]:
    """The file opened for more text; a pipe that nobody reads is an error, not a wait."""
    if path == "-":
        raise ValueError("it would be standard output")
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
    if Path(path).is_file() and b"\0" in _beginning(path):
        raise ValueError("it holds something else than text")
    descriptor = os.open(path, flags, 0o666)
    os.set_blocking(descriptor, True)
    return os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace")


def _is_log(path: str) -> bool:
    """Whether there is nothing at the path yet, or what a Log has written."""
    try:
        if not Path(path).exists():
            return True
        if not Path(path).is_file():
            return False
        if begun := _beginning(path):
            time.strptime(begun.split(b" ", 1)[0].decode(), STAMP)
    except (OSError, ValueError):
        return False
    return True


def _beginning(path: str) -> bytes:
    with Path(path).open("rb") as file:
        return file.read(4096)


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())
