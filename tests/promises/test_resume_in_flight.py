"""A run that is cut while it is fast-forwarded, and resumed, is the run that was never cut."""

from __future__ import annotations

import math
import random
from functools import cache
from typing import Any

import numpy as np
import pytest
from cut_runs import EXAMPLES, Asked, Cut, assert_same, each_checkpoint, finished
from matrices import of_kind

from mfact.core import Outcome
from mfact.host.timer import Timer
from mfact.run.solve import resume, solve

# Fast-forwards, small so that each takes a tenth of a second.
SMALL = (6, 5)
FLIGHTS: dict[str, tuple[str, tuple[int, int], dict[str, Any]]] = {
    "plain part": ("rank two", SMALL, {"rank": 2}),
    "decaying": ("noisy", SMALL, {"rank": 1, "schedule": "power", "tol": 1e-8}),
    "limit": ("noisy", SMALL, {"rank": 2, "delta": 0.3, "max_iter": 20_000}),
    "limit in the plain part": ("noisy", (14, 11), {"rank": 2, "max_iter": 1500}),
    "theorem 3.1": ("noisy", SMALL, {"rank": 2, "schedule": "theorem-3.1", "eps": 2.0}),
    "balanced": ("tie", SMALL, {"rank": 1, "schedule": "power", "objective": "balanced"}),
    "extending": (
        "noise",
        (200, 150),
        {"rank": 2, "delta": 0.2, "tol": 1e-4, "ff_tol": 1e-12, "start_scale": 1e-4},
    ),
    "escaping": (
        "late",
        SMALL,
        {"rank": 2, "escape": True, "min_iter": 2000, "tol_gradient": 1e-6, "tol": 1e-9,
         "start_scale": 1e-10, "max_iter": 10**7},
    ),
}  # fmt: skip


def flight(name: str) -> tuple[Any, dict[str, Any]]:
    kind, shape, options = FLIGHTS[name]
    M = np.diag([3.0, 1e-3, 0, 0, 0]) if kind == "late" else of_kind(kind, shape=shape)
    return M, {"seed": 1, "modes": "on", **options}


class Plain:
    """An observer that tells how often a flag was asked before the take-off."""

    def __init__(self, flag: Asked) -> None:
        self.flag, self.asked = flag, 0

    def start(self, facts: Any) -> None: ...

    def segment(self, rows: Any) -> None:
        if rows["step"][-1] < 1024:
            self.asked = self.flag.asked

    def stop(self, result: Any) -> None: ...


@cache
def landed(name: str) -> tuple[Any, int, int]:
    """The flight that is not cut, how often a flag is asked until take-off, and in all."""
    M, options = flight(name)
    flag = Asked()
    before = Plain(flag)
    result = solve(M, signals=flag, observers=[before], **options)
    return result, before.asked + 1, flag.asked


@pytest.mark.slow
@pytest.mark.parametrize("name", FLIGHTS)
def test_cut_twice_inside_a_flight(tmp_path, name):
    M, options = flight(name)
    whole, first, last = landed(name)
    assert last > first + 2
    path = tmp_path / "run.checkpoint"
    moments = random.Random(name)
    pairs = [(first, first + 1), (last - 1, last), *(sorted(moments.sample(range(first, last), 2))
             for _ in range(EXAMPLES - 1))]  # fmt: skip
    for one, other in pairs:
        result = solve(M, checkpoint=str(path), signals=Asked(one), **options)
        assert result.outcome is Outcome.INTERRUPTED
        again = Asked(other - one)
        result = resume(str(path), M, signals=again)
        assert result.outcome is Outcome.INTERRUPTED or again.asked
        assert_same(whole, finished(result, path, M))


@pytest.mark.slow
def test_flights_do_what_their_names_say():
    """Else the test above would not meet those turns."""
    assert landed("plain part")[0].summary["plain_steps"] == 1024
    assert landed("decaying")[0].summary["plain_steps"] < 3000
    assert landed("decaying")[0].summary["iterations"] > 3000
    assert landed("limit")[0].outcome is Outcome.ITERATION_LIMIT
    assert landed("limit in the plain part")[0].outcome is Outcome.ITERATION_LIMIT
    assert landed("theorem 3.1")[0].summary["log10_iterations"] > 1000
    assert landed("escaping")[0].summary["escapes"] == 1
    M, options = flight("extending")
    plain = solve(M, **{**options, "max_iter": 1024})
    assert plain.summary["passes"] < landed("extending")[0].summary["passes"]


@pytest.mark.parametrize("step", [1000, 1023])
def test_cut_at_take_off(tmp_path, step):
    """The block after step 1023 ends at 1024, where the run takes off."""
    M, options = flight("plain part")
    path = tmp_path / "run.checkpoint"
    result = solve(M, checkpoint=str(path), observers=[Cut(step)], signals=True, block=8, **options)
    assert result.summary["iterations"] in (1008, 1024)
    assert_same(landed("plain part")[0], finished(result, path, M))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "every"), [("plain part", "100"), ("decaying", "300"), ("extending", "100000")]
)
def test_each_checkpoint_of_a_run_leads_to_its_end(tmp_path, name, every):
    """A process that is killed leaves the last one, whatever it did after."""
    M, options = flight(name)
    with each_checkpoint(tmp_path) as copies:
        whole = solve(
            M, checkpoint=str(tmp_path / "c"), checkpoint_every=every, block=256, **options
        )
    assert len(copies) > 5
    for copy in {copies[0], copies[-1], *random.Random(1).sample(copies, 3)}:
        assert_same(whole, resume(str(copy), M))


@pytest.mark.parametrize("limit", [1024, 1100, 1500, 2048, 2500, 19_999])
def test_a_higher_step_limit_goes_on_in_flight(tmp_path, limit):
    M, options = flight("limit")
    path = str(tmp_path / "c")
    cut = solve(M, checkpoint=path, **{**options, "max_iter": limit})
    assert cut.outcome is Outcome.ITERATION_LIMIT
    assert cut.summary["iterations"] == limit
    went_on = resume(path, M, max_iter=options["max_iter"])
    assert_same(landed("limit")[0], went_on, changed=("max_iter",))
    # With the same limit it only comes to the same end again.
    solve(M, checkpoint=path, **{**options, "max_iter": limit})
    assert_same(cut, resume(path, M))


def test_a_higher_time_limit_goes_on_in_flight(tmp_path):
    M, options = flight("decaying")
    path = str(tmp_path / "c")
    flag, before = Asked(), landed("decaying")[1]
    # By a clock on which each record takes a second.
    timer = Timer(now=lambda: float(max(flag.asked - before, 0)))
    cut = solve(M, max_time=3.0, checkpoint=path, timer=timer, signals=flag, **options)
    assert cut.outcome is Outcome.TIME_LIMIT
    assert cut.summary["iterations"] > 1024
    went_on = resume(path, M, max_time=1e6)
    assert_same(landed("decaying")[0], went_on, changed=("max_time",))


def test_a_step_beyond_all_numbers_is_kept(tmp_path):
    """10^1957 steps are more than a float holds, and more than a block can count."""
    M, options = flight("theorem 3.1")
    path = str(tmp_path / "c")
    limit = 10**700
    cut = solve(M, checkpoint=path, **options, max_iter=limit)
    assert cut.outcome is Outcome.ITERATION_LIMIT
    assert math.isclose(cut.summary["log10_iterations"], 700, rel_tol=1e-12)
    went_on = resume(path, M, max_iter=10**4000)
    assert (
        went_on.summary["log10_iterations"] == landed("theorem 3.1")[0].summary["log10_iterations"]
    )
