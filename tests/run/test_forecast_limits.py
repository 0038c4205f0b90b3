"""Runs that are refused for their forecast or their memory, and those that are just not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matrices import matrix

from mfact.core import Outcome
from mfact.errors import MemoryPlanError, SettingsError
from mfact.run.forecast import HOPELESS, SECONDS_A_STEP, Foresight, refuse_hopeless
from mfact.run.memory import memory_plan, planned_basis, rewriting, what_fits
from mfact.run.solve import solve
from mfact.schedules import Constant, PowerDecay
from mfact.settings import RunSettings
from mfact.theory.forecast import Forecast

SLOW, STEADY = PowerDecay(0.1, 0.6), Constant(0.1)


def refuse(steps, *, max_iter=10**6, max_time=None, schedule=SLOW, constant=100.0, flies=False):
    """Refuse a run that is forecast to take so many steps, or let it pass."""

    def of(count):
        return Forecast(math.log10(count) if math.isfinite(count) else math.inf, 1.0, 0.5, 1e-3)

    refuse_hopeless(
        Foresight(of(steps), lambda: of(constant)),
        schedule,
        RunSettings(rank=2, max_time=max_time, max_iter=max_iter),
        10**6 if max_iter is None else max_iter,
        flies,
    )


def test_four_times_a_limit_is_what_forecasts_are_not_wrong_by():
    assert HOPELESS == 4
    assert SECONDS_A_STEP == 1e-5


@given(st.integers(1, 10**6))
def test_a_forecast_of_four_times_the_step_limit_passes_and_one_beyond_does_not(limit):
    refuse(0.99 * 4 * limit, max_iter=limit)
    with pytest.raises(SettingsError, match=rf"--max-iter is {limit}$|--max-iter is {limit}: "):
        refuse(1.01 * 4 * limit, max_iter=limit)


@given(st.floats(1e-3, 1.0))
def test_a_second_is_a_hundred_thousand_steps(limit):
    refuse(0.99 * 4e5 * limit, max_time=limit)
    with pytest.raises(SettingsError, match="--max-time is "):
        refuse(1.01 * 4e5 * limit, max_time=limit)


def test_the_nearer_of_two_limits_is_named():
    # 1 s is 1e5 steps.
    with pytest.raises(SettingsError, match="--max-iter is 99999: "):
        refuse(1e7, max_iter=99_999, max_time=1.0)
    with pytest.raises(SettingsError, match="--max-time is 1 s: "):
        refuse(1e7, max_iter=100_001, max_time=1.0)


def test_steps_that_are_fast_forwarded_cost_no_time_and_end_at_a_limit_that_was_asked_for():
    refuse(1e300, max_iter=None, flies=True)
    refuse(1e300, max_iter=None, max_time=1e-3, flies=True)
    with pytest.raises(SettingsError, match="--max-iter is 1000: "):
        refuse(4100.0, max_iter=1000, flies=True)
    with pytest.raises(SettingsError, match="--max-iter is 1000000: "):
        refuse(4.1e6, max_iter=None)


def test_what_never_ends_is_refused_unless_the_first_steps_show_it():
    refuse(math.inf, schedule=STEADY)
    with pytest.raises(SettingsError) as error:
        refuse(math.inf)
    assert "raise" not in error.value.way_out


def test_the_way_out_is_one():
    def way_out(**options):
        with pytest.raises(SettingsError) as error:
            refuse(1e7, max_iter=1000, **options)
        assert error.value.way_out.endswith("loosen --tol, or run it all the same with --force")
        return error.value.way_out

    assert way_out(constant=3900.0).startswith("use --schedule constant (about 3.9e+03 iterations)")
    assert way_out(constant=4100.0).startswith("raise --max-iter, ")
    assert way_out(schedule=STEADY, constant=100.0).startswith("raise --max-iter, ")


# -- the same from a run -------------------------------------------------------------------------

SIGMA = np.array([3.0, 2.0, 1.0, 0.5])
M, _, _ = matrix(np.random.default_rng(8), (14, 11), SIGMA)


@pytest.fixture(scope="module")
def forecast():
    """Steps that a run with a short constant step is told to take."""
    result = solve(M, max_iter=50, **OPTIONS)
    return 10 ** result.summary["forecast_log10_iterations"]


OPTIONS = {"rank": 2, "seed": 1, "schedule": "constant", "step_size": 1e-3, "engine": "reduced"}


def test_a_run_is_refused_where_its_forecast_says_so(forecast):
    limit = round(forecast / 4 / 0.98)
    result = solve(M, refuse=True, max_iter=limit, **OPTIONS)
    assert result.outcome is Outcome.ITERATION_LIMIT
    limit = round(forecast / 4 / 1.02)
    with pytest.raises(SettingsError, match="the forecast to --tol 1e-10 is about"):
        solve(M, refuse=True, max_iter=limit, **OPTIONS)
    result = solve(M, refuse=True, max_iter=limit, force=True, **OPTIONS)
    assert result.outcome is Outcome.ITERATION_LIMIT
    solve(M, max_iter=limit, **OPTIONS)  # a library does what it is told


def test_a_run_is_refused_where_its_time_is_too_short(forecast):
    seconds = 1e-5 * forecast / 4
    with pytest.raises(SettingsError, match="--max-time is"):
        solve(M, refuse=True, max_time=seconds / 1.02, **OPTIONS)
    solve(M, refuse=True, max_time=seconds / 0.98, **OPTIONS)


def test_without_a_tolerance_on_the_gap_no_run_is_hopeless(forecast):
    limit = round(forecast / 4 / 1.02)
    result = solve(M, refuse=True, max_iter=limit, optimum=False, **OPTIONS)
    assert result.outcome is Outcome.ITERATION_LIMIT


@pytest.mark.parametrize(
    ("every", "steps", "said"), [(1, 1000, True), (1, 100_000, False), (100, 1000, False),
                                 (None, 1000, False), (1, None, False)]
)  # fmt: skip
def test_checkpoints_that_write_the_rows_again_and_again_are_told_of(every, steps, said):
    settings = RunSettings(rank=1, schedule="constant", every=every)
    text = rewriting(settings, steps)
    assert (text is not None) == said
    if text:
        assert "up to 1000 of them write 89.4 GiB" in text


# -- memory --------------------------------------------------------------------------------------

SHAPES = st.tuples(st.integers(1, 5000), st.integers(1, 5000))
ITEM = {"float64": 8, "float32": 4}
MIB = 1 << 20


@given(SHAPES, st.integers(1, 30), st.sampled_from(sorted(ITEM)), st.integers(1, 8))
def test_the_parts_of_a_plan_without_bases_are_these(shape, rank, dtype, threads):
    d1, d2 = shape
    settings = RunSettings(rank=rank, dtype=dtype, engine="direct", optimum=False, threads=threads)
    plan = memory_plan(shape, settings, available=0)
    point = ITEM[dtype] * rank * (d1 + d2)
    assert plan.parts == {
        "matrix": ITEM[dtype] * d1 * d2,
        "factors": 12 * point,
        "libraries": (64 + 8 * (threads - 1)) * MIB,
        "steps": 48 * MIB + 2 * min(64 * MIB, 33 * point),
        # Of the modes two Gram matrices a row, of ten times 50 rows, or of those in 2 MiB.
        "trace": 6 * (8 * 24 + 160 * rank**2 * min(50, 2 * MIB // (160 * rank**2))),
        "bases": 0,
    }
    held = memory_plan(shape, settings, matrix_bytes=0, available=0)
    assert held.total == plan.total - ITEM[dtype] * d1 * d2


@given(SHAPES, st.integers(1, 30), st.sampled_from(sorted(ITEM)))
def test_a_plan_fits_when_there_is_a_byte_for_each_of_its_bytes(shape, rank, dtype):
    settings = RunSettings(rank=rank, dtype=dtype)
    least = memory_plan(shape, settings, available=0)
    exact = memory_plan(shape, settings, available=least.total)
    assert exact.fits
    exact.check("free memory")
    short = memory_plan(shape, settings, available=least.total - 1)
    assert not short.fits
    with pytest.raises(MemoryPlanError, match=r"and .* is available"):
        short.check("free memory")


@given(SHAPES, st.integers(4, 30), st.integers(0, 1 << 34))
def test_bases_take_what_there_is_room_for_between_two_ends(shape, rank, available):
    settings = RunSettings(rank=rank)
    column = 8 * sum(shape)

    def bases(room, **changes):
        return planned_basis(memory_plan(shape, replace(settings, **changes), available=room))

    everything, usual = bases(1 << 60), bases(0)
    assert column * min(shape) <= everything <= column * (min(shape) + rank + max(rank, 8))
    assert usual == min(everything, column * 14 * rank)
    without = memory_plan(shape, replace(settings, engine="direct", optimum=False), available=0)
    # Four copies of them are made.
    room = (available - without.total) // 4
    # Up to a quarter is left to workers, however many there are.
    least, most = (min(everything, max(usual, part)) for part in (room - room // 4 - 1, room))
    assert least <= bases(available) <= most
    for asked in (1, usual, everything, everything + 1):
        assert bases(available, max_basis_bytes=asked) == min(asked, everything)


@pytest.mark.parametrize(("engine", "optimum"), [("direct", True), ("auto", True), ("auto", False)])
def test_only_a_direct_run_without_an_optimum_needs_no_bases(engine, optimum):
    settings = RunSettings(rank=4, engine=engine, optimum=optimum)
    assert planned_basis(memory_plan((500, 400), settings, available=0)) == 8 * 900 * 56


@given(st.integers(2, 60), st.integers(250, 900))
def test_the_rank_that_is_said_to_fit_is_the_largest(rank, room):
    shape, settings = (20_000, 300), RunSettings(rank=rank)
    plan = memory_plan(shape, settings, available=room * MIB)
    text = what_fits(shape, settings, plan)

    def fits(r):
        return memory_plan(shape, replace(settings, rank=r), available=room * MIB).fits

    if "--rank " in text:
        best = int(text.split("--rank ")[1].split(",")[0])
        assert fits(best)
        assert best < rank
        assert best == rank - 1 or not fits(best + 1)
    else:
        assert not fits(1) or fits(rank)
