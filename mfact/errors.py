"""What can go wrong, each as one sentence and a way out."""

from __future__ import annotations


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


class DataError(MfactError):
    """The matrix, or a file that should hold one, cannot be used."""


class StorageError(MfactError):
    """A file could not be read or written."""


class MemoryPlanError(MfactError):
    """The run would not fit in the memory there is."""


class MissingPackageError(MfactError):
    """An optional package is needed and not installed."""


class SettingsError(MfactError):
    """Options that are out of range or do not fit together."""

    exit_code = 2
