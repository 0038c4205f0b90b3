"""What files of networks hold, place by place: those that anyone may have made are checked here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mfact.core import Array
from mfact.networks.architecture import Architecture
from mfact.networks.settings import NetworkSettings
from mfact.storage.architectures import restored
from mfact.storage.door import ENDED, require_numbers, require_rows, setting, under
from mfact.storage.kinds import (
    Kind,
    count,
    listing,
    maybe,
    number,
    of_fields,
    one_of,
    plain,
    record,
    refuse,
    text,
)

_DTYPE = one_of("float64", "float32")
_FILE = record({"path": text, "dataset": maybe(text), "follow_links": plain}, needed=("path",))
NAMED = record({"x": _FILE, "y": _FILE}, needed=())
FINGERPRINT = record(
    {"shape": listing(count, 2), "targets": listing(count), "dtype": _DTYPE, "digest": text}
)
OPTIONS: dict[str, Kind] = of_fields(NetworkSettings) | {"dtype": _DTYPE}
SETTINGS = record({name: setting(kind) for name, kind in OPTIONS.items()}, needed=())
_POINTS = record({"name": text, "path": text, "dataset": maybe(text)}, plain, needed=())
PROBLEM = record(
    {"name": text, "objective": text, "fingerprint": FINGERPRINT, "x": _POINTS, "y": _POINTS,
     **dict.fromkeys(("points", "parameters", "laws"), count),
     "laws_that_mix_layers": maybe(count)},
    plain, needed=("name",),
)  # fmt: skip
SUMMARY = record(
    {
        **dict.fromkeys(
            ("loss", "gradient_norm", "imbalance", "drift", "loss_of_all_points", "ledger_audit",
             "euler", "first_order", "line_1", "line_2", "flow_time", "seconds", "wall_seconds",
             "signal"),
            maybe(number),
        ),
        **dict.fromkeys(("checkpoint", "unsaved"), text),
        "iterations": count,
        "notes": listing(text),
    },
    plain,
    needed=("iterations",),
)  # fmt: skip
RUN = record(
    {**ENDED, "network": plain, "problem": PROBLEM, "settings": SETTINGS, "summary": SUMMARY}, plain
)


def require_network_run(arrays: Mapping[str, Array], document: Mapping[str, Any]) -> Architecture:
    """The architecture. Raises ValueError, with the place and what is wrong there, unless this is a
    network's run: weights of its layers' shapes, finite, at the end and at the start, a trace along
    its steps, and for every unit a column of rows.
    """
    RUN(document, "")
    net = restored(document["network"], under("ties", arrays))
    for folder in ("", "start/"):
        require_weights(net, arrays, folder)
    require_rows(arrays, document)
    units = under("neurons", arrays)
    rows = None if "step" not in units else units["step"].shape
    sides: dict[str, tuple[int, ...]] = {}
    for name, column in units.items():
        fits = column.dtype.kind in "if" and rows is not None and column.shape[:1] == rows
        if "/" in name:  # the sides of a place have a column a unit
            place = name.partition("/")[0]
            fits &= column.ndim == 2 and column.shape[1] > 0
            fits &= sides.setdefault(place, column.shape) == column.shape
        if not fits:
            refuse(f"{column.dtype} of shape {column.shape}", f"neurons/{name}", "rows of numbers")
    return net


def require_weights(net: Architecture, arrays: Mapping[str, Array], folder: str) -> None:
    """Raise ValueError unless W/1, b/1, W/2 … are there, of the network's shapes, and finite."""
    kinds = set()
    for part in net.parts:
        name = folder + part.name
        if name not in arrays:
            raise ValueError(f"it lacks {name}")
        if arrays[name].shape != part.shape:
            refuse(arrays[name].shape, f"the shape of {name}", str(part.shape))
        require_numbers(name, arrays[name])
        kinds.add(arrays[name].dtype)
    if len(kinds) > 1:
        raise ValueError("its weights are of several kinds of numbers")
