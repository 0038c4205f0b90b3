"""What no law is audited of: every tensor that is in no joint, in groups, and why."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from mfact.chains.joints import LeftOut
from mfact.pairing.kinds import BUFFER, Layer
from mfact.pairing.places import Place
from mfact.words import printable

ENDS = "feed no units that a known layer draws from"
ALONE = "no known layer stands before or behind them"
STRAY = "normalizations of which nothing says where they stand"

_SHOWN = 3


def left_over(
    layers: Sequence[Layer], places: Sequence[Place], loose: Sequence[Layer] = ()
) -> tuple[LeftOut, ...]:
    """The places without a joint, and then what no place and no joint names."""
    found: dict[tuple[str, str], list[LeftOut]] = defaultdict(list)
    for place in places:
        if place.joint is None:
            # Those that differ in their numbers alone are said once.
            key = re.sub("[0-9]+", "#", place.what), re.sub("[0-9]+", "#", place.why)
            found[key].append(LeftOut(place.what, place.why))
    kept = []
    for first, *rest in found.values():
        more = f", and {len(rest)} more like it" if rest else ""
        kept.append(LeftOut(first.what + more, first.why))
    groups = by_reason(layers, places, loose)
    groups.pop("", None)
    return (*kept, *(LeftOut(listed(what), why) for why, what in groups.items()))


def by_reason(
    layers: Iterable[Layer], places: Sequence[Place], loose: Sequence[Layer] = ()
) -> dict[str, dict[str, list[str]]]:
    """Why -> name of a layer, or of a tensor -> the tensors: all that are in no joint. Under "" are
    those of layers at a place that says why itself.
    """
    joints = [place.joint for place in places if place.joint is not None]
    taken = {slot.tensor for joint in joints for slot in joint.slots}
    joined, parted = (
        {each for place in places if (place.joint is None) == is_parted
         for each in (place.first, place.second)}
        for is_parted in (False, True)
    )  # fmt: skip
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    stray = {*loose}
    for layer in layers:
        for tensor in layer.tensors:
            if tensor.name in taken:
                continue
            if tensor.name not in layer.moved and not layer.why:
                found[BUFFER][tensor.name].append(tensor.name)
            elif layer.why:
                found[layer.why][layer.label].append(tensor.name)
            elif layer in parted:
                found[""][layer.label].append(tensor.name)
            elif layer in joined:
                found[ENDS][tensor.name].append(tensor.name)
            else:
                found[STRAY if layer in stray else ALONE][layer.label].append(tensor.name)
    return found


def listed(names: Iterable[str]) -> str:
    """The first of some names, and how many more there are."""
    told = [printable(name) for name in names]
    more = len(told) - _SHOWN
    if more <= 1:
        return ", ".join(told)
    return f"{', '.join(told[:_SHOWN])} and {more} more"
