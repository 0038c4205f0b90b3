"""What the file of a sweep holds, place by place: one that anyone may have made is checked here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mfact.core import Array
from mfact.errors import SettingsError
from mfact.methods.choice import PLAIN
from mfact.settings import PARAMETERS, SweepSettings
from mfact.storage.door import setting
from mfact.storage.kinds import (
    amount,
    count,
    listing,
    maybe,
    number,
    of_fields,
    plain,
    positive,
    record,
    refuse,
    text,
)

ARRAYS = {
    "values": np.dtype(float),
    "hits": np.dtype(np.int64),
    "low": np.dtype(float),
    "high": np.dtype(float),
    "last": np.dtype(float),
    "diverged": np.dtype(bool),
}
"""Of a sweep, by the names of mfact.theory.frequencies.Sweep."""

_ASKED = of_fields(SweepSettings) | {"growth": maybe(listing(count)), "bounds": listing(number)}
_LATER = ("center", "method", *PARAMETERS)
"""What files of mfact 0.10 and 0.11 lack."""

SETTINGS = record(
    {name: setting(kind) for name, kind in _ASKED.items()},
    needed=[name for name in _ASKED if name not in _LATER],
)
_CHOSEN = record(
    {"c_step": positive, "step_size": positive, **dict.fromkeys(PARAMETERS, amount)},
    needed=("c_step", "step_size"),
)
_PROBLEM = record({"name": text, "path": text, "dataset": maybe(text)}, plain, needed=())
SWEEP = record(
    {
        "shape": maybe(listing(count, 2)),
        "problem": _PROBLEM,
        "settings": SETTINGS,
        "chosen": listing(_CHOSEN),
        "provenance": record({"mfact": maybe(text), "folder": maybe(text)}, plain, needed=()),
    },
    needed=("shape", "problem", "settings", "provenance"),
)


def growth_folder(place: int) -> str:
    """Where the arrays of the place-th d of --growth are, from 0; those of the matrix have none."""
    return f"growth/{place + 1}"


def require_sweep(arrays: Mapping[str, Array], document: Mapping[str, Any]) -> SweepSettings:
    """The settings. Raises ValueError, with the place and what is wrong there, unless this is a
    sweep: settings in their ranges, falling singular values above zero, and of every start where it
    got to each tolerance and what its ratio was.
    """
    SWEEP(document, "")
    told = {name: entry["value"] for name, entry in document["settings"].items()}
    growth, bounds = told.pop("growth"), told.pop("bounds")
    try:
        settings = SweepSettings(**told)
    except SettingsError as error:
        raise ValueError(str(error)) from error
    if not bounds or min(bounds) < 1:
        refuse(bounds, "settings.bounds", "numbers of at least 1")
    shapes = {growth_folder(i): (d, d) for i, d in enumerate(growth or ())}
    if document["shape"] is not None:
        shapes[""] = tuple(document["shape"])
    if not shapes:
        raise ValueError("it is of no matrix, and of no size")
    for folder, shape in shapes.items():
        _require_starts(folder, arrays, shape, settings)
    if settings.method != PLAIN and "chosen" not in document:
        raise ValueError("it lacks chosen")
    if "chosen" in document and len(document["chosen"]) != len(shapes):
        refuse(document["chosen"], "chosen", f"what was chosen for {len(shapes)} sweeps")
    return settings


def _require_starts(
    folder: str, arrays: Mapping[str, Array], shape: tuple[int, int], settings: SweepSettings
) -> None:
    """Of one matrix, d1×d2."""
    if min(shape) < settings.rank:
        refuse(list(shape), "its shape", f"a shape that has rank {settings.rank}")
    starts, levels = (settings.seeds,), len(settings.tolerances)
    held = {}
    for name, dtype in ARRAYS.items():
        place = f"{folder}/{name}" if folder else name
        if place not in arrays:
            raise ValueError(f"it lacks {place}")
        found = held[name] = arrays[place]
        fitting = {"values": found.shape[:1], "hits": (levels, *starts)}.get(name, starts)
        if found.dtype != dtype or found.shape != fitting or found.ndim == 0:
            refuse(f"{found.dtype} of shape {found.shape}", place, f"{dtype} of shape {fitting}")
    values, hits = held["values"], held["hits"]
    if not 0 < values.size <= min(shape):
        refuse(values.size, "the number of its singular values", f"1 to {min(shape)}")
    first, last = float(values[0]), float(values[-1])
    falls = bool(np.all(values[1:] <= values[:-1])) and 0 < last <= first < np.inf
    if not (falls and last / first > 0):  # beside the largest it may be lost
        raise ValueError("its singular values do not fall from a number to a number above zero")
    if not np.all((hits >= -1) & (hits <= settings.max_iter)):
        raise ValueError("it has steps that no run of it takes")
    if any(np.any(held[name] < 0) for name in ("low", "high", "last")):
        raise ValueError("it has ratios of norms below zero")
