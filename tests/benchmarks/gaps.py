"""Factorizations of the same matrix by all contestants: to the same gap, and for 20,000 steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from contestants import (
    PLAIN,
    REDUCED,
    Found,
    Problem,
    constant,
    matrix,
    mfact_solve,
    plain_numpy,
    power,
    randomized,
    svds,
    torch_autograd,
    wide_numpy,
)
from measure import Rounds, Timed, have
from table import Goal, Work, seconds

SVDS = "scipy svds"
RANDOMIZED = "scikit-learn randomized_svd"
WIDE = "the same, operands transposed"
TORCH = "PyTorch, autograd"
DIRECT = "mfact, direct engine"


def to_a_gap(
    d1: int, d2: int, noise: float, condition: float, rounds: Rounds, signal: float = 1.0
) -> Work:
    """Every contestant to the gap 1e-10, or to the precision that it has."""
    problem = matrix(d1, d2, 10, noise, condition, signal=signal)
    step = constant(problem)
    contestants: dict[str, Callable[[], Found]] = {
        PLAIN: lambda: plain_numpy(problem, step),
        WIDE: lambda: wide_numpy(problem, step),
        TORCH: lambda: torch_autograd(problem, step),
        DIRECT: lambda: mfact_solve(problem, "direct"),
        REDUCED: lambda: mfact_solve(problem, "reduced"),
        SVDS: lambda: svds(problem),
        RANDOMIZED: lambda: randomized(problem),
    }
    how = f"Constant step 0.5/σ₁, start std 1e-2/√d1, to gap 1e-10; {rounds}."
    for name, package in ((TORCH, "torch"), (RANDOMIZED, "sklearn")):
        if not have(package):
            del contestants[name]
            how += f" {package} is not installed: left out."
    few = {TORCH: 1, **dict.fromkeys((PLAIN, WIDE, DIRECT), min(3, rounds.count))}
    timed = rounds.paired(contestants, few)
    base = timed[REDUCED].median
    rows = [
        (name, seconds(t.median), f"{t.median / base:.2f}", seconds(t.call), *_found(problem, t))
        for name, t in timed.items()
    ]
    large = d1 > 2000
    name = problem.name
    if signal != 1.0:
        name += f", signal {signal:g}"
    goals = [Goal(f"mfact over {SVDS} ({name})", base / timed[SVDS].median, 2 if large else 3, 1)]
    if RANDOMIZED in timed:
        ratio = base / timed[RANDOMIZED].median
        goals.append(Goal(f"mfact over {RANDOMIZED} ({name})", ratio, 0.7))
    if not large:
        ratio = timed[PLAIN].median / base
        goals.append(Goal(f"{PLAIN} over mfact ({name})", ratio, 20, least=True))
    return Work(
        f"To a gap of 1e-10: {name}",
        how,
        ("contestant", "seconds", "against reduced", "whole call", "steps", "passes", "gap"),
        rows,
        _data(problem, timed),
        goals,
    )


def decaying(d1: int, d2: int, noise: float, condition: float, rounds: Rounds, full: bool) -> Work:
    """20,000 steps of the schedule power; the plain loop over its first steps unless `full`."""
    problem = matrix(d1, d2, 10, noise, condition)
    steps, timed_steps = 20_000, 20_000 if full else 200
    step = power(problem, 0.05)

    def plain() -> Found:
        found = plain_numpy(problem, step, tol=-1.0, steps=timed_steps)
        return replace(found, share=steps / timed_steps)

    def reduced(fast_forward: str) -> Callable[[], Found]:
        return lambda: mfact_solve(
            problem, "reduced", schedule="power", delta=0.05, step_size=step(0), tol=0.0,
            min_iter=steps, max_iter=steps, fast_forward=fast_forward, force=True,
        )  # fmt: skip

    timed = rounds.paired(
        {PLAIN: plain, REDUCED: reduced("off"), "the same, fast-forward": reduced("auto")},
        {PLAIN: min(2, rounds.count)},
    )
    base = timed[REDUCED].median
    how = f"η_t = 0.3/σ₁ (t+1)^−0.55, {steps:,} steps; {rounds}."
    if not full:
        how += f" The plain loop took {timed_steps} steps, and its time is scaled up."
    return Work(
        f"20,000 decaying steps: {problem.name}",
        how,
        ("contestant", "seconds", "against reduced", "steps taken"),
        [
            (name, seconds(t.median), f"{t.median / base:.2f}", str(t.found.steps))
            for name, t in timed.items()
        ],
        _data(problem, timed),
        [
            Goal(
                f"{PLAIN} over mfact, 20,000 decaying steps ({problem.name})",
                timed[PLAIN].median / base,
                300,
                1000,
                least=True,
            )
        ],
    )


def _found(problem: Problem, timed: Timed) -> tuple[str, str, str]:
    found = timed.found
    passes = "-" if found.passes is None else f"{found.passes:g}"
    steps = "-" if found.steps is None else str(found.steps)
    return steps, passes, f"{problem.gap(found.U, found.V):.1e}"


def _data(problem: Problem, timed: dict[str, Timed]) -> dict[str, Any]:
    return {
        "problem": problem.name,
        "contestants": {
            name: {
                "seconds": t.seconds,
                "calls": t.calls,
                "steps": t.found.steps,
                "passes": t.found.passes,
                "gap": problem.gap(t.found.U, t.found.V),
                "detail": t.found.detail,
            }
            for name, t in timed.items()
        },
    }
