"""Available memory against the kernel's own limits, and the plan's arithmetic."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mfact.errors import MemoryPlanError
from mfact.host import cgroups, memory

MIB = 1024**2


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A made-up /proc and /sys/fs/cgroup: 1000 MiB available, no groups yet."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text(
        f"MemTotal: 9999999 kB\nMemFree: 5 kB\nMemAvailable: {1000 * 1024} kB\n"
    )
    (tmp_path / "proc/self/statm").write_text("100 50 20 5 0 60 0\n")
    (tmp_path / "cgroup").mkdir()
    monkeypatch.setattr(cgroups, "PROC", tmp_path / "proc")
    monkeypatch.setattr(cgroups, "CGROUPS", tmp_path / "cgroup")
    return tmp_path


def group(place: Path, files: dict[str, str]) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (place / name).write_text(text + "\n")


def test_without_groups_it_is_mem_available(machine: Path) -> None:
    assert memory.available_bytes() == 1000 * MIB


def test_cgroup_v2_counts_the_tightest_ancestor(machine: Path) -> None:
    (machine / "proc/self/cgroup").write_text("0::/outer/inner\n")
    inner = machine / "cgroup/outer/inner"
    group(
        inner,
        {"memory.max": "max", "memory.current": "1", "memory.stat": "anon 1\ninactive_file 0"},
    )
    group(
        inner.parent,
        {
            "memory.max": str(300 * MIB),
            "memory.current": str(120 * MIB),
            "memory.stat": f"anon 5\nactive_file 7\ninactive_file {20 * MIB}",
        },
    )
    assert memory.available_bytes() == 200 * MIB


def test_cgroup_v1_in_a_container_whose_own_path_is_not_mounted(machine: Path) -> None:
    (machine / "proc/self/cgroup").write_text("3:cpu,cpuacct:/a\n4:memory:/docker/abc\n0::/\n")
    group(
        machine / "cgroup/memory",
        {
            "memory.limit_in_bytes": str(64 * MIB),
            "memory.usage_in_bytes": str(80 * MIB),
            "memory.stat": f"inactive_file 1\ntotal_inactive_file {30 * MIB}",
        },
    )
    assert memory.available_bytes() == 14 * MIB


def test_a_group_over_its_limit_leaves_nothing(machine: Path) -> None:
    (machine / "proc/self/cgroup").write_text("0::/\n")
    group(
        machine / "cgroup",
        {"memory.max": "10", "memory.current": "20", "memory.stat": "inactive_file 0"},
    )
    assert memory.available_bytes() == 0


def test_the_address_space_limit_counts_and_is_nearly_all_usable() -> None:
    """In a child with RLIMIT_AS: 90% of the answer can be allocated, 110% cannot."""
    script = """
import resource, mmap
from mfact.host.memory import available_bytes
free = available_bytes()
limit = 200 * 1024**2
used = int(open("/proc/self/statm").read().split()[0]) * mmap.PAGESIZE
resource.setrlimit(resource.RLIMIT_AS, (used + limit, used + limit))
said = available_bytes()
assert said <= limit and said > 0.95 * min(limit, free), (said, limit)
mmap.mmap(-1, int(0.9 * said)).close()
try:
    mmap.mmap(-1, int(1.1 * said))
except OSError:
    print("refused")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert done.stdout == "refused\n", done.stderr


def test_plan_within_its_limit_passes_and_at_the_limit_too() -> None:
    memory.MemoryPlan({"matrix": 60, "factors": 40}, limit=100).check("free memory")


def test_plan_over_its_limit_is_refused_with_the_numbers_and_the_way_out() -> None:
    plan = memory.MemoryPlan({"factors": 3 * MIB, "matrix": 5 * 1024 * MIB}, limit=4 * 1024 * MIB)
    with pytest.raises(MemoryPlanError) as caught:
        plan.check("pass --blocks")
    assert str(caught.value) == (
        "the run needs 5.0 GiB of memory and 4.0 GiB is available "
        "(matrix 5.0 GiB, factors 3.0 MiB): pass --blocks"
    )


def test_negative_sizes_are_refused() -> None:
    with pytest.raises(MemoryPlanError, match="factors"):
        memory.MemoryPlan({"factors": -1}, limit=5)
