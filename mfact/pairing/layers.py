"""The layers of a state dict, and which of them share numbers or stand under others."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from mfact.pairing.before import by_place
from mfact.pairing.kinds import ADAPTER, FACTORS, PASSING, Layer, layer_of
from mfact.pairing.layouts import APART, Unsaid, unsaid
from mfact.pairing.modules import Module, modules_of
from mfact.pairing.named import WEIGHTS, Path
from mfact.tensors.state_dict import StateDict
from mfact.words import printable

TIED = "tied: its numbers are those of"
_ADAPTED = "adapted by factors of low rank, which feed the same units"
_GATES = ("w1", "w2", "w3")
GATED = "w1 may be a gate of w3, as in Llama"


def layers_of(file: StateDict) -> tuple[Layer, ...]:
    """Every tensor of a file in one layer, in the order of the file."""
    modules = modules_of(file)
    beside: dict[Path, set[str]] = defaultdict(set)
    for module in modules:
        beside[module.path[:-1]] |= {*module.path[-1:]}
    layout = unsaid(_unsaid(modules, in_order=file.in_order))
    found = [layer_of(module, beside[module.path[:-1]], layout) for module in modules]
    tied, under, gated = _tied(file), _adapted(found), _gated(found)
    return tuple(
        layer.left(GATED) if layer.path[:-1] in gated and {*layer.path[-1:]} & {*_GATES}
        else _apart(layer, tied, under)
        for layer in found
    )  # fmt: skip


def _unsaid(modules: list[Module], *, in_order: bool) -> list[Unsaid]:
    """The weights whose names do not say how they are laid, in a row."""
    row = modules if in_order else sorted(modules, key=lambda module: by_place(module.path))
    return [
        Unsaid(module.held[main].shape, None if module.bias is None else module.bias.shape[0])
        for module in row
        if (main := module.main) is not None and WEIGHTS.get(main) == ""
    ]


def _tied(file: StateDict) -> dict[str, str]:
    """The tensors that are the same numbers as another, and which."""
    same: dict[str, list[str]] = defaultdict(list)
    for tensor in file.tensors:
        if tensor.storage:
            same[tensor.storage].append(tensor.name)
    return {name: next(other for other in names if other != name)
            for names in same.values() if len(names) > 1 for name in names}  # fmt: skip


def _adapted(layers: list[Layer]) -> dict[Path, bool]:
    """The layers that have factors of low rank beside them, and whether something scales those."""
    found: dict[Path, bool] = {}
    for layer in layers:
        at = next((at for at, part in enumerate(layer.path) if part.startswith("lora_")), None)
        if at is not None:
            path, is_scaled = layer.path[:at], layer.path[at] not in FACTORS
            found[path] = found.get(path, False) or is_scaled
    return found


def _gated(layers: list[Layer]) -> set[Path]:
    """The modules of a w1 and a w3 that may both feed w2."""
    found = {layer.path: layer for layer in layers if layer.is_weight}
    return {
        path[:-1]
        for path, first in found.items()
        if path[-1:] == _GATES[:1]
        and (second := found.get((*path[:-1], _GATES[1]))) is not None
        and (third := found.get((*path[:-1], _GATES[2]))) is not None
        and (first.inputs, first.units) == (third.inputs, third.units)
        and first.units == second.inputs
    }


def _apart(layer: Layer, tied: dict[str, str], adapted: dict[Path, bool]) -> Layer:
    if layer.kind == PASSING:
        return layer
    for tensor in layer.tensors:
        if tensor.is_weight and tensor.name in tied:
            other = printable(tied[tensor.name])
            return replace(layer, kind=APART, why=f"{TIED} {other}")
    if layer.kind == ADAPTER:
        at = next(at for at, part in enumerate(layer.path) if part in FACTORS)
        return replace(layer, kind=APART, why=_ADAPTED) if adapted[layer.path[:at]] else layer
    for path in (layer.path, layer.path[:-1] if layer.path[-1:] == ("base_layer",) else None):
        if path is not None and path in adapted and not layer.why:
            return replace(layer, kind=APART, why=_ADAPTED)
    return layer
