"""A stand-in for the client of a Dask cluster, and the cluster: in this process, in any order.

What is sent is pickled, and lies at odd bytes where it comes. A worker holds what it has found or
fetched; what only a lost one had is found again, by the workers that may.
"""

from __future__ import annotations

import pickle
import random
import threading
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from unittest import mock
from weakref import WeakSet

from distributed import CancelledError

import mfact
from mfact.matrices.source import open_matrix
from mfact.targets.distributed import gathering
from mfact.targets.distributed.cluster import Cluster

VERSIONS = {"mfact": mfact.__version__, "numpy": "2.0"}


@dataclass
class Worker:
    threads: int = 1
    memory: int = 1 << 40
    folder: str = ""
    versions: dict = field(default_factory=dict)
    held: dict = field(default_factory=dict)


class Future:
    """What a task finds. sees: it is wanted as long as this is there."""

    def __init__(self, client, key, spec, of, workers):
        self.client, self.key, self.spec, self.of, self.workers = client, key, spec, of, workers
        self.status, self.error = "pending", None

    def result(self, timeout=None):
        return self.client.until([self], timeout)[0]


class Client:
    """threads: of each worker at first. before: called before each task with the number of those
    before it. tasks: that were done, and where. moved: bytes that were sent, by way."""

    def __init__(self, threads=(1, 1), seed=0):
        self.status = "running"
        self.scheduler = SimpleNamespace(address="by hand", identity=self._identity)
        self.workers, self.lock, self.joined = {}, threading.RLock(), 0
        self.futures, self.tasks, self.number = WeakSet(), [], 0
        self.rng, self.before = random.Random(seed), lambda number: None
        self.moved = {"to workers": 0, "between": 0, "to driver": 0}
        for count in threads:
            self.join(count)

    def join(self, threads=1, address=None, **more):
        with self.lock:
            self.joined += 1
            address = address or f"tcp://{self.joined}:1"
            self.workers[address] = Worker(threads, folder=f"folder {self.joined}", **more)
        return address

    def kill(self, address):
        with self.lock:
            del self.workers[address]
            for future in list(self.futures):
                if future.status == "finished" and not self._holders(future):
                    future.status = "pending"

    def submit(self, work, *args, workers, key=None, pure=False, retries=0):
        assert self.status == "running"
        assert not pure
        of = []
        spec, _ = packed((work, [_named(arg, of) for arg in args]))
        with self.lock:
            self.number += 1
            key = key or f"{work.__name__}-{self.number}"
            future = Future(self, key, spec, of, tuple(workers))
            self.futures.add(future)
        return future

    def gather(self, futures):
        found = self.until(futures)
        return [self._sent(each, "to driver") for each in found]

    def cancel(self, futures):
        with self.lock:
            for future in futures:
                future.status = "cancelled"

    def nthreads(self):
        if self.status != "running":
            raise OSError("closed")
        with self.lock:
            return {address: worker.threads for address, worker in self.workers.items()}

    def sync(self, work, **how):
        return work(**how)

    def _identity(self, n_workers):
        assert n_workers == -1
        if self.status != "running":
            raise OSError("closed")
        with self.lock:
            return {"workers": {address: {"nthreads": each.threads, "memory_limit": each.memory,
                                          "local_directory": each.folder}
                                for address, each in self.workers.items()}}  # fmt: skip

    def get_versions(self, packages):
        def told(more):
            return {
                "host": {"python": "3.11.1"},
                "packages": dict.fromkeys(packages) | VERSIONS | more,
            }

        with self.lock:
            workers = {address: told(each.versions) for address, each in self.workers.items()}
        return {"client": told({}), "workers": workers}

    def until(self, futures, timeout=None):
        """Tasks are done until these are."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            with self.lock:
                for future in futures:
                    if future.status == "cancelled" or self.status != "running":
                        raise CancelledError(future.key)
                    if future.status == "error":
                        raise future.error
                if all(future.status == "finished" for future in futures):
                    return [self._found(future) for future in futures]
                ready = self._ready()
                if ready:
                    self._do(self.rng.choice(sorted(ready, key=lambda each: each.key)))
                    continue
            if end is not None and time.monotonic() > end:
                raise TimeoutError
            time.sleep(0.0005)

    def _ready(self):
        wanted, stack = set(), list(self.futures)
        while stack:
            future = stack.pop()
            if future.status == "pending" and future not in wanted:
                wanted.add(future)
                stack += future.of
                failed = [each for each in future.of if each.status == "error"]
                if failed:
                    future.status, future.error = "error", failed[0].error
        return [future for future in wanted if future.status == "pending"
                and all(each.status == "finished" for each in future.of)
                and any(address in self.workers for address in future.workers)]  # fmt: skip

    def _do(self, future):
        self.before(len(self.tasks))
        able = [address for address in future.workers if address in self.workers]
        if not able or future.status != "pending":
            return
        if any(each.status != "finished" for each in future.of):
            return
        # One who has most of it, as Dask does.
        had = {address: sum(each.key in self.workers[address].held for each in future.of)
               for address in able}  # fmt: skip
        address = self.rng.choice([each for each in able if had[each] == max(had.values())])
        worker = self.workers[address]
        for each in future.of:
            if each.key not in worker.held:
                worker.held[each.key] = self._sent(self._found(each), "between")
        self.moved["to workers"] += len(future.spec)
        work, args = unpacked(future.spec)
        self.tasks.append((future.key, address))
        try:
            worker.held[future.key] = work(*[_filled(arg, worker.held) for arg in args])
            future.status = "finished"
        except Exception as error:
            future.status, future.error = "error", error

    def _holders(self, future):
        return [worker for worker in self.workers.values() if future.key in worker.held]

    def _found(self, future):
        return self._holders(future)[0].held[future.key]

    def _sent(self, found, way):
        data, size = packed(found)
        self.moved[way] += size
        return unpacked(data)


@dataclass(frozen=True)
class _Name:
    key: str


def _named(arg, of):
    """Of tasks that are told of, their names; they themselves are put into `of`."""
    if isinstance(arg, list):
        return [_named(each, of) for each in arg]
    if isinstance(arg, Future):
        of.append(arg)
        return _Name(arg.key)
    return arg


def _filled(arg, held):
    if isinstance(arg, list):
        return [_filled(each, held) for each in arg]
    return held[arg.key] if isinstance(arg, _Name) else arg


class Packed(list):
    """len: bytes of all of it."""

    def __len__(self):
        return sum(map(len, self))


def packed(found):
    """(what is sent, how many bytes)."""
    buffers = []
    data = pickle.dumps(found, protocol=5, buffer_callback=buffers.append)
    parts = Packed([data])
    for buffer in buffers:
        odd = bytearray(buffer.raw().nbytes + 1)
        odd[1:] = buffer.raw()
        parts.append(odd)
    return parts, len(parts)


def unpacked(parts):
    data, *odd = parts
    return pickle.loads(data, buffers=[memoryview(each)[1:] for each in odd])


def looking_often():
    """At the workers, while a pass is on."""
    return mock.patch.object(gathering, "LOOK_SECONDS", 0.002)


def target_of(path, client, *, block_bytes, dtype="float64", note=lambda text: None, **how):
    """A matrix in a file on a cluster."""
    found = Cluster(client, note, block_bytes).of(open_matrix(str(path), **how), dtype)
    return found.make(lambda share: None, None)
