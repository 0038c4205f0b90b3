"""A child process that holds nothing which its parent must be able to let go of."""

from __future__ import annotations

import gc
import os
import stat
import sys
import warnings
from contextlib import suppress
from pathlib import Path

from mfact.errors import StorageError


def fork(label: str) -> int:
    """os.fork(); a failure is a StorageError."""
    try:
        # Python 3.12 warns of threads (those of BLAS). The child calls neither BLAS nor
        # anything else that waits for a lock which only a lost thread could release.
        if sys.hexversion < 0x030C0000:
            return os.fork()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return os.fork()
    except OSError as error:
        raise StorageError(
            f"{label} cannot be read: no process can be started for it ({error.strerror})",
            "end other processes, or free memory",
        ) from error


def let_go(*kept: int) -> None:
    """The child keeps no lock of its parent's files, and can write to none of them.

    A lock belongs to an open file, which a fork shares. What HDF5 knows of a file that the parent
    has open goes by its descriptor: each one but those `kept` stays, opened anew for reading.
    """
    gc.freeze()  # an HDF5 object that was collected here would write to its file
    with suppress(OSError):  # where there is no /proc
        for name in list(Path("/proc/self/fd").iterdir()):
            number = int(name.name)
            if number > 2 and number not in kept:
                with suppress(OSError):  # the listing's own
                    _replace(number)


def _replace(number: int) -> None:
    """Another open file behind a descriptor: the same file, or none that can be read."""
    if stat.S_ISREG(os.fstat(number).st_mode):
        with suppress(OSError):
            anew = os.open(f"/proc/self/fd/{number}", os.O_RDONLY)
            os.dup2(anew, number, inheritable=False)
            os.close(anew)
            return
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, number, inheritable=False)
    os.close(nothing)
