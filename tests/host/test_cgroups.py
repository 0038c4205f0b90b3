"""Quotas of control groups, of both versions, in made-up trees; memory's are in test_memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from mfact.host import cgroups


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A made-up /proc/self and /sys/fs/cgroup."""
    (tmp_path / "self").mkdir()
    monkeypatch.setattr(cgroups, "PROC", tmp_path)
    monkeypatch.setattr(cgroups, "CGROUPS", tmp_path / "cgroup")
    return tmp_path


def make(tree: Path, ours: str, files: dict[str, str]) -> None:
    (tree / "self/cgroup").write_text(ours)
    for name, text in files.items():
        place = tree / "cgroup" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)


def test_without_proc_there_are_no_groups(tree: Path) -> None:
    assert list(cgroups.processors()) == []


def test_every_group_of_version_2_up_to_the_root_counts(tree: Path) -> None:
    make(tree, "0::/outer/inner\n", {
        "outer/inner/cpu.max": "max 100000\n",
        "outer/cpu.max": "250000 100000\n",
        "cpu.max": "800000 100000\n",
    })  # fmt: skip
    assert list(cgroups.processors()) == [2.5, 8.0]


def test_nothing_above_the_root_is_looked_at(tree: Path) -> None:
    make(tree, "0::/a\n", {"a/cpu.max": "max 100000\n", "../cpu.max": "1000 100000\n"})
    assert list(cgroups.groups("", "")) == [tree / "cgroup/a", tree / "cgroup"]
    assert list(cgroups.processors()) == []


@pytest.mark.parametrize("folder", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize(("quota", "found"), [("150000\n", [1.5]), ("-1\n", [])])
def test_version_1_in_a_container_whose_own_path_is_not_mounted(
    tree: Path, folder: str, quota: str, found: list[float]
) -> None:
    make(tree, "4:cpu,cpuacct:/docker/abc\n3:memory:/docker/abc\n0::/\n", {
        f"{folder}/cpu.cfs_quota_us": quota,
        f"{folder}/cpu.cfs_period_us": "100000\n",
    })  # fmt: skip
    assert list(cgroups.processors()) == found


@pytest.mark.parametrize("text", ["", "max", "100000", "100000 0", "some words here", "-1 100000"])
def test_what_is_no_quota_is_none(tree: Path, text: str) -> None:
    make(tree, "0::/\n", {"cpu.max": text})
    assert list(cgroups.processors()) == []
