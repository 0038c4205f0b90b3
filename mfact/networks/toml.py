"""Networks as TOML: what an architecture string has no letters for, masks and shared weights."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from mfact.core import Array
from mfact.errors import MfactError, SettingsError, StorageError
from mfact.matrices.missing import instead
from mfact.matrices.source import open_matrix
from mfact.matrices.sparse import as_dense
from mfact.matrices.spec import is_address
from mfact.networks.activations import Activation
from mfact.networks.architecture import Architecture
from mfact.networks.layers import Conv, Dense, Flatten, Layer, Pair, Pool
from mfact.networks.maps import mask_of, share_of_weights
from mfact.networks.named import WAYS, activation_of
from mfact.networks.refused import refuse_by_name, refuse_padding
from mfact.networks.spec import MOST, given_shape, parse
from mfact.words import printable, shown
from mfact.words.foreign import way_out

Table = Mapping[str, object]

_MOST_BYTES = 1 << 20
_KEYS = {
    "units": ("activation", "bias", "mask", "share"),
    "conv": ("kernel", "stride", "padding", "padding_value", "activation", "bias"),
    "pool": ("kernel",),
    "flatten": (),
}
"""What a layer is, and what may be said of it."""
_FOREIGN = {
    "neurons": "units", "out_features": "units", "width": "units", "channels": "conv",
    "out_channels": "conv", "filters": "conv", "pooling": "pool", "flat": "flatten",
    "kernel_size": "kernel", "size": "kernel", "strides": "stride", "pad": "padding",
    "use_bias": "bias", "sharing": "share", "function": "activation",
}  # fmt: skip


def read_layers(layers: str, inputs: int | None = None, default: int | None = None) -> Architecture:
    """The network of --layers: that of a TOML file, by its name, or of an architecture string.

    inputs, default: see parse(). Raises what load() and parse() do.
    """
    return (load if layers.endswith(".toml") else parse)(layers, inputs, default)


def load(path: str, inputs: int | None = None, default: int | None = None) -> Architecture:
    """The network of a TOML file: `input = [1, 28, 28]`, which may be left out, and `[[layer]]`s.

    A layer has `units`, or `conv` (channels) with `kernel`, `stride` and `padding`, or `pool`
    ("max", "avg") with `kernel`, or `flatten = true`; further `activation` and `bias`, and with
    units a `mask` of 0/1 or a map `share` of weights: files, from the folder of path. Sizes are
    numbers, or pairs for the two directions; on an input [C, L] a number is along L.

    inputs, default: see parse() of an architecture string.
    Raises SettingsError, DataError or StorageError, with the layer, counted from 1.
    """
    name, document = printable(Path(path).name), _document(path)
    for key in document:
        if key not in ("input", "layer"):
            raise _unknown(key, name, ("input", "layer"))
    tables = document.get("layer")
    if not (isinstance(tables, list) and tables and all(isinstance(t, dict) for t in tables)):
        raise SettingsError(f"{name} has no layers", "write each as a table [[layer]]")
    sizes = document.get("input", [])
    sizes = sizes if isinstance(sizes, list) else [sizes]
    if len(sizes) > 3:
        raise SettingsError(f"{name}: input has {len(sizes)} sizes", "write [C, H, W], [C, L] or n")
    shape = tuple(_whole(size, "input", 1) for size in sizes)
    given = shape = given_shape(shape, inputs, default, name, "write input = 1000 in it")
    layers = []
    for number, table in enumerate(tables, 1):
        try:
            layers.append(_layer(table, Path(path).parent, len(sizes) == 2))
            shape = layers[-1].shape(shape)
        except MfactError as error:
            place = f"{name}, layer {number}: {error.sentence}"
            raise type(error)(place, error.way_out) from None
    return Architecture.of(layers, given)


def files(path: str) -> tuple[str, ...]:
    """The files that load() reads besides: masks and maps of shared weights."""
    tables = _document(path).get("layer")
    named = [table.get(key) for table in tables if isinstance(table, dict)
             for key in ("mask", "share")] if isinstance(tables, list) else []  # fmt: skip
    return tuple(str(Path(path).parent / file) for file in named if isinstance(file, str))


def _document(path: str) -> Table:
    name = printable(path)
    try:
        with Path(path).open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise SettingsError(f"{name} is too large to describe a network", "keep it below 1 MiB")
        return tomllib.loads(content.decode("utf-8"))
    except OSError as error:
        reason = error.strerror or error
        raise StorageError(f"{name} cannot be read: {reason}", "check the path") from None
    # Of text that is not UTF-8 or no TOML, and of an integer of more digits than Python reads.
    except (ValueError, RecursionError) as error:
        raise SettingsError(
            f"{name} is not TOML: {printable(str(error))[:160]}",
            "mend it, or give the layers as text, as 100r-100r-10",
        ) from None


def _layer(table: Table, folder: Path, is_line: bool) -> Layer:
    kinds = [kind for kind in _KEYS if kind in table]
    for key in table:
        if key not in (known := (*_KEYS, *(_KEYS[kinds[0]] if kinds else ()))):
            raise _unknown(key, "it", known)
    if len(kinds) != 1:
        said = f"is both {kinds[0]} and {kinds[1]}" if kinds else "does not say what it is"
        raise SettingsError(f"it {said}", f"give it one of {', '.join(_KEYS)}")
    (kind,) = kinds
    if kind == "flatten":
        if table[kind] is not True:
            raise SettingsError("flatten is not true", "write flatten = true, or leave it out")
        return Flatten()
    if kind == "pool":
        if table[kind] not in ("max", "avg"):
            raise SettingsError(f"pool is {shown(table[kind])}", 'write "max" or "avg"')
        return Pool(str(table[kind]), _pair(table, "kernel", 1, is_line))
    phi, bias = _activation(table.get("activation", "linear")), table.get("bias", False)
    if not isinstance(bias, bool):
        raise SettingsError(f"bias is {shown(bias)}", "write true or false")
    count = _whole(table[kind], kind, 1)
    if kind == "units":
        if "mask" in table and "share" in table:
            raise SettingsError("it has a mask and a share", "write the zeros of the mask in share")
        mask, share = (_read(table.get(key), key, folder) for key in ("mask", "share"))
        return Dense(
            count, phi, bias,
            None if mask is None else mask_of(mask),
            None if share is None else share_of_weights(share),
        )  # fmt: skip
    value = table.get("padding_value", 0)
    if isinstance(value, bool) or value != 0:
        refuse_padding(value, "it")
    sizes = (_pair(table, "kernel", 1, is_line), _pair(table, "stride", 1, is_line, 1),
             _pair(table, "padding", 0, is_line, 0))  # fmt: skip
    return Conv(count, *sizes, phi, bias)


def _activation(name: object) -> Activation:
    found = activation_of(name) if isinstance(name, str) else None
    if found is None:
        if isinstance(name, str):
            refuse_by_name(name)
        raise SettingsError(f"activation is {shown(name)}", WAYS)
    return found


def _read(file: object, key: str, folder: Path) -> Array | None:
    if file is None:
        return None
    if not isinstance(file, str):
        raise SettingsError(f"{key} is {shown(file)}", f'name a file, as {key} = "{key}.npy"')
    source = open_matrix(file if is_address(file) else str(folder / file))
    with instead(lambda found: "give numbers"):
        return as_dense(source.read(), source.name)


def _pair(table: Table, key: str, least: int, is_line: bool, default: int | None = None) -> Pair:
    value = table.get(key, default)
    if value is None:
        raise SettingsError(f"it has no {key}", f"write {key} = 3, or a pair as {key} = [3, 5]")
    if isinstance(value, list) and len(value) == 2:
        return _whole(value[0], key, least), _whole(value[1], key, least)
    size = _whole(value, key, least)
    return (least, size) if is_line else (size, size)


def _whole(value: object, key: str, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < MOST:
        raise SettingsError(
            f"{key} is {shown(value)}", f"write a whole number from {least} to {MOST - 1}"
        )
    return value


def _unknown(key: str, where: str, known: tuple[str, ...]) -> SettingsError:
    found = way_out(key, {each: each for each in known}, _FOREIGN)
    return SettingsError(
        f"{where} has an unknown key, {shown(key)}", found or f"the keys are {', '.join(known)}"
    )
