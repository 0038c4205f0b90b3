"""How many workers a run has: those that fit, and no part of its plan depends on what was asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfact.host.memory import worker_bytes
from mfact.run import workers
from mfact.run.memory import memory_plan, what_fits
from mfact.run.workers import BLAS_BYTES, planned_workers, reserved, with_workers
from mfact.settings import RunSettings

MIB = 1 << 20
SHAPES = st.tuples(st.integers(1, 5000), st.integers(1, 5000))


@pytest.fixture(autouse=True)
def eight(monkeypatch):
    """Eight cores."""
    monkeypatch.setattr(workers, "cores", lambda: 8)


@given(st.integers(0, 1 << 31), st.integers(0, 1 << 31))
def test_as_many_work_as_there_are_cores_and_room_for(size, available):
    plan = with_workers({"matrix": size}, available, None)
    count, alone = planned_workers(plan), with_workers({"matrix": size}, available, 1)
    assert 1 <= count <= 8
    assert plan.fits == alone.fits
    if alone.fits:  # and none more would fit
        assert count == 8 or alone.total + count * worker_bytes() > available
    assert alone.total == size + BLAS_BYTES


@given(st.integers(1, 64), st.integers(0, 1 << 31))
def test_so_many_work_as_are_asked_for(count, available):
    plan = with_workers({"matrix": 5}, available, count)
    assert planned_workers(plan) == count
    assert plan.total == 5 + BLAS_BYTES + (count - 1) * worker_bytes()


@given(SHAPES, st.integers(1, 30), st.integers(0, 1 << 32))
def test_bases_are_the_same_for_any_number_and_leave_room_for_all(shape, rank, available):
    plans = [
        memory_plan(shape, RunSettings(rank=rank, threads=count), available=available)
        for count in (None, 1, 3, 8, 64)
    ]
    assert len({plan.parts["bases"] for plan in plans}) == 1
    default, alone, *_, all_, _ = plans
    assert default.fits == alone.fits
    if planned_workers(default) == 8:
        assert default.total == all_.total


@given(st.integers(-(1 << 40), 1 << 40))
def test_no_more_than_a_quarter_of_the_room_is_left_to_workers(room):
    assert reserved(room) == max(0, min(7 * worker_bytes(), room // 4))


@pytest.mark.parametrize("addresses", [False, True])
def test_fewer_threads_are_a_way_out(monkeypatch, addresses):
    monkeypatch.setattr("mfact.host.memory.limits_addresses", lambda: addresses)
    settings = RunSettings(rank=2, threads=60, dtype="float32", engine="direct", optimum=False)
    alone = memory_plan((50, 40), settings.changed({"threads": 1}), available=0)
    available = alone.total + 2 * worker_bytes()
    plan = memory_plan((50, 40), settings, available=available)
    assert not plan.fits
    assert what_fits((50, 40), settings, plan) == "free memory, or use --threads 3"
    assert memory_plan((50, 40), settings.changed({"threads": 3}), available=available).fits
