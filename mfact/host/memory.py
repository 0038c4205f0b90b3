"""How much memory there is, and a plan that is kept within it."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mfact.errors import MemoryPlanError
from mfact.host import cgroups
from mfact.words import format_bytes

# (folder of the hierarchy, its line in /proc/self/cgroup, limit, usage, reclaimable cache)
_CONTROLLERS = (
    ("", "", "memory.max", "memory.current", "inactive_file"),
    ("unified", "", "memory.max", "memory.current", "inactive_file"),
    ("memory", "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)

_ADDRESSES, _TOUCHED = 112 << 20, 8 << 20


def available_bytes(most: int | None = None) -> int:
    """Bytes this process can still allocate without swapping or being killed; no more than `most`.

    The least of: MemAvailable of the machine; limit − usage + reclaimable file cache of
    every control group (v1 or v2) that holds the process, up to the root; RLIMIT_AS minus
    the address space in use. Never negative. Source: proc(5), cgroups(7), getrlimit(2).

    >>> available_bytes() > 0, available_bytes(most=7)
    (True, 7)
    """
    rooms = [_machine_bytes(), *_cgroup_rooms()]
    if most is not None:
        rooms.append(most)
    if limits_addresses():
        rooms.append(resource.getrlimit(resource.RLIMIT_AS)[0] - _address_space())
    return max(0, min(rooms))


def limits_addresses() -> bool:
    """Whether RLIMIT_AS is set: then what is set aside counts, used or not."""
    return resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY


def worker_bytes() -> int:
    """What one more thread takes that multiplies matrices.

    Where addresses are limited, a buffer of BLAS (32 MiB), a heap of its own (64 MiB) and a stack
    (8 MiB): measured 104 MiB for each of 1 to 7 more. Of memory they touch 5 MiB.
    """
    return _ADDRESSES if limits_addresses() else _TOUCHED


@dataclass(frozen=True)
class MemoryPlan:
    """What a run will allocate, named part by named part, against a limit.

    total = Σ parts; parts and limit in bytes.

    Raises MemoryPlanError for a negative part or limit.

    >>> plan = MemoryPlan({"matrix": 800_000_000, "factors": 400_000}, limit=500_000_000)
    >>> plan.total
    800400000
    >>> print(plan.describe())
    memory plan: 763.3 MiB of 476.8 MiB available (matrix 762.9 MiB, factors 390.6 KiB)
    >>> plan.fits
    False
    """

    parts: Mapping[str, int]
    limit: int

    def __post_init__(self) -> None:
        for name, size in {**self.parts, "limit": self.limit}.items():
            if size < 0:
                raise MemoryPlanError(f"the memory plan has a negative size for {name}: {size}")

    @property
    def total(self) -> int:
        """Σ parts, in bytes."""
        return sum(self.parts.values())

    @property
    def fits(self) -> bool:
        """Whether total ≤ limit."""
        return self.total <= self.limit

    def check(self, way_out: str, *, subject: str = "the run") -> MemoryPlan:
        """Itself; MemoryPlanError with the numbers, and with way_out, when total > limit."""
        if not self.fits:
            raise MemoryPlanError(
                f"{subject} needs {format_bytes(self.total)} of memory and "
                f"{format_bytes(self.limit)} is available ({self._listing()})",
                way_out,
            )
        return self

    def describe(self) -> str:
        """One line: the total, the limit, and every part from large to small."""
        return (
            f"memory plan: {format_bytes(self.total)} of {format_bytes(self.limit)} "
            f"available ({self._listing()})"
        )

    def _listing(self) -> str:
        ordered = sorted(self.parts.items(), key=lambda part: -part[1])
        return ", ".join(f"{name} {format_bytes(size)}" for name, size in ordered) or "no parts"


def _machine_bytes() -> int:
    try:
        for line in (cgroups.PROC / "meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    # Not Linux, or a /proc that is hidden: half of the machine is a guess on the safe side.
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _address_space() -> int:
    try:
        pages = int((cgroups.PROC / "self" / "statm").read_text().split()[0])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _cgroup_rooms() -> Iterator[int]:
    """limit − usage + reclaimable, for each group with a limit from ours up to the root."""
    for folder, controller, *names in _CONTROLLERS:
        for place in cgroups.groups(folder, controller):
            room = _room(place, *names)
            if room is not None:
                yield room


def _room(place: Path, limit_name: str, usage_name: str, cache_name: str) -> int | None:
    try:
        limit = (place / limit_name).read_text().strip()
        usage = int((place / usage_name).read_text())
        stat = (place / "memory.stat").read_text().splitlines()
    except OSError:
        return None
    if limit == "max":
        return None
    cache = sum(int(line.split()[1]) for line in stat if line.split()[0] == cache_name)
    return int(limit) - usage + cache
