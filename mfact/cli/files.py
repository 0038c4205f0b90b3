"""The files of a command line, what it reads and what it writes, before any is opened."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mfact.cli.log import Log
from mfact.words import printable

if TYPE_CHECKING:
    from mfact.core import Result
    from mfact.matrices.source import MatrixSource
    from mfact.storage.claims import Paths

CONFIG = "mfact.config"
"""Where a context keeps the path of the config file that its options came from."""


def claim_files(ctx: click.Context, read: Paths, written: Paths | None = None) -> Log:
    """Refuse files that would be lost, open the log, make sure that outputs can be written.

    read, written: what a file is to the command -> its path; config, log and where
    standard output was sent are added here. Raises SettingsError, nothing opened, and StorageError.
    """
    from mfact.storage.claims import claim_output, refuse_meetings

    log = ctx.ensure_object(Log)
    written = {} if written is None else written
    path = log.withhold()  # nor is the refusal written where it may do harm
    refuse_meetings(
        {**read, "config file": ctx.meta.get(CONFIG)},
        {**written, "log file": path, "standard output": _standard_output()},
    )
    log.open(path)
    for name, path in written.items():
        if path is not None:
            claim_output(path, name)
    return log


def matrix_of(
    ctx: click.Context,
    spec: str,
    named: Mapping[str, Any],
    *,
    read: Paths | None = None,
    written: Paths | None = None,
) -> MatrixSource:
    """The matrix that a command names, looked at, and all files claimed with it.

    named: dataset, follow_links and transpose, as the options of a command or a checkpoint have
    them. read, written: the files beside the matrix and those that it links to. What was chosen on
    the way to the matrix is said in notes. Raises what open_matrix and claim_files do.
    """
    from mfact.matrices.source import open_matrix

    source = open_matrix(
        spec,
        dataset=named.get("dataset"),
        follow_links=bool(named.get("follow_links")),
        transpose=bool(named.get("transpose")),
    )
    linked = {f"linked file {n} of the matrix": path for n, path in enumerate(source.linked, 1)}
    log = claim_files(ctx, {"matrix": source.path, **linked, **(read or {})}, written)
    tell_notes(source.notes, log)
    return source


def tell_note(log: Log, text: str) -> None:
    """What is worth knowing, on standard error."""
    log.note(f"mfact: note: {text}")


def tell_notes(notes: Iterable[str], log: Log) -> None:
    """What was chosen, skipped, scaled or turned on the way to a matrix, each once."""
    for text in dict.fromkeys(notes):
        tell_note(log, text)


def matrix_of_its_own(
    ctx: click.Context,
    run: Result,
    run_file: str,
    spec: str | None,
    named: dict[str, Any],
    way_out: str,
    *,
    written: Paths | None = None,
) -> MatrixSource:
    """The matrix of a run: as it is named, or the file that the run names; see matrix_of.

    way_out: how to name one.
    """
    from mfact.studies.named import matrix_of_run, unturned

    if spec is None:
        spec = matrix_of_run(run, run_file, way_out)
        named = {**named, **{n: named[n] or run.problem.get(n) for n in ("dataset", "transpose")}}
    source = matrix_of(ctx, spec, named, read={"run file": run_file}, written=written)
    tell_notes(unturned(run, vars(source), source.shape), ctx.ensure_object(Log))
    return source


@contextmanager
def folder(path: str) -> Iterator[None]:
    """Within it the folder is there; one that was made and into which nothing came is removed.

    Raises StorageError for what is no folder and cannot be made one.
    """
    from mfact.errors import StorageError
    from mfact.host.atomic import refusal, refuse_standard_output

    refuse_standard_output(path)
    made = not Path(path).exists()
    try:
        if made:
            Path(path).mkdir()
    except (OSError, ValueError) as error:
        if not isinstance(error, OSError):
            raise StorageError(f"{printable(path)} is no name of a folder", "name one") from error
        raise refusal(path, error) from error
    if not Path(path).is_dir():
        raise StorageError(f"{printable(path)} is no folder", "name one with -o")
    try:
        yield
    finally:
        if made:
            with suppress(OSError):  # it holds something
                Path(path).rmdir()


def _standard_output() -> str | None:
    """The file that standard output was sent to, under the name that the system keeps for it."""
    with suppress(OSError):
        if stat.S_ISREG(os.fstat(1).st_mode):
            return "/dev/fd/1"
    return None
