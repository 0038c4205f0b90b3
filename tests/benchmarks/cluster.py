"""What a cluster costs: a pass by one worker and by two, what moves, a lost worker, a task."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from clustered import AFTER, COLUMNS, KILLS
from holders import kept
from measure import Rounds
from table import Goal, Work


def cluster(rounds: Rounds) -> Work:
    """Of LocalClusters on this machine, and a matrix that is read once by their workers."""
    count = rounds.count
    child = Path(__file__).with_name("clustered.py")
    done = subprocess.run(
        [sys.executable, str(child), str(count), str(kept("M.npy"))],
        stdout=subprocess.PIPE, encoding="utf-8", check=True,
    )  # fmt: skip
    told = json.loads(done.stdout)
    rows, goals = [], []
    for k in map(str, COLUMNS):
        one, two = told["seconds"]["1"][k], told["seconds"]["2"][k]
        rows.append((f"a pass, k = {k}, from the file", f"{told['seconds']['file'][k]:.3f} s"))
        rows.append((f"a pass, k = {k}, 1 and 2 workers", f"{one:.3f}, {two:.3f} s"))
        for workers in ("1", "2"):
            moved = told["moved"][workers][k] / 1e6
            rows.append((f"moved in it, {workers} workers", f"{moved:.1f} MB"))
            most = (int(workers) + 2) * told["lines"] * int(k) * 8 / 1e6
            goals.append(Goal(f"moved, k = {k}, {workers} workers", moved, most, unit=" MB"))
        if k == "40":
            goals.append(Goal("a pass of 2 workers, of 1 (k = 40)", two / one, 0.7))
    delays = told["delays"]
    rows.append(("delay by a killed worker, passes", ", ".join(f"{d:.1f}" for d in delays)))
    goals.append(Goal("delay by a killed worker, at most", max(delays), 5, unit=" passes"))
    for shards, (tasks, taken) in told["tasks"].items():
        rows.append((f"a pass of {shards} tiny shards, {tasks} tasks",
                     f"{taken:.3f} s, {1e3 * taken / tasks:.2f} ms a task"))  # fmt: skip
    rows.append(("a shard of lines of 10⁶ float32, k = 20",
                 f"{told['wide']:.1f} processor seconds for 10⁹ entries"))  # fmt: skip
    rows.append(("to fetch a result", f"{told['fetch']:.2f} s for 1 GB"))
    for workers, taken in told["start"].items():
        rows.append((f"start of a cluster, workers: {workers}", f"{taken:.2f} s"))
    return Work(
        "A Dask cluster on this machine",
        f"2 GB in float64; wall time, the least of {count} rounds in turn; moved: over the loopback"
        f" device, the least. A worker is killed (SIGKILL) at {KILLS} random moments of a pass"
        f" (k = 40): the delay of that and of {AFTER} more, in passes.",
        ("what", "takes"),
        rows,
        told,
        goals,
    )
