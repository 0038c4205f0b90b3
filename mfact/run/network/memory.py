"""What a network's run will hold in memory, planned before its first step."""

from __future__ import annotations

from math import prod

import numpy as np

from mfact.host.memory import MemoryPlan, available_bytes
from mfact.networks.architecture import Architecture
from mfact.networks.settings import NetworkSettings
from mfact.networks.tiles import CHUNKS, DENSE_TILE, GRID_TILE
from mfact.networks.updates import kept_by
from mfact.run.workers import with_workers

COPIES_OF_WEIGHTS = 12
"""Weights, gradients and states of a block, and as many in the images of files; once more
for each thing that a method keeps."""

COPIES_OF_LAWS = 16
"""Of a matrix law: at the start, now, in the ledger, what a measurement makes of it, and the images
of checkpoints."""

COPIES_IN_A_FLOW = 48
"""The stages of a step of DOP853, their products with its coefficients, and weights."""

COPIES_FOR_CURVATURE = 50
"""Lanczos vectors, and the points between which f is differenced."""

NEURON_BYTES = 64 << 20
"""Of what is recorded of every unit; with more units fewer rows are."""


def memory_plan(
    net: Architecture, settings: NetworkSettings, count: int, *, dual: bool
) -> MemoryPlan:
    """The most that a run on `count` points will hold, the points themselves aside."""
    item, batch = np.dtype(settings.dtype).itemsize, settings.batch
    points = min(batch or count, count)
    first = net.stages[0].made[0]
    memory = 1 + kept_by(settings)
    # A machine keeps what it has made for batches, for the last of an epoch, and for all points.
    sizes = 1 if batch is None else 3
    parts = {
        "points": 2 * item * points * prod(net.given) if batch else 0,
        "layers": sizes * _layers(net, item, count, dual=dual),
        "weights": item * _weights(net) * (COPIES_OF_WEIGHTS * (1 + memory) + sizes * 2 * CHUNKS),
        "laws": memory * _laws(net),
        "products": item * count * (count + 20 * first * memory) if dual else 0,
        "every unit": 4 * NEURON_BYTES,
    }
    return with_workers(parts, available_bytes(), settings.threads)


def flow_plan(net: Architecture, settings: NetworkSettings, count: int) -> MemoryPlan:
    """The most that a flow will hold, the points themselves aside."""
    units = sum(joint.units for joint in net.joints)
    parts = {
        "layers": _layers(net, 8, count, dual=False),
        "weights": 8 * _weights(net) * (COPIES_IN_A_FLOW + 2 * CHUNKS),
        "laws": _laws(net),
        "every unit": 8 * 3 * 3 * units * settings.times,
    }
    return with_workers(parts, available_bytes(), settings.threads)


def curvature_plan(net: Architecture, dtype: str, count: int) -> MemoryPlan:
    """The most that the largest curvature takes, beside what the run holds."""
    item = np.dtype(dtype).itemsize
    parts = {
        "layers": _layers(net, item, count, dual=False) + 4 * item * count * net.outputs,
        "weights": _weights(net) * (8 * COPIES_FOR_CURVATURE + item * 2 * CHUNKS),
    }
    return MemoryPlan(parts, available_bytes())


def _weights(net: Architecture) -> int:
    return sum(prod(part.shape) for part in net.parts)


def _laws(net: Architecture) -> int:
    """Bytes of what is computed of the matrix laws."""
    return 8 * COPIES_OF_LAWS * sum(joint.units**2 for joint in net.joints if joint.is_matrix)


def _layers(net: Architecture, item: int, count: int, *, dual: bool) -> int:
    """Bytes of every stage of the tiles, of up to two widths in each chunk."""
    made = sum(prod(stage.made) for stage in net.stages)
    if not net.has_grids:
        width = count if dual else min(count, 2 * CHUNKS * DENSE_TILE)
        return item * width * 4 * made
    patches = sum(
        2 * stage.products // stage.made[0] for stage in net.stages if len(stage.given) == 3
        and stage.is_weighted
    )  # fmt: skip
    return GRID_TILE * 2 * CHUNKS * (4 * made + patches)
