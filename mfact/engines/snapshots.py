"""A state as named arrays and numbers, and back, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace

import numpy as np

from mfact.core import Array, Coordinates, Distance, Document, Ledger, Optimum, Plain, State
from mfact.engines.coordinates import Krylov, Singular
from mfact.krylov.basis import Basis
from mfact.krylov.side import Side
from mfact.krylov.spectrum import Spectrum, leaks, padded_square

Arrays = dict[str, Array]
Numbers = dict[str, object]
Packed = Basis | Spectrum | Distance


def pack(state: State) -> tuple[Arrays, Numbers]:
    """Arrays and JSON values that unpack() turns into the same state."""
    arrays, numbers = pack_point(state)
    co = state.coordinates
    if isinstance(co, Plain):
        numbers["optimum"] = None if co.optimum is None else asdict(co.optimum)
        numbers["ahead"] = co.ahead
        if co.each != 1:
            numbers["each"] = co.each
    elif isinstance(co, Krylov):
        numbers["krylov"] = {"changed": co.changed, "energy": co.energy, "unseen": co.unseen}
        _pack_basis(co.basis, arrays, numbers)
    elif isinstance(co, Singular):
        _pack_basis(co.basis, arrays, numbers)
        _pack_fields("spectrum", co.spectrum, arrays, numbers)
    return arrays, numbers


def pack_point(state: State) -> tuple[Arrays, Numbers]:
    """The same without the coordinates, for a state that shares them with another."""
    arrays: Arrays = {}
    numbers: Numbers = {"step": state.step, "flow_time": state.ledger.flow_time}
    for name, items in _tuples(state).items():
        for i, item in enumerate(items):
            _pack_array(f"{name}/{i}", item, arrays, numbers)
    _pack_fields("distance", state.distance, arrays, numbers)
    return arrays, numbers


def unpack_point(arrays: Mapping[str, Array], numbers: Document, coordinates: Coordinates) -> State:
    """The state that pack_point() took apart."""

    def items(name: str) -> tuple[Array, ...]:
        count = sum(key.rpartition("/")[0] == name for key in arrays)
        return tuple(_array(f"{name}/{i}", arrays, numbers) for i in range(count))

    distance = Distance(**_fields("distance", Distance, arrays, numbers))
    waiting_eta, waiting_fresh = distance.pending  # a list, after JSON
    return State(
        numbers["step"],
        items("point"),
        items("memory"),
        Ledger(
            items("ledger/start"),
            items("ledger/entries"),
            items("ledger/memory"),
            numbers["flow_time"],
        ),
        coordinates,
        replace(distance, pending=(waiting_eta, waiting_fresh)),
    )


def unpack(arrays: Mapping[str, Array], numbers: Document) -> State:
    """The state that pack() took apart."""
    return unpack_point(arrays, numbers, _coordinates(arrays, numbers))


def optimum_from(fields: Document) -> Optimum:
    """An Optimum from its fields, lists after JSON for tuples."""
    sequences = {name: tuple(fields[name]) for name in ("values", "errors")}
    return Optimum(**{**fields, **sequences})


def _tuples(state: State) -> dict[str, tuple[Array, ...]]:
    return {
        "point": state.point,
        "memory": state.memory,
        "ledger/start": state.ledger.start,
        "ledger/entries": state.ledger.entries,
        "ledger/memory": state.ledger.memory,
    }


def _coordinates(arrays: Mapping[str, Array], numbers: Document) -> Coordinates:
    if "basis/left" not in numbers:
        known = numbers["optimum"]
        optimum = None if known is None else optimum_from(known)
        return Plain(optimum, numbers["ahead"], numbers.get("each", 1))
    left, right = (
        Side(np.asfortranarray(arrays[f"basis/{name}"]), *numbers[f"basis/{name}"])
        for name in ("left", "right")
    )
    kept = _fields("basis", Basis, arrays, numbers, skip=("left", "right"))
    basis = Basis(left=left, right=right, **kept)
    if "krylov" not in numbers:
        return Singular(basis, Spectrum(**_fields("spectrum", Spectrum, arrays, numbers)))
    leak_left, leak_right = leaks(basis)
    return Krylov(
        basis=basis,
        operator=padded_square(basis.B, basis.size),
        leak_left=leak_left,
        leak_right=leak_right,
        **numbers["krylov"],
    )


def _pack_basis(basis: Basis, arrays: Arrays, numbers: Numbers) -> None:
    for name in ("left", "right"):
        side: Side = getattr(basis, name)
        arrays[f"basis/{name}"] = side.store[:, : side.known + side.pending]
        numbers[f"basis/{name}"] = [side.known, side.pending]
    _pack_fields("basis", basis, arrays, numbers, skip=("left", "right"))


def _pack_fields(
    prefix: str, value: Packed, arrays: Arrays, numbers: Numbers, skip: tuple[str, ...] = ()
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
    kind: type[Packed],
    arrays: Mapping[str, Array],
    numbers: Document,
    skip: tuple[str, ...] = (),
) -> Document:
    values: dict[str, object] = {}
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


def _array(name: str, arrays: Mapping[str, Array], numbers: Document) -> Array:
    axes = numbers[f"{name}/axes"]
    held = np.asarray(arrays[name], order="C")
    return held.transpose(np.argsort(axes).astype(int))
