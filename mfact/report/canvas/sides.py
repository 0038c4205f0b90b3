"""The words along an axis: as many as fit, and how much room they take."""

from __future__ import annotations

import math
from typing import NamedTuple

from mfact.pictures.drawing import Axis
from mfact.report.canvas.measure import TICK, Ruler
from mfact.report.canvas.ticks import Scale, decades, even

OUT = 0.08  # inches, from an axis to its words

_LINE = TICK / 72 * 1.2
_APART = 0.14  # inches, between words that stand side by side
_MOST = 8  # ticks
_TURN = 40.0  # degrees, of names that are too long to stand side by side
_NAME = 1.5  # inches, beyond which a name is shortened


class Side(NamedTuple):
    """depth: inches from the axis to where its words end. before, after: how far they reach beyond
    the ends of the axis. turned: degrees.
    """

    scale: Scale = Scale()
    depth: float = 0.0
    before: float = 0.0
    after: float = 0.0
    turned: float = 0.0


def beside(axis: Axis, limits: tuple[float, float] | None, length: float, ruler: Ruler) -> Side:
    """The words left of a vertical axis of this length."""
    if limits is None:
        return Side()
    if axis.names:
        scale = _names(axis, length, 1.1 * _LINE, ruler)
    else:
        most = max(2, min(_MOST, int(length / (2.2 * _LINE)) + 1))
        scale = (decades if axis.log else even)(*limits, most)
    return Side(scale, OUT + ruler.widest(scale.words, TICK))


def below(axis: Axis, limits: tuple[float, float] | None, length: float, ruler: Ruler) -> Side:
    """The words below a horizontal axis of this length."""
    if limits is None:
        return Side()
    if axis.names:
        return _names_below(axis, length, ruler)
    for most in range(_MOST, 1, -1):
        scale = (decades if axis.log else even)(*limits, most)
        if len(scale.words) * (ruler.widest(scale.words, TICK) + _APART) <= length:
            break
    last = ruler.width(scale.words[-1], TICK) / 2 if scale.words else 0.0
    return Side(scale, OUT + _LINE, after=last)


def _names_below(axis: Axis, length: float, ruler: Ruler) -> Side:
    slot = length / len(axis.names)
    scale = _names(axis, length, 0.0, ruler)
    widest = ruler.widest(scale.words, TICK)
    if widest + _APART <= slot:
        return Side(scale, OUT + _LINE)
    sine, cosine = math.sin(math.radians(_TURN)), math.cos(math.radians(_TURN))
    scale = _names(axis, length, _LINE / sine, ruler)
    first = ruler.width(scale.words[0], TICK) * cosine - slot / 2
    depth = OUT + ruler.widest(scale.words, TICK) * sine + _LINE * cosine
    return Side(scale, depth, before=max(first, 0.0), turned=_TURN)


def _names(axis: Axis, length: float, least: float, ruler: Ruler) -> Scale:
    """Every name, or every second, third, … so that they stand at least so far apart."""
    stride = math.ceil(least * len(axis.names) / length) or 1
    places = range(0, len(axis.names), stride)
    words = tuple(ruler.short(axis.names[place], TICK, _NAME) for place in places)
    return Scale(tuple(map(float, places)), words)
