"""What ends a reading: values, files and threads that fail, and signals; nothing outlives it."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slabs_in_memory import ArraySlabs, early

from mfact.errors import DataError, StorageError
from mfact.host.threads import Workers
from mfact.matrices.source import open_matrix
from mfact.targets.blocks import BlockTarget

M = np.random.default_rng(5).standard_normal((60, 20))


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    before = threading.active_count()
    yield
    assert threading.active_count() == before


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("readers", [1, 3])
@pytest.mark.parametrize("slab", [0, 7, 14])
def test_a_file_that_ends_ends_the_reading_with_its_error(slab, readers, workers):
    slabs = ArraySlabs(M, 4, fails={slab: early(slab)})
    with Workers(workers) as crew:
        target = BlockTarget(slabs, workers=crew, readers=readers)
        for ask in (lambda: target.norm, lambda: target.products(M[:, :2], M[:20, :2])):
            with pytest.raises(StorageError, match=f"M ends in slab {slab}: copy it again"):
                ask()
    assert slabs.open_now == 0
    assert target.seconds == 0  # of a reading to the end


@given(st.integers(0, 59), st.integers(0, 19), st.booleans(), st.sampled_from([np.nan, -np.inf]))
def test_a_value_that_is_not_finite_is_told_with_its_place(row, column, columns, value):
    bad = M.copy()
    bad[row, column] = value
    target = BlockTarget(ArraySlabs(bad, 7, columns=columns))
    # In the first pass, whatever it is for: here for products that it does not come into.
    for ask in (lambda: target.products(M[:, :0], M[:20, :0]), lambda: target.norm):
        with pytest.raises(DataError, match=f"{value}, at row {row}, column {column} "):
            ask()


def test_a_value_that_overflows_the_arithmetic_is_told():
    bad = M.copy()
    bad[33, 3] = 1e200
    with pytest.raises(DataError, match=r"1e\+200 at row 33, column 3 .* overflows float32"):
        _ = BlockTarget(ArraySlabs(bad, 7), "float32").norm
    assert BlockTarget(ArraySlabs(bad, 7)).norm == pytest.approx(1e200, rel=1e-15)


def test_an_error_of_a_worker_ends_all(monkeypatch):
    def fails(piece, left, right, forward, backward):
        raise FloatingPointError("in a worker")

    monkeypatch.setattr("mfact.targets.tiles.multiply", fails)
    with Workers(3) as crew, pytest.raises(FloatingPointError, match="in a worker"):
        BlockTarget(ArraySlabs(M, 4), workers=crew).products(M[:, :2], M[:20, :2])


def test_what_the_caller_asked_of_numpy_holds_in_every_thread():
    large = np.full((60, 20), 1e160)
    with Workers(4) as crew, np.errstate(over="raise"), pytest.raises(FloatingPointError):
        BlockTarget(ArraySlabs(large, 4), workers=crew).residual_norm(large[:, :2], large[:20, :2])


class Stuck(ArraySlabs):
    """Its fifth slab comes late: the caller waits for it when the signal does come."""

    def fetch(self, slab, room):
        if slab == 4:
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(0.2)
        return super().fetch(slab, room)


def test_what_a_handler_raises_ends_the_reading():
    def interrupt(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        slabs = Stuck(M, 4)
        with Workers(2) as crew, pytest.raises(KeyboardInterrupt):
            _ = BlockTarget(slabs, workers=crew).norm
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert slabs.open_now == 0
    assert len(slabs.fetched) < len(slabs.cuts) - 1


class Uneven(ArraySlabs):
    """Slabs come in any order, some at once and some late."""

    def fetch(self, slab, room):
        time.sleep(0.002 * (slab * 7919 % 3))
        return super().fetch(slab, room)


@settings(max_examples=25)
@given(
    workers=st.integers(1, 5), readers=st.integers(1, 4), depth=st.integers(1, 6),
    lines=st.integers(1, 60),
)  # fmt: skip
def test_no_number_of_threads_and_buffers_is_in_its_own_way(workers, readers, depth, lines):
    """Least of all one buffer for many: a slab is read by who has both, and taken in order."""
    slabs = Uneven(M, lines)
    with Workers(workers) as crew:
        target = BlockTarget(slabs, workers=crew, readers=readers, depth=depth)
        assert target.norm == pytest.approx(np.linalg.norm(M), rel=1e-14)
    assert sorted(slabs.fetched) == list(range(len(slabs.cuts) - 1))
    assert slabs.most <= min(readers, depth)


def test_what_is_told_of_a_reading():
    told = []
    target = BlockTarget(ArraySlabs(M, 4), told=told.append)
    assert target.seconds == 0
    _ = target.norm
    assert told == [pytest.approx((slab + 1) / 15) for slab in range(15)]
    assert target.seconds > 0


CHANGES = {
    "ends": lambda path: os.truncate(path, 3000),
    "is another": lambda path: np.save(path, M + 1),
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_file_that_changes_between_or_within_passes_is_refused(how, tmp_path):
    path = str(tmp_path / "M.npy")
    np.save(path, M)
    slabs = open_matrix(path).slabs(1000)
    changed_at = []

    def told(share):
        if changed_at and share >= changed_at[0]:
            changed_at.clear()
            CHANGES[how](path)

    target = BlockTarget(slabs, told=told, depth=1)
    assert target.norm == pytest.approx(np.linalg.norm(M), rel=1e-14)
    changed_at.append(0.3)
    for _ in range(2):  # within the first of these passes, before the second
        with pytest.raises(StorageError, match=r"M\.npy was changed while it was read"):
            target.products(M[:, :2], M[:20, :2])
