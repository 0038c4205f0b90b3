"""A child process: one run of a matrix that one holder has, as one line of JSON.

Usage: python holding.py HOLDER MATRIX FACTORS.npz, where HOLDER is memory, file, torch, or how many
workers a cluster is to have. Factors are kept; the line is null where there is no such holder.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from contestants import GAP, SEED

from mfact.errors import DataError
from mfact.matrices.source import open_matrix
from mfact.run.solve import solve
from mfact.settings import RunSettings

LOOK_SECONDS = 0.05
LEAVES_IT = 1 << 30
"""Bytes of memory with which a matrix of 2 GB stays in its file."""


def main(holder: str, path: str, factors: str) -> None:
    try:
        if holder == "torch":
            import torch

            from mfact.targets.device.target import DeviceTarget
        else:
            open_matrix(path)
    except (ImportError, DataError):
        print("null")
        return
    where: dict[str, Any] = {}
    if holder == "file":
        where = {"max_memory": LEAVES_IT}
    elif holder.isdecimal():
        where = {"workers": int(holder)}
    asked = RunSettings(rank=10, schedule="constant", tol=GAP, seed=SEED, **where)
    with watched() as processes:
        started = time.perf_counter()
        on_device = holder == "torch"
        matrix = DeviceTarget(torch.from_numpy(np.load(path))) if on_device else open_matrix(path)
        result = solve(matrix, asked)
        took = time.perf_counter() - started
    np.savez(factors, U=result.U, V=result.V)
    here = processes.pop(os.getpid())
    print(
        json.dumps(
            {
                "seconds": took,
                "steps": result.summary["iterations"],
                "passes": result.summary["passes"],
                "peak": here.peak,
                "worker_peak": max((each.peak for each in processes.values()), default=0),
                "read": here.read,
            }
        )
    )


class Process:
    """What one has taken by now. peak: bytes that were resident at most. read: by calls to read, of
    its own and of children that have ended; they are of files and pipes, and not of sockets."""

    def __init__(self) -> None:
        self.peak = self.read = self.before = 0

    def look(self, folder: Path) -> None:
        status = (folder / "status").read_text()
        self.peak = max(self.peak, 1024 * int(status.partition("VmHWM:")[2].split()[0]))
        self.read = int((folder / "io").read_text().split()[1]) - self.before


@contextmanager
def watched() -> Iterator[dict[int, Process]]:
    """This process and all that it starts, looked at again and again until they end (Linux)."""
    own = Process()
    own.look(Path("/proc/self"))
    own.before = own.read
    found, over = {os.getpid(): own}, threading.Event()

    def look() -> None:
        for pid in descendants(os.getpid()):
            try:
                found.setdefault(pid, Process()).look(Path(f"/proc/{pid}"))
            except (OSError, IndexError):  # it has just ended
                continue

    def watch() -> None:
        while not over.wait(LOOK_SECONDS):
            look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()
        look()


def descendants(pid: int) -> Iterator[int]:
    """A process and those that it, or one of them, has started."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            pids = children.read_text().split()
        except OSError:
            continue
        for child in pids:
            yield from descendants(int(child))


if __name__ == "__main__":
    main(*sys.argv[1:])
