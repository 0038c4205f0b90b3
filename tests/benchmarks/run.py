"""Times mfact against other ways to a rank-r factorization: `python tests/benchmarks/run.py`.

Prints Markdown tables and writes the same as JSON. Contestants are run in turn, in one process.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# Without this OpenMP workers would spin while another contestant runs.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from centred import centred
from checkpoints import checkpoints
from cluster import cluster
from convolutions import convolutions
from costs import memory, processes, sizes, small_step
from devices import devices
from gaps import decaying, to_a_gap
from holders import holders
from measure import Rounds, machine, threads
from methods import methods
from networks import networks
from passes import passes
from phases import phases
from pictures import modes, pictures
from reading import matrix_market
from slabs import slabs
from sparse import sparse_pass
from svds import against_svds
from table import Goal, Work
from tables import tables


def main() -> int:
    asked = _arguments()
    rounds, condition = Rounds(asked.rounds, asked.clock == "cpu"), asked.condition
    works: dict[str, Callable[[], Work]] = {
        "exact": lambda: to_a_gap(2000, 1500, 0.0, condition, rounds),
        "noise": lambda: to_a_gap(2000, 1500, 0.5, condition, rounds),
        "faint": lambda: to_a_gap(2000, 1500, 0.5, condition, rounds, 1 / condition),
        "svds": lambda: against_svds(rounds, asked.largest),
        "large": lambda: to_a_gap(4000, 3000, 0.5, condition, rounds),
        "power": lambda: decaying(2000, 1500, 0.5, condition, rounds, asked.full),
        "step": lambda: small_step(rounds),
        "phases": lambda: phases(rounds),
        "process": lambda: processes(rounds),
        "market": lambda: matrix_market(rounds),
        "tables": lambda: tables(rounds),
        "sparse": lambda: sparse_pass(rounds),
        "slabs": lambda: slabs(rounds),
        "passes": lambda: passes(rounds),
        "centred": lambda: centred(rounds),
        "devices": lambda: devices(rounds),
        "size": lambda: sizes(asked.largest, rounds),
        "memory": memory,
        "holders": lambda: holders(rounds),
        "cluster": lambda: cluster(rounds),
        "network": lambda: networks(rounds),
        "grids": lambda: convolutions(rounds),
        "checkpoint": lambda: checkpoints(rounds),
        "picture": lambda: pictures(rounds),
        "modes": lambda: modes(rounds),
        "methods": lambda: methods(rounds),
    }
    if asked.list:
        print("\n".join(works))
        return 0
    chosen = asked.only or list(works)
    if unknown := set(chosen) - set(works):
        print(f"unknown: {', '.join(unknown)}; choose from {', '.join(works)}", file=sys.stderr)
        return 2
    done, failed = [], []
    os.environ["OPENBLAS_NUM_THREADS"] = str(asked.threads)  # for the child processes
    with threads(asked.threads):
        for name in chosen:
            started = time.perf_counter()
            print(f"{name} …", end=" ", file=sys.stderr, flush=True)
            try:
                done.append(works[name]())
            except Exception:
                failed.append(name)
                traceback.print_exc()
            print(f"{time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    about = machine() | {"threads": asked.threads, "rounds": vars(rounds)}
    print(_markdown(done, about))
    if asked.json:
        document = {
            "schema": "mfact-bench/1",
            "machine": about,
            "works": [{"title": work.title, "how": work.how, **work.data} for work in done],
            "goals": [
                vars(goal) | {"met": goal.met, "aim_met": goal.aimed}
                for work in done
                for goal in work.goals
            ],
        }
        Path(asked.json).write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="the works to time; all by default")
    parser.add_argument("--list", action="store_true", help="name the works")
    parser.add_argument("--json", metavar="FILE", help="also write all numbers here")
    parser.add_argument("--threads", type=int, default=1, help="BLAS threads (1)")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each contestant (7)")
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="cpu: for a machine that is busy"
    )
    parser.add_argument("--condition", type=float, default=5.0, help="σ₁/σ_r of the signal (5)")
    parser.add_argument("--largest", type=int, default=8000, help="largest d of `size` (8000)")
    parser.add_argument(
        "--full", action="store_true", help="all 20,000 plain steps of `power`: minutes a round"
    )
    return parser.parse_args()


def _markdown(works: list[Work], about: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {v}" for name, v in about["versions"].items() if v)
    lines = [
        f"{about['processor']}, {about['cores']} cores, {about['memory_bytes'] / 2**30:.0f} GiB; "
        f"Python {about['python']}, {versions}; {', '.join(about['blas'])}; "
        f"threads {about['threads']}; load at the end {about['load'][0]:.2f}.",
    ]
    for work in works:
        lines += ["", f"### {work.title}", "", work.how, "", *_table(work.header, work.rows)]
    goals = [goal for work in works for goal in work.goals]
    if goals:
        header = ("goal", "measured", "must", "aim", "reached")
        lines += ["", "### Goals", "", *_table(header, [_goal(goal) for goal in goals])]
    return "\n".join(lines)


def _goal(goal: Goal) -> tuple[str, ...]:
    sign = "≥" if goal.least else "≤"
    reached = "aim" if goal.aimed else "yes" if goal.met else "no"
    aim = "-" if goal.aim is None else f"{sign} {goal.aim:g}{goal.unit}"
    return (
        goal.what, f"{goal.value:.3g}{goal.unit}", f"{sign} {goal.must:g}{goal.unit}", aim, reached,
    )  # fmt: skip


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    rule = ("---",) + ("---:",) * (len(header) - 1)
    return [f"| {' | '.join(cells)} |" for cells in (header, rule, *rows)]


if __name__ == "__main__":
    sys.exit(main())
