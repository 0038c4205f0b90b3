"""Workers of this machine: processes that Dask starts, and starts again where one dies."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any

from mfact.errors import StorageError
from mfact.host.memory import available_bytes
from mfact.words import printable

_HERE = {
    # A shard that is spilled to a disk is slower there than in the file that it came from.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": 0.9,
    "distributed.worker.memory.terminate": 0.98,
    # As the C library would have it by itself. Dask has it give all memory back at once, and half
    # of a pass went into getting it again: measured, 2.7 s for 1.35 s, of 40 columns.
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": 1 << 26,
    "distributed.nanny.pre-spawn-environ.MALLOC_MMAP_THRESHOLD_": 1 << 25,
    # A worker takes all that it has at hand with it, and no task is to blame.
    "distributed.scheduler.allowed-failures": 1000,
    # One that is lost is started again by its nanny. Dask gives that up for good where it is away
    # for the second time when this long has passed since the first.
    "distributed.deploy.lost-worker-timeout": "10000h",
}

HANGS = "30s"
"""Without a word from a worker, which is then started again."""

_SHARE = 0.9
"""Of the memory there is, for all workers."""


@contextmanager
def local_cluster(workers: int) -> Iterator[Any]:
    """So many processes, which end with it, or with this process if that is killed. Raises
    StorageError where they cannot be started.
    """
    import dask
    from distributed import LocalCluster

    if getattr(multiprocessing.current_process(), "_inheriting", False):
        # This is such a process, on its way through a script that starts more of them.
        raise SystemExit(1)
    with dask.config.set({**_HERE, "distributed.scheduler.worker-ttl": HANGS}):
        try:
            with _deaf():
                cluster = LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    memory_limit=int(_SHARE * available_bytes()) // workers,
                    dashboard_address="127.0.0.1:0",  # any port: 8787 may be another's
                    silence_logs=logging.CRITICAL,
                    preload=["mfact.targets.distributed.own_group"],
                )
        except (OSError, RuntimeError, TimeoutError) as error:
            line = str(error).strip().partition("\n")[0].rstrip(".") or type(error).__name__
            raise StorageError(
                f"{workers} workers cannot be started here: {printable(line)}",
                'in a script, call it under `if __name__ == "__main__":`; else give fewer',
            ) from error
        with cluster:
            yield cluster


@contextmanager
def _deaf() -> Iterator[None]:
    """Processes that are started by the threads that are made here know no Ctrl-C, from their
    first moment on; nor does what Python starts with them, which complains where this process ends
    without a word.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    warnings = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = "ignore"
    try:
        resource_tracker.ensure_running()
    finally:
        if warnings is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = warnings
    # Which lets it through again.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
