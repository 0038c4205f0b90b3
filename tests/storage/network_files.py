"""Run files and checkpoints of small networks, as arrays and documents to be changed."""

from __future__ import annotations

import contextlib
import copy
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from mfact.errors import MfactError
from mfact.networks.architecture import Architecture
from mfact.networks.layers import Dense
from mfact.networks.settings import NetworkSettings
from mfact.networks.spec import parse
from mfact.run.network.data import drawn_data
from mfact.run.network.solve import train
from mfact.storage import network_runs
from mfact.storage.checkpoints import NETWORK_FORMAT_VERSION
from mfact.storage.images import make_image, read_image

NETS = {
    "dense": (parse("5:4rb-3-2"), {"form": "dual", "points_count": 4}),
    "shared": (
        Architecture.of(
            [Dense(4, mask=np.tri(4, 5) > 0), Dense(3, share=np.arange(12).reshape(3, 4) % 5),
             Dense(2)], (5,)),
        {"method": "momentum", "batch": 3, "loss": "softmax", "points_count": 10},
    ),
    "grid": (parse("1x4x4-c2k3rb-flat-3r-2"), {"loss": "logistic", "points_count": 6,
                                                "dtype": "float32"}),
}  # fmt: skip


@cache
def held(name: str, kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arrays and document of a file of that kind, "network" or "network_checkpoint"."""
    net, more = NETS[name]
    settings = NetworkSettings(
        layers="given", data="gaussian", seed=3, step_size=0.05, max_iter=40, **more
    )
    points, _ = drawn_data(settings, net)
    with TemporaryDirectory() as folder:
        kept, run = str(Path(folder, "c.h5")), str(Path(folder, "run.h5"))
        result = train(points, net, settings.changed({"checkpoint": kept}), sources={})
        network_runs.write_network_run(run, result)
        arrays, document, _ = read_image(run if kind == "network" else kept, kind, 1)
    return arrays, document["document"] if kind == "network_checkpoint" else document


def changed(name: str, kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same to be changed."""
    arrays, document = held(name, kind)
    return dict(arrays), copy.deepcopy(document)


def written(path: Path, kind: str, arrays: Any, document: Any) -> bool:
    """Whether such a file could be made at all."""
    body = {"document": document} if kind == "network_checkpoint" else document
    version = NETWORK_FORMAT_VERSION if "document" in body else network_runs.FORMAT_VERSION
    with contextlib.suppress(TypeError, ValueError):
        path.write_bytes(make_image(kind, version, arrays, body))
        return True
    return False


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Of all parts of a document."""
    found = [at] if at else []
    if isinstance(value, (dict, list)):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            found += places(part, (*at, key))
    return found


def put(document: Any, place: tuple[Any, ...], value: Any) -> None:
    """The value at a place; of DELETE nothing."""
    *way, last = place
    for step in way:
        document = document[step]
    if value is DELETE:
        del document[last]
    else:
        document[last] = value


DELETE = object()

HOSTILE = [
    None, True, 0, -1, 1, 3, 2**62, 2**70, 0.5, float("nan"), float("inf"), 1e308, "", "x", "12",
    "/W", "\x1b[2J", "\ud800", [], {}, [1], [[1]], {"x": 1}, ["a", "b", 3], DELETE,
]  # fmt: skip
"""What may stand at a place of a document that someone made."""


def one_line(error: MfactError) -> None:
    assert "\n" not in str(error)
    assert str(error).isprintable() or "\ud800" in str(error)
    assert error.way_out
