"""What a solve spends its time on: passes over M, and beside them whatever is small."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from contestants import matrix
from measure import Rounds
from table import Work

import mfact

PASSES, ORTHOGONAL = "passes", "orthogonalization"
LARGE = PASSES, ORTHOGONAL

PHASES = {
    PASSES: (
        "targets.dense:DenseTarget.products",
        "targets.dense:DenseTarget.residual_norm",
        "targets.dense:DenseTarget.normal",
        "run.prepare:require_scale",  # the first pass
    ),
    ORTHOGONAL: (
        "krylov.basis:Basis.extend",
        "krylov.basis:Basis.begin",
        "krylov.basis:Basis.probed",
        "krylov.basis:Basis.leave",
        "krylov.basis:Basis.orthogonality",
    ),
    "steps": ("engines.reduced:ReducedEngine.advance",),
    "differences": ("engines.block:carried",),
    "rows": ("engines.reduced:segment",),
    "spectra": ("krylov.spectrum:Spectrum.of",),
    "monitors": (
        "theory.monitors:Monitors.segment",
        "theory.monitors:Monitors.claims",
        "run.recorder:Recorder.segment",
        "stopping.watch:StopWatch.find",
    ),
    "set-up": ("run.solve:admitted", "run.solve:prepared", "run.solve:attached"),
    "forecast": ("run.plan:foresee",),
    "flow": ("run.stages:fast_forward",),
    "certificate": ("run.confirm:Judge.__call__", "run.ending:Ending.result"),
}
"""Functions whose time, less that of others named here which they call, makes a phase."""

REST = "the rest"

CASES: dict[str, tuple[tuple[int, int, int], dict[str, Any]]] = {
    "2000×1500, r=10": ((2000, 1500, 10), {"schedule": "constant"}),
    "2000×1500, r=5": ((2000, 1500, 5), {"schedule": "constant"}),
    "2000×1500, r=1": ((2000, 1500, 1), {"schedule": "constant"}),
    "2000×1500, r=10, decaying": ((2000, 1500, 10), {}),
    "600×500, r=10": ((600, 500, 10), {"schedule": "constant"}),
}


class Clock:
    """Processor time of this thread by phase; what a phase calls is not counted in it too."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys([*PHASES, REST], 0.0)
        self._open: list[list[Any]] = []

    @contextmanager
    def within(self, phase: str) -> Iterator[None]:
        now = time.thread_time()
        if self._open:
            self.spent[self._open[-1][0]] += now - self._open[-1][1]
        self._open.append([phase, now])
        try:
            yield
        finally:
            now = time.thread_time()
            self.spent[phase] += now - self._open.pop()[1]
            if self._open:
                self._open[-1][1] = now


@contextmanager
def timed(clock: Clock) -> Iterator[None]:
    """The functions of PHASES, each with the clock around it."""
    undo: list[tuple[Any, str, Any]] = []
    try:
        for phase, places in PHASES.items():
            for place in places:
                module, _, path = place.partition(":")
                owner: Any = importlib.import_module(f"mfact.{module}")
                *above, name = path.split(".")
                for each in above:
                    owner = getattr(owner, each)
                found = vars(owner)[name]
                undo.append((owner, name, found))
                bound = isinstance(found, classmethod)
                watched = _watched(found.__func__ if bound else found, clock, phase)
                setattr(owner, name, classmethod(watched) if bound else watched)
        yield
    finally:
        for owner, name, found in reversed(undo):
            setattr(owner, name, found)


def _watched(function: Callable[..., Any], clock: Clock, phase: str) -> Callable[..., Any]:
    @wraps(function)
    def call(*given: Any, **named: Any) -> Any:
        with clock.within(phase):
            return function(*given, **named)

    return call


def phases(rounds: Rounds) -> Work:
    """Milliseconds of each phase, of the round that took least; and what is small in all."""
    rows, data = [], {}
    for case, ((d1, d2, rank), options) in CASES.items():
        M = matrix(d1, d2, rank, 0.5, 5.0).M
        asked = {"rank": rank, "tol": 1e-10, "threads": 1, "seed": 1, **options}
        mfact.solve(M, **asked)
        least: dict[str, float] | None = None
        for _ in range(rounds.count):
            clock = Clock()
            with timed(clock), clock.within(REST):
                mfact.solve(M, **asked)
            if least is None or sum(clock.spent.values()) < sum(least.values()):
                least = clock.spent
        assert least is not None
        data[case] = least
        small = sum(value for phase, value in least.items() if phase not in LARGE)
        values = [*least.values(), small, small + sum(least[phase] for phase in LARGE)]
        rows.append((case, *(f"{1e3 * value:.1f}" for value in values)))
    return Work(
        "What a solve spends its time on",
        "Milliseconds of processor time, noise of 0.5, κ = 5, gap 1e-10, one thread; small: all"
        f" but passes and orthogonalization; the least of {rounds.count} rounds.",
        ("case", *PHASES, REST, "small", "in all"),
        rows,
        {"seconds": data},
    )
