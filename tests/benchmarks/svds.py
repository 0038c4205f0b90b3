"""Against what a user would pick for the best matrix of rank r alone: svds and randomized_svd."""

from __future__ import annotations

from collections.abc import Callable

from contestants import Found, Problem, matrix, mfact_solve, randomized, svds
from measure import Rounds, have
from table import Goal, Work, seconds

CONSTANT, DEFAULT = "mfact, constant step", "mfact, default schedule"
SVDS, RANDOMIZED = "scipy svds", "scikit-learn randomized_svd"

MOST = {(2000, 1500): 1.6, (4000, 3000): 1.0, (8000, 6000): 1.0, (20_000, 500): 0.9}
"""Shape -> what a constant step may take over svds; the first fits the cache."""


def against_svds(rounds: Rounds, largest: int) -> Work:
    """σ = 1 … 0.2 and noise 0.5, r = 10, to a gap of 1e-10; the least of all rounds."""
    rows, goals, data = [], [], {}
    for shape, most in MOST.items():
        if min(shape) > largest:
            continue
        # The optimum of a large one, which no contestant is given, takes longer than all of them.
        problem = matrix(*shape, 10, 0.5, 5.0, signal=0.2, known=min(shape) <= 3000)
        timed = rounds.paired(_contestants(problem), {})
        least = {name: min(t.seconds) for name, t in timed.items()}
        for name, t in timed.items():
            over = f"{least[name] / least[SVDS]:.2f}"
            rows.append((problem.name, name, seconds(least[name]), over, str(t.found.passes or "")))
        goals += [
            Goal(f"{CONSTANT} over {SVDS} ({problem.name})", least[CONSTANT] / least[SVDS], most),
            Goal(f"{DEFAULT} over {SVDS} ({problem.name})", least[DEFAULT] / least[SVDS], 2.5),
        ]
        if RANDOMIZED in least:
            ratio = least[CONSTANT] / least[RANDOMIZED]
            goals.append(Goal(f"{CONSTANT} over {RANDOMIZED} ({problem.name})", ratio, 0.5))
        data[problem.name] = least
    return Work(
        "Against svds and randomized_svd",
        f"σ = 1 … 0.2, noise 0.5, r = 10, to a gap of 1e-10; least of {rounds.count} rounds.",
        ("matrix", "contestant", "seconds", "over svds", "passes"),
        rows,
        data,
        goals,
    )


def _contestants(problem: Problem) -> dict[str, Callable[[], Found]]:
    contestants: dict[str, Callable[[], Found]] = {
        CONSTANT: lambda: mfact_solve(problem, "reduced"),
        DEFAULT: lambda: mfact_solve(problem, "reduced", schedule="auto", step_size=None),
        SVDS: lambda: svds(problem),
        RANDOMIZED: lambda: randomized(problem),
    }
    if not have("sklearn"):
        del contestants[RANDOMIZED]
    return contestants
