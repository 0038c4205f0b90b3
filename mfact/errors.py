"""What can go wrong, each as one sentence and a way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self


class MfactError(Exception):
    """Something failed that the user can understand.

    sentence: what is wrong and where, without a final full stop.
    way_out: what to do instead, as a phrase; may be empty.

    The process exit code of each kind of error is its `exit_code` (1: failed, 2: usage).

    >>> print(DataError("M.npy is 1-D", "pass a matrix"))
    M.npy is 1-D: pass a matrix
    """

    exit_code = 1

    def __init__(self, sentence: str, way_out: str = "") -> None:
        self.sentence = sentence
        self.way_out = way_out
        super().__init__(f"{sentence}: {way_out}" if way_out else sentence)

    def __reduce__(self) -> tuple[object, ...]:
        # Python would make it anew from what it prints; other processes are sent it.
        return type(self), (self.sentence, self.way_out)

    def put(self, words: Callable[[str], str]) -> Self:
        """The same error in other words."""
        return type(self)(words(self.sentence), words(self.way_out))


class DataError(MfactError):
    """The matrix, or a file that should hold one, cannot be used."""


class StorageError(MfactError):
    """A file could not be read or written."""


class MemoryPlanError(MfactError):
    """The run would not fit in the memory there is."""


class MissingPackageError(MfactError, ImportError):
    """An optional package is needed and not installed; an ImportError too, as Python expects."""


class SettingsError(MfactError):
    """Options that are out of range or do not fit together."""

    exit_code = 2


class UnknownOptionError(SettingsError, TypeError):
    """A function was given an option that it does not have.

    Of both kinds: Python says TypeError to a keyword that a function lacks, and who catches
    MfactError means all that can go wrong.
    """


class MatrixWarning(UserWarning):
    """A matrix of a file for which something was chosen, skipped, scaled or turned."""


class ConvergenceWarning(UserWarning):
    """A run did not end well: at a limit, at rest too early, at a saddle point, or it diverged."""
