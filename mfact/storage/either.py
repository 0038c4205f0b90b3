"""Run files of either kind."""

from __future__ import annotations

import os

from mfact.core import NetworkResult, Result
from mfact.storage.images import kind_of


def read_either(path: str | os.PathLike[str]) -> Result | NetworkResult:
    """What a run file holds, of a factorization or of a network.

    Raises what their readers do, for a file that is neither what that of a factorization does.
    """
    if kind_of(path) == "network":
        from mfact.storage.network_runs import read_network_run

        return read_network_run(path)
    from mfact.storage.runs import read_run

    return read_run(path)
