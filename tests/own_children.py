"""Processes that this one has started and not yet waited for."""

from __future__ import annotations

import psutil
import pytest


def children() -> set[int]:
    """By their numbers."""
    return {each.pid for each in psutil.Process().children()}


@pytest.fixture(autouse=True)
def _all_are_ended():
    """Those that a test starts; others, such as workers that several tests share, stay."""
    before = children()
    yield
    assert children() <= before
