"""How many columns bases get."""

from __future__ import annotations

LEAST_PROBES = 8
"""Random columns in every pair of bases: with fewer, more passes over M are needed to know that no
singular value is hidden."""


def random_columns(rank: int) -> int:
    """Those that there are on both sides, a start that was drawn among them."""
    return max(rank, LEAST_PROBES)


def joined_columns(rank: int) -> int:
    """The most of the start and of random ones that either side has."""
    return rank + random_columns(rank)


def block_columns(rank: int) -> int:
    """What a pass adds to either side: the columns of the start's two chains, or as many random
    ones as there must be.

    More than these do not pay: on 3000×2000 with r = 10, 12 random columns more saved 0 to 2 of 9
    to 13 passes, where a pass took 1.5 times as long in memory and the bases 1.4 to 1.6 times the
    room, in memory or beside a file that does not fit there.

    >>> block_columns(1), block_columns(10)
    (8, 20)
    """
    return max(2 * rank, LEAST_PROBES)
