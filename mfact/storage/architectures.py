"""Networks in run files and checkpoints: JSON values, and masks and maps as arrays beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from mfact.core import Array, Document
from mfact.errors import MfactError
from mfact.networks.activations import BROKEN
from mfact.networks.architecture import Architecture
from mfact.networks.layers import Conv, Dense, Flatten, Layer, Pool
from mfact.networks.maps import mask_of, share_of_weights
from mfact.networks.named import activation_of, written
from mfact.networks.spec import MOST
from mfact.storage import kinds
from mfact.words import printable

_CLASSES: dict[str, Any] = {each.__name__: each for each in (Dense, Conv, Pool, Flatten)}
_ARRAYS = {"mask": mask_of, "share": share_of_weights}


def _extent(least: int) -> kinds.Kind:
    def check(value: Any, place: str) -> None:
        kinds.whole(value, place)
        if not least <= value < MOST:
            kinds.refuse(value, place, f"a whole number from {least} to {MOST - 1}")

    return check


def _pair(least: int) -> kinds.Kind:
    return kinds.row(_extent(least), _extent(least))


def _activation(value: Any, place: str) -> None:
    found = isinstance(value, str) and (activation_of(value) or BROKEN.get(value))
    if not found or written(found) != value:
        kinds.refuse(value, place, "an activation")


_FIELDS: dict[str, kinds.Kind] = {
    "units": _extent(1), "channels": _extent(1), "kernel": _pair(1), "stride": _pair(1),
    "padding": _pair(0), "kind": kinds.one_of("max", "avg"), "size": _pair(1), "bias": kinds.flag,
    "activation": _activation, "mask": kinds.flag, "share": kinds.flag,
}  # fmt: skip
"""Of the fields of layers. mask, share: whether there is one, as an array of that name."""
_LAYERS = {
    name: kinds.record({"layer": kinds.text} | {f.name: _FIELDS[f.name] for f in fields(each)})
    for name, each in _CLASSES.items()
}


def described(net: Architecture) -> dict[str, Any]:
    """A network as JSON values, but for its arrays (see arrays_of).

    >>> net = Architecture.of([Dense(3), Dense(2)], (4,))
    >>> restored(described(net), arrays_of(net)).shapes
    ((3, 4), (2, 3))
    """
    layers = []
    for stage in net.stages:
        document: dict[str, Any] = {"layer": type(stage.layer).__name__}
        for field in fields(stage.layer):  # type: ignore[arg-type]  # of layers all dataclasses
            value = getattr(stage.layer, field.name)
            if field.name == "activation":
                value = written(value)
            elif field.name in _ARRAYS:
                value = value is not None
            document[field.name] = list(value) if isinstance(value, tuple) else value
        layers.append(document)
    return {"input": list(net.given), "layers": layers}


def arrays_of(net: Architecture) -> dict[str, Array]:
    """Masks and maps of shared weights, as mask/h and share/h, h = 1 … N."""
    named = {
        f"{name}/{h}": getattr(stage.layer, name, None)
        for h, stage in enumerate(net.weighted, 1)
        for name in _ARRAYS
    }
    return {name: array for name, array in named.items() if array is not None}


def restored(document: Document, arrays: Mapping[str, Array]) -> Architecture:
    """The network that is described, with the masks and maps among these arrays.

    Raises ValueError with the place of what mfact does not write.
    """
    given = kinds.listing(_extent(1))
    kinds.record({"input": given, "layers": kinds.listing(_layer_kind)})(document, "network")
    if len(document["input"]) not in (1, 3):
        kinds.refuse(document["input"], "network.input", "a list of 1 or 3")
    layers: list[Layer] = []
    used: set[str] = set()
    h = 0
    try:
        for described in document["layers"]:
            named = dict(described)
            make = _CLASSES[named.pop("layer")]
            h += make in (Dense, Conv)
            if named.get("mask") and named["share"]:
                raise ValueError(f"network has both a mask/{h} and a share/{h}")
            for name, value in named.items():
                if name == "activation":
                    named[name] = activation_of(value) or BROKEN[value]
                elif name in _ARRAYS:
                    named[name] = _array(f"{name}/{h}", arrays) if value else None
                    used.update({f"{name}/{h}"} if value else ())
                elif isinstance(value, list):
                    named[name] = tuple(value)
            layers.append(make(**named))
        net = Architecture.of(layers, tuple(document["input"]))
    except MfactError as error:
        raise ValueError(f"network: {error.sentence}") from None
    if unknown := [name for name in arrays if name.split("/")[0] in _ARRAYS and name not in used]:
        raise ValueError(f"network has no layer with {printable(unknown[0])[:40]}")
    return net


def _layer_kind(value: Any, place: str) -> None:
    name = value.get("layer") if isinstance(value, dict) else None
    kinds.one_of(*_CLASSES)(name, f"{place}.layer")
    _LAYERS[str(name)](value, place)


def _array(name: str, arrays: Mapping[str, Array]) -> Array:
    if name not in arrays:
        raise ValueError(f"network lacks {name}")
    return _ARRAYS[name.split("/")[0]](arrays[name], name)
