"""The rank that a matrix is given by its spectrum: the fewest that explain a share of it, or the
gap."""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from mfact.core import Array
from mfact.errors import SettingsError
from mfact.host.memory import available_bytes
from mfact.krylov.values import leading_bytes
from mfact.problems.optimum import zero_in
from mfact.run.seen import ENERGY, FULL_UP_TO, Seen, look, percent
from mfact.targets.counted import Counted
from mfact.wishes import AUTO, share_of

LEADING = 20
"""Singular values that are computed first beyond those of which all are, and all that a gap is
looked for in."""

DOUBLINGS = 4
"""Of their number, while they hold less than the share that is asked for: 320 at most."""


class Ranked(NamedTuple):
    """A rank that was found. wish: what was asked for. why: this one, as a clause. passes: over M
    that it took; a reading for all values counts as one.
    """

    rank: int
    wish: str
    why: str
    passes: int

    @property
    def sentence(self) -> str:
        return f"rank {self.rank}, {self.why}"


def ranked(target: Counted, shape: tuple[int, int], wish: str, room: int | None = None) -> Ranked:
    """The rank that is wished for: a share of M as "95%", or "auto". target, shape: as for look.

    room: bytes that may be taken beside M, what there is when not given. A gap is looked for in the
    values that `mfact inspect` computes; of a share more are, twice as many each time, up to 320
    and as far as there is room.
    Raises SettingsError where no rank is found, with the reason and a way out.
    """
    room, count = available_bytes() if room is None else room, LEADING
    most, share, end = LEADING << DOUBLINGS, share_of(wish), ""
    while not end:
        if share is None or 2 * count > most:
            end = "no more are looked for"
        elif leading_bytes(target.shape, 2 * count, FULL_UP_TO) > room:
            end = "there is no room to look for more"
        # Of what is refused it is told how much the leading values hold: they are settled there.
        further = count if end else most
        enough = partial(Seen.tells, share=share, count=count, most=further)
        seen = look(target, shape, count, enough)
        if seen.rank and (found := seen.wished(wish)):
            readings = int(min(target.shape) <= FULL_UP_TO)
            return Ranked(found[0], wish, found[1], target.passes + readings)
        if seen.complete or not seen.rank:
            end = "no more are looked for"
        elif share is not None and count < most and seen.at_most(most) < share < 1:
            end = f"{most}, as many as are looked for, cannot hold {percent(share)}"
        count *= 2
    raise _not_found(seen, wish, end)


def ranked_of(target: Counted, values: Array, wish: str) -> Ranked:
    """The same where all singular values are known, by LAPACK in float64; no pass is counted."""
    shape, first = target.shape, float(values[0])
    few = wish == AUTO and min(shape) > FULL_UP_TO  # as many as inspect looks at
    error, zero = 8 * float(np.finfo(float).eps) * first, zero_in(target, first)
    seen = Seen(values[:LEADING] if few else values, error, target.norm, zero, not few, shape)
    if found := seen.wished(wish):
        return Ranked(found[0], wish, found[1], target.passes)
    raise _not_found(seen, wish, "")


def _not_found(seen: Seen, wish: str, end: str) -> SettingsError:
    """Why a rank is not found, and what can be asked for instead."""
    if seen.rank == 0:
        return SettingsError(f"--rank {wish} finds none: {seen.nothing}", "name a number")
    enough = f"{ENERGY:.0%}"
    if wish != AUTO or seen.fewest(ENERGY) is None:
        part = 100 * min(seen.held, 0.99) * (1 - 1e-12)
        tens = 10.0 ** max(0, 1 - math.ceil(math.log10(part)))
        enough = f"{math.floor(part * tens) / tens:.15g}%"
    if wish == AUTO:
        few, why = seen.suggested()
        why += "" if few is None else f" {'is' if few == 1 else 'are'} {few}"
    elif share_of(wish) == 1:
        why = f"none of the leading {len(seen.values)} singular values counts as zero, and {end}"
    else:
        held = f"{math.floor(1e4 * seen.held) / 100:g} %"
        why = f"the leading {len(seen.values)} components hold {held} of ‖M‖_F², and {end}"
    return SettingsError(f"--rank {wish} finds none: {why}", f"use --rank {enough}, or a number")
