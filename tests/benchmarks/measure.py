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

    seconds: what `Found.seconds` says where there is one, else the whole call, times
        `Found.share`. calls: seconds of the whole call.
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


@dataclass(frozen=True)
class Rounds:
    """How often each contestant takes part, and by which clock.

    cpu: processor time of the whole call instead of wall time: with one thread the same on an
    idle machine, and still of use on one that is not.
    """

    count: int
    cpu: bool = False

    def __str__(self) -> str:
        return f"medians of {self.count} rounds{', processor time' if self.cpu else ''}"

    def in_turn(self, works: Mapping[str, Callable[[], object]]) -> dict[str, list[float]]:
        """Seconds of wall time of each, round by round, so that a noisy moment hits all alike."""
        taken: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(self.count):
            for name, work in works.items():
                started = time.perf_counter()
                work()
                taken[name].append(time.perf_counter() - started)
        return taken

    def paired(
        self, contestants: Mapping[str, Callable[[], Found]], few: Mapping[str, int]
    ) -> dict[str, Timed]:
        """Time all contestants in turn, round by round, so that a noisy moment hits all alike.

        few: fewer rounds, for the slow ones. One round before the others is not counted: it
        loads libraries and warms caches; the slow ones are spared it.
        """
        clock = time.process_time if self.cpu else time.perf_counter
        seconds: dict[str, list[float]] = {name: [] for name in contestants}
        calls: dict[str, list[float]] = {name: [] for name in contestants}
        found: dict[str, Found] = {}
        for number in range(-1, self.count):
            for name, contestant in contestants.items():
                if number >= few.get(name, self.count) or (number < 0 and name in few):
                    continue
                started = clock()
                made = contestant()
                call = clock() - started
                found.setdefault(name, made)
                if number >= 0:
                    inside = None if self.cpu else made.seconds
                    calls[name].append(call)
                    seconds[name].append(call * made.share if inside is None else inside)
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
            if pool["user_api"] in ("blas", "openmp")  # SciPy registers others
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
