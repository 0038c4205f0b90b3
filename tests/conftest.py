"""Test settings shared by every room."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
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
settings.register_profile(
    "long", parent=settings.get_profile("ci"), derandomize=False, max_examples=1000
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def plain():
    """A plain loop that records what a run records, its matrix, its facts, and cuts of its rows."""
    return SimpleNamespace(record=record, matrix=matrix, information=information, blocks=blocks)
