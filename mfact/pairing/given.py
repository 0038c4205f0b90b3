"""Which layers share units as somebody says it who knows the network: --chain a.weight,b.weight."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from mfact.chains.joints import Chain, Joint, LeftOut, Slot
from mfact.errors import SettingsError
from mfact.pairing.axes import dense, kernel
from mfact.pairing.kinds import Layer
from mfact.pairing.layers import TIED, layers_of
from mfact.pairing.layouts import CONVOLUTION, DENSE, EITHER
from mfact.pairing.leftovers import listed
from mfact.pairing.meeting import meet
from mfact.tensors.state_dict import StateDict
from mfact.words import printable, shown

_NAMED = 5  # layers that a way out tells


def chained(file: StateDict, names: Sequence[str]) -> Chain:
    """The joints that are named: each of `names` is a chain of tensors or layers, one behind the
    other, between commas: "fc1.weight,fc2.weight,fc3.weight", or "fc1,fc2,fc3".

    Whoever names them says that nothing else feeds or draws from the units between two, and that
    what stands between scales. Chains that begin or end at one layer, as "trunk,policy" and
    "trunk,value", make one joint: a law counts all that feeds units, and all that draws from them.
    A weight whose name does not say how it is laid is read as units×inputs, and the joint notes it.

    Raises SettingsError for a name that the file does not hold, for what has no units on that side,
    and where sizes do not meet.
    """
    known = _by_name(layers_of(file))
    joints: list[Joint] = []
    for text in names:
        layers = [_found(name, known, file) for name in _cut(text)]
        joints += [_joint(first, second) for first, second in pairwise(layers)]
    joints = _merged(joints)
    taken = {slot.tensor for joint in joints for slot in joint.slots}
    others = [tensor.name for tensor in file.tensors if tensor.name not in taken]
    left = (LeftOut(listed(others), "not named by --chain"),) if others else ()
    return Chain(tuple(joints), left, "as --chain names them")


def _cut(text: str) -> list[str]:
    found = [name.strip() for name in text.split(",")]
    if len(found) < 2 or not all(found):
        raise SettingsError(
            f"--chain {shown(text)} does not name two layers", "write two names, as --chain fc1,fc2"
        )
    if twice := [name for name, count in Counter(found).items() if count > 1]:
        raise SettingsError(
            f"--chain names {shown(twice[0])} twice", "name each layer once, where it stands"
        )
    return found


def _by_name(layers: Iterable[Layer]) -> dict[str, Layer]:
    """Each layer by its label and by its weight, any other tensor by its name."""
    found: dict[str, Layer] = {}
    for layer in layers:
        if layer.axes is not None:
            weight = layer.axes.tensor
            found |= {layer.label: layer, weight: layer}
            found.setdefault(re.sub("[./][^./]*$", "", weight), layer)
    for layer in layers:
        for tensor in layer.tensors:
            if tensor.name not in found:
                found[tensor.name] = _alone(tensor.name, tensor.shape, layer)
    return found


def _alone(name: str, shape: tuple[int, ...], layer: Layer) -> Layer:
    """A tensor that is not the weight of its module, as a layer."""
    if not 2 <= len(shape) <= 5 or 0 in shape or name not in layer.moved:
        return replace(layer, label=name, axes=None)
    if len(shape) == 2:
        return replace(layer, label=name, kind=DENSE, axes=dense(name, shape, units_first=True))
    axes = kernel(name, shape, channels_last=False)
    return replace(layer, label=name, kind=CONVOLUTION, axes=axes)


def _found(name: str, known: Mapping[str, Layer], file: StateDict) -> Layer:
    layer = known.get(name)
    if layer is None:
        labels = dict.fromkeys(each.label for each in known.values() if each.axes is not None)
        more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
        listed_ = ", ".join(printable(label) for label in [*labels][:_NAMED])
        raise SettingsError(
            f"--chain names {shown(name)}, which {file.label} does not hold",
            f"name its layers: {listed_}{more}" if labels else "give a file with weights",
        )
    if layer.axes is None:
        why = f", {layer.why}" if layer.why else ""
        raise SettingsError(
            f"--chain names {shown(name)}, which has no units and inputs{why}",
            "name the weights of a layer",
        )
    if layer.why.startswith(TIED):
        raise SettingsError(
            f"--chain names {shown(name)}, and {layer.why.removeprefix(TIED).strip()} is the same"
            " numbers, which two laws move at once",
            "name layers that share no numbers",
        )
    return layer


def _joint(first: Layer, second: Layer) -> Joint:
    assert first.axes is not None
    assert second.axes is not None
    pair = f"{shown(first.label)} and {shown(second.label)}"
    if second.is_norm:
        raise SettingsError(
            f"--chain names {pair}, and no law of single units stands across a normalization",
            f"begin a chain with it: {printable(second.label)} and the layer behind it",
        )
    try:
        joint = meet(first, second, grid=first.is_norm or None)
    except ValueError as error:
        raise SettingsError(
            f"--chain names {pair}, of which the sizes do not meet: {error}",
            "name two layers of which one draws from what the other feeds",
        ) from None
    if EITHER in (first.why, second.why):
        joint = replace(joint, note=", ".join(filter(None, [joint.note, "read as units×inputs"])))
    return joint


def _merged(joints: Iterable[Joint]) -> list[Joint]:
    """Those of the same units as one, in the order of the first.

    Raises SettingsError where a tensor is read in two ways.
    """
    found: list[Joint] = []
    for joint in joints:
        same = [
            each for each in found if {*each.fed} & {*joint.fed} or {*each.drawn} & {*joint.drawn}
        ]
        at = found.index(same[0]) if same else len(found)
        for each in same:
            joint = _together(each, joint)
            found.remove(each)
        found.insert(at, joint)
    for cut in ([slot.tensor for joint in found for slot in joint.fed],
                  [slot.tensor for joint in found for slot in joint.drawn]):  # fmt: skip
        if twice := [name for name, count in Counter(cut).items() if count > 1]:
            raise SettingsError(
                f"--chain names {shown(twice[0])} in two places that cut it in units in two ways",
                "name it in one of them",
            )
    return found


def _together(a: Joint, b: Joint) -> Joint:
    """Biases behind the first are among what feeds the units."""
    biases = [slot for slot in (b.bias,) if slot is not None and slot != a.bias]
    return replace(
        a,
        first=_both(a.first, b.first),
        second=_both(a.second, b.second),
        fed=_each((*a.fed, *b.fed, *(biases if a.bias is not None else ()))),
        drawn=_each((*a.drawn, *b.drawn)),
        bias=a.bias or b.bias,
        note=", ".join(dict.fromkeys(filter(None, [a.note, b.note]))),
    )


def _both(a: str, b: str) -> str:
    return " and ".join(dict.fromkeys([*a.split(" and "), *b.split(" and ")]))


def _each(slots: tuple[Slot, ...]) -> tuple[Slot, ...]:
    return tuple(dict.fromkeys(slots))
