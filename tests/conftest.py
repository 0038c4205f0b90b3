"""Test settings shared by every room."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
from fake_places import Card, Cluster
from hypothesis import HealthCheck, settings
from matrices import matrix
from recorded import blocks, information, record

# --doctest-modules would import each conftest.py under one name.
collect_ignore_glob = ["*conftest.py"]

# A shared machine makes single examples slow now and then: time is pytest-timeout's business.
settings.register_profile(
    "ci",
    derandomize=True,
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("brief", parent=settings.get_profile("ci"), max_examples=8)
settings.register_profile(
    "long", parent=settings.get_profile("ci"), derandomize=False, max_examples=1000
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def plain():
    """A plain loop that records what a run records, its matrix, its facts, and cuts of its rows."""
    return SimpleNamespace(record=record, matrix=matrix, information=information, blocks=blocks)


@pytest.fixture
def cluster(monkeypatch):
    """What --workers and --scheduler connect to in its test."""
    found = Cluster()
    monkeypatch.setattr("mfact.targets.distributed.cluster.connected", found.connected)
    return found


@pytest.fixture
def card(monkeypatch):
    """What --device finds in its test."""
    found = Card()
    monkeypatch.setattr("mfact.targets.device.place.device", found.device)
    return found


def pytest_collection_modifyitems(config, items):
    """SLOW_SHARE=K/N: of the slow tests every N-th, from the K-th on; the others all."""
    share = os.environ.get("SLOW_SHARE")
    if share is None:
        return
    first, parts = map(int, share.split("/"))
    slow = [item for item in items if item.get_closest_marker("slow")]
    left_out = [item for place, item in enumerate(slow) if (place - first) % parts]
    kept_out = set(map(id, left_out))
    items[:] = [item for item in items if id(item) not in kept_out]
    config.hook.pytest_deselected(items=left_out)
