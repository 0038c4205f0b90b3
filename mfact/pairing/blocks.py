"""Blocks that a skip may go around: two or more layers with names of their own in one of a series.

A state dict shows no skip. Within a block the laws stand whether there is one or not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from mfact.pairing.kinds import PASSING, Layer
from mfact.pairing.named import Path, number, pieces, tokens, words
from mfact.pairing.vocabulary import BLOCKS, RESIDUAL

Block = Path
"""The path of one, () for none."""


def blocks_of(layers: Iterable[Layer]) -> Mapping[Path, Block]:
    """The path of each layer -> the innermost block that it is in.

    A module is one whose name ends with a number where it holds two layers or more whose names are
    not numbers, or that are of a block by name; or one that keeps its width beside a normalization.
    Any that is called residual is one.
    """
    held = [layer for layer in layers if layer.kind != PASSING]
    below: dict[Path, list[Layer]] = defaultdict(list)
    for layer in held:
        for prefix in _prefixes(layer):
            below[prefix].append(layer)
    blocks = {prefix for prefix, its in below.items() if _is_block(prefix, its)}
    return {
        layer.path: max((each for each in _prefixes(layer) if each in blocks), key=len, default=())
        for layer in held
    }


def _prefixes(layer: Layer) -> list[Path]:
    path = pieces(layer.path)
    return [path[:n] for n in range(1, len(path))]


def _is_block(prefix: Path, layers: list[Layer]) -> bool:
    if RESIDUAL & {*tokens(prefix[-1])}:
        return True
    if not number(prefix[-1]):
        return False
    said = BLOCKS & words(prefix[-2:] if prefix[-1].isdecimal() else prefix[-1:])
    named = [layer for layer in layers
             if said or not pieces(layer.path)[len(prefix)].isdecimal()]  # fmt: skip
    weights = [layer for layer in named if not layer.is_norm]
    if len(weights) > 1:
        return True
    return len(named) > 1 and any(layer.units == layer.inputs > 0 for layer in weights)
