"""The layers of networks in a picture: what they are called, which are told apart, and how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mfact.pictures.drawing import Dash, Hue, Pen

MOST_ALONE = 6
"""Layers of one run that are told apart, by colour and dashes; of several runs as many as there
are dashes.
"""
OTHERS = Pen(Hue.GREY, Dash.SOLID, 0.5)
_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


class Told(NamedTuple):
    """Places that are told apart, by number from 1, and how many are not."""

    places: tuple[int, ...]
    others: tuple[int, ...]


def layer(h: int) -> str:
    """The weights of a layer.

    >>> layer(12)
    'W₁₂'
    """
    return f"W{str(h).translate(_LOWERED)}"


def joint(h: int) -> str:
    """The place between two layers.

    >>> joint(1)
    '1 → 2'
    """
    return f"{h} → {h + 1}"


def spaced(count: int, most: int) -> Told:
    """Of 1 … count so many, evenly, the first and the last among them.

    >>> spaced(3, 6).places, spaced(20, 4).places
    ((1, 2, 3), (1, 7, 14, 20))
    """
    chosen = {round(place) for place in np.linspace(1, count, min(count, most))}
    return _told(chosen, count)


def largest(sizes: Sequence[float], most: int) -> Told:
    """The places of the largest sizes, those that are NaN last.

    >>> largest([1.0, 3.0, 2.0], 2)
    Told(places=(2, 3), others=(1,))
    """
    order = np.argsort(-np.nan_to_num(np.asarray(sizes, float), nan=-np.inf), kind="stable")
    return _told({int(place) + 1 for place in order[:most]}, len(sizes))


def _told(chosen: set[int], count: int) -> Told:
    others = tuple(h for h in range(1, count + 1) if h not in chosen)
    return Told(tuple(sorted(chosen)), others)
