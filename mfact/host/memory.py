"""How much memory there is, and a plan that is kept within it."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mfact.errors import MemoryPlanError
from mfact.words import format_bytes

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")

# (folder of the hierarchy, its line in /proc/self/cgroup, limit, usage, reclaimable cache)
_CONTROLLERS = (
    ("", "", "memory.max", "memory.current", "inactive_file"),
    ("unified", "", "memory.max", "memory.current", "inactive_file"),
    ("memory", "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def available_bytes() -> int:
    """Bytes this process can still allocate without swapping or being killed.

    The least of: MemAvailable of the machine; limit − usage + reclaimable file cache of
    every control group (v1 or v2) that holds the process, up to the root; RLIMIT_AS minus
    the address space in use. Never negative. Source: proc(5), cgroups(7), getrlimit(2).

    >>> available_bytes() > 0
    True
    """
    rooms = [_machine_bytes(), *_cgroup_rooms()]
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        rooms.append(limit - _address_space())
    return max(0, min(rooms))


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
        for line in (PROC / "meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    # Not Linux, or a /proc that is hidden: half of the machine is a guess on the safe side.
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _address_space() -> int:
    try:
        pages = int((PROC / "self" / "statm").read_text().split()[0])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _cgroup_rooms() -> Iterator[int]:
    """limit − usage + reclaimable, for each group with a limit from ours up to the root."""
    try:
        lines = (PROC / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return
    ours = {}
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            ours[controller] = path.strip("/")
    for folder, controller, limit_name, usage_name, cache_name in _CONTROLLERS:
        if controller not in ours:
            continue
        root = CGROUPS / folder
        group = root / ours[controller]
        # In a container our path may lie outside what is mounted; its ancestors still count.
        for place in (group, *group.parents):
            room = _room(place, limit_name, usage_name, cache_name)
            if room is not None:
                yield room
            if place == root:
                break


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
