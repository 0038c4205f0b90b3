"""The views of a network's run."""

from __future__ import annotations

from mfact.core import NetworkResult
from mfact.report.network_page import NetworkPage
from mfact.report.views import Views, ended_views


def network_views(
    result: NetworkResult, *, rows: int | None, timing: bool, factors: bool, full: bool
) -> Views:
    """What --format asks for. rows, timing, full: see Page. factors: whether JSON holds weights."""
    return ended_views(NetworkPage(result, rows, timing, full), factors=factors)
