"""Which layers of a state dict feed the same units, from their names and sizes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations

from mfact.chains.joints import Chain
from mfact.errors import DataError
from mfact.pairing.kinds import ADAPTER, FACTORS, Layer
from mfact.pairing.layers import GATED, TIED, layers_of
from mfact.pairing.layouts import EITHER
from mfact.pairing.leftovers import left_over
from mfact.pairing.meeting import do_meet, meet
from mfact.pairing.places import Place, places_of
from mfact.pairing.readers import shared_units
from mfact.pairing.row import in_a_row
from mfact.tensors.state_dict import StateDict
from mfact.words import printable

_MOST_TRIED = 100  # layers of which each two are looked at for a way out


def paired(file: StateDict) -> Chain:
    """The joints of a file, each between two layers one behind the other, and what is left out.

    A joint says that the first layer alone feeds its units, that the second alone draws from them,
    and that what is between scales with them, as ReLU and pooling do: names and sizes say the first
    two as far as they are known, and nobody the last. A normalization has a law of its own, γ and β
    against what draws from it, and so have factors of low rank (lora_A, lora_B).

    Raises DataError where there is none, with two names to try.
    """
    layers = layers_of(file)
    row = in_a_row(layers, told=file.in_order)
    # Some turn out to be other than they seem, when it is seen what stands behind them.
    now = {layer.path: layer for layer in row.layers}
    layers = tuple(now.get(layer.path, layer) for layer in layers)
    places = places_of(row, layers)
    doubts = shared_units(row.layers, places)
    places = [
        Place(place.first, place.second, None, doubts[i]) if i in doubts else place
        for i, place in enumerate(places)
    ]
    places += [Place(A, B, meet(A, B)) for A, B in _factors(layers) if do_meet(A, B)]
    joints = tuple(place.joint for place in places if place.joint is not None)
    if not joints:
        raise _no_joint(file, places, layers)
    return Chain(joints, left_over(layers, places, row.loose), row.words)


def _factors(layers: Iterable[Layer]) -> Iterator[tuple[Layer, Layer]]:
    """Each lora_A with its lora_B."""
    found = {layer.path: layer for layer in layers if layer.kind == ADAPTER and not layer.why}
    for path, A in found.items():
        B = found.get(tuple(FACTORS[1] if part == FACTORS[0] else part for part in path))
        if B is not None and FACTORS[0] in path:
            yield A, B


def _no_joint(file: StateDict, places: Sequence[Place], layers: Sequence[Layer]) -> DataError:
    likely = sorted(places, key=lambda place: place.is_break)
    sides = [
        (place.first if place.between is None or place.between.axes is None else place.between,
         place.second) for place in likely
    ]  # fmt: skip
    # Between two that are no neighbours something stands, but where it is not known what they are.
    maybe = [layer for layer in layers if layer.why == EITHER]
    maybe += [layer for layer in reversed(layers) if layer.why == GATED and layer.path[-1] != "w1"]
    tried = permutations(maybe[:_MOST_TRIED], 2)
    pair = next((each for each in (*sides, *tried) if _can_be_named(*each)), None)
    told = [f"{place.what}: {place.why}" for place in places if place.why]
    told += [f"{printable(layer.label)}: {layer.why}" for layer in layers if layer.why]
    why = f" ({told[0]})" if told else ""
    if pair is None:
        return DataError(
            f"{file.label} has no two layers that are known to share units{why}",
            "give the weights of a network in which one layer follows another",
        )
    names = ",".join(each.axes.tensor for each in pair if each.axes is not None)
    return DataError(
        f"{file.label} does not tell that any two of its layers alone share units{why}",
        f"name those that do, as --chain {names}",
    )


def _can_be_named(first: Layer, second: Layer) -> bool:
    """Whether --chain takes the two."""
    if second.is_norm or first.axes is None or second.axes is None:
        return False
    names = (first.axes.tensor, second.axes.tensor)
    is_plain = all("," not in name and name == printable(name) for name in names)
    tied = any(layer.why.startswith(TIED) for layer in (first, second))
    return is_plain and not tied and do_meet(first, second, grid=first.is_norm or None)
