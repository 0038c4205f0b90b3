"""The progress line, driven by a clock made by hand."""

from __future__ import annotations

import io
import os
import pty

import numpy as np
import pytest
from handmade import handmade
from recorded import told

from mfact.report.progress import ProgressLine
from mfact.report.terminal import Look


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def rows(first, last, gap):
    return {
        "step": np.array([first, last]),
        "relative_residual": np.array([1.0, 0.5]),
        "gap": np.array([1.0, gap]),
        "imbalance": np.array([0.0, 1e-3]),
    }


@pytest.fixture
def line():
    clock, stream = Clock(), io.StringIO()
    made = ProgressLine(stream, Look(width=100), clock)
    made.start(told(max_iter=10_000))
    return made, clock, stream


def test_the_line_says_where_the_run_is(line):
    progress, clock, stream = line
    clock.now = 1.0
    progress.segment(rows(0, 100, 1.0))
    clock.now = 3.0
    progress.segment(rows(101, 1000, 1.0))
    text = stream.getvalue().rpartition("\x1b[K")[2]
    # Two seconds from step 0 to 1000: 500 steps a second, and 9000 steps to go.
    assert text == (
        "step 1000  ‖R‖/‖M‖ 5.000e-01  gap 1.000e+00  ‖D‖ 1.000e-03  500 steps/s  "
        "left: at most 18 s"
    )


def test_a_falling_gap_forecasts_the_end(line):
    progress, clock, _ = line
    progress.segment(rows(0, 1, 0.5))
    clock.now = 2.0
    progress.segment(rows(2, 1000, 1e-5))
    # Five decades took two seconds; five more are left.
    assert progress.left() == "about 2 s"


def test_no_more_than_ten_drawings_a_second(line):
    progress, clock, stream = line
    for i in range(1000):
        clock.now = i / 1000
        progress.segment(rows(i, i + 1, 0.9))
    assert 5 <= stream.getvalue().count("\r") <= 10


def test_nothing_is_left_on_the_terminal_at_the_end(line):
    progress, clock, stream = line
    clock.now = 1.0
    progress.segment(rows(0, 100, 1.0))
    progress.stop(handmade())
    assert stream.getvalue().endswith("\r\x1b[K")


def test_the_line_fits_a_narrow_terminal_in_ascii():
    clock, stream = Clock(), io.StringIO()
    progress = ProgressLine(stream, Look(width=40, ascii_only=True), clock)
    progress.start(told())
    clock.now = 1.0
    progress.segment(rows(0, 100, 0.5))
    text = stream.getvalue().rpartition("\x1b[K")[2]
    assert len(text) == 39
    assert text.isascii()


def test_blocks_without_all_columns_and_steps_without_numbers(line):
    progress, clock, stream = line
    clock.now = 1.0
    progress.segment({"step": np.array([])})
    assert stream.getvalue() == ""
    progress.segment({"step": np.array([np.inf]), "log10_step": np.array([310.5])})
    assert "step 10^310.50" in stream.getvalue()


def test_a_time_limit_has_begun_before_the_run(line):
    progress, clock, _ = line
    clock.now = 10.0
    progress.start(told(max_time=60.0, wall_seconds=5.0))
    clock.now = 12.0
    progress.segment(rows(0, 100, 1.0))
    assert progress.left() == "at most 53 s"


def test_a_limit_on_the_steps_may_be_beyond_the_floats(line):
    progress, clock, _ = line
    progress.start(told(max_iter=10**400))
    progress.segment(rows(0, 1, 1.0))
    clock.now = 2.0
    progress.segment(rows(2, 1000, 1.0))
    assert progress.left().startswith("at most ")


def test_a_terminal_that_is_gone_is_no_error_of_the_run():
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w", encoding="utf-8") as stream:
        progress = ProgressLine(stream, Look(width=100), Clock())
        os.close(ours)
        with pytest.raises(OSError, match="Input/output"):
            os.write(theirs, b"step")
        progress.clear()
        progress.stop(handmade())
