"""Real workers: processes of this machine, which are killed, stopped and outnumbered.

MFACT_KILLS: how many random kills (6 unless set).
"""

from __future__ import annotations

import gc
import os
import random
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from contracts.target_contract import TargetContract
from distributed import Client

from mfact.errors import MissingPackageError, SettingsError, StorageError
from mfact.host.threads import ALONE
from mfact.matrices.source import open_matrix
from mfact.targets.blocks import BlockTarget
from mfact.targets.distributed import cluster, local
from mfact.targets.distributed.cluster import Cluster, connected

KILLS = int(os.environ.get("MFACT_KILLS", "6"))
SHAPE, SLAB = (1200, 400), 20 * 400 * 8
"""60 slabs in 30 shards."""


@pytest.fixture(scope="module")
def client():
    """Of two workers of one thread each."""
    with (
        connected(None, 2, lambda text: None) as cluster,
        Client(cluster.address, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("real") / "M.npy"
    np.save(path, np.random.default_rng(1).standard_normal(SHAPE))
    return path


def held(path, client, note=lambda text: None, block_bytes=SLAB, dtype="float64"):
    found = Cluster(client, note, block_bytes).of(open_matrix(str(path)), dtype)
    return found.make(lambda share: None, ALONE)


def asked(target):
    rng = np.random.default_rng(2)
    U, V = (rng.standard_normal((d, 5)) for d in SHAPE)
    return [*target.normal(U, V), *target.products(U, V[:, :2]), target.norm, *target.sums]


def same(found, truth):
    return all(np.array_equal(one, other) for one, other in zip(found, truth, strict=True))


@pytest.fixture(scope="module")
def truth(path):
    return asked(BlockTarget(open_matrix(str(path)).slabs(SLAB)))


def processes(client):
    """Their numbers, once there are two."""
    until = time.monotonic() + 30
    while len(found := list(client.nthreads())) < 2:
        assert time.monotonic() < until
        time.sleep(0.05)
    return list(client.run(os.getpid, workers=found).values())


def test_the_bits_are_those_of_one_who_reads_the_file(client, path, truth):
    target = held(path, client)
    for _ in range(2):
        assert same(asked(target), truth)
    # Each shard is where it is to be, and nowhere else.
    where = [at for key, at in client.who_has().items() if "mfact-shard" in str(key)]
    assert len(where) == 30
    assert all(len(at) == 1 for at in where)
    # A signal of the terminal is for us.
    assert all(group != os.getpgid(0) for group in client.run(os.getpgid, 0).values())


def test_a_worker_is_killed(client, path, truth):
    notes: list[str] = []
    target = held(path, client, notes.append)
    assert same(asked(target), truth)
    os.kill(processes(client)[0], signal.SIGKILL)
    assert same(asked(target), truth)
    assert len(processes(client)) == 2  # started again
    assert same(asked(target), truth)
    assert len(notes) == 1
    assert notes[0].startswith("lost tcp://127.0.0.1:")


@pytest.mark.slow
def test_kills_at_random_moments(client, path, truth):
    """Of one worker, or of both, while they start, load and multiply."""
    moments, target = random.Random(1806), held(path, client)
    began = time.monotonic()
    assert same(asked(target), truth)
    seconds = time.monotonic() - began
    for _ in range(KILLS):
        fresh = moments.random() < 0.3
        target = held(path, client) if fresh else target
        victims = processes(client)[: moments.choice([1, 1, 1, 2])]
        delay = moments.uniform(0, seconds)
        timer = threading.Timer(delay, lambda: [_kill(each) for each in victims])  # noqa: B023
        timer.start()
        assert same(asked(target), truth)
        timer.join()
        assert same(asked(target), truth)


def _kill(process):
    os.kill(process, signal.SIGKILL)


@pytest.mark.slow
def test_one_that_hangs_is_started_again(path, truth, monkeypatch):
    monkeypatch.setattr(local, "HANGS", "3s")  # of which Dask makes five
    with (
        connected(None, 2, lambda text: None) as found,
        Client(found.address, set_as_default=False) as client,
    ):
        target = held(path, client)
        assert same(asked(target), truth)
        os.kill(processes(client)[0], signal.SIGSTOP)
        assert same(asked(target), truth)
        assert len(processes(client)) == 2


@pytest.mark.slow
def test_workers_of_two_threads_that_come_and_go(path, truth):
    with connected(None, 1, lambda text: None) as found:
        address = found.address
        with Client(address, set_as_default=False) as client:
            target = held(path, client)
            assert same(asked(target), truth)
            for threads in (2, 3):
                command = [sys.executable, "-m", "distributed.cli.dask_worker", address,
                           "--nthreads", str(threads), "--no-dashboard"]  # fmt: skip
                with subprocess.Popen(command, stderr=subprocess.DEVNULL) as worker:
                    while len(client.nthreads()) < 2:
                        time.sleep(0.05)
                    assert same(asked(target), truth)
                    assert all(client.has_what().values())
                    worker.terminate()
                assert same(asked(target), truth)


@pytest.mark.slow
class TestRealWorkers(TargetContract):
    """Each product is a pass over processes."""

    @pytest.fixture(autouse=True)
    def _on_workers(self, client, tmp_path):
        self.client, self.folder, self.number = client, tmp_path, 0

    def make(self, M, workers=ALONE):
        self.number += 1
        path = self.folder / f"{self.number}.npy"
        np.save(path, M)
        return held(path, self.client, block_bytes=max(1, M.nbytes // 24), dtype=str(M.dtype))


# What a client of Dask's leaves open that found nobody is its own.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_nobody_answers(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "ANSWER", "0.3s")
    file = tmp_path / "scheduler.json"
    file.write_text("{}")
    for address in ("tcp://127.0.0.1:1", "127.0.0.1:1", "nonsense", "quack://x:1", "", str(file)):
        with pytest.raises(SettingsError) as error, connected(address, None, print):
            pass
        assert str(error.value).startswith("no Dask scheduler answers at "), address
        assert "\n" not in str(error.value)
        del error
    gc.collect()


def test_without_dask(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(MissingPackageError, match="Dask is not installed: pip install 'mfact"),
        connected(None, 2, print),
    ):
        pass


def _again_and_again(target):
    while True:
        target.normal(*(np.ones((d, 2)) for d in SHAPE))


@pytest.mark.slow
def test_a_scheduler_that_is_killed(path, truth, tmp_path):
    file = tmp_path / "scheduler.json"
    python = [sys.executable, "-m"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler = subprocess.Popen(
        [*python, "distributed.cli.dask_scheduler", "--port", "0", "--scheduler-file", file,
         "--no-dashboard"], **quiet)  # fmt: skip
    worker = subprocess.Popen(
        [*python, "distributed.cli.dask_worker", "--scheduler-file", file, "--no-nanny",
         "--no-dashboard"], **quiet)  # fmt: skip
    try:
        while not file.exists():
            time.sleep(0.05)
        with connected(str(file), None, lambda text: None) as place:
            found = place.of(open_matrix(str(path)), "float64")
            target = found.make(lambda share: None, ALONE)
            target.normal(*(np.ones((d, 2)) for d in SHAPE))
            threading.Timer(0.2, scheduler.kill).start()
            began = time.monotonic()
            with pytest.raises(StorageError, match="the scheduler of the cluster is gone"):
                _again_and_again(target)
            assert time.monotonic() - began < 10
        assert time.monotonic() - began < 20
    finally:
        for process in (scheduler, worker):
            process.kill()
            process.wait()
