"""The checkpoint of a network's run is checked here, once, before a run goes on from it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from math import prod
from typing import Any

import numpy as np

from mfact.core import Array
from mfact.networks.architecture import Architecture
from mfact.networks.columns import network_columns
from mfact.networks.settings import NONLINEAR
from mfact.networks.ties import components
from mfact.storage.architectures import restored
from mfact.storage.checkpoint_door import recorded
from mfact.storage.checkpoint_kinds import RECORDER, WATCH, of_state
from mfact.storage.door import under
from mfact.storage.kinds import (
    Kind,
    any_number,
    listing,
    maybe,
    number,
    plain,
    record,
    refuse,
    row,
    text,
)
from mfact.storage.network_door import FINGERPRINT, NAMED, OPTIONS, require_weights
from mfact.theory.decrease import COLUMNS


def _step(value: Any, place: str) -> None:
    if not (isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}", value)):
        refuse(value, place, "a step")


_NUMBER = maybe(any_number)
_PEAK = row(_NUMBER, maybe(_step), maybe(_step))
_ROUNDING = record({"step": _NUMBER, **dict.fromkeys(("size", "largest", "rounded"), any_number)})
_OF_AUDIT: dict[str, Kind] = {
    **dict.fromkeys(("drift", "told", "off"), _PEAK), "allowed": any_number
}  # fmt: skip
_LINES = dict.fromkeys(("line_1", "line_2"), _PEAK)
_AUDIT = record({**_OF_AUDIT, **_LINES}, needed=tuple(_OF_AUDIT))
_AUDITS = ("units", "layers", "matrix")
_PAIR = record(
    {
        "first": _NUMBER,
        "rounding": _ROUNDING,
        **dict.fromkeys(_AUDITS, _AUDIT),
        "sums": _PEAK,
    }
)
_BOUND = record(
    {
        "rise": _PEAK,
        "first_loss": _NUMBER,
        "last": maybe(record(dict.fromkeys(COLUMNS, any_number))),
        **dict.fromkeys(("largest_step", "squares"), any_number),
        "skipped": maybe(_step),
    }
)
_MONITOR = record(
    {
        "pairs": record({}, _PAIR),
        "whole": _AUDIT,
        "rounding": _ROUNDING,
        "bound": _BOUND,
        **dict.fromkeys(("euler", "first_order"), _PEAK),
        "moved": maybe(row(any_number, any_number)),
    }
)
_STATE, _SHARED = of_state(bases=False), of_state(bases=False, shared=True)
_OF_STATE: dict[str, Kind] = {"state": _STATE, "good": maybe(_SHARED)}
_CHECKPOINT = record(
    {
        "settings": record(OPTIONS),
        "sources": record({}, text),
        "network": plain,
        "named": NAMED,
        "described": plain,
        "points_name": text,
        "output": maybe(text),
        "fingerprint": FINGERPRINT,
        **dict.fromkeys(("recorder", "neurons"), RECORDER),
        "watch": WATCH,
        "monitor": _MONITOR,
        "notes": listing(text),
        **_OF_STATE,
        **dict.fromkeys(("seconds", "wall_seconds"), number),
    }
)


def require_network_checkpoint(arrays: Mapping[str, Array], document: Mapping[str, Any]) -> None:
    """Raise ValueError, with the place and what is wrong there, unless this is the checkpoint of a
    network's run. The arrays of its state are held against the run that they go on in.
    """
    _CHECKPOINT(document, "")
    net = restored(document["network"], under("ties", arrays))
    require_weights(net, arrays, "start/")
    _settings(net, document)
    groups = {str(joint.h): int(components(net, joint.h).max()) + 1 for joint in net.joints}
    if document["monitor"]["pairs"].keys() != groups.keys():
        raise ValueError("its monitor is of other layers")
    rows = recorded("recorder", arrays, document["recorder"])
    linear = document["settings"]["method"] not in NONLINEAR
    _names("recorder", rows, network_columns(net, linear=linear))
    monitor = document["monitor"]
    audits = [monitor["whole"], *(p[k] for p in monitor["pairs"].values() for k in _AUDITS)]
    if any(linear == (name in audit) for audit in audits for name in _LINES):
        raise ValueError("its monitor is of another method")
    rows = recorded("neurons", arrays, document["neurons"], units=True)
    sides = [f"{h}/{side}" for h in groups for side in ("in", "out", "ledger")]
    _names("neurons", rows, ("step", "log10_step", *sides))
    for name, shape in rows.items():
        group, _, column = name.partition("/")
        units = (groups[column.partition("/")[0]],) if "/" in column else ()
        if shape[group == "column" :] != units:
            refuse(shape, f"the shape of neurons/{name}", f"rows of {units}")
    for name, each in arrays.items():
        if name.startswith(("state/", "good/")) and (
            each.dtype.kind != "f" or not np.all(np.isfinite(each))
        ):
            raise ValueError(f"{name} has entries that are not finite numbers")


def _settings(net: Architecture, document: Mapping[str, Any]) -> None:
    """What the parts of a checkpoint say of each other."""
    settings, found = document["settings"], document["fingerprint"]
    if settings["flow"] or settings["seed"] is None:
        raise ValueError("its settings are of no run that takes steps")
    named, generated = document["named"], settings["data"] is not None
    if named and (generated or named.keys() != {"x", "y"}):
        raise ValueError("its points are not X and Y in files")
    points = found["shape"][0]
    targets = [points] if settings["loss"] == "softmax" else [points, net.outputs]
    if found["shape"][1] != prod(net.given) or found["targets"] != targets:
        raise ValueError("its points are of another network")
    if found["dtype"] != settings["dtype"]:
        raise ValueError("its points are of another kind of numbers")
    good, step = document["good"], document["state"]["step"]
    if step > settings["max_iter"] or (good is not None and good["step"] > step):
        refuse(step, "state.step", "a step of this run")


def _names(folder: str, shapes: Mapping[str, object], columns: Collection[str]) -> None:
    """A recorder has all of these columns, or none yet."""
    known = {"every", *(f"{g}/{n}" for g in ("column", "last") for n in columns)}
    if shapes.keys() not in (known, {"every"}):
        off = sorted(shapes.keys() ^ known)
        raise ValueError(f"its {folder} has other columns than its layers, as {off[0][:40]}")
