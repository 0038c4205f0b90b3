"""What a command says besides its result: on standard error, and in a log file."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import IO, Any

import click

from mfact.errors import StorageError
from mfact.report.terminal import takes_only_ascii
from mfact.report.text import ascii_text, name_text


class Log:
    """Notes for the person who waits: errors always, notes unless quiet, details if asked.

    began: since when the person waits, by time.perf_counter; from now on when None.
    """

    def __init__(self, began: float | None = None) -> None:
        self.began = time.perf_counter() if began is None else began
        self.quiet = False
        self.verbose = False
        self._file: IO[str] | None = None

    def open(self, path: str) -> None:
        """Append everything that is said, details too, to the file.

        Raises StorageError when it cannot be opened.
        """
        try:
            self._file = open(path, "a", encoding="utf-8", errors="backslashreplace")  # noqa: PTH123, SIM115 -- closed by close()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise StorageError(
                f"cannot write the log file {name_text(path)}: {reason}", "choose another path"
            ) from error

    def close(self) -> None:
        """Close the log file, if there is one."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

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
        # A full disk or a closed terminal must not turn a finished run into a failure.
        if self._file is not None:
            with contextlib.suppress(OSError):
                stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
                self._file.write("".join(f"{stamp} {line}\n" for line in text.splitlines()))
                self._file.flush()
        if show and sys.stderr is not None:
            if takes_only_ascii(sys.stderr):
                text = "\n".join(ascii_text(line) for line in text.split("\n"))
            with contextlib.suppress(OSError, ValueError):
                print(text, file=sys.stderr, flush=True)


def _one_line(text: str) -> str:
    return " ".join(name_text(line) for line in text.splitlines())


def log_options(function: Any) -> Any:
    """The options -q, -v and --log-file, the same for every command that takes them."""
    from mfact.cli.help import option

    def set_quiet(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        ctx.ensure_object(Log).quiet = value

    def set_verbose(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        ctx.ensure_object(Log).verbose = value

    def set_file(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
        if value is not None:
            ctx.ensure_object(Log).open(value)

    for decorate in (
        option(
            "--log-file", "Output", "Also append every note, detail and error to this file.",
            metavar="FILE", expose_value=False, callback=set_file,
        ),
        option(
            "-v", "--verbose", "Output", "Say more on standard error; show tracebacks.",
            is_flag=True, is_eager=True, expose_value=False, callback=set_verbose,
        ),
        option(
            "-q", "--quiet", "Output", "No table, notes or progress: only errors.",
            is_flag=True, is_eager=True, expose_value=False, callback=set_quiet,
        ),
    ):  # fmt: skip
        function = decorate(function)
    return function
