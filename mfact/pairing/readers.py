"""Units that more than one layer may feed or draw from: where a place between two does not meet,
what follows draws from something else, and what comes before feeds something else.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from mfact.pairing.kinds import Layer
from mfact.pairing.named import shared
from mfact.pairing.places import Place
from mfact.words import printable

Offered = Mapping[int, Sequence[int]]
"""How many inputs a layer may have -> the layers that offer so many, by their place in the row."""


def shared_units(row: Sequence[Layer], places: Sequence[Place]) -> dict[int, str]:
    """The joints, by their place in `places`, whose units other layers may feed or draw from too.

    A layer without one before it draws from the nearest that offers as many as it has inputs, or
    offers what the one before it lacks; where it begins a branch, maybe from before the other one.
    A layer without one behind it feeds the same units as a later one of its size, or inputs beside
    it, but not within a module that it is not in. row: all layers, in their order.
    """
    at = {layer: i for i, layer in enumerate(row)}
    joints = {at[place.first]: i for i, place in enumerate(places) if place.joint is not None}
    offered = _offered(row, [(i, places[place]) for i, place in joints.items()])
    taking: dict[int, list[int]] = defaultdict(list)
    wide = []  # joints of channels with several inputs each, which may be of other layers as well
    for i in joints.values():
        a, b = places[i].first, places[i].second
        for size in {a.units, b.inputs - a.units}:
            taking[size].append(i)
        wide += [i] if b.inputs > a.units else []
    found: dict[int, str] = {}
    for place in places:
        if not place.is_break:
            continue
        first, second = place.first, place.second
        for size in _sizes(place, offered):
            for nearest in _sources(row, offered.get(size, ()), at[first], place):
                if nearest in joints:
                    label = printable(second.label)
                    found[joints[nearest]] = f"{label} may draw from the same units"
        for i in (*taking[first.units], *wide) if first.units else ():
            if at[places[i].first] > at[first] and _is_as_near(first, places[i]):
                found[i] = f"{printable(first.label)} may feed the same units"
    return found


def _offered(row: Sequence[Layer], joints: Sequence[tuple[int, Place]]) -> Offered:
    """Of each layer its units; and the inputs of what it is joined with, where those are more."""
    found: dict[int, list[int]] = defaultdict(list)
    for i, layer in enumerate(row):
        found[layer.units].append(i)
    for i, place in joints:
        if place.second.inputs != place.first.units:
            insort(found[place.second.inputs], i)
    return found


def _sizes(place: Place, offered: Offered) -> set[int]:
    """How many inputs the second of a break may have beside the first's units, or in groups."""
    inputs = place.second.inputs
    sizes = {inputs, inputs - place.first.units}
    if place.second.is_grid:
        groups = {size: size // inputs for size in offered if size and size % inputs == 0}
        sizes |= {size for size, count in groups.items() if place.second.units % count == 0}
    return sizes - {0}


def _sources(row: Sequence[Layer], held: Sequence[int], end: int, place: Place) -> Iterator[int]:
    """Of some layers, the last before the end: outside of the branch of a place's first, and in it
    unless what follows is beside it.
    """
    branch = place.first.path[: shared(place.first.path, place.second.path) + 1]
    before = held[: bisect_left(held, end)]
    outside = (i for i in reversed(before) if row[i].path[: len(branch)] != branch)
    yield from islice(outside, 1)
    if not place.is_beside:
        yield from before[-1:]


def _is_as_near(layer: Layer, place: Place) -> bool:
    """Whether a layer is as near to the second of a place as the first is, and may be added."""
    return shared(layer.path, place.second.path) >= shared(place.first.path, place.second.path)
