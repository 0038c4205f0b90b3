"""How many steps each method takes to a gap of 1e-10, and how long a run by it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from contestants import Found
from measure import Rounds
from table import Goal, Work, seconds

from mfact.core import Array, Outcome, Result
from mfact.methods.choice import METHODS, PLAIN
from mfact.run.solve import solve
from mfact.studies.generate import generate_matrix

RANK, SEEDS = 3, 20
CONDITIONS = (5.0, 100.0)
SHAPES = ((80, 70), (400, 300))
TIMED = (2000, 1500)
MOST = 20_000
"""Steps of a run."""


class Problem(NamedTuple):
    """A matrix with singular values that fall evenly from 1 to 1/κ, and whether from 0.3/κ on to
    zero after them.
    """

    shape: tuple[int, int]
    condition: float
    tail: bool

    @property
    def name(self) -> str:
        d1, d2 = self.shape
        return f"{d1}×{d2}, κ = {self.condition:g}{', tail' if self.tail else ''}"

    @property
    def M(self) -> Array:
        values = np.linspace(1, 1 / self.condition, RANK)
        if self.tail:
            rest = np.linspace(0.3, 0, min(self.shape) - RANK, endpoint=False)
            values = np.append(values, rest / self.condition)
        return generate_matrix(self.shape, values.tolist(), seed=1)


def steps_of(M: Array, method: str, seed: int, **options: Any) -> int | None:
    """Steps of a run as by default but for a constant step; None where it did not end in time."""
    result = _solved(M, method, seed, **options)
    return int(result.summary["iterations"]) if _ended(result) else None


def methods(rounds: Rounds) -> Work:
    """min–median–max over starts, and of the ratio to gradient descent from the same one."""
    rows, goals, data = [], [], {}
    for problem in _problems():
        M = problem.M
        counts = {n: [steps_of(M, n, seed) for seed in range(SEEDS)] for n in METHODS}
        data[problem.name] = counts
        for name, steps in counts.items():
            ratios = [_over(*pair) for pair in zip(steps, counts[PLAIN], strict=True)]
            rows.append((problem.name, name, _spread(steps, "g"), _spread(ratios, ".3f"), ""))
            goals += _goals(problem, name, steps, ratios)
    problem = Problem(TIMED, 5.0, tail=True)
    M = problem.M
    # Adam takes a pass over M at each of many steps.
    timed = rounds.paired({n: partial(_run, M, n) for n in METHODS}, {"adam": 1})
    for name, t in timed.items():
        least = min(t.seconds)
        rows.append((problem.name, name, str(t.found.steps), "", seconds(least)))
        data.setdefault("seconds", {})[name] = least
    return Work(
        "Methods",
        f"Steps to a gap of 1e-10, min–median–max of {SEEDS} starts of rank {RANK} as by default;"
        " σ falls evenly from 1 to 1/κ, a tail from 0.3/κ to zero; ∞ took more than"
        f" {MOST} steps. Seconds of whole runs, the least of {rounds.count} rounds in turn.",
        ("matrix", "method", "steps", "over gradient descent", "seconds"),
        rows,
        data,
        goals,
    )


def _problems() -> Iterator[Problem]:
    for shape in SHAPES:
        for condition in CONDITIONS:
            for tail in (False, True):
                yield Problem(shape, condition, tail)


def _goals(
    problem: Problem, name: str, steps: list[int | None], ratios: list[float]
) -> Iterator[Goal]:
    if name in ("momentum", "nesterov") and problem.condition == max(CONDITIONS):
        yield Goal(f"{name} over {PLAIN} ({problem.name})", max(ratios), 0.2)
    if name == "scaled":
        most = max(np.inf if count is None else count for count in steps)
        yield Goal(f"{name} ({problem.name})", most, 70, unit=" steps")


def _spread(found: list[Any], form: str) -> str:
    """min–median–max, of runs that did not end in time the largest."""
    known = sorted(np.inf if each is None else float(each) for each in found)
    middle = known[(len(known) - 1) // 2]
    return "–".join(
        "∞" if each == np.inf else f"{each:{form}}" for each in (known[0], middle, known[-1])
    )


def _over(steps: int | None, plain: int | None) -> float:
    return np.inf if steps is None or plain is None else steps / plain


def _run(M: Array, method: str) -> Found:
    result = _solved(M, method, seed=1)
    return Found(result.U, result.V, steps=result.summary["iterations"])


def _solved(M: Array, method: str, seed: int, **options: Any) -> Result:
    return solve(
        M, rank=RANK, seed=seed, method=method, schedule="constant", max_iter=MOST, **options
    )


def _ended(result: Result) -> bool:
    return result.outcome in (Outcome.GLOBAL_OPTIMUM, Outcome.CONVERGED)
