"""A child process: passes over a matrix by the workers of clusters here, as one line of JSON.

Usage: python clustered.py ROUNDS MATRIX
"""

from __future__ import annotations

import json
import os
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from holding import descendants

from mfact.core import Array
from mfact.host.threads import ALONE
from mfact.matrices.source import open_matrix
from mfact.targets.blocks import BlockTarget
from mfact.targets.distributed import cluster as room
from mfact.targets.distributed.local import local_cluster
from mfact.targets.distributed.recipes import Recipe
from mfact.targets.distributed.shards import Shared, Work, load, take
from mfact.targets.distributed.target import DistributedTarget
from mfact.targets.reading import Asked, doubled, shards
from mfact.targets.streamed import cut

COLUMNS = (10, 20, 40)
SHARDS = (10, 100, 1000)
KILLS, AFTER = 5, 4
"""Workers that are killed, and passes after which all is as it was."""


def main(count: int, path: str) -> None:
    warnings.simplefilter("ignore")
    print(
        json.dumps(
            passes(count, path)
            | {"delays": delays(path), "tasks": tasks(count), "start": starts(count)}
            | {"wide": wide(count), "fetch": fetch(count)}
        )
    )


def of(cluster: room.Cluster, path: str) -> DistributedTarget:
    target = cluster.of(open_matrix(path), "float64").make(lambda share: None, ALONE)
    assert isinstance(target, DistributedTarget)
    return target


def sides(shape: tuple[int, int], k: int) -> tuple[Array, Array]:
    """As in all passes of a run but the first: nothing on the left."""
    rng = np.random.default_rng(1)
    return np.zeros((shape[0], 0)), rng.standard_normal((shape[1], k))


def passes(count: int, path: str) -> dict[str, Any]:
    """Seconds of a pass and bytes that move in it, by holder and columns."""
    with room.connected(None, 1, print) as one, room.connected(None, 2, print) as two:
        source = open_matrix(path)
        slabs, _ = cut(source)
        assert slabs is not None
        targets = {"file": BlockTarget(slabs), "1": of(one, path), "2": of(two, path)}
        seconds: dict[str, dict[int, float]] = {name: {} for name in targets}
        moved: dict[str, dict[int, int]] = {name: {} for name in targets}
        for number in range(count + 1):
            for name, target in targets.items():
                for k in COLUMNS:
                    before, began = loopback(), time.perf_counter()
                    target.normal(*sides(target.shape, k))
                    took, bytes_moved = time.perf_counter() - began, loopback() - before
                    if number:  # the first loads
                        seconds[name][k] = min(took, seconds[name].get(k, np.inf))
                        moved[name][k] = min(bytes_moved, moved[name].get(k, 1 << 62))
        return {"seconds": seconds, "moved": moved, "lines": sum(slabs.shape)}


def loopback() -> int:
    """Bytes that this machine has sent to itself."""
    (line,) = (one for one in Path("/proc/net/dev").read_text().splitlines() if "lo:" in one)
    return int(line.split()[1])


def delays(path: str) -> list[float]:
    """Of each kill, in passes."""
    moments = random.Random(0)
    with room.connected(None, 2, lambda text: None) as cluster:
        target = of(cluster, path)
        at = sides(target.shape, 40)

        def take(count: int) -> list[float]:
            took = []
            for _ in range(count):
                target.normal(*at)
                took.append(target.seconds)
            return took

        take(2)
        found = []
        for _ in range(KILLS):
            usual = statistics.median(take(AFTER))
            victim = max(workers(), key=lambda pid: (resident(pid), pid))
            timer = threading.Timer(usual * moments.random(), os.kill, (victim, signal.SIGKILL))
            timer.start()
            found.append(sum(take(1 + AFTER)) / usual - (1 + AFTER))
            take(2)
        return found


def workers() -> list[int]:
    """Of a cluster here: the processes that multiprocessing has spawned."""
    found = []
    for pid in descendants(os.getpid()):
        try:
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
        except OSError:
            continue
    return found


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1])


def tasks(count: int) -> dict[int, tuple[int, float]]:
    """By number of shards: tasks of a pass, and its seconds. There is next to nothing in them."""
    from distributed import Client

    found = {}
    width = 64
    with (
        tempfile.TemporaryDirectory() as folder,
        local_cluster(2) as there,
        Client(there, set_as_default=False) as client,
    ):
        cluster = room.Cluster(client, print, block_bytes=8 * width)
        for wanted in SHARDS:
            path = f"{folder}/{wanted}.npy"
            np.save(path, np.random.default_rng(0).standard_normal((2 * wanted, width)))
            held = cluster.of(open_matrix(path), "float64")
            assert held.told["shards"] == wanted
            target, taken = held.make(lambda share: None, ALONE), np.inf
            assert isinstance(target, DistributedTarget)
            for _ in range(count + 1):
                target.normal(*sides(target.shape, 10))
                taken = min(taken, target.seconds)
            found[wanted] = held.told["tasks"], taken
    return found


def wide(count: int) -> float:
    """Processor seconds of one thread for 10⁹ entries of slabs whose lines are long."""
    shape = (256, 10**6)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/M.npy"
        np.save(path, np.random.default_rng(0).standard_normal(shape, np.float32))
        source = open_matrix(path)
        slabs, size = cut(source)
        assert slabs is not None
        recipe = Recipe.of(source, slabs, "float32", size)
        held = [load(recipe, number) for number in range(len(shards(recipe.slabs)))]
        left, right = (each.astype(np.float32) for each in sides(shape, 20))
        none, own = np.zeros((shape[1], 0), np.float32), np.zeros((shape[0], 20), np.float32)
        work = Work.of(Asked(doubled, left, right, own, (none, np.zeros_like(right))), slice(None))
        taken = np.inf
        for _ in range(count):
            began = time.process_time()
            take(held, work, Shared(right, ()))
            taken = min(taken, time.process_time() - began)
    return 1e9 * taken / (shape[0] * shape[1])


def fetch(count: int) -> float:
    """Seconds for 1 GB of what a worker has found, by way of the scheduler."""
    from distributed import Client

    with local_cluster(1) as there, Client(there, set_as_default=False) as client:
        found = client.submit(np.ones, 1 << 24)
        client.gather(found)
        taken = np.inf
        for _ in range(count):
            began = time.perf_counter()
            size = client.gather(found).nbytes
            taken = min(taken, time.perf_counter() - began)
    return 1e9 * taken / size


def starts(count: int) -> dict[int, float]:
    found = {}
    for workers in (1, 2):
        taken = []
        for _ in range(min(count, 5)):
            began = time.perf_counter()
            with room.connected(None, workers, print):
                taken.append(time.perf_counter() - began)
        found[workers] = min(taken)
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
