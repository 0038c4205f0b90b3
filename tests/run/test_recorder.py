"""Which rows are kept: every k-th, step 0 and the last."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfact.run.recorder import KEPT_ROWS, Decades, Recorder
from mfact.run.solve import resume, solve
from mfact.storage.checkpoints import read_checkpoint, write_checkpoint


def rows(steps, **columns):
    """As engines give them: the logarithms of steps 0 and 1 are both 0."""
    return {"step": steps, "log10_step": np.log10(np.maximum(steps, 1)), **columns}


def feed(recorder, count, cuts=(), start=0):
    for a, b in itertools.pairwise([start, *cuts, count]):
        steps = np.arange(a, b)
        recorder.segment(rows(steps, loss=1.0 / (steps + 1)))
    return recorder


@pytest.mark.parametrize("every", [1, 3, 7, 1000])
@pytest.mark.parametrize("count", [1, 2, 10, 500])
def test_every_kth_and_the_last(every, count):
    table = feed(Recorder(every), count).table()
    expected = sorted({*range(0, count, every), count - 1})
    assert table["step"].tolist() == expected
    assert table["loss"] == pytest.approx(1.0 / (np.array(expected) + 1))


@given(count=st.integers(1, 12_000), seed=st.integers(0, 2**32 - 1))
def test_thinning_depends_on_the_number_of_steps_alone(count, seed):
    rng = np.random.default_rng(seed)
    cuts = sorted({int(c) for c in rng.integers(0, count + 1, 9)} - {0, count})
    whole, cut = feed(Recorder(), count), feed(Recorder(), count, cuts)
    table = whole.table()
    assert cut.table()["step"].tolist() == table["step"].tolist()
    assert len(table["step"]) <= KEPT_ROWS + 1
    assert len(table["step"]) >= min(count, KEPT_ROWS // 2)
    assert table["step"][0] == 0
    assert table["step"][-1] == count - 1
    assert whole.every & (whole.every - 1) == 0
    # The least power of two that keeps at most KEPT_ROWS.
    assert whole.every == 1 or -(-count // (whole.every // 2)) > KEPT_ROWS


def test_going_on_from_its_state_changes_nothing():
    whole = feed(Recorder(), 5000)
    first = feed(Recorder(), 2345)
    again = Recorder()
    again.restore({name: np.asarray(value) for name, value in first.state().items()})
    feed(again, 5000, start=2345)
    assert all(np.array_equal(again.table()[n], c) for n, c in whole.table().items())


@given(count=st.integers(1, 12_000), per_decade=st.integers(1, 60), seed=st.integers(0, 2**32 - 1))
def test_so_many_of_each_decade_whatever_the_blocks_and_from_wherever(count, per_decade, seed):
    rng = np.random.default_rng(seed)
    cuts = sorted({int(c) for c in rng.integers(0, count + 1, 9)} - {0, count})
    middle = cuts[len(cuts) // 2] if cuts else count
    first = feed(Decades(per_decade), middle, [c for c in cuts if c < middle])
    again = Decades(per_decade)
    again.restore({name: np.asarray(value) for name, value in first.state().items()})
    if middle < count:
        feed(again, count, [c for c in cuts if c > middle], start=middle)
    grid = {0} | {round(10.0 ** (i / per_decade)) for i in range(5 * per_decade)}
    expected = sorted({t for t in grid if t < count} | {count - 1})
    table = again.table()
    assert table["step"].tolist() == expected
    assert table["loss"] == pytest.approx(1.0 / (np.array(expected) + 1))


def test_a_row_that_is_an_array_is_kept_as_it_was():
    """Its owner writes over it: an engine's buffer, for the next block."""
    for recorder in (Recorder(2), Decades(5)):
        buffer = np.zeros((4, 2, 2))
        for start in (0, 4):
            steps = np.arange(start, start + 4)
            buffer[:] = steps[:, None, None]
            recorder.segment(rows(steps, grams=buffer))
        buffer[:] = -1
        table = recorder.table()
        assert np.array_equal(table["grams"][:, 1, 1], table["step"])
        assert table["step"][-1] == 7


def test_columns_that_begin_late_or_end_early_are_nan():
    recorder = Recorder(1)
    # Many, so that an order that changes with Python's hash seed would show.
    names = [f"column {i}" for i in range(12)]
    recorder.segment(rows(np.arange(2), leak=np.ones(2)))
    recorder.segment(rows(np.arange(2, 4), **{name: np.ones(2) for name in names}))
    table = recorder.table()
    assert list(table) == ["step", "log10_step", "leak", *names]
    assert np.array_equal(table["leak"], [1, 1, np.nan, np.nan], equal_nan=True)
    for name in names:
        assert np.array_equal(table[name], [np.nan, np.nan, 1, 1], equal_nan=True)


@pytest.mark.slow
def test_a_row_costs_the_same_however_many_there_are():
    recorder, began = Recorder(1), time.process_time()
    for start in range(0, 20_000 * 32, 32):
        steps = np.arange(start, start + 32)
        recorder.segment(rows(steps, **dict.fromkeys(("loss", "gap", "drift"), steps + 0.5)))
    assert np.array_equal(recorder.table()["loss"], np.arange(20_000 * 32) + 0.5)
    assert time.process_time() - began < 20  # it takes 1 s; to copy all rows at each block, 100 s


@pytest.mark.parametrize("every", [2**31, 2**62, 2**63, 2**64, 10**30, 10**4000])
def test_a_number_past_all_steps_keeps_the_first_and_the_last(every, tmp_path):
    recorder = feed(Recorder(every), 3000, cuts=(1000,))
    assert recorder.table()["step"].tolist() == [0, 2999]
    assert recorder.every == every
    write_checkpoint(tmp_path / "c.h5", recorder.state(), {})
    again = Recorder(every)
    again.restore(read_checkpoint(tmp_path / "c.h5")[0])
    assert feed(again, 4000, start=3000).table()["step"].tolist() == [0, 3999]


@pytest.mark.parametrize("engine", ["reduced", "direct"])
def test_a_run_with_such_a_number_goes_on_from_its_checkpoint(engine, tmp_path):
    M, path = np.random.default_rng(1).standard_normal((12, 8)), str(tmp_path / "c.h5")
    options = {"rank": 2, "schedule": "constant", "seed": 1, "every": 10**30, "engine": engine}
    solve(M, max_iter=30, checkpoint=path, **options)
    went_on, whole = resume(path, M, max_iter=50), solve(M, max_iter=50, **options)
    assert went_on.trace["step"].tolist() == whole.trace["step"].tolist() == [0, 50]
    assert all(np.array_equal(went_on.trace[n], c, equal_nan=True) for n, c in whole.trace.items())


def test_a_table_can_be_looked_at_while_the_run_goes_on():
    recorder, whole = feed(Recorder(7), 100), feed(Recorder(7), 200)
    assert recorder.table()["step"][-1] == 99
    assert recorder.columns["step"].tolist() == list(range(0, 100, 7))
    table = feed(recorder, 200, start=100).table()
    assert all(np.array_equal(table[n], c) for n, c in whole.table().items())
