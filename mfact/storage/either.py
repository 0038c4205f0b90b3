"""Files of mfact, whatever kind they are of."""

from __future__ import annotations

import os

from mfact.core import Document, NetworkResult, Result
from mfact.errors import StorageError
from mfact.storage.audits import read_audit
from mfact.storage.images import kind_of
from mfact.storage.reading import beginning
from mfact.storage.sweeps import SweepRecord, read_sweep
from mfact.words import printable

Kept = Result | NetworkResult | SweepRecord | Document
"""What read_any() reads: a Document is that of a balance (see mfact.storage.audits)."""

_BLANKS = 64  # before the first bracket of a JSON text that someone wrote


def read_any(path: str | os.PathLike[str]) -> Kept:
    """What a file holds that `mfact solve`, `network`, `sweep -o` or `balance --format json` made.

    Raises StorageError, one line, for any other, and what the readers of each do.
    """
    kind = kind_of(path)
    if kind == "sweep":
        return read_sweep(path)
    if kind is not None:
        return read_either(path)
    if beginning(path, _BLANKS).lstrip().startswith(b"{"):
        return read_audit(path)
    raise StorageError(
        f"{printable(path)} is no run file, no sweep and no balance of mfact",
        "pass what `mfact solve`, `mfact network` or `mfact sweep -o` wrote, or what"
        " `mfact balance --format json` printed",
    )


def read_either(path: str | os.PathLike[str]) -> Result | NetworkResult:
    """What a run file holds, of a factorization or of a network.

    Raises what their readers do, for a file that is neither what that of a factorization does.
    """
    if kind_of(path) == "network":
        from mfact.storage.network_runs import read_network_run

        return read_network_run(path)
    from mfact.storage.runs import read_run

    return read_run(path)


def write_either(path: str | os.PathLike[str], result: Result | NetworkResult) -> None:
    """Write the run file of a result, of a factorization or of a network. Raises StorageError."""
    if isinstance(result, Result):
        from mfact.storage.runs import write_run

        write_run(path, result)
    else:
        from mfact.storage.network_runs import write_network_run

        write_network_run(path, result)
