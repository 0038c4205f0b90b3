"""Convolutions that turn out to be transposed by the normalization behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from mfact.pairing.axes import transposed
from mfact.pairing.kinds import Layer
from mfact.pairing.layouts import CONVOLUTION, MAYBE, TRANSPOSED


def turned(row: Sequence[Layer]) -> list[Layer]:
    """The layers of a row, those of torch's layout (in, out, …) told from (out, in, …) where a
    normalization of another size than the first axis follows; and what stands beside such a one and
    may be either left out.
    """
    found = list(row)
    for at, (layer, norm) in enumerate(pairwise(row)):
        if not (norm.is_norm and may_be_either(layer)) or layer.axes is None:
            continue
        if layer.axes.inputs == norm.units != layer.axes.units:
            axes = transposed(layer.axes.tensor, layer.axes.sizes, norm.units)
            found[at] = replace(layer, kind=TRANSPOSED, axes=axes)
    parents = {layer.path[:-1] for layer in found if layer.kind == TRANSPOSED}
    sure = {
        layer
        for layer, norm in pairwise(row)
        if norm.is_norm and norm.units == layer.units != layer.inputs
    }
    return [
        layer.left(MAYBE)
        if may_be_either(layer) and layer not in sure and layer.path[:-1] in parents
        else layer
        for layer in found
    ]


def may_be_either(layer: Layer) -> bool:
    """Whether neither the name nor the bias says it."""
    return (
        layer.kind == CONVOLUTION
        and not layer.why
        and layer.axes is not None
        and layer.axes.letters == "oik"
        and (layer.bias is None or layer.axes.units == layer.axes.inputs)
    )
