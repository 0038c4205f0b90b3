"""What the bases of a run will take, forecast before its first step and held against their room."""

from __future__ import annotations

import numpy as np

from mfact.core import State, Target, scaled_eps
from mfact.engines.coordinates import singular
from mfact.errors import MemoryPlanError
from mfact.krylov.needed import Need, counted, needed
from mfact.run.memory import COPIES_OF_BASES
from mfact.settings import STARTS, RunSettings
from mfact.words import format_bytes

SHORT = 1.25
"""A run is refused whose bases are forecast so many times as large as their room. What runs took
was 0.74 to 1.06 of the forecast, over fifty spectra."""


class Outlook:
    """What bases that hold a random start, and a few blocks more, tell of those to come.

    state: at step 0, in the singular vectors of the bases. target: M. limit: bytes that both may
    take.
    """

    def __init__(self, state: State, target: Target, limit: int) -> None:
        self.ritz, self.target, self.limit = singular(state).sigma, target, limit
        self.counts = counted(state.point[0], target.shape)

    def need(self, rank: int, dtype: str) -> Need:
        """Of a run of that rank in that arithmetic."""
        eps = scaled_eps(dtype, self.target.offset, float(self.ritz[0]))
        return needed(self.ritz, self.counts, rank, self.target.shape, eps)

    def held(self, rank: int, dtype: str) -> int:
        """Bytes of both bases."""
        return self.need(rank, dtype).bytes(self.target.shape, np.dtype(dtype).itemsize)

    def require_room(self, settings: RunSettings, *, refuse: bool) -> list[str]:
        """What becomes of a run whose bases are forecast to be larger than there is room for, in a
        sentence; none where they fit.

        Raises MemoryPlanError instead where they are SHORT of it, that is to be refused, and the
        user has set no limit.
        """
        held = self.held(settings.rank, settings.dtype)
        if held <= self.limit:
            return []
        columns = self.need(settings.rank, settings.dtype).columns
        told = f"about {format_bytes(held)}, {columns} columns a side"
        if settings.max_basis_bytes is not None or not refuse or held <= SHORT * self.limit:
            return [
                f"the bases would hold {told}, and may hold {format_bytes(self.limit)}: beyond that"
                " each step passes over M"
            ]
        ways = []
        fits = [r for r in range(1, settings.rank) if self.held(r, settings.dtype) <= self.limit]
        if fits:
            ways.append(f"--rank {fits[-1]}")
        if settings.dtype == "float64" and self.held(settings.rank, "float32") <= self.limit:
            ways.append("--dtype float32")
        ways.append(f"--max-basis-bytes {self.limit}, beyond which each step passes over M")
        raise MemoryPlanError(
            f"the bases of this run will hold {told}, {format_bytes(COPIES_OF_BASES * held)} with"
            f" copies as they grow, and {format_bytes(COPIES_OF_BASES * self.limit)} is left for"
            " them",
            f"free memory, or use {', or '.join(ways)}",
        )


def outlook(state: State, settings: RunSettings, target: Target, limit: int) -> Outlook | None:
    """Of a start that was drawn; from another, counts of singular values tell nothing."""
    if settings.start not in STARTS or settings.start == "spectral":
        return None
    return Outlook(state, target, limit)
