"""What is read and what is written: no file is both, and each output can be written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

from mfact.errors import SettingsError, StorageError
from mfact.host.atomic import NoFileError, refusal, replaceable, temporary_name
from mfact.words import printable

Paths = Mapping[str, str | None]
"""What a file is to a command -> its path, None where there is none."""

FACTORS = {"npy": "factor {}", "csv": "factor {} as CSV", "tsv": "factor {} as TSV"}
"""What the files of U and V are called, by the form in which they are written."""

_WAYS_OUT = {
    "output": "name another output with -o",
    "checkpoint": "name another checkpoint with --checkpoint",
    **{
        name.format(side): f"choose another prefix with --factors-{form}"
        for form, name in FACTORS.items()
        for side in "UV"
    },
    "rescaled network": "name another file with --rescale",
    "picture": "name another picture",
    "numbers of the picture": "name another file with --data",
    "picture of Figure": "name another folder with -o",
    "kept run": "name another folder with -o",
    "log file": "name another log file with --log-file",
    "standard output": "send it elsewhere",
}
# What can be written to a pipe all the same.
_ON_STREAMS = {"output": "; --format json writes the result to standard output"}


def refuse_meetings(read: Paths, written: Paths) -> None:
    """Refuse a file that is to be read and written, or written twice, before any is opened.

    Two names are of one file when links and detours lead both to one place, or when they are
    hard links.

    Raises SettingsError.

    >>> refuse_meetings({"matrix": "M.npy"}, {"output": "M.run.h5", "log file": "./M.npy"})
    Traceback (most recent call last):
    mfact.errors.SettingsError: M.npy is the matrix and the log file: name another log file ...
    """
    reads, writes = (
        [(name, path) for name, path in each.items() if path is not None]
        for each in (read, written)
    )
    pairs = ((one, other) for other in writes for one in reads)
    for (one, path), (other, other_path) in (*pairs, *combinations(writes, 2)):
        if same_file(path, other_path):
            way_out = _WAYS_OUT[other.rstrip(" 0123456789")]
            raise SettingsError(f"{printable(path)} is the {one} and the {other}", way_out)


def same_file(one: str, other: str) -> bool:
    """Whether two paths lead to one file, there already or not yet."""
    try:
        if os.path.realpath(one) == os.path.realpath(other):
            return True
        return Path(one).samefile(other)
    except (OSError, ValueError):  # one is not there, or no name of a file
        return False


def claim_output(path: str | os.PathLike[str], name: str = "") -> None:
    """Make sure, before a run, that its output can be written at `path`.

    name: what it is to the command. A trial file is created beside the target and removed; nothing
    is left behind.

    Raises StorageError for an output that is a folder or a write-protected file, and for a folder
    that is missing or cannot be written; NoFileError for standard output, a device or a pipe.

    >>> claim_output("/")
    Traceback (most recent call last):
    mfact.errors.StorageError: the output / is a folder: name a file
    """
    try:
        target = replaceable(path)
        if target.exists() and not os.access(target, os.W_OK):
            raise StorageError(
                f"the output {printable(path)} exists and is write-protected",
                "choose another output, or make it writable",
            )
        trial = temporary_name(target)
        try:
            os.close(os.open(trial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        finally:
            trial.unlink(missing_ok=True)
    except NoFileError as error:
        raise NoFileError(error.sentence, f"{error.way_out}{_ON_STREAMS.get(name, '')}") from None
    except OSError as error:
        raise refusal(path, error) from error
