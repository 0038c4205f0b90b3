"""A cluster of two workers that a shell starts: the run is that of the file on one machine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from children import Child, environment, mfact, wait_for
from cut_runs import assert_same

from mfact.storage.runs import read_run
from mfact.targets import streamed

SOLVE = ["solve", "M.npy", "-r", 2, "--schedule", "constant", "--seed", 1]
WHERE = ("max_memory", "scheduler", "workers")
NO_SPILL = {
    "DASK_DISTRIBUTED__WORKER__MEMORY__TARGET": "False",
    "DASK_DISTRIBUTED__WORKER__MEMORY__SPILL": "False",
}


class Cluster:
    """`dask scheduler` and `dask worker`s as processes, which know each other by a file."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "cluster.json"
        self._processes = [self._dask("scheduler", "--port", 0)]
        wait_for(self.file)
        self.workers = [self.start_worker() for _ in range(2)]

    @property
    def address(self) -> str:
        return json.loads(self.file.read_text())["address"]

    def start_worker(self) -> subprocess.Popen[bytes]:
        """No nanny, which would start another in its place."""
        worker = self._dask("worker", "--nthreads", 1, "--memory-limit", "1GB", "--no-nanny")
        self._processes.append(worker)
        return worker

    def wait(self) -> None:
        """Until two workers are there. Done in a child: a client has threads."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)

    def _dask(self, kind: str, *options: object) -> subprocess.Popen[bytes]:
        here = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"]
        command = [sys.executable, "-m", "dask", kind, "--scheduler-file", self.file, *here]
        with (self.folder / "dask.log").open("ab") as log:
            return subprocess.Popen(
                [str(word) for word in (*command, *options)], cwd=self.folder,
                env=environment(self.folder) | NO_SPILL, stdout=log, stderr=log,
            )  # fmt: skip

    def close(self) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """With M.npy beside its file, and here.h5, the run that reads M from its file in each pass."""
    pytest.importorskip("distributed")
    folder = tmp_path_factory.mktemp("cluster")
    rng = np.random.default_rng(1)
    U, V = (np.linalg.qr(rng.standard_normal((d, 2)))[0] for d in (1600, 1200))
    M = U * (3, 2) @ V.T + 2e-4 * rng.standard_normal((1600, 1200))
    np.save(folder / "M.npy", M)
    started = Cluster(folder)
    try:
        solved(folder, "here.h5", "--max-memory", "130M")
        mfact(folder, "--version", before=started.wait)
        yield started
    finally:
        started.close()


def in_small_slabs():
    streamed.SLAB_BYTES = 600_000


def solved(folder, name, *options):
    mfact(folder, *SOLVE, *options, "-o", name, before=in_small_slabs)
    run = read_run(folder / name)
    assert run.problem["held"] == "in its file"
    assert run.summary["passes"] >= 4
    return run


def test_it_is_found_by_its_file_and_gives_the_bits_of_one_machine(cluster):
    run = solved(cluster.folder, "there.h5", "--scheduler", cluster.file)
    assert_same(read_run(cluster.folder / "here.h5"), run, changed=WHERE)


@pytest.mark.slow
def test_a_run_that_was_cut_goes_on_with_the_cluster_and_without(cluster):
    """From one checkpoint, written on the cluster."""
    cut = Child(
        cluster.folder, *SOLVE, "--scheduler", cluster.address, "--max-iter", 20, "--force",
        "--checkpoint", "cut.h5", "-o", "cut.run.h5", before=in_small_slabs,
    )  # fmt: skip
    assert cut.wait() == 3, cut.said()
    for name, where in (("with.h5", ["--scheduler", cluster.file]), ("without.h5", [])):
        shutil.copy(cluster.folder / "cut.h5", cluster.folder / "again.h5")
        asked = ["resume", "again.h5", *where, "--max-iter", 10_000, "-o", name]
        mfact(cluster.folder, *asked, before=in_small_slabs)
        runs = (read_run(cluster.folder / each) for each in ("here.h5", name))
        assert_same(*runs, changed=(*WHERE, "max_iter", "force"))


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_worker_that_is_killed_meanwhile_changes_no_bit(cluster, share):
    """It dies so far into the second pass; another is started by hand, and takes its part."""
    victim = cluster.workers.pop(0)

    def killing():
        in_small_slabs()
        from mfact.targets.distributed import cluster as room

        class Watched(room.DistributedTarget):
            passes = 0

            def read(self, asked, looks):
                self.passes += 1
                if self.passes == 2:
                    kill = (victim.pid, signal.SIGKILL)
                    threading.Timer(share * self.seconds, os.kill, kill).start()
                super().read(asked, looks)

        room.DistributedTarget = Watched

    child = Child(
        cluster.folder, *SOLVE, "--scheduler", cluster.address, "-o", "disturbed.h5", before=killing
    )
    victim.wait(timeout=60)
    cluster.workers.append(cluster.start_worker())
    assert child.wait() == 0, child.said()
    assert "what they held of M is read anew by others" in child.said()
    runs = (read_run(cluster.folder / name) for name in ("here.h5", "disturbed.h5"))
    assert_same(*runs, changed=WHERE)
    mfact(cluster.folder, "--version", before=cluster.wait)
