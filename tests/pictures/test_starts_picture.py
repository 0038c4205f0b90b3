"""The picture of a sweep against counts, closed forms and the numbers of its table."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kept_files import record_of

from mfact.pictures.drawing import Band, Dots, Line, Ticks
from mfact.pictures.starts import starts
from mfact.report.sweep_document import document
from mfact.theory.frequencies import interval


def named(panel, label, kind=Line):
    (mark,) = [mark for mark in panel.marks if type(mark) is kind and mark.label == label]
    return mark


def read_off(line, C):
    """The height of a curve of steps just right of C."""
    return float(line.y[np.searchsorted(line.x, C, side="right") - 1])


@given(C=st.floats(1.0, 1e3), seeds=st.sampled_from([1, 7, 40]), rank=st.sampled_from([1, 2]))
def test_the_curve_counts_the_starts_that_stay_within(C, seeds, rank):
    record = record_of(seeds=seeds, rank=rank)
    panel = starts(record).panels[0]
    share = read_off(named(panel, "starts"), C)
    assert share == pytest.approx(record.runs.within(C) / seeds, abs=1e-12)
    band = named(panel, "95 % interval", Band)
    place = np.searchsorted(band.x, C, side="right") - 1
    ends = interval(record.runs.within(C), seeds)
    assert (band.low[place], band.high[place]) == pytest.approx(ends)


def test_many_starts_are_drawn_at_some_of_their_steps():
    record = record_of(seeds=3000)
    line = named(starts(record).panels[0], "starts")
    assert len(line.x) <= 1001
    assert np.all(np.diff(line.y) >= 0)
    for C in (2.0, 5.0, 10.0):
        assert read_off(line, C) == pytest.approx(record.runs.within(C) / 3000, abs=1 / 500)


def test_the_law_is_drawn_as_far_as_it_is_known():
    law = named(starts(record_of()).panels[0], "small-start law")
    assert (law.x[0], law.x[-1]) == (1.0, 20.0)  # 2/c_step
    assert law.y == pytest.approx(2 / math.pi * np.arctan(law.x) - 0.5, abs=1e-15)
    for other in ({"rank": 2}, {"c_step": 5.0}):
        panel = starts(record_of(**other)).panels[0]
        assert not [mark for mark in panel.marks if mark.label == "small-start law"]


def test_the_counted_bounds_are_ticks():
    (ticks,) = [mark for mark in starts(record_of()).panels[0].marks if isinstance(mark, Ticks)]
    assert ticks.x.tolist() == [2.0, 5.0, 100.0]


def test_quantiles_are_those_of_the_table_and_the_slope_is_the_expected_one():
    record = record_of()
    told, panel = document(record)["matrix"], starts(record).panels[1]
    median, band = named(panel, "median"), named(panel, "5 % to 95 %", Band)
    assert (1 / median.x).tolist() == pytest.approx([row["tol"] for row in told["steps"]])
    assert median.y.tolist() == [row["median"] for row in told["steps"]]
    assert band.low.tolist() == [row["5%"] for row in told["steps"]]
    assert band.high.tolist() == [row["95%"] for row in told["steps"]]
    slope = told["predicted_per_decade_of_tolerance"]
    line = named(panel, f"expected, {slope:.2f} a decade")
    assert np.diff(line.y) / np.diff(np.log10(line.x)) == pytest.approx(slope)
    assert line.y[-1] == median.y[-1]


def test_each_size_has_a_curve_and_the_steps_grow_with_the_logarithm_of_it():
    record = record_of(grown=(30, 300), alone=True)
    shares, steps, sizes = starts(record).panels
    for panel in (shares, steps):
        assert {"d = 30", "d = 300"} <= {mark.label for mark in panel.marks}
    told = document(record)["growth"]
    median = named(sizes, "median")
    assert median.x.tolist() == [30.0, 300.0]
    assert median.y.tolist() == [row["steps"][-1]["median"] for row in told["sizes"]]
    line = named(sizes, f"expected, {told['predicted_per_decade']:.2f} a decade")
    assert line.y[1] - line.y[0] == pytest.approx(told["predicted_per_decade"])


def test_the_matrix_stands_beside_the_sizes():
    picture = starts(record_of(grown=(30,)))
    labels = [mark.label for mark in picture.panels[0].marks if isinstance(mark, Line)]
    assert labels[:2] == ["M.npy", "d = 30"]
    assert len(picture.panels) == 2
    assert picture.title == "40 starts of rank 1: M.npy"


def test_what_went_wrong_is_told():
    limited = starts(record_of(max_iter=4))
    assert "M.npy: 40 of 40 reached the step limit" in limited.notes
    assert "steps are those of the runs that got there" in limited.notes
    assert not [mark for mark in limited.panels[1].marks if isinstance(mark, Dots)]
    assert any("diverged" in note for note in starts(record_of(c_step=5.0)).notes)
    told = "Theorem 3.2, M.npy: hypotheses not met: M has rank 2, and it is about rank 1"
    assert told in limited.notes
