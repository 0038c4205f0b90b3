"""The progress line, driven by a clock made by hand."""

from __future__ import annotations

import io
import os
import pty

import numpy as np
import pytest
from handmade import handmade
from recorded import told

from mfact.report.progress import Progress, heartbeat, on_terminal


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


LINE = "left: at most 18 s  step 1000  gap 1.000e+00  ‖R‖/‖M‖ 5.000e-01  ‖D‖ 1.000e-03  500 steps/s"


@pytest.fixture
def line():
    clock, stream = Clock(), io.StringIO()
    made = on_terminal(stream, clock)
    made.start(told(max_iter=10_000))
    return made, clock, stream


def drawn(stream):
    return stream.getvalue().rpartition("\x1b[K")[2]


def begun(clock, **kwargs):
    """Two seconds of a run from step 0 to 1000: 500 steps a second, and 9000 steps to go."""
    progress = Progress(lambda text: None, 0.1, clock=clock, **kwargs)
    progress.start(told(max_iter=10_000))
    clock.now = 1.0
    progress.segment(rows(0, 100, 1.0))
    clock.now = 3.0
    progress.segment(rows(101, 1000, 1.0))
    return progress


@pytest.mark.parametrize("width", [*range(10, 110), None])
def test_the_time_left_comes_first_and_what_does_not_fit_is_dropped(width):
    text = begun(Clock(), width=width).line()
    assert LINE.startswith(text)
    whole, parts = LINE.split("  "), text.split("  ")
    assert parts == whole[: len(parts)] or text == ""
    room = len(LINE) if width is None else width
    if len(parts) < len(whole) and text:
        assert len(text) <= room < len("  ".join(whole[: len(parts) + 1]))


def test_a_terminal_of_80_columns_shows_the_time_left(line, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    stream, clock = io.StringIO(), Clock()
    progress = on_terminal(stream, clock)
    progress.start(told())
    progress.segment(rows(0, 100, 0.5))
    clock.now = 1.0
    progress.segment(rows(101, 200, 0.4))
    assert drawn(stream).startswith("left: about ")
    assert 60 < len(drawn(stream)) < 80


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
        progress.busy("", "")
    assert 5 <= stream.getvalue().count("\r") <= 10


def test_what_it_is_busy_with_is_told_and_never_what_is_over(line):
    progress, clock, stream = line
    clock.now = 0.5
    progress.busy("reading M", "31 %")
    assert drawn(stream) == "reading M  31 %  0 s"
    clock.now = 0.51
    progress.busy("first passes", "")  # which may take long: drawn at once
    assert drawn(stream) == "first passes  1 s"
    clock.now = 7.4
    progress.busy("first passes", "3 passes so far")
    assert drawn(stream) == "first passes  3 passes so far  7 s"
    progress.busy("", "")  # no step is known yet
    assert drawn(stream) == ""
    clock.now = 8.0
    progress.segment(rows(0, 100, 1.0))
    assert drawn(stream).startswith("step 100  gap ")


def test_nothing_is_left_on_the_terminal_at_the_end(line):
    progress, clock, stream = line
    clock.now = 1.0
    progress.segment(rows(0, 100, 1.0))
    progress.stop(handmade())
    assert stream.getvalue().endswith("\r\x1b[K")


def test_off_a_terminal_a_note_comes_every_so_many_seconds():
    clock, notes = Clock(), []
    progress = heartbeat(notes.append, 30.0, clock)
    for second in range(100):
        clock.now = float(second)
        progress.busy("", "")  # of which there is nothing to say
        progress.busy("reading M", f"{second} %")
    progress.clear()
    times = {30: "30 s", 60: "1 min 00 s", 90: "1 min 30 s"}
    assert notes == [f"reading M  {at} %  {time}" for at, time in times.items()]


def test_a_narrow_terminal_in_ascii(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    raw = io.BytesIO()
    stream, clock = io.TextIOWrapper(raw, "ascii", write_through=True), Clock()
    progress = on_terminal(stream, clock)
    progress.start(told())
    progress.segment(rows(0, 100, 0.5))
    clock.now = 1.0
    progress.segment(rows(101, 200, 0.4))
    text = raw.getvalue().decode().rpartition("\x1b[K")[2]
    assert text.startswith("left: about ")
    assert len(text) < 40


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
        clock = Clock()
        progress = on_terminal(stream, clock)
        clock.now = 1.0
        progress.segment(rows(0, 100, 1.0))
        os.close(ours)
        with pytest.raises(OSError, match="Input/output"):
            os.write(theirs, b"step")
        progress.clear()
        progress.stop(handmade())
