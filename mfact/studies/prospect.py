"""What a matrix is like and what it would take to factor it: what is looked at before a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mfact.core import Array, Target
from mfact.errors import SettingsError
from mfact.host.threads import working
from mfact.options import require
from mfact.problems.scale import SCALES
from mfact.ranges import MOST_INDEX, Count
from mfact.run.doing import NOTHING, Doing
from mfact.run.memory import room_beside
from mfact.run.ranked import LEADING, ranked
from mfact.settings import CENTER, RANK
from mfact.studies.inspect import Inspection, inspect_matrix
from mfact.studies.outlook import Outlook, outlooks
from mfact.targets.centred import LESS
from mfact.targets.door import Held, held
from mfact.words import brief

if TYPE_CHECKING:
    from mfact.matrices.source import MatrixSource

_MOST = 5  # singular values in the repr


@dataclass(frozen=True)
class Forecasts:
    """What each schedule would take to fit `rank` components; None and none where no rank is
    clear, or ‖M‖_F is beyond the scales that runs take. why: this rank, where it was found.
    """

    rank: int | None
    schedules: tuple[Outlook, ...]
    why: str | None = None


@dataclass(frozen=True, repr=False)
class Prospect(Inspection):
    """What a matrix is like, and what it would take to factor it.

    >>> import numpy as np
    >>> prospect(np.diag([4.0, 0.0, 0.0]))
    a 3×3 matrix, ‖M‖_F = 4, σ = 4, 0, 0
    numerical rank 1; suggested: rank 1 (the numerical rank: the rest is rounding), step 0.125
    steps of gradient descent for rank 1: constant ..., theorem-3.2 ..., ..., certified ...
    """

    forecast: Forecasts

    def __repr__(self) -> str:
        d1, d2 = self.shape
        sigma = [brief(value) for value in self.singular_values[:_MOST]]
        more = ", …" if len(self.singular_values) > _MOST else ""
        known = f"{'' if self.rank_is_exact else 'at least '}{self.numerical_rank}"
        suggested = "no rank" if self.suggested_rank is None else f"rank {self.suggested_rank}"
        step = "" if self.suggested_step is None else f", step {brief(self.suggested_step)}"
        center = "" if self.suggested_center is None else f", center {self.suggested_center}"
        less = "" if self.center == "none" else f" {LESS[self.center]}"
        lines = [
            f"a {d1}×{d2} matrix{less}, ‖M‖_F = {brief(self.norm)}, σ = {', '.join(sigma)}{more}",
            f"numerical rank {known}; suggested: {suggested} ({self.reason}){step}{center}",
        ]
        if self.forecast.schedules:
            each = ", ".join(f"{o.schedule} {o.count}" for o in self.forecast.schedules)
            lines.append(f"steps of gradient descent for rank {self.forecast.rank}: {each}")
        return "\n".join(lines)


def wanted(leading: int, rank: int | str | None) -> int:
    """How many singular values an inspection computes: one beyond the rank tells its gap. Those of
    a wish are not known yet.
    """
    return max(leading, (rank if isinstance(rank, int) else 0) + 1)


def prospect(
    matrix: Array | MatrixSource | Target | Held,
    *,
    rank: int | str | None = None,
    leading: int = LEADING,
    center: str = "none",
    max_memory: int | None = None,
    doing: Doing = NOTHING,
) -> Prospect:
    """Look at a matrix, and forecast a run on it.

    matrix: as for inspect_matrix. rank: the forecast is for, or a wish for it (mfact.wishes); None:
    the suggested one. leading: how many singular values are computed beyond 1500 rows and columns.
    center: what is taken off the matrix first. max_memory: bytes that may be taken, what there is
    when not given. doing: told how far it is.

    Raises SettingsError for a rank above min(d1, d2), and what inspect_matrix and
    mfact.run.ranked.ranked raise.
    """
    require("center", CENTER.kind, center)
    require("leading", Count(least=1, most=MOST_INDEX), leading)
    M, why = held(matrix, "float64"), None
    if rank is not None:
        require("rank", RANK.kind, rank)
    with working() as workers:
        if isinstance(rank, str):
            M = M.read(doing.read, workers)
            less = M.centred(center)
            target = less.target(told=doing.read, passed=doing.passed, workers=workers)
            with doing.now("rank"):
                room = room_beside(less, max_memory)
                rank, _, why, _ = ranked(target, M.shape, rank, room)
        most = min(M.shape)
        if rank is not None and rank > most:
            raise SettingsError(f"rank {rank} is above min(d1, d2) = {most}", "take a smaller one")
        found = inspect_matrix(M, leading=wanted(leading, rank), center=center, doing=doing)
    rank = found.suggested_rank if rank is None else rank
    ahead: tuple[Outlook, ...] = ()
    lowest, highest = SCALES["float64"]
    if rank is not None and lowest <= found.norm <= highest:
        ahead = outlooks(found.singular_values, found.norm, found.shape, rank, found.rank_tolerance)
    return Prospect(**vars(found), forecast=Forecasts(rank, ahead, why))
