"""Rows written while a run goes on: which, whatever the blocks, and what a failure costs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from handmade import handmade
from hypothesis import given
from hypothesis import strategies as st
from matrices import of_kind

from mfact.errors import StorageError
from mfact.report.stream import RowStream
from mfact.run.recorder import Recorder
from mfact.run.solve import solve


def streamed(every, blocks, rows):
    """The steps that come out of rows cut into blocks, and those that a recorder ends with."""
    lines, recorder = [], Recorder(every)
    stream = RowStream(lines.extend, every)
    for block in np.array_split(np.arange(rows), blocks):
        if len(block):
            logs = np.log10(np.maximum(block, 1))
            found = {"step": block, "log10_step": logs, "gap": 1.0 / (1 + block)}
            stream.segment(found)
            recorder.segment(found)
    stream.stop(handmade())
    told = [json.loads(line) for line in "".join(lines).splitlines()]
    return [row["step"] for row in told], recorder.table()["step"].tolist()


@given(st.none() | st.integers(1, 50), st.integers(1, 40), st.integers(1, 12_000))
def test_the_same_rows_whatever_the_blocks_and_all_that_the_recorder_keeps(every, blocks, rows):
    steps, kept = streamed(every, blocks, rows)
    assert steps == streamed(every, 1, rows)[0]
    assert steps == sorted(set(steps))
    assert set(kept) <= set(steps)
    if every is None:
        assert len(steps) <= 1001 + 500 * 5


@pytest.mark.parametrize("every", [2**62, 2**64, 10**30])
def test_rows_may_be_further_apart_than_any_step(every):
    assert streamed(every, 3, 30)[0] == [0, 29]


@pytest.mark.parametrize("schedule", ["constant", "power"])
def test_a_run_streams_the_rows_of_its_trace(schedule):
    lines = []
    result = solve(
        of_kind("noisy"), rank=2, seed=1, schedule=schedule,
        observers=[stream := RowStream(lines.extend, None)],
    )  # fmt: skip
    assert len(lines) > 0
    stream.finish(result, timing=True)
    *rows, last = (json.loads(line) for line in "".join(lines).splitlines())
    assert (last["type"], last["outcome"]) == ("result", result.outcome.name)
    assert "trace" not in last
    told = {(row["step"], row["log10_step"]): row for row in rows}
    trace = result.trace
    for i, place in enumerate(
        zip(trace["step"].tolist(), trace["log10_step"].tolist(), strict=True)
    ):
        row = told[tuple(value if np.isfinite(value) else None for value in place)]
        assert (row["type"], row["loss"]) == ("row", trace["loss"][i])


def test_a_full_disk_ends_the_stream_and_not_the_run():
    calls = []

    def write(lines):
        calls.append(list(lines))
        if len(calls) == 2:
            raise StorageError("standard output: no space left", "send it elsewhere")

    stream, M = RowStream(write, 1), of_kind("noisy")
    result = solve(M, rank=2, seed=1, schedule="constant", block=8, observers=[stream])
    assert result.outcome.exit_code == 0
    assert len(calls) == 2
    with pytest.raises(StorageError, match="no space left"):
        stream.finish(result, timing=True)
