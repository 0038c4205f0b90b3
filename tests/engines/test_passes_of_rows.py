"""The column `passes` is what a target counts, step by step."""

from __future__ import annotations

import numpy as np
import pytest
from driving import drive
from made import direct_engine, reduced_engine
from matrices import setting

from mfact.core import Plain
from mfact.engines.snapshots import pack, unpack
from mfact.targets.counted import Counted
from mfact.targets.dense import DenseTarget

STEPS = np.full(60, 0.05)


def counted(make):
    """The rows of steps taken one at a time, and of each the passes that it came after."""
    M, start = setting(8, (30, 20), 3, 0.3)
    target = Counted(DenseTarget(M))
    engine = make(target)
    state, before, rows = engine.start(start), [], []
    for eta in STEPS:
        segment = engine.advance(state, np.array([eta]))
        bases = segment.state.coordinates.size is not None
        # A step in bases takes its passes before, one without them in its course.
        before.append(target.passes if bases else target.passes - 1)
        rows.append(int(segment.rows["passes"][0]))
        state = segment.state
    return rows, before, state


def test_a_step_without_bases_is_a_pass():
    rows, before, _ = counted(direct_engine)
    assert rows == before == list(range(len(STEPS)))


@pytest.mark.parametrize("limit", [None, 6_000])
def test_steps_in_bases_and_beyond_them_come_after_the_passes_that_were_counted(limit):
    """Beside the bases, only looks at what they hide read M: once in each of them."""
    rows, before, state = counted(lambda target: reduced_engine(target, 3, limit=limit))
    looks = np.array(before) - rows
    assert set(looks.tolist()) <= {0, 1}
    assert np.all(np.diff(looks) >= 0)
    assert (state.coordinates.size is None) == (limit is not None)
    assert (rows[-1] > 25) == (limit is not None)


def test_rows_after_a_checkpoint_go_on_counting():
    M, start = setting(8, (30, 20), 3, 0.3)
    engine = reduced_engine(DenseTarget(M), 3, limit=6_000)
    states, rows = drive(engine, engine.start(start), STEPS)
    at = 50
    assert isinstance(states[at].coordinates, Plain)
    arrays, numbers = pack(states[at])
    _, again = drive(engine, unpack(arrays, numbers), STEPS[at:])
    assert np.array_equal(again["passes"], rows["passes"][at:])
