"""Curves: the dots are those of the values, at every width, and fit what the terminal has."""

from __future__ import annotations

import io
import itertools
import math
import re
import unicodedata
from fractions import Fraction

import numpy as np
import pytest
from handmade import handmade
from hypothesis import given
from hypothesis import strategies as st

from mfact.report.columns import curves
from mfact.report.curves import LINES, Curves, rastered, scaled
from mfact.report.parts import text_of
from mfact.report.run_page import RunPage
from mfact.report.terminal import Look, look_of
from mfact.report.text import exponent
from mfact.trace import COLUMNS

NAMES = (("gap", "relative_residual"), ("imbalance",))
ODD = st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324, 1.7e308, 1.0, 10.0])
VALUES = st.lists(st.one_of(ODD, st.floats(1e-12, 1e4), st.floats()), min_size=1, max_size=40)


def brute_force(x, heights, columns, rows):
    """Dot for dot, in plain numbers: each value, and the straight line to the next one."""
    dots, finite = set(), [value for value in x if math.isfinite(value)]
    if not finite:
        return dots
    unit = max(map(abs, finite)) or 1.0
    first = min(finite) / unit
    span = (max(finite) / unit - first) or 1.0
    places = [
        (round((1.0 - height) * (rows - 1)), round((at / unit - first) / span * (columns - 1)))
        if math.isfinite(at) and math.isfinite(height)
        else None
        for at, height in zip(x, heights, strict=True)
    ]
    dots |= {place for place in places if place}
    for begin, end in itertools.pairwise(places):
        if begin and end:
            long = max(abs(begin[0] - end[0]), abs(begin[1] - end[1]))
            for i in range(long + 1):
                share = i / max(long, 1)
                dots.add(tuple(round(a + share * (b - a)) for a, b in zip(begin, end, strict=True)))
    return dots


def dots_of(line):
    """(row, column) of the dots of a line of braille, by the names that Unicode gives them."""
    places = {c: ((int(c) - 1) % 3, (int(c) - 1) // 3) for c in "123456"} | {
        "7": (3, 0),
        "8": (3, 1),
    }
    for at, character in enumerate(line):
        name = unicodedata.name(character)
        for digit in name.removeprefix("BRAILLE PATTERN DOTS-") if "DOTS" in name else "":
            row, column = places[digit]
            yield row, 2 * at + column


def drawn(x, values, width=60, *, ascii_only=False, along="steps"):
    """The lines of one curve."""
    look = Look(width=width, ascii_only=ascii_only)
    return text_of([Curves(along, np.array(x, float), [("gap", np.array(values))])], look).split(
        "\n"
    )


@given(
    heights=st.lists(st.one_of(st.just(math.nan), st.floats(0, 1)), min_size=1, max_size=60),
    columns=st.integers(2, 80),
    rows=st.sampled_from([9, 12]),
    data=st.data(),
)
def test_the_dots_are_those_of_brute_force(heights, columns, rows, data):
    steps = st.one_of(st.floats(0, 1e308), st.just(math.inf))
    count = len(heights)
    x = sorted(data.draw(st.lists(steps, min_size=count, max_size=count)))
    dots = rastered(np.array(x), np.array(heights), columns, rows)
    assert set(zip(*map(list, np.nonzero(dots)), strict=True)) == brute_force(
        x, heights, columns, rows
    )


@given(VALUES)
def test_heights_are_even_in_the_values_or_in_their_logarithms(values):
    scale = scaled(np.array(values))
    known = [v for v in values if math.isfinite(v)]
    if scale is None:
        assert not known
        return
    above = [v for v in known if v > 0]
    decades = bool(above) and min(known) >= 0 and max(above) / 10 >= min(above)
    assert scale.log == decades
    shown = above if decades else known
    assert (scale.low, scale.high) == (min(shown), max(shown))
    for value, height in zip(values, scale.heights, strict=True):
        if value not in shown or not math.isfinite(value):
            assert math.isnan(height)
        elif scale.flat:
            assert height == 0.5
        else:
            form = math.log10 if decades else Fraction
            low, high, at = map(form, (scale.low, scale.high, value))
            # Four digits tell low from high: a few roundings of 1e-16 are 1e-12 of the difference.
            assert height == pytest.approx(float((at - low) / (high - low)), abs=1e-11)


@given(VALUES, st.integers(20, 130))
def test_the_braille_on_the_page_is_the_trace(values, width):
    x = np.arange(len(values)) * 7.0
    lines = drawn(x, values, width)
    scale = scaled(np.array(values))
    if scale is None:
        assert lines == [""]
        return
    label = max(len(exponent(v)) for v in (scale.low, scale.high))
    cells = min(width - 2, 48) - label - 1
    if cells < 5:
        assert lines == [""]
        return
    found = {
        (4 * at + row, column)
        for at, line in enumerate(lines[1:-1])
        for row, column in dots_of(line[2 + label + 1 :])
    }
    assert len(lines) == 1 + LINES + 1
    assert found == brute_force(x, scale.heights, 2 * cells, 4 * LINES)


@given(
    columns=st.lists(VALUES, min_size=1, max_size=3),
    width=st.integers(1, 220),
    ascii_only=st.booleans(),
)
def test_whatever_the_trace_each_curve_has_its_lines_and_they_fit(columns, width, ascii_only):
    count = min(map(len, columns))
    named = [("‖R‖/‖M‖", np.array(values[:count])) for values in columns]
    part = Curves("flow time", np.linspace(0, 9.4793, count), named)
    text = text_of([part], Look(width=width, ascii_only=ascii_only))
    lines = text.splitlines()
    assert max(map(len, lines), default=0) <= width
    assert len(lines) % (1 + LINES) == 0
    assert text.isascii() or not ascii_only
    assert "\x1b" not in text
    assert part.marked().count("```") in (0, 2)


def test_a_spike_of_one_row_among_many_is_seen():
    values = np.geomspace(1.0, 1e-6, 100_000)
    values[40_000] = 1e3
    dots = rastered(np.arange(100_000.0), scaled(values).heights, 72, 12)
    assert dots[0].nonzero()[0].tolist() == [round(0.4 * 71)]
    # From 1e-2.4 on the curve, which is 3.6 of the 9 decades high, up to 1e3.
    assert dots[:, round(0.4 * 71)].nonzero()[0].tolist() == list(range(12 - round(3.6 / 9 * 11)))
    assert dots.any(axis=0).all()


def test_what_is_not_known_is_a_hole_and_zero_has_no_logarithm():
    heights = scaled(np.array([1.0, np.nan, 1e-4, 1e-8, 0.0, np.inf])).heights
    dots = rastered(np.arange(6.0), heights, 6, 9)
    drawn_there = [column.nonzero()[0].tolist() for column in dots.T]
    # The line from 1e-4 to 1e-8 stands in both of their columns.
    assert drawn_there == [[0], [], [4, 5, 6], [7, 8], [], []]


def test_equal_values_are_a_flat_line_with_one_number():
    caption, top, middle, bottom, _ = drawn(range(50), [6.0431, 6.0434] * 25)
    assert caption == "  gap over steps 0 to 49"
    assert (top, bottom) == ("", "")
    assert re.fullmatch(r"  6\.043e\+00 ⠤+", middle)


def test_one_row_is_one_dot():
    lines = drawn([0], [3.0])
    assert lines[2] == "  3.000e+00 ⠄"
    assert "".join(lines[1:]).count("⠄") == 1


def test_the_caption_says_which_scale_and_how_far():
    assert drawn([0, 50], [100.0, 1e-10])[0] == "  gap (log) over steps 0 to 50"
    assert drawn([0, 50], [2.0, 1.0])[0] == "  gap over steps 0 to 50"
    assert drawn([0, 9.47934], [2.0, 1.0], along="s")[0] == "  gap over s 0 to 9.479"
    assert drawn([0, 50], [100.0, 1e-10], 24)[0] == "  gap (log) over steps"
    assert drawn([0, 50], [100.0, 1e-10], 20)[0] == "  gap (log)"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_no_braille_reaches_a_stream_that_has_none(encoding):
    look = look_of(io.TextIOWrapper(io.BytesIO(), encoding=encoding), {"COLUMNS": "80"})
    for full in (False, True):
        text = RunPage(handmade(), full=full).text(look)
        assert text.isascii()
        assert "\\u" not in text
        assert "gap (log) over steps 0 to 40" in text


def test_ascii_draws_three_levels_a_line():
    assert drawn(range(9), [1, 5, 9, 1, 9, 5, 1, 1, 2], 39, ascii_only=True) == [
        "  gap over steps 0 to 8",
        """  9.000e+00     _-"_    _",""",
        """              _-'   |  _"  '-_""",
        """  1.000e+00 _-'      ','      '-_____--""",
        "",
    ]


def test_flow_time_is_the_axis_where_steps_leap():
    trace = handmade().trace | {"flow_time": np.array([0.0, 1.0, 2.0, 3.0, 4.5])}
    assert Curves.of(trace, COLUMNS, NAMES).along == "steps"
    leaps = trace | {"step": np.array([0.0, 10.0, 20.0, 1e9, np.inf])}
    made = Curves.of(leaps, COLUMNS, NAMES)
    assert (made.along, made.x.tolist()) == ("flow time", [0.0, 1.0, 2.0, 3.0, 4.5])
    assert "gap (log) over flow time 0 to 4.5" in text_of([made], Look())


def test_rows_of_a_document_are_drawn_over_their_first_column():
    rows = [{"time": 0.0, "gap": 1.0, "drift": None}, {"time": 2.0, "gap": 0.5, "drift": 3.0}]
    named = (("time", "s", ""), ("drift", "‖D − D₀‖", ""), ("gap", "gap", ""))
    made = curves(named, rows, ("gap", "drift"))
    assert (made.along, made.x.tolist()) == ("s", [0.0, 2.0])
    (gap, of_gap), (drift, of_drift) = made.curves
    assert (gap, of_gap.tolist(), drift) == ("gap", [1.0, 0.5], "‖D − D₀‖")
    np.testing.assert_array_equal(of_drift, [np.nan, 3.0])


def test_without_a_gap_the_residual_is_drawn():
    trace = handmade().trace | {"gap": np.full(5, np.nan)}
    for known in (trace, {name: trace[name] for name in trace if name != "gap"}):
        assert [name for name, _ in Curves.of(known, COLUMNS, NAMES).curves] == ["‖R‖/‖M‖", "‖D‖"]
    assert text_of([Curves.of({"step": np.arange(3)}, COLUMNS, NAMES)], Look()) == ""


@pytest.mark.parametrize(("width", "captions"), [(200, 1), (80, 1), (60, 1), (59, 2), (20, 2)])
def test_two_stand_side_by_side_where_both_have_room(width, captions):
    text = text_of([Curves.of(handmade().trace, COLUMNS, NAMES)], Look(width=width))
    assert len(text.splitlines()) == captions * (1 + LINES)
    assert len(re.findall(r"^  gap.*‖D‖", text, re.MULTILINE)) == (captions == 1)
