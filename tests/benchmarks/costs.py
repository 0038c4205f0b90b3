"""What mfact itself costs: one small step, a process, a pass, and memory."""

from __future__ import annotations

import compileall
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from contestants import PLAIN, REDUCED, Found, Problem, constant, matrix, mfact_solve, plain_numpy
from measure import Rounds
from table import Goal, Work, seconds

from mfact.core import Array

ROOT = Path(__file__).parents[2]
IMPORTS = "import numpy, scipy.linalg, h5py, click"
"""What no solve can do without."""
LEAST_ROUNDS = 10


def small_step(rounds: Rounds) -> Work:
    """Seconds a step of a 10×10 problem, from the difference of a long and a short run."""
    problem = matrix(10, 10, 10, 0.0, 5.0)
    problem = Problem("10×10, r=5", problem.M, 5, problem.sigma, 0.0, 1e-2)
    short, long = 10_000, 60_000

    def run(steps: int, every: int | None) -> Callable[[], Found]:
        return lambda: mfact_solve(
            problem, "reduced", tol=0.0, min_iter=steps, max_iter=steps, every=every
        )

    def loop(steps: int) -> Callable[[], Found]:
        return lambda: plain_numpy(problem, constant(problem), tol=-1.0, steps=steps)

    kinds = {
        f"{REDUCED}, about 1,000 rows kept": (run(short, None), run(long, None)),
        f"{REDUCED}, each step kept": (run(short, 1), run(long, 1)),
        f"{PLAIN}, loss alone": (loop(short), loop(long)),
    }
    timed = rounds.paired(
        {f"{name}: {n}": f for name, pair in kinds.items() for n, f in enumerate(pair)}, {}
    )
    micro = {
        name: (timed[f"{name}: 1"].median - timed[f"{name}: 0"].median) / (long - short) * 1e6
        for name in kinds
    }
    first = next(iter(micro))
    return Work(
        "One small step: k=10, r=5",
        f"M is 10×10: {long:,} steps less {short:,} steps, over the difference; loss, gradient, "
        f"drift, ledger and leak are kept for each step; {rounds}.",
        ("contestant", "µs a step"),
        [(name, f"{value:.2f}") for name, value in micro.items()],
        {"microseconds": micro},
        [Goal("a small step with everything recorded", micro[first], 12, 6, unit=" µs")],
    )


def processes(rounds: Rounds) -> Work:
    """`mfact solve` as a whole process on each matrix in data/, and beside what it must import."""
    compileall.compile_dir(ROOT / "mfact", quiet=1)  # as pip leaves what it installs
    with tempfile.TemporaryDirectory() as folder:
        commands = _commands(Path(folder) / "run.h5")
        taken: dict[str, list[float]] = {name: [] for name in commands}
        codes = {}
        clock = _children if rounds.cpu else time.perf_counter
        for _ in range(max(rounds.count, LEAST_ROUNDS)):
            for name, words in commands.items():
                started = clock()
                done = subprocess.run(words, cwd=ROOT, capture_output=True, check=False)
                taken[name].append(clock() - started)
                codes[name] = done.returncode
                if done.returncode not in (0, 3):
                    raise RuntimeError(f"{name} failed: {done.stderr.decode()}")
    least = {name: min(times) for name, times in taken.items()}
    share = {name: value / least[IMPORTS] for name, value in least.items()}
    return Work(
        "The command as a process",
        f"From start to end, with bytecode; the least of {len(taken[IMPORTS])} rounds in turn.",
        ("command", "seconds", "of the imports", "exit"),
        [(n, seconds(least[n]), f"{share[n]:.2f}", str(codes[n])) for n in commands],
        {name: {"seconds": taken[name], "exit_code": codes[name]} for name in commands},
        [
            *(Goal(n, least[n], 1.0, 0.5, unit=" s") for n in commands if "solve" in n),
            *(Goal(f"{n}, of the imports", share[n], 1.6) for n in commands if "-r 1" in n),
        ],
    )


def _commands(output: Path) -> dict[str, list[str]]:
    mfact = [sys.executable, "-c", "from mfact.cli.main import main; main()"]
    files = (("elnino.npy", 1), ("elnino.npy", 2), ("digits.npy", 5), ("camera.h5", 5),
             ("rank5.npy", 5))  # fmt: skip
    written = {
        f"mfact solve data/{name} -r {rank}": [
            *mfact, "solve", f"data/{name}", "-r", str(rank), "--seed", "1", "-o", str(output),
        ]
        for name, rank in files
        if (ROOT / "data" / name).exists()
    }  # fmt: skip
    return {
        IMPORTS: [sys.executable, "-c", IMPORTS],
        "mfact --version": [*mfact, "--version"],
        **written,
        **{f"{name} -q": [*words, "-q"] for name, words in written.items() if "-r 1" in name},
    }


def _children() -> float:
    """Processor seconds of all child processes so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def sizes(largest: int, rounds: Rounds) -> Work:
    """Square matrices: passes over M, and what a pass costs a byte."""
    from mfact.targets.dense import DenseTarget

    rows: list[tuple[str, ...]] = []
    data: dict[str, Any] = {}
    for d in (d for d in (500, 1000, 2000, 4000, 8000) if d <= largest):
        problem = matrix(d, d, 10, 0.5, 5.0, known=False)
        timed = rounds.paired(_passes(problem, DenseTarget(problem.M).products), {})
        whole, passes = timed[REDUCED], float(timed[REDUCED].found.passes or np.nan)
        per_byte = 1e12 / problem.M.nbytes
        rows.append(
            (
                str(d),
                seconds(whole.median),
                f"{passes:g}",
                *(f"{timed[name].median * per_byte:.0f}" for name in ("mfact", "NumPy")),
                f"{whole.median / passes * per_byte:.0f}",
            )
        )
        data[str(d)] = {"passes": passes, **{name: t.seconds for name, t in timed.items()}}
    return Work(
        "Cost against size: d×d, r=10, noise 0.5, κ=5",
        "The reduced engine to gap 1e-10. A pass is MV and MᵀU with 10 columns each; costs are in "
        f"picoseconds a byte of M; {rounds}.",
        ("d", "seconds", "passes", "a pass", "a pass, plain NumPy", "all, over passes"),
        rows,
        data,
    )


def _passes(
    problem: Problem, products: Callable[[Array, Array], tuple[Array, Array]]
) -> dict[str, Callable[[], Found]]:
    U, V = problem.start
    return {
        REDUCED: lambda: mfact_solve(problem, "reduced"),
        "mfact": lambda: Found(*products(U, V)),
        "NumPy": lambda: Found(problem.M @ V, problem.M.T @ U),
    }


def memory() -> Work:
    """Peak memory of a reduced run beyond M, in a process of its own, in bases' worth."""
    rows, data, goals = [], {}, []
    for d1, d2 in ((2000, 1500), (4000, 3000)):
        child = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("memory.py")), str(d1), str(d2)],
            cwd=ROOT, capture_output=True, encoding="utf-8", check=True,
        )  # fmt: skip
        found = json.loads(child.stdout)
        name = f"{d1}×{d2}, r=10, noise 0.5, κ=5"
        worth = found["allocated"] / found["basis_bytes"]
        rows.append(
            (
                name,
                str(found["columns"]),
                *(f"{found[k] / 2**20:.2f}" for k in ("basis_bytes", "allocated", "resident")),
                f"{worth:.2f}",
            )
        )
        data[name] = found
        goals.append(Goal(f"peak memory beyond M ({name})", worth, 4, unit=" bases"))
    return Work(
        "Peak memory beyond M",
        "A basis is L and Q, d1×k and d2×k. Allocated: NumPy's arrays, by tracemalloc. Resident: "
        "the rise of VmHWM, with buffers of BLAS and the allocator, in a warm process.",
        ("matrix", "k", "basis MiB", "allocated MiB", "resident MiB", "bases"),
        rows,
        data,
        goals,
    )
