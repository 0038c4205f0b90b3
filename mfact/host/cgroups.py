"""Control groups that the process is in: the walk through them, and the processors they leave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")
CGROUPS = Path("/sys/fs/cgroup")

# (folder of the hierarchy, its line in /proc/self/cgroup); version 1 mounts cpu alone or with
# cpuacct, and mostly links one name to the other.
_OF_CPUS = (("", ""), ("unified", ""), ("cpu", "cpu"), ("cpu,cpuacct", "cpu"))


def groups(folder: str, controller: str) -> Iterator[Path]:
    """Our group in a hierarchy, then each that holds it, up to the root; nothing where there is no
    such hierarchy. Whether what is yielded exists is not looked at.

    folder: of the hierarchy, under /sys/fs/cgroup. controller: by which /proc/self/cgroup names it,
    empty for version 2. Source: cgroups(7).
    """
    try:
        lines = (PROC / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return
    ours = {}
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for each in controllers.split(","):
            ours[each] = path.strip("/")
    if controller not in ours:
        return
    root = CGROUPS / folder
    group = root / ours[controller]
    # In a container our path may lie outside what is mounted; its ancestors still count.
    for place in (group, *group.parents):
        yield place
        if place == root:
            return


def processors() -> Iterator[float]:
    """How many processors each group with a quota, v1 or v2, leaves to all that is in it.

    Source: cpu.max of the kernel's cgroup-v2 documentation, and cpu.cfs_quota_us of its CFS
    bandwidth control.
    """
    for folder, controller in _OF_CPUS:
        for place in groups(folder, controller):
            quota, period = _quota(place, controller)
            if quota.isdecimal() and period.isdecimal() and int(period):  # not "max" and not −1
                yield int(quota) / int(period)


def _quota(place: Path, controller: str) -> tuple[str, str]:
    """Microseconds of processor time a period of so many; empty where nothing is said."""
    names = ("cpu.cfs_quota_us", "cpu.cfs_period_us") if controller else ("cpu.max",)
    try:
        told = [word for name in names for word in (place / name).read_text().split()]
    except OSError:
        return "", ""
    return (told[0], told[1]) if len(told) == 2 else ("", "")
