"""Ticks stand where their words say, few enough, and within the axis."""

from __future__ import annotations

import math
import re
import unicodedata

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mfact.pictures.drawing import Axis, Bars, Line
from mfact.report.canvas.extents import span
from mfact.report.canvas.ticks import decades, even

POWERS = st.floats(-250, 250)
COUNTS = st.integers(2, 8)


def number(word):
    """What a reader reads."""
    plain = unicodedata.normalize("NFKC", word).replace("−", "-")
    power = re.fullmatch("(-?)(?:([0-9.]+)·)?10(-?[0-9]+)", plain)
    if power is None or plain == word.replace("−", "-"):
        return float(plain)
    sign, digits, exponent = power.groups()
    return (-1 if sign else 1) * float(digits or 1) * 10.0 ** int(exponent)


@given(st.floats(-1e6, 1e6), POWERS, COUNTS)
def test_even_ticks_say_where_they_stand(low, power, most):
    length = 10.0 ** (power / 10)
    assume(length > 1e-9 * abs(low))  # less is drawn as constant
    scale = even(low, low + length, most)
    assert 2 <= len(scale.places) <= most + 3
    assert list(scale.places) == sorted(set(scale.places))
    assert min(scale.places) >= low - 1e-8 * length
    assert max(scale.places) <= low + length * (1 + 1e-8) + 1e-15 * abs(low)
    for place, word in zip(scale.places, scale.words, strict=True):
        assert number(word) == pytest.approx(place, rel=1e-12, abs=1e-9 * length)
    assert len(set(scale.words)) == len(scale.words)


@given(POWERS, st.floats(1e-3, 300), COUNTS)
def test_ticks_by_powers_of_ten_say_where_they_stand(power, length, most):
    low, high = 10.0**power, 10.0 ** min(power + length, 300.0)
    scale = decades(low, high, most)
    assert 2 <= len(scale.places) <= most + 3
    for place, word in zip(scale.places, scale.words, strict=True):
        assert low * (1 - 1e-8) <= place <= high * (1 + 1e-8)
        assert number(word) == pytest.approx(place, rel=1e-9)
    assert not set(scale.places) & set(scale.small)
    assert all(low * (1 - 1e-8) <= place <= high * (1 + 1e-8) for place in scale.small)


def test_few_words_stand_on_an_axis_of_thirty_powers_of_ten():
    assert decades(1e-31, 3.0, 8).words == (
        "10⁻³⁰", "10⁻²⁵", "10⁻²⁰", "10⁻¹⁵", "10⁻¹⁰", "10⁻⁵", "1",
    )  # fmt: skip


def test_small_ticks_are_left_out_where_they_would_run_together():
    assert len(decades(0.5, 200.0, 8).small) == 22  # 0.5 … 0.9, 2 … 9, 20 … 90, 200
    assert decades(1e-6, 1.0, 8).small == ()


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=8), st.booleans())
def test_an_axis_reaches_over_all_that_can_be_drawn_on_it(values, log):
    y = np.array(values)
    limits = span(Axis("y", log=log), [Line("", np.arange(len(y)), y)], "y")
    there = y[np.isfinite(y) & (np.abs(y) <= 1e250)]
    there = there[there >= 1e-250] if log else there
    if not len(there):
        assert limits is None
    else:
        assert limits[0] < there.min() <= there.max() < limits[1]


@given(st.sampled_from([None, -1.0, 0.5, 7.0]), st.sampled_from([None, -1.0, 0.5, 7.0]))
def test_ends_that_are_given_hold(least, most):
    line = Line("", np.arange(2), np.array([1.0, 2.0]))
    low, high = span(Axis("y", least=least, most=most), [line], "y")
    assert low < high
    if least is not None:
        assert low == least
    if most is not None and (least is None or least < most):
        assert high == most


def test_an_axis_gives_way_by_the_width_of_a_line_that_lies_at_its_end():
    line = Line("", np.arange(2), np.array([0.0, 1.0]))
    low, high = span(Axis("y", least=0, most=1), [line], "y")
    assert -0.01 < low < 0
    assert 1 < high < 1.01


def test_bars_stand_on_the_axis():
    bars = Bars("", np.arange(3), np.array([1.0, 2.0]))
    assert span(Axis("y"), [bars], "y")[0] == 0.0


@pytest.mark.parametrize("value", [0.0, 3.0, -2e-9])
def test_what_is_constant_lies_in_the_middle(value):
    low, high = span(Axis("y"), [Line("", np.arange(2), np.array([value, value]))], "y")
    assert math.isclose((low + high) / 2, value, abs_tol=1e-30)
