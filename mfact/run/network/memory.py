"""What a network's run will hold in memory, planned before its first step."""

from __future__ import annotations

from math import prod

import numpy as np

from mfact.host.memory import MemoryPlan, available_bytes
from mfact.networks.architecture import Architecture
from mfact.networks.settings import NetworkSettings
from mfact.networks.tiles import GRID_TILE

BLAS_BYTES = 64 << 20
"""A thread's buffers of BLAS."""

COPIES_OF_WEIGHTS = 12
"""Weights, gradients and their parts, at the start, in blocks, and the images of their files."""

NEURON_BYTES = 64 << 20
"""Of what is recorded of every unit; with more units fewer rows are."""


def memory_plan(
    net: Architecture, settings: NetworkSettings, count: int, *, dual: bool
) -> MemoryPlan:
    """The most that a run on `count` points will hold, the points themselves aside."""
    item = np.dtype(settings.dtype).itemsize
    points = min(settings.batch or count, count)
    tile = GRID_TILE if net.has_grids else points
    made = [prod(stage.made) for stage in net.stages]
    patches = [
        2 * stage.products // stage.made[0] for stage in net.stages if len(stage.given) == 3
        and stage.is_weighted
    ]  # fmt: skip
    weights = sum(prod(part.shape) for part in net.parts)
    memory = 1 if settings.method == "gradient-descent" else 2
    parts = {
        "points": item * points * prod(net.given) if settings.batch else 0,
        "layers": item * tile * 8 * (4 * sum(made) + sum(patches))
        if net.has_grids
        else item * tile * 4 * sum(made),
        "weights": item * COPIES_OF_WEIGHTS * memory * weights,
        "products": item * count * (count + 6 * made[0] * memory) if dual else 0,
        "every unit": 4 * NEURON_BYTES,
        "libraries": BLAS_BYTES * (settings.threads or 1),
    }
    return MemoryPlan(parts, available_bytes())
