"""Where a result comes from: versions, threads, command line, host and time."""

from __future__ import annotations

import dataclasses
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from typing import Any, TypeVar

from mfact.core import NetworkResult, Result
from mfact.host.pools import blas_pools
from mfact.host.threads import cores
from mfact.host.timer import of_clock

R = TypeVar("R", bound=Result | NetworkResult)

LIBRARIES = ("numpy", "scipy", "h5py", "threadpoolctl")
THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)  # fmt: skip

# Names, in problem, settings, summary or trace, of what differs between equal runs, with the clock.
_PLACE = {
    "host", "path", "folder", "output", "checkpoint", "config", "log_file", "file_notes",
    "threads", "workers", "scheduler",
}  # fmt: skip
_FILES = {"name", "matrix", "start", "file"}  # keep the last part of these


def gather(
    argv: Sequence[str] | None = None,
    threads: int | None = None,
    place: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What a run depends on beyond its settings, as JSON values.

    Keys: "mfact", "python", "platform", "libraries" (name -> version), "blas" (one entry a
    loaded thread pool: library, version, threads, architecture), "thread_variables",
    "cpus" (those this process may use), "host", "folder", "argv", "time" (UTC, ISO 8601), and of a
    run "threads" (those that shared its work) and where its matrix was held, if not here
    ("cluster" or "device").

    argv: the command line; None takes sys.argv. threads, place: of a run.

    >>> sorted(gather(["mfact", "solve"]))[:4]
    ['argv', 'blas', 'cpus', 'folder']
    """
    return {
        "mfact": _version("mfact"),
        "python": platform.python_version(),
        "platform": _system(),
        "libraries": {name: _version(name) for name in LIBRARIES},
        "blas": _thread_pools(),
        "thread_variables": {
            name: os.environ[name] for name in THREAD_VARIABLES if name in os.environ
        },
        "cpus": cores(),
        **({} if threads is None else {"threads": threads}),
        **(place or {}),
        "host": platform.node(),
        "folder": _folder(),
        "argv": list(sys.argv if argv is None else argv),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def gather_lasting() -> dict[str, Any]:
    """What gather() tells but for clock, host and command line: the same of each call here."""
    found = gather([])
    return {n: found[n] for n in found if n not in ("argv", "host") and not of_clock(n)}


def repeatable(result: R) -> R:
    """The same result without clock, host, threads and paths, so that equal runs compare equal.

    provenance is emptied; in problem, settings, summary and trace every entry named after
    a time, a place or threads is left out ("seconds", "…_seconds", "path", "…_path", "output" …),
    and the name of a file keeps only its last part.

    >>> from mfact.core import Outcome
    >>> import numpy as np
    >>> result = Result(Outcome.CONVERGED, "", np.eye(1), np.eye(1), {}, {"path": "/a/M.npy"},
    ...                 {"seed": {"value": 3, "source": "flag"}}, {"loss": 0.5, "seconds": 2.0})
    >>> repeatable(result).problem, repeatable(result).settings, repeatable(result).summary
    ({}, {'seed': {'value': 3, 'source': 'flag'}}, {'loss': 0.5})
    """
    return dataclasses.replace(
        result,
        problem=_without_places(result.problem),
        settings=_without_places(result.settings),
        summary=_without_places(result.summary),
        trace={name: column for name, column in result.trace.items() if not _differs(name)},
        provenance={},
    )


def _system() -> str:
    """As platform.platform() has it, which starts a process to ask for the processor too."""
    about, libc = platform.uname(), "".join(platform.libc_ver())
    return "-".join([about.system, about.release, about.machine, *(["with", libc] if libc else [])])


def _version(name: str) -> str | None:
    # What is loaded says so itself; reading a package's metadata takes milliseconds.
    loaded = getattr(sys.modules.get(name), "__version__", None)
    if loaded is not None:
        return str(loaded)
    return _installed(name)


@cache
def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _thread_pools() -> list[dict[str, Any]]:
    # Of BLAS alone: SciPy registers pools of its own once scipy.io is loaded.
    return [
        {
            "library": pool["internal_api"],
            "version": pool["version"],
            "threads": pool["num_threads"],
            "architecture": pool.get("architecture"),
        }
        for pool in (each.info() for each in blas_pools())
    ]


def _folder() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 (Path.cwd() is the same call with more words)
    except FileNotFoundError:
        return None  # it was removed while we run in it


def _differs(name: str) -> bool:
    return of_clock(name) or name in _PLACE or name.endswith("_path")


def _without_places(value: Any, *, names_file: bool = False) -> Any:
    if isinstance(value, Mapping):
        return {
            name: _without_places(part, names_file=names_file or name in _FILES)
            for name, part in value.items()
            if not _differs(name)
        }
    if isinstance(value, (list, tuple)):
        return [_without_places(part, names_file=names_file) for part in value]
    if isinstance(value, str) and (names_file or value.startswith(os.sep)):
        file, separator, dataset = value.partition(":/")  # as in M.h5:/group/name
        return file.rpartition(os.sep)[2] + separator + dataset
    return value
