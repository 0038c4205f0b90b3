"""Clocks, rounds and the machine they ran on."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contestants import Found


@dataclass(frozen=True)
class Timed:
    """The rounds of one contestant: seconds each, and what the first of them found.

    seconds: what `Found.seconds` says where there is one, else the whole call.
    calls: seconds of the whole call.
    """

    seconds: list[float]
    calls: list[float]
    found: Found

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def call(self) -> float:
        return statistics.median(self.calls)


def paired(
    contestants: Mapping[str, Callable[[], Found]], rounds: int, few: Mapping[str, int]
) -> dict[str, Timed]:
    """Time all contestants in turn, round by round, so that a noisy moment hits all alike.

    rounds: how many each takes part in; few: fewer, for the slow ones. One round before
    them is not counted: it loads libraries and warms caches; the slow ones are spared it.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    calls: dict[str, list[float]] = {name: [] for name in contestants}
    found: dict[str, Found] = {}
    for number in range(-1, rounds):
        for name, contestant in contestants.items():
            if number >= few.get(name, rounds) or (number < 0 and name in few):
                continue
            started = time.perf_counter()
            made = contestant()
            call = time.perf_counter() - started
            found.setdefault(name, made)
            if number >= 0:
                calls[name].append(call)
                seconds[name].append(call if made.seconds is None else made.seconds)
    return {name: Timed(seconds[name], calls[name], found[name]) for name in contestants}


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Limit every BLAS, OpenMP and PyTorch pool of this process.

    A pool loaded later would not be limited: the libraries that bring one are imported first.
    """
    from threadpoolctl import threadpool_limits

    for name in ("scipy.linalg", "scipy.sparse.linalg", "sklearn.utils.extmath"):
        have(name)
    if have("torch"):
        sys.modules["torch"].set_num_threads(count)
    with threadpool_limits(count):
        yield


def have(package: str) -> bool:
    """Whether an optional package can be imported; imports it."""
    try:
        __import__(package)
    except ImportError:
        return False
    return True


def machine() -> dict[str, Any]:
    """Processor, memory, load and versions, as JSON values."""
    from importlib.metadata import PackageNotFoundError, version

    from threadpoolctl import threadpool_info

    versions: dict[str, str | None] = {}
    for name in ("numpy", "scipy", "scikit-learn", "torch"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "load": list(os.getloadavg()),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": versions,
        "blas": [
            f"{pool['internal_api']} {pool['version']} {pool.get('architecture', '')}".strip()
            for pool in threadpool_info()
        ],
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def peak_above(run: Callable[[], Any]) -> tuple[int, int]:
    """Bytes that `run` needed at its peak beyond what there was: allocated by NumPy, and resident.

    The first by tracemalloc, which NumPy reports its arrays to; the second is the rise
    of VmHWM after its counter was reset, none of it hidden by earlier peaks (Linux).
    """
    import tracemalloc

    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    run()
    resident = _status("VmHWM") - before
    tracemalloc.start()
    run()
    allocated = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return allocated, resident


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/self/status has no {field}")
