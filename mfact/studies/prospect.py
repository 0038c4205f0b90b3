"""What a matrix is like and what it would take to factor it: what is looked at before a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mfact.core import Array, Target
from mfact.errors import SettingsError
from mfact.options import require
from mfact.ranges import MOST_INDEX, Count
from mfact.run.doing import NOTHING, Doing
from mfact.studies.inspect import Inspection, inspect_matrix
from mfact.studies.outlook import Outlook, outlooks
from mfact.targets.door import SCALES, Held, held
from mfact.words import brief

if TYPE_CHECKING:
    from mfact.matrices.source import MatrixSource

_MOST = 5  # singular values in the repr


@dataclass(frozen=True)
class Forecasts:
    """What each schedule would take to fit `rank` components; None and none where no rank is
    clear, or ‖M‖_F is beyond the scales that runs take.
    """

    rank: int | None
    schedules: tuple[Outlook, ...]


@dataclass(frozen=True, repr=False)
class Prospect(Inspection):
    """What a matrix is like, and what it would take to factor it.

    >>> import numpy as np
    >>> prospect(np.diag([4.0, 0.0, 0.0]))
    a 3×3 matrix, ‖M‖_F = 4, σ = 4, 0, 0
    numerical rank 1; suggested: rank 1 (the numerical rank: the rest is rounding), step 0.125
    steps for rank 1: constant ..., theorem-3.2 ..., power ..., theorem-3.1 ..., certified ...
    """

    forecast: Forecasts

    def __repr__(self) -> str:
        d1, d2 = self.shape
        sigma = [brief(value) for value in self.singular_values[:_MOST]]
        more = ", …" if len(self.singular_values) > _MOST else ""
        known = f"{'' if self.rank_is_exact else 'at least '}{self.numerical_rank}"
        suggested = "no rank" if self.suggested_rank is None else f"rank {self.suggested_rank}"
        step = "" if self.suggested_step is None else f", step {brief(self.suggested_step)}"
        lines = [
            f"a {d1}×{d2} matrix, ‖M‖_F = {brief(self.norm)}, σ = {', '.join(sigma)}{more}",
            f"numerical rank {known}; suggested: {suggested} ({self.reason}){step}",
        ]
        if self.forecast.schedules:
            each = ", ".join(f"{o.schedule} {o.count}" for o in self.forecast.schedules)
            lines.append(f"steps for rank {self.forecast.rank}: {each}")
        return "\n".join(lines)


def wanted(leading: int, rank: int | None) -> int:
    """How many singular values an inspection computes: one beyond the rank tells its gap."""
    return max(leading, (rank or 0) + 1)


def prospect(
    matrix: Array | MatrixSource | Target | Held,
    *,
    rank: int | None = None,
    leading: int = 20,
    doing: Doing = NOTHING,
) -> Prospect:
    """Look at a matrix, and forecast a run on it.

    matrix: as for inspect_matrix. rank: the forecast is for; None: the suggested one. leading: how
    many singular values are computed beyond 1500 rows and columns. doing: told how far it is.

    Raises SettingsError for a rank above min(d1, d2), and what inspect_matrix raises.
    """
    require("leading", Count(least=1, most=MOST_INDEX), leading)
    if rank is not None:
        require("rank", Count(least=1, most=MOST_INDEX), rank)
        most = min(held(matrix, "float64").shape)
        if rank > most:
            raise SettingsError(f"rank {rank} is above min(d1, d2) = {most}", "take a smaller one")
    found = inspect_matrix(matrix, leading=wanted(leading, rank), doing=doing)
    rank = found.suggested_rank if rank is None else rank
    ahead: tuple[Outlook, ...] = ()
    lowest, highest = SCALES["float64"]
    if rank is not None and lowest <= found.norm <= highest:
        ahead = outlooks(found.singular_values, found.norm, found.shape, rank, found.rank_tolerance)
    return Prospect(**vars(found), forecast=Forecasts(rank, ahead))
