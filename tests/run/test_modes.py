"""The modes of a run: σ_i(UVᵀ) at some of its steps, and nothing else of the run changed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import noisy, of_kind
from oracles import plain_loop

from mfact.core import Factors
from mfact.run.flown import keep_grams
from mfact.run.memory import memory_plan, what_fits
from mfact.run.modes import (
    DENSEST,
    SPARSEST,
    densest,
    density,
    seconds_of,
    stacked,
    unstacked,
)
from mfact.run.solve import solve
from mfact.settings import RunSettings
from mfact.storage.runs import run_image

CONSTANT = {"rank": 2, "schedule": "constant", "seed": 1}
RUNS = {
    "reduced": CONSTANT | {"engine": "reduced"},
    "direct": CONSTANT | {"engine": "direct", "max_iter": 400},
    "float32": CONSTANT | {"dtype": "float32", "tol": 1e-5},
    "balanced": CONSTANT | {"objective": "balanced"},
    "beyond memory": CONSTANT | {"max_basis_bytes": 1500},
    "flight": {"rank": 2, "seed": 1, "delta": 0.3},
}


def singular_values(U, V):
    return np.linalg.svd(U @ V.T, compute_uv=False)[: U.shape[1]]


@given(
    seed=st.integers(0, 2**32 - 1),
    engine=st.sampled_from(["direct", "reduced"]),
    rank=st.integers(1, 4),
    weight=st.sampled_from([0.0, 1.0]),
)
def test_they_are_the_singular_values_of_the_plain_iterates(seed, engine, rank, weight):
    rng = np.random.default_rng(seed)
    M = noisy(rng, (12, 9), [3.0, 2.0, 1.0, 0.6], 0.05)
    start = Factors(*(0.05 * rng.standard_normal((d, rank)) for d in M.shape))
    eta = 0.1
    result = solve(
        M, rank=rank, factors=start, schedule="constant", step_size=eta, engine=engine, tol=0.0,
        objective="balanced" if weight else "plain", max_iter=60, every=1, modes="on", force=True,
    )  # fmt: skip
    points = plain_loop(M, *start, [eta] * 60, weight)
    modes, steps = result.modes, result.modes["step"]
    assert steps[:18].tolist() == list(range(18))
    assert steps[-1] == 60
    for name in ("log10_step", "flow_time"):
        assert np.array_equal(modes[name], result.trace[name][steps])
    exact = np.array([singular_values(*points[step]) for step in steps])
    # Rounding of ‖U‖‖V‖ ≤ 30 or so, over 60 steps.
    assert modes["sigma"] == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("name", RUNS)
def test_the_last_row_is_of_the_factors_in_the_file(name):
    result = solve(of_kind("noisy"), modes="on", **RUNS[name])
    modes, eps = result.modes, float(np.finfo(result.U.dtype).eps)
    assert modes["step"][-1] == result.trace["step"][-1]
    exact = singular_values(result.U.astype(float), result.V.astype(float))
    assert modes["sigma"][-1] == pytest.approx(exact, rel=64 * eps)
    assert modes["sigma"].shape == (len(modes["step"]), 2)
    assert len(modes["escape"]) == 2
    assert result.settings["modes"] == {"value": "on", "source": "default"}


@pytest.mark.parametrize("name", RUNS)
def test_nothing_else_of_the_run_changes_by_a_bit(name):
    M = of_kind("noisy")
    on, off = (solve(M, modes=modes, reproducible=True, **RUNS[name]) for modes in ("on", "off"))
    assert off.modes == {}
    assert on.settings.pop("modes") != off.settings.pop("modes")
    on.modes.clear()
    assert run_image(on) == run_image(off)


def test_a_closer_look_between_two_blocks_leaves_the_rows_as_they_were():
    """The reduced engine hands out its own memory; the direct one does not."""
    options = {"tol_gradient": 0.1, "patience": 3, "start_scale": 1e-9, "modes": "on", **CONSTANT}
    found = [solve(of_kind("tie"), engine=engine, **options) for engine in ("reduced", "direct")]
    reduced, direct = (result.modes for result in found)
    assert np.array_equal(reduced["step"], direct["step"])
    # 1e-9 is what a start of that size lets rounding grow to.
    assert reduced["sigma"] == pytest.approx(direct["sigma"], rel=1e-8)


def test_rows_are_fifty_of_each_decade_and_the_last():
    # Of steps so short that it is on its way all the time.
    result = solve(of_kind("tie"), max_iter=3333, step_size=1e-4, force=True, modes="on",
                   **CONSTANT)  # fmt: skip
    grid = {round(10.0 ** (i / 50)) for i in range(300)}
    assert result.modes["step"].tolist() == sorted({0, 3333} | {t for t in grid if t < 3333})


def test_an_observer_never_sees_what_they_are_told_from():
    class Seen:
        def __init__(self):
            self.names = set()

        def start(self, facts): ...

        def segment(self, rows):
            self.names |= set(rows)
            assert all(column.ndim == 1 for column in rows.values())

        def stop(self, result): ...

    for name in ("direct", "reduced", "flight"):
        seen = Seen()
        result = solve(of_kind("noisy"), observers=[seen], modes="on", **RUNS[name])
        assert "grams" not in seen.names | set(result.trace)


def test_the_modes_of_a_flight_are_those_of_its_records():
    M = of_kind("noisy")
    result = solve(M, modes="on", **RUNS["flight"])
    modes, trace = result.modes, result.trace
    flown, records = trace["step"] > 1024, modes["step"] > 1024
    assert np.count_nonzero(records) >= 20
    assert np.isin(modes["log10_step"][records], trace["log10_step"][flown]).all()
    # The loss of a point is at least that of its singular values beside those of M.
    sigma = np.linalg.svd(M, compute_uv=False)
    best = np.sum((modes["sigma"] - sigma[:2]) ** 2, axis=1) + np.sum(sigma[2:] ** 2)
    at = np.searchsorted(trace["log10_step"][flown], modes["log10_step"][records])
    assert np.all(best[records] <= 2 * trace["loss"][flown][at] * (1 + 1e-9))


@given(most=st.integers(1, 40), moves=st.lists(st.integers(1, 60), min_size=1, max_size=6))
def test_of_a_flight_every_kth_record_and_the_newest_are_kept(most, moves):
    """Also where it begins anew from an earlier one, as a later hand-over makes it."""
    kept, rows, lost = {}, 0, set()
    for move in moves:
        while rows and rows > move:  # back to where this many rows are left
            rows -= 1
            kept.pop(rows, None)
            lost.discard(rows)
        for _ in range(move):
            record = SimpleNamespace(X=np.full((1, 1), float(rows)), Y=np.ones((1, 1)))
            keep_grams(kept, rows, record, most)
            rows += 1
            k = 1 << ((rows - 1) // most).bit_length()
            lost |= {each for each in range(rows - 1) if each % k}
            assert kept.keys() == {*range(rows)} - lost
            assert len(kept) <= most + 1
    assert all(pair.ravel().tolist() == [place**2, 1] for place, pair in kept.items())
    assert list(unstacked(stacked(kept))) == list(kept)


# -- when they are recorded ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "on"),
    [
        ({"rank": 2, "schedule": "constant"}, False),  # over in a hundredth of a second
        ({"rank": 2, "schedule": "constant", "step_size": 1e-4}, True),  # a million steps
        ({"rank": 2, "schedule": "constant", "step_size": 1e-4, "max_time": 1e-3}, False),
        ({"rank": 2, "delta": 0.3}, True),  # fast-forwarded
        ({"rank": 2, "delta": 0.3, "max_iter": 50}, False),
    ],
)
def test_auto_is_on_for_runs_that_pay_for_them(options, on):
    limit = {"max_iter": 20_000} | options if options.get("step_size") else options
    result = solve(of_kind("noisy"), seed=1, force=True, **limit)
    assert result.settings["modes"]["used"] == ("on" if on else "off")
    assert bool(result.modes) == on
    again = solve(of_kind("noisy"), seed=1, force=True, **limit)
    assert again.settings["modes"] == result.settings["modes"]
    assert np.array_equal(again.modes.get("step", ()), result.modes.get("step", ()))


@given(
    rank=st.integers(1, 2000),
    steps=st.floats(1, 1e6),
    basis=st.integers(1, 500),
    rows=st.integers(1, 10**6),
    flies=st.booleans(),
)
def test_more_time_pays_for_more_rows_a_dozen_a_decade_or_none(rank, steps, basis, rows, flies):
    def paid(steps, more=1.0):
        seconds = more * seconds_of(steps, rank, basis=basis, rows=rows, flies=flies)
        return density(RunSettings(rank=rank), steps, seconds, flies=flies)

    assert paid(steps) == 0 or SPARSEST <= paid(steps) <= DENSEST
    assert paid(steps) <= paid(steps, 2.0) <= densest(RunSettings(rank=rank)) <= DENSEST
    assert SPARSEST <= densest(RunSettings(rank=rank, modes="on")) <= DENSEST


def test_where_modes_that_were_asked_for_do_not_fit_it_is_said_that_the_run_does():
    shape, settings = (300, 200), RunSettings(rank=60, modes="on")
    least = memory_plan(shape, settings, available=0)
    without = memory_plan(shape, RunSettings(rank=60), available=0)
    assert without.total < least.total
    plan = memory_plan(shape, settings, available=without.total)
    assert not plan.fits
    assert "--modes off" in what_fits(shape, settings, plan)
    assert "--modes" not in what_fits(shape, RunSettings(rank=60), plan)


# -- checkpoints ---------------------------------------------------------------------------------
