"""A state as named arrays and numbers, and back, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

import numpy as np

from mfact.core import Array, Factors, Optimum, State
from mfact.engines.coordinates import Coordinates
from mfact.engines.measures import Conserved
from mfact.krylov.basis import Basis, Side
from mfact.krylov.spectrum import Spectrum, leaks, padded_square

Arrays = dict[str, Array]
Numbers = dict[str, Any]


def pack(state: State) -> tuple[Arrays, Numbers]:
    """Arrays and JSON values that unpack() turns into the same state."""
    arrays, numbers = pack_point(state)
    if state.coordinates is None:
        return arrays, numbers
    co: Coordinates = state.coordinates
    numbers["coordinates"] = {"changed": co.changed, "energy": co.energy, "unseen": co.unseen}
    basis = co.basis
    for name in ("left", "right"):
        side: Side = getattr(basis, name)
        arrays[f"basis/{name}"] = side.store[:, : side.known + side.pending]
        numbers[f"basis/{name}"] = [side.known, side.pending]
    _pack_fields("basis", basis, arrays, numbers, skip=("left", "right"))
    if co.spectrum is not None:
        _pack_fields("spectrum", co.spectrum, arrays, numbers)
    return arrays, numbers


def pack_point(state: State) -> tuple[Arrays, Numbers]:
    """The same without the coordinates, for a state that shares them with another."""
    arrays: Arrays = {}
    numbers: Numbers = {"step": state.step}
    _pack_fields("conserved", state.conserved, arrays, numbers, skip=("optimum",))
    if state.conserved.optimum is not None:
        numbers["conserved/optimum"] = asdict(state.conserved.optimum)
    if state.coordinates is None:
        for name, factor in zip("UV", state.point, strict=True):
            _pack_array(name, factor, arrays, numbers)
    else:
        _pack_array("point", state.point, arrays, numbers)
    return arrays, numbers


def unpack_point(
    arrays: Mapping[str, Array], numbers: Mapping[str, Any], coordinates: Coordinates | None
) -> State:
    """The state that pack_point() took apart."""
    conserved = Conserved(**_fields("conserved", Conserved, arrays, numbers))
    waiting_eta, waiting_fresh = conserved.pending  # a list, after JSON
    conserved = replace(conserved, pending=(waiting_eta, waiting_fresh))
    if conserved.optimum is not None:
        conserved = replace(conserved, optimum=optimum_from(numbers["conserved/optimum"]))
    point: Any
    if coordinates is None:
        point = Factors(*(_array(name, arrays, numbers) for name in "UV"))
    else:
        point = _array("point", arrays, numbers)
    return State(numbers["step"], point, conserved, coordinates)


def unpack(arrays: Mapping[str, Array], numbers: Mapping[str, Any]) -> State:
    """The state that pack() took apart."""
    if "coordinates" not in numbers:
        return unpack_point(arrays, numbers, None)
    sides: dict[str, Any] = {}
    for name in ("left", "right"):
        known, pending = numbers[f"basis/{name}"]
        sides[name] = Side(np.asfortranarray(arrays[f"basis/{name}"]), known, pending)
    basis = Basis(**sides, **_fields("basis", Basis, arrays, numbers, skip=("left", "right")))
    spectrum = None
    operator = leak_left = leak_right = None
    if "spectrum/tail" in numbers:
        spectrum = Spectrum(**_fields("spectrum", Spectrum, arrays, numbers))
    else:
        operator = padded_square(basis.B, basis.size)
        leak_left, leak_right = leaks(basis)
    coordinates = Coordinates(
        basis=basis,
        spectrum=spectrum,
        operator=operator,
        leak_left=leak_left,
        leak_right=leak_right,
        **numbers["coordinates"],
    )
    return unpack_point(arrays, numbers, coordinates)


def optimum_from(fields: Mapping[str, Any]) -> Optimum:
    """An Optimum from its fields, lists after JSON for tuples."""
    sequences = {name: tuple(fields[name]) for name in ("values", "errors")}
    return Optimum(**{**fields, **sequences})


def _pack_fields(
    prefix: str, value: Any, arrays: Arrays, numbers: Numbers, skip: tuple[str, ...] = ()
) -> None:
    for field in fields(value):
        if field.name in skip:
            continue
        item = getattr(value, field.name)
        if isinstance(item, np.ndarray):
            _pack_array(f"{prefix}/{field.name}", item, arrays, numbers)
        elif item is not None:
            numbers[f"{prefix}/{field.name}"] = item


def _fields(
    prefix: str,
    kind: type[Any],
    arrays: Mapping[str, Array],
    numbers: Mapping[str, Any],
    skip: tuple[str, ...] = (),
) -> dict[str, Any]:
    values = {}
    for field in fields(kind):
        if field.name in skip:
            continue
        key = f"{prefix}/{field.name}"
        if key in arrays:
            values[field.name] = _array(key, arrays, numbers)
        elif key in numbers:
            values[field.name] = numbers[key]
    return values


def _pack_array(name: str, array: Array, arrays: Arrays, numbers: Numbers) -> None:
    # Products round the same only if their operands lie the same way in memory.
    axes = sorted(range(array.ndim), key=lambda axis: -array.strides[axis])
    numbers[f"{name}/axes"] = axes
    arrays[name] = array.transpose(axes)


def _array(name: str, arrays: Mapping[str, Array], numbers: Mapping[str, Any]) -> Array:
    axes = numbers[f"{name}/axes"]
    return np.asarray(np.ascontiguousarray(arrays[name]).transpose(np.argsort(axes)))
